//! What a reader should see of the puller: one story a test.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::machine::Snapshots;

/// A puller, and what it has asked for.
struct Node {
    puller: Puller,
    now: Timestamp,
    asked: Vec<(OperationId, Arc<str>)>,
    lines: Vec<String>,
}

impl Node {
    fn new(config: PullConfig) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let puller = Puller::new(config, Arc::default(), now).unwrap();
        Self { puller, now, asked: Vec::new(), lines: Vec::new() }
    }

    /// What follows from an event, a line each.
    fn step(&mut self, event: PullerEvent) -> Vec<String> {
        let mut actions = Vec::new();
        self.puller.step(self.now, event, &mut actions);
        self.take(actions)
    }

    fn wake(&mut self) -> Vec<String> {
        self.now = self.puller.next_wakeup().unwrap();
        let mut actions = Vec::new();
        self.puller.wake(self.now, &mut actions);
        self.take(actions)
    }

    fn take(&mut self, actions: Vec<PullerAction>) -> Vec<String> {
        let mut lines = Vec::new();
        for action in actions {
            if let PullerAction::Look { operation, image, .. } | PullerAction::Pull { operation, image, .. } =
                &action
            {
                self.asked.push((*operation, Arc::clone(image)));
            }
            lines.extend(self.line(action));
        }
        self.lines.extend(lines.iter().cloned());
        lines
    }

    fn line(&self, action: PullerAction) -> Option<String> {
        Some(match action {
            PullerAction::Look { image, .. } => format!("look {image}"),
            PullerAction::Pull { image, .. } => format!("pull {image}"),
            PullerAction::VerifySignature { image, .. } => format!("verify {image}"),
            PullerAction::CancelPull { operation } => {
                let (_, image) = self.asked.iter().find(|(asked, _)| *asked == operation)?;
                format!("cancel {image}")
            }
            PullerAction::Answer { id, result } => match *result {
                PullResult::Present { .. } => format!("{id}: present"),
                PullResult::Pulled { no_cache: true, .. } => format!("{id}: pulled for this pod only"),
                PullResult::Pulled { .. } => format!("{id}: pulled"),
                PullResult::Usable { .. } => format!("{id}: usable"),
                PullResult::Failed(failure) => format!("{id}: {failure}"),
            },
            PullerAction::Progress(standing) => format!(
                "{} of {:?} bytes, {:?} a second, {:?} left",
                standing.progress.bytes,
                standing.progress.total_bytes.unwrap_or(0),
                standing.bytes_per_second.unwrap_or(0),
                standing.time_left.unwrap_or_default(),
            ),
            PullerAction::Note(note) => note.to_string(),
            PullerAction::Record { .. } => return None,
        })
    }

    fn want(&mut self, request: PullRequest) -> Vec<String> {
        self.step(PullerEvent::Wanted(Arc::new(request)))
    }

    /// The latest operation of an image.
    fn of(&self, image: &str) -> OperationId {
        self.asked.iter().rev().find(|(_, asked)| &**asked == image).unwrap().0
    }

    fn done(&mut self, image: &str, outcome: PullerOutcome) -> Vec<String> {
        let operation = self.of(image);
        self.step(PullerEvent::Done { operation, outcome })
    }

    fn pulled(&mut self, image: &str, size_bytes: u64) -> Vec<String> {
        self.done(image, PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes })
    }

    fn absent(&mut self, image: &str) -> Vec<String> {
        self.done(image, PullerOutcome::Looked(ImagePresence::Absent))
    }

    fn progress(&mut self, image: &str, bytes: u64, total_bytes: u64) -> Vec<String> {
        let progress = PullProgress { bytes, total_bytes: Some(total_bytes), ..PullProgress::default() };
        let operation = self.of(image);
        self.step(PullerEvent::Progress { operation, progress })
    }
}

/// The image of the only container of a pod.
fn of(pod: &str, image: &str) -> PullRequest {
    let id = PullId::Container { pod: pod.into(), name: "app".into() };
    PullRequest { policy: ImagePullPolicy::Always, ..PullRequest::new(id, image) }
}

fn ahead(name: &str, image: &str) -> PullRequest {
    let policy = ImagePullPolicy::Always;
    PullRequest { policy, prefetch: true, ..PullRequest::new(PullId::Named(name.into()), image) }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn several_pods_share_a_pull_and_fail_together() {
    let mut node = Node::new(PullConfig::default());
    assert_eq!(node.want(of("p1", "app:1")), ["pull app:1"]);
    assert!(node.want(of("p2", "docker.io/library/app:1")).is_empty());
    assert!(node.want(PullRequest { credentials: "k".into(), ..of("p3", "app:1") }).is_empty());
    assert_eq!(
        node.done("app:1", PullerOutcome::Failed("boom".into())),
        [
            "container app of p1: ErrImagePull: boom",
            "container app of p2: ErrImagePull: boom",
            "pull app:1", // With other credentials.
        ]
    );
    assert_eq!(
        node.want(of("p4", "app:1")),
        [r#"container app of p4: ImagePullBackOff: Back-off pulling image "app:1": ErrImagePull: boom"#]
    );
    node.now += secs(10);
    node.pulled("app:1", 1);
    assert_eq!(node.want(of("p4", "app:1")), ["pull app:1"]);
}

#[test]
fn who_waits_looks_again_when_somebody_else_has_pulled_it() {
    let mut node = Node::new(PullConfig::default());
    let other =
        PullRequest { credentials: "k".into(), policy: ImagePullPolicy::IfNotPresent, ..of("p2", "app:1") };
    node.want(of("p1", "app:1"));
    let first = node.of("app:1");
    assert_eq!(node.want(other), ["look app:1"]);
    assert!(node.absent("app:1").is_empty());
    let outcome = PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes: 1 };
    let lines = node.step(PullerEvent::Done { operation: first, outcome });
    assert_eq!(lines, ["container app of p1: pulled", "look app:1"]);
    // It may not use it without proof.
    assert_eq!(node.done("app:1", PullerOutcome::Looked(ImagePresence::Unproven)), ["pull app:1"]);
}

#[test]
fn what_nobody_wants_is_cancelled_and_holds_its_place_until_it_has_ended() {
    let mut node = Node::new(PullConfig::default());
    node.want(of("p1", "app:1"));
    node.want(of("p2", "web:1"));
    let gone = PullerEvent::Unwanted(of("p1", "").id);
    assert_eq!(node.step(gone.clone()), ["cancel app:1"]);
    assert!(node.step(gone).is_empty());
    // Wanted again before it has ended: it is pulled anew.
    assert!(node.want(of("p3", "app:1")).is_empty());
    assert_eq!(node.done("app:1", PullerOutcome::Failed("cancelled".into())), ["pull web:1"]);
    assert_eq!(node.pulled("web:1", 1), ["container app of p2: pulled", "pull app:1"]);
    // It is cancelled, and nobody says that it has ended.
    node.want(of("p4", "web:1"));
    node.step(PullerEvent::Unwanted(of("p3", "").id));
    assert_eq!(node.wake(), ["operation 0.2 was not answered in time", "pull web:1"]);
    assert_eq!(node.now, Timestamp::UNIX_EPOCH + secs(120));
}

#[test]
fn a_pull_that_stands_still_is_given_up() {
    let mut node = Node::new(PullConfig::default());
    node.want(of("p1", "app:1"));
    assert_eq!(node.puller.next_wakeup(), Some(Timestamp::UNIX_EPOCH + secs(3600)));
    assert_eq!(node.progress("app:1", 0, 1000), ["0 of 1000 bytes, 0 a second, 0ns left"]);
    node.now += secs(4);
    assert!(node.progress("app:1", 200, 1000).is_empty());
    node.now += secs(4);
    assert_eq!(node.progress("app:1", 400, 1000), ["400 of 1000 bytes, 50 a second, 12s left"]);
    assert_eq!(node.puller.standing(&of("p1", "").id).unwrap().bytes_per_second, Some(50));
    node.now += secs(50);
    node.progress("app:1", 400, 1000);
    assert_eq!(
        node.wake(),
        [
            "operation 0.0 was not answered in time",
            "container app of p1: ErrImagePull: given up: no progress for 1m0s",
            "cancel app:1",
        ]
    );
    assert_eq!(node.now, Timestamp::UNIX_EPOCH + secs(68));
}

#[test]
fn what_is_fetched_ahead_comes_last_and_gives_way() {
    let mut node = Node::new(PullConfig::default());
    assert_eq!(node.want(ahead("next", "later:1")), ["pull later:1"]);
    assert_eq!(node.want(of("p1", "app:1")), ["cancel later:1"]);
    assert_eq!(node.done("later:1", PullerOutcome::Failed("cancelled".into())), ["pull app:1"]);
    assert_eq!(node.pulled("app:1", 1), ["container app of p1: pulled", "pull later:1"]);
    // Somebody needs it now: it is nothing that gives way any more.
    node.want(of("p2", "later:1"));
    assert!(node.want(of("p3", "app:2")).is_empty());
    assert_eq!(node.pulled("later:1", 1), ["container app of p2: pulled", "next: pulled", "pull app:2"]);
}

#[test]
fn what_is_fetched_ahead_keeps_to_its_bytes() {
    let prefetch = PrefetchBudget { max_bytes: 1000, ..PrefetchBudget::default() };
    let mut node =
        Node::new(PullConfig { prefetch, max_parallel: NonZeroU32::new(4), ..PullConfig::default() });
    assert_eq!(node.want(ahead("a", "a:1")), ["pull a:1"]);
    assert!(node.want(ahead("b", "b:1")).is_empty(), "one at a time");
    assert_eq!(node.pulled("a:1", 600), ["a: pulled", "pull b:1"]);
    let lines = node.progress("b:1", 10, 500);
    assert_eq!(
        lines[1..],
        [
            "b: PrefetchRefused: not fetched ahead of time: 500 bytes to come beside 600 that nobody has used yet, \
             and 1000 may be there",
            "cancel b:1",
        ]
    );
    node.done("b:1", PullerOutcome::Failed("cancelled".into()));
    // Used: it counts no more.
    node.want(PullRequest { policy: ImagePullPolicy::Never, ..of("p1", "a:1") });
    node.done("a:1", PullerOutcome::Looked(ImagePresence::Present("sha256:1".into())));
    assert_eq!(node.want(ahead("b", "b:1")), ["pull b:1"]);
    assert_eq!(node.progress("b:1", 10, 500).len(), 1);
    node.pulled("b:1", 2000);
    assert!(node.want(ahead("c", "c:1")).is_empty());
    assert_eq!(node.step(PullerEvent::Removed("b:1".into())), ["pull c:1"]);
}

#[test]
fn what_is_fetched_ahead_keeps_to_its_bandwidth() {
    let prefetch = PrefetchBudget { bytes_per_second: NonZeroU32::new(100), ..PrefetchBudget::default() };
    let mut node = Node::new(PullConfig { prefetch, ..PullConfig::default() });
    node.want(ahead("a", "a:1"));
    node.want(ahead("b", "b:1"));
    node.now += secs(2);
    assert_eq!(node.pulled("a:1", 1000), ["a: pulled"]);
    // What is wanted now does not wait for that.
    assert_eq!(node.want(of("p1", "app:1")), ["pull app:1"]);
    node.pulled("app:1", 1);
    assert_eq!(node.wake(), ["pull b:1"]);
    assert_eq!(node.now, Timestamp::UNIX_EPOCH + secs(10));
}

#[test]
fn a_lazy_image_is_used_at_once_and_its_rest_holds_a_place() {
    let mut node = Node::new(PullConfig::default());
    node.want(of("p1", "app:1"));
    node.want(of("p2", "web:1"));
    let usable =
        |node: &Node| PullerEvent::Usable { operation: node.of("app:1"), image_ref: "sha256:1".into() };
    assert_eq!(node.step(usable(&node)), ["container app of p1: usable"]);
    assert_eq!(node.want(of("p3", "app:1")), ["container app of p3: usable"]);
    assert!(node.step(PullerEvent::Unwanted(of("p3", "").id)).is_empty());
    assert_eq!(
        node.done("app:1", PullerOutcome::Failed("the registry is gone".into())),
        ["the rest of app:1 could not be fetched, and containers use it: the registry is gone", "pull web:1"]
    );
    node.done("web:1", PullerOutcome::Failed("boom".into()));
    node.now += secs(10);
    node.want(of("p2", "web:1"));
    let usable = PullerEvent::Usable { operation: node.of("web:1"), image_ref: "sha256:2".into() };
    assert_eq!(node.step(usable), ["container app of p2: usable"]);
    node.pulled("web:1", 1);
    assert_eq!(node.puller.back_off(&of("p2", "web:1")), Duration::ZERO);
}

#[test]
fn an_image_that_is_not_cached_is_pulled_for_each_pod() {
    let mut node = Node::new(PullConfig { max_parallel: None, ..PullConfig::default() });
    let alone =
        |pod| PullRequest { no_cache: true, policy: ImagePullPolicy::IfNotPresent, ..of(pod, "app:1") };
    assert_eq!(node.want(alone("p1")), ["pull app:1"]);
    let first = node.of("app:1");
    assert!(node.want(alone("p2")).is_empty(), "never two of the same at once");
    let ordinary = PullRequest { policy: ImagePullPolicy::IfNotPresent, ..of("p4", "app:1") };
    node.want(ordinary);
    node.absent("app:1");
    let outcome = PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes: 1 };
    let lines = node.step(PullerEvent::Done { operation: first, outcome });
    assert_eq!(lines, ["container app of p1: pulled for this pod only", "pull app:1"], "nobody looks for it");
    node.step(PullerEvent::Unwanted(of("p4", "").id));
    assert_eq!(node.pulled("app:1", 1), ["container app of p2: pulled for this pod only"]);
    let never = PullRequest { policy: ImagePullPolicy::Never, ..alone("p3") };
    assert_eq!(
        node.want(never),
        [
            r#"container app of p3: ErrImageNeverPull: Container image "app:1" is not present with pull policy of Never"#
        ]
    );
    assert_eq!(
        node.want(PullRequest { prefetch: true, ..alone("p3") }),
        [
            "container app of p3: PrefetchRefused: not fetched ahead of time: the image is pulled anew for each pod"
        ]
    );
}

#[test]
fn what_is_wanted_survives_a_restart_and_is_looked_at_anew() {
    let mut node = Node::new(PullConfig::default());
    node.want(PullRequest { policy: ImagePullPolicy::IfNotPresent, ..of("p1", "app:1") });
    node.absent("app:1");
    node.want(of("p2", "web:1"));
    let before = node.of("app:1");
    node.puller =
        Puller::restore(node.puller.snapshot(), (PullConfig::default(), Arc::default()), node.now).unwrap();
    assert_eq!(node.step(PullerEvent::AgentStarted { epoch: 1 }), ["look app:1", "pull web:1"]);
    let outcome = PullerOutcome::Pulled { image_ref: "sha256:1".into(), size_bytes: 1 };
    assert!(node.step(PullerEvent::Done { operation: before, outcome }).is_empty());
    let present = PullerOutcome::Looked(ImagePresence::Present("sha256:1".into()));
    assert_eq!(node.done("app:1", present), ["container app of p1: present"]);
}

#[test]
fn a_snapshot_that_does_not_fit_is_refused() {
    let mut node = Node::new(PullConfig::default());
    node.want(of("p1", "app:1"));
    let stored = serde_json::to_value(node.puller.snapshot()).unwrap();
    let restore = |change: &dyn Fn(&mut serde_json::Value), config| {
        let mut stored = stored.clone();
        change(&mut stored);
        let snapshot = serde_json::from_value(stored).unwrap();
        Puller::restore(snapshot, (config, Arc::default()), Timestamp::UNIX_EPOCH)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let config = PullConfig::default;
    assert_eq!(restore(&|_| {}, config()), Ok(()));
    let version = restore(&|stored| stored["version"] = 9.into(), config());
    assert_eq!(version, Err("snapshot has version 9, this library reads version 1".into()));
    let double = |list: &'static str| {
        move |stored: &mut serde_json::Value| {
            let one = stored[list][0].clone();
            stored[list].as_array_mut().unwrap().push(one);
        }
    };
    assert_eq!(
        restore(&double("requests"), config()),
        Err("snapshot does not fit: number of a request: found 1, expected each once, and at most 1".into())
    );
    assert!(restore(&double("running"), config()).unwrap_err().contains("0.0 twice"));
    let wrong = PullConfig { rate_limit: Some(PullRateLimit::per_second(0, 1)), ..config() };
    assert!(restore(&|_| {}, wrong).unwrap_err().contains("lets no pull begin"));
}

#[test]
fn malformed_names_fail_at_once() {
    let mut node = Node::new(PullConfig::default());
    assert_eq!(
        node.want(of("p1", "a b")),
        [
            r#"container app of p1: InvalidImageName: Failed to apply default image tag "a b": couldn't parse image name "a b": invalid reference format"#
        ]
    );
    assert_eq!(node.puller.next_wakeup(), None);
}
