//! Signatures of images: who has to wait for them, who is told, and what holds whatever happens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::ImagePullPolicy;
use node_lifecycle::image::{
    ImagePresence, PullConfig, PullConfigError, PullId, PullPod, PullRequest, PullResult, Puller,
    PullerAction, PullerEvent, PullerNote, PullerOutcome, PullerSnapshot, SignatureMode, SignaturePolicy,
    SignatureRule, SignatureSubject, SignatureVerdict,
};
use node_lifecycle::machine::{Machine, OperationId, RestoreError, Snapshots, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const START: Timestamp = Timestamp::from_unix_seconds(1000);

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What containers are made from: content that is called `name`.
fn content(name: &str) -> Arc<str> {
    let digits: String = name.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}").into()
}

fn rule(mode: SignatureMode, images: &[&str], namespaces: &[&str]) -> SignatureRule {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let (images, namespaces) = (owned(images), owned(namespaces));
    SignatureRule { mode, images, namespaces, authority: "release".into() }
}

fn config(rules: Vec<SignatureRule>) -> PullConfig {
    let signatures = SignaturePolicy { rules, ..SignaturePolicy::default() };
    PullConfig { max_parallel: None, rate_limit: None, signatures, ..PullConfig::default() }
}

fn require() -> PullConfig {
    config(vec![rule(SignatureMode::Require, &["r.example"], &[])])
}

fn of(pod: &str, namespace: &str, image: &str) -> PullRequest {
    let id = PullId::Container { pod: pod.into(), name: "app".into() };
    let pod =
        PullPod { namespace: namespace.into(), name: pod.into(), uid: pod.into(), ..PullPod::default() };
    PullRequest { pod: Some(Arc::new(pod)), ..PullRequest::new(id, image) }
}

fn valid() -> PullerOutcome {
    PullerOutcome::Verified(SignatureVerdict::Valid { until: None })
}

fn invalid() -> PullerOutcome {
    PullerOutcome::Verified(SignatureVerdict::Invalid { reason: "no signature was found".into() })
}

/// A puller, and what it has asked for.
struct Node {
    puller: Puller,
    now: Timestamp,
    asked: Vec<(OperationId, String)>,
}

impl Node {
    fn new(config: PullConfig) -> Self {
        Self { puller: Puller::new(config, Arc::default(), START).unwrap(), now: START, asked: Vec::new() }
    }

    /// What follows from an event, a line each.
    fn step(&mut self, event: PullerEvent) -> Vec<String> {
        let mut actions = Vec::new();
        self.puller.step(self.now, event, &mut actions);
        self.lines(&actions)
    }

    fn lines(&mut self, actions: &[PullerAction]) -> Vec<String> {
        let mut lines = Vec::new();
        for action in actions {
            let line = match action {
                PullerAction::Look { image, .. } => format!("look {image}"),
                PullerAction::Pull { image, .. } => format!("pull {image}"),
                PullerAction::VerifySignature { image, .. } => format!("verify {image}"),
                PullerAction::CancelPull { .. } => "cancel".to_owned(),
                PullerAction::Answer { id, result } => match &**result {
                    PullResult::Failed(failure) => format!("{id}: {failure}"),
                    PullResult::Present { .. } => format!("{id}: present"),
                    PullResult::Pulled { .. } => format!("{id}: pulled"),
                    PullResult::Usable { .. } => format!("{id}: usable"),
                },
                PullerAction::Record { id, event } => format!("{id} ({}: {})", event.reason, event.message),
                PullerAction::Note(note) => note.to_string(),
                PullerAction::Progress(_) => continue,
            };
            if let Some(operation) = action.operation() {
                self.asked.push((operation, line.clone()));
            }
            lines.push(line);
        }
        lines
    }

    fn want(&mut self, request: PullRequest) -> Vec<String> {
        self.step(PullerEvent::Wanted(Arc::new(request)))
    }

    /// Answers the latest question of this line.
    fn done(&mut self, line: &str, outcome: PullerOutcome) -> Vec<String> {
        let operation = self.asked.iter().rev().find(|(_, asked)| asked == line).unwrap().0;
        self.step(PullerEvent::Done { operation, outcome })
    }

    fn present(&mut self, image: &str, name: &str) -> Vec<String> {
        self.done(&format!("look {image}"), PullerOutcome::Looked(ImagePresence::Present(content(name))))
    }

    fn pulled(&mut self, image: &str, name: &str) -> Vec<String> {
        let outcome = PullerOutcome::Pulled { image_ref: content(name), size_bytes: 1 };
        self.done(&format!("pull {image}"), outcome)
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        let mut actions = Vec::new();
        self.puller.wake(self.now, &mut actions);
        self.lines(&actions)
    }

    fn restored(&mut self, config: PullConfig) -> Result<(), RestoreError> {
        let text = serde_json::to_string(&self.puller.snapshot()).unwrap();
        let snapshot: PullerSnapshot = serde_json::from_str(&text).unwrap();
        self.puller = Puller::restore(snapshot, (config, Arc::default()), self.now)?;
        Ok(())
    }
}

const WEB: &str = "r.example/web:1";

#[test]
fn an_image_that_has_to_be_signed_is_held_until_it_is_known_to_be() {
    let mut node = Node::new(require());
    assert_eq!(node.want(of("p1", "shop", WEB)), ["look r.example/web:1"]);
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    node.want(of("p2", "shop", WEB));
    assert!(node.present(WEB, "good").is_empty(), "it is being asked");
    assert!(node.puller.is_wanted(&of("p1", "", WEB).id));
    assert_eq!(
        node.done("verify r.example/web:1", valid()),
        [
            r#"container app of p1 (Pulled: Container image "r.example/web:1" already present on machine)"#,
            "container app of p1: present",
            r#"container app of p2 (Pulled: Container image "r.example/web:1" already present on machine)"#,
            "container app of p2: present",
        ]
    );
    node.want(of("p3", "shop", WEB));
    assert_eq!(node.present(WEB, "good").last().unwrap(), "container app of p3: present", "it is remembered");

    // Other content, another repository, or a day later: all are other questions.
    node.want(of("p4", "shop", WEB));
    assert_eq!(node.present(WEB, "other"), ["verify r.example/web:1"]);
    node.want(of("p5", "shop", "r.example/copy:1"));
    assert_eq!(node.present("r.example/copy:1", "good"), ["verify r.example/copy:1"]);
    node.done("verify r.example/web:1", valid());
    node.done("verify r.example/copy:1", valid());
    node.after(secs(24 * 3600));
    node.want(of("p6", "shop", WEB));
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    // What the policy does not ask for goes as ever.
    node.want(of("p7", "shop", "nginx"));
    assert_eq!(node.present("nginx:latest", "nginx").last().unwrap(), "container app of p7: present");
}

#[test]
fn an_image_that_is_not_signed_fails_in_the_kubelets_words_and_is_not_asked_for_at_once() {
    let mut node = Node::new(require());
    node.want(PullRequest { policy: ImagePullPolicy::Always, ..of("p1", "shop", WEB) });
    assert_eq!(node.pulled(WEB, "bad"), ["verify r.example/web:1"], "that it is pulled is not said yet");
    assert_eq!(
        node.done("verify r.example/web:1", invalid()),
        [
            r#"container app of p1 (Failed: Failed to pull image "r.example/web:1": SignatureValidationFailed: no signature was found)"#,
            "container app of p1: SignatureValidationFailed: image pull failed for r.example/web:1 because the \
             signature validation failed: no signature was found",
        ]
    );
    // Neither pulled nor asked for, for a while.
    let refused = "container app of p1: ImagePullBackOff: Back-off pulling image \"r.example/web:1\": \
                   SignatureValidationFailed: image pull failed for r.example/web:1 because the signature validation \
                   failed: no signature was found";
    let again = PullRequest { policy: ImagePullPolicy::Always, ..of("p1", "shop", WEB) };
    assert_eq!(node.want(again).last().unwrap(), refused);
    node.want(of("p1", "shop", WEB));
    assert_eq!(node.present(WEB, "bad").last().unwrap(), refused);
    // Then what is remembered counts, until it may have been signed.
    node.after(secs(11));
    node.want(of("p1", "shop", WEB));
    assert!(
        node.present(WEB, "bad").last().unwrap().contains("p1: SignatureValidationFailed: image pull failed")
    );
    node.after(secs(300));
    node.want(of("p1", "shop", WEB));
    assert_eq!(node.present(WEB, "bad"), ["verify r.example/web:1"]);
    assert_eq!(node.done("verify r.example/web:1", valid()).last().unwrap(), "container app of p1: present");
    assert_eq!(node.puller.back_off(&of("p1", "shop", WEB)), Duration::ZERO);
}

#[test]
fn what_cannot_be_checked_is_not_used_and_asked_for_again() {
    let mut node = Node::new(require());
    node.want(of("p1", "shop", WEB));
    node.present(WEB, "good");
    let lines = node.done("verify r.example/web:1", PullerOutcome::Failed("the service is down".into()));
    assert!(
        lines.last().unwrap().ends_with("validation failed: it could not be checked: the service is down"),
        "{lines:?}"
    );
    node.after(secs(11));
    node.want(of("p1", "shop", WEB));
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    let lines = node.after(secs(120));
    assert!(lines[0].ends_with("was not answered in time"), "{lines:?}");
    assert!(lines.last().unwrap().ends_with("it could not be checked: no answer within 2m0s"), "{lines:?}");
    assert!(node.done("verify r.example/web:1", valid()).is_empty(), "it comes too late");
    node.after(secs(60));
    node.want(of("p1", "shop", WEB));
    node.present(WEB, "good");
    let over = SignatureVerdict::Valid { until: Some(node.now) };
    let lines = node.done("verify r.example/web:1", PullerOutcome::Verified(over));
    assert!(lines.last().unwrap().ends_with("the signature has expired"), "{lines:?}");
}

#[test]
fn a_warning_holds_nothing_up() {
    let mut node = Node::new(config(vec![rule(SignatureMode::Warn, &[], &[])]));
    node.want(of("p1", "shop", WEB));
    assert_eq!(node.present(WEB, "bad")[1..], ["container app of p1: present", "verify r.example/web:1"]);
    node.want(of("p2", "shop", WEB));
    assert_eq!(node.present(WEB, "bad").last().unwrap(), "container app of p2: present");
    let told = |pod: &str| {
        format!(
            "container app of {pod} (SignatureValidationFailed: Image \"r.example/web:1\" is used although the \
             signature validation failed: no signature was found)"
        )
    };
    assert_eq!(node.done("verify r.example/web:1", invalid()), [told("p1"), told("p2")]);
    node.want(of("p3", "shop", WEB));
    let lines = node.present(WEB, "bad");
    assert_eq!(lines[1..], ["container app of p3: present".to_owned(), told("p3")], "it is remembered");
}

#[test]
fn one_answer_serves_who_requires_it_and_who_warns() {
    let rules = vec![rule(SignatureMode::Warn, &[], &["dev"]), rule(SignatureMode::Require, &[], &[])];
    let mut node = Node::new(config(rules));
    node.want(of("p1", "dev", WEB));
    assert_eq!(node.present(WEB, "bad").last().unwrap(), "verify r.example/web:1");
    node.want(of("p2", "shop", WEB));
    assert!(node.present(WEB, "bad").is_empty());
    let lines = node.done("verify r.example/web:1", invalid());
    assert!(lines[0].starts_with("container app of p1 (SignatureValidationFailed: "), "{lines:?}");
    assert!(
        lines.last().unwrap().starts_with("container app of p2: SignatureValidationFailed: "),
        "{lines:?}"
    );
}

#[test]
fn nothing_gets_around_a_signature_by_another_way_to_an_image() {
    let mut node = Node::new(require());
    // Usable before all of it is there.
    node.want(PullRequest { policy: ImagePullPolicy::Always, ..of("p1", "shop", WEB) });
    let operation = node.asked.last().unwrap().0;
    let usable = PullerEvent::Usable { operation, image_ref: content("lazy") };
    assert_eq!(node.step(usable), ["verify r.example/web:1"]);
    assert!(
        node.done("verify r.example/web:1", invalid()).last().unwrap().contains("SignatureValidationFailed")
    );
    // Fetched ahead of time, by nobody's name.
    let ahead =
        PullRequest { prefetch: true, ..PullRequest::new(PullId::Named("next".into()), "r.example/next:1") };
    node.want(ahead);
    assert_eq!(node.present("r.example/next:1", "next"), ["verify r.example/next:1"]);
    // By a pod whose namespace nobody says.
    let mut node = Node::new(config(vec![rule(SignatureMode::Require, &[], &["shop"])]));
    node.want(PullRequest { pod: None, ..of("p1", "shop", WEB) });
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    // By a name in the place of content: it may mean something else the next time.
    for pod in ["p2", "p3"] {
        node.want(of(pod, "shop", WEB));
        let named = PullerOutcome::Looked(ImagePresence::Present("r.example/web:1".into()));
        assert_eq!(node.done("look r.example/web:1", named), ["verify r.example/web:1"]);
    }
    assert_eq!(node.done("verify r.example/web:1", valid()).last().unwrap(), "container app of p3: present");
    assert!(node.puller.is_wanted(&of("p2", "", WEB).id), "that was its own question");
}

#[test]
fn who_does_not_wait_any_more_gets_nothing_and_the_answer_is_kept() {
    let mut node = Node::new(require());
    node.want(of("p1", "shop", WEB));
    node.present(WEB, "good");
    assert!(node.step(PullerEvent::Unwanted(of("p1", "", WEB).id)).is_empty());
    assert!(node.done("verify r.example/web:1", valid()).is_empty());
    node.want(of("p2", "shop", WEB));
    assert_eq!(node.present(WEB, "good").last().unwrap(), "container app of p2: present");
    // The same request for something else takes its place.
    node.want(of("p3", "shop", WEB));
    node.present(WEB, "other");
    assert_eq!(node.want(of("p3", "shop", "nginx")), ["look nginx:latest"]);
    assert!(node.done("verify r.example/web:1", valid()).is_empty());
}

#[test]
fn a_new_agent_asks_anew_and_remembers() {
    let mut node = Node::new(config(vec![
        rule(SignatureMode::Require, &["r.example"], &[]),
        rule(SignatureMode::Warn, &[], &[]),
    ]));
    node.want(of("p1", "shop", WEB));
    node.present(WEB, "good");
    node.want(of("p2", "shop", "nginx"));
    node.present("nginx:latest", "nginx");
    let policy = require().signatures;
    let both = PullConfig { signatures: SignaturePolicy { rules: node_rules(), ..policy }, ..require() };
    node.restored(both.clone()).unwrap();
    let lines = node.step(PullerEvent::AgentStarted { epoch: 2 });
    assert_eq!(lines, ["verify nginx:latest", "look r.example/web:1"], "p2 runs from it already");
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    node.done("verify r.example/web:1", valid());
    node.restored(both).unwrap();
    node.step(PullerEvent::AgentStarted { epoch: 3 });
    node.want(of("p3", "shop", WEB));
    assert_eq!(node.present(WEB, "good").last().unwrap(), "container app of p3: present");

    // With other keys it is another question, and what is over sooner by another policy is over.
    let mut other = require();
    other.signatures.rules[0].authority = "release-2027".into();
    node.restored(other).unwrap();
    node.want(of("p4", "shop", WEB));
    assert_eq!(node.present(WEB, "good"), ["verify r.example/web:1"]);
    node.done("verify r.example/web:1", valid());
    node.restored(require()).unwrap();
    node.want(of("p5", "shop", WEB));
    assert_eq!(
        node.present(WEB, "good"),
        ["verify r.example/web:1"],
        "nothing is left of what was forgotten"
    );
}

fn node_rules() -> Vec<SignatureRule> {
    vec![rule(SignatureMode::Require, &["r.example"], &[]), rule(SignatureMode::Warn, &[], &[])]
}

#[test]
fn a_wrong_policy_or_snapshot_is_refused() {
    let wrong = config(vec![rule(SignatureMode::Require, &["r[.example"], &[])]);
    let error = Puller::new(wrong, Arc::default(), START).unwrap_err();
    assert!(matches!(error, PullConfigError::Signatures(_)));
    assert!(error.to_string().starts_with("signatures.rules[0].images[0]: "), "{error}");

    let mut node = Node::new(require());
    node.want(of("p1", "shop", WEB));
    node.present(WEB, "good");
    let mut snapshot = serde_json::to_value(node.puller.snapshot()).unwrap();
    snapshot["checks"].as_array_mut().unwrap().clear();
    let snapshot: PullerSnapshot = serde_json::from_value(snapshot).unwrap();
    let error = Puller::restore(snapshot, (require(), Arc::default()), START).unwrap_err();
    assert!(error.to_string().contains("question that a request waits for"), "{error}");
}

/// Names of images, what they are, and whether that is signed.
const IMAGES: [(&str, &str, bool); 5] = [
    ("r.example/web:1", "web", true),
    ("r.example/web:2", "web-two", false),
    ("r.example/team/cart", "cart", true),
    ("nginx", "nginx", false),
    ("other.example/web:1", "web", true),
];

#[derive(Debug, Clone)]
enum Seed {
    Want {
        pod: u8,
        namespace: &'static str,
        image: usize,
        always: bool,
        prefetch: bool,
    },
    Unwanted {
        pod: u8,
    },
    /// Answers a question, in good faith if it is about a signature.
    Answer {
        which: Index,
    },
    /// It fails.
    Fail {
        which: Index,
    },
    Usable {
        which: Index,
    },
    /// The answer is lost: it comes to an operation that is not in flight any more.
    Late {
        which: Index,
    },
    Restart,
}

fn seeds() -> impl Strategy<Value = Vec<(u64, Seed)>> {
    let want = (
        0..4_u8,
        select(vec!["shop", "dev", "kube-system"]),
        0..IMAGES.len(),
        any::<bool>(),
        prop::bool::weighted(0.1),
    );
    let want = want.prop_map(|(pod, namespace, image, always, prefetch)| Seed::Want {
        pod,
        namespace,
        image,
        always,
        prefetch,
    });
    let seed = prop_oneof![
        6 => want,
        1 => (0..4_u8).prop_map(|pod| Seed::Unwanted { pod }),
        12 => any::<Index>().prop_map(|which| Seed::Answer { which }),
        2 => any::<Index>().prop_map(|which| Seed::Fail { which }),
        1 => any::<Index>().prop_map(|which| Seed::Usable { which }),
        1 => any::<Index>().prop_map(|which| Seed::Late { which }),
        1 => Just(Seed::Restart),
    ];
    vec((prop_oneof![4 => 0..2000_u64, 1 => 0..150_000_u64, 1 => Just(300_000)], seed), 1..80)
}

fn rules() -> impl Strategy<Value = Vec<SignatureRule>> {
    let mode = select(vec![SignatureMode::Off, SignatureMode::Warn, SignatureMode::Require]);
    let images = vec(select(vec!["r.example", "*.example", "r.example/team", "docker.io"]), 1..3);
    let namespaces = vec(select(vec!["shop", "dev"]), 0..2);
    vec((mode, images, namespaces), 0..4).prop_map(|rules| {
        rules.iter().map(|(mode, images, namespaces)| rule(*mode, images, namespaces)).collect()
    })
}

/// What was asked and is not answered.
#[derive(Debug, Clone)]
enum Question {
    Look(usize),
    Pull(usize),
    Verify(usize, SignatureSubject),
}

/// The world of a puller: it knows what is signed, and checks what it is asked for.
struct World {
    puller: Puller,
    config: PullConfig,
    now: Timestamp,
    epoch: u32,
    wanted: BTreeMap<PullId, PullRequest>,
    open: BTreeMap<OperationId, Question>,
    closed: Vec<OperationId>,
    /// What was said to be signed, and when.
    said: BTreeMap<SignatureSubject, Timestamp>,
    /// Who got an image, in order.
    answers: Vec<(PullId, bool)>,
    log: Vec<PullerAction>,
}

impl World {
    fn new(rules: Vec<SignatureRule>) -> Self {
        let config = config(rules);
        let puller = Puller::new(config.clone(), Arc::default(), START).unwrap();
        let (wanted, open, said) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (answers, log, closed) = (Vec::new(), Vec::new(), Vec::new());
        Self { puller, config, now: START, epoch: 0, wanted, open, closed, said, answers, log }
    }

    fn step(&mut self, event: PullerEvent) {
        let mut actions = Vec::new();
        self.puller.step(self.now, event, &mut actions);
        self.take(actions);
    }

    fn take(&mut self, actions: Vec<PullerAction>) {
        for action in &actions {
            self.check(action);
        }
        assert!(self.puller.next_wakeup().is_none_or(|due| due > self.now));
        self.log.extend(actions);
    }

    fn check(&mut self, action: &PullerAction) {
        let image_of = |image: &str| {
            let same =
                |(name, _, _): &(&str, &str, bool)| *name == image || format!("{name}:latest") == image;
            IMAGES.iter().position(same).unwrap()
        };
        match action {
            PullerAction::Look { operation, image, .. } => {
                self.open.insert(*operation, Question::Look(image_of(image)));
            }
            PullerAction::Pull { operation, image, .. } => {
                self.open.insert(*operation, Question::Pull(image_of(image)));
            }
            PullerAction::VerifySignature { operation, image, subject, .. } => {
                let rule_needs =
                    self.config.signatures.rules.iter().any(|rule| rule.mode != SignatureMode::Off);
                assert!(rule_needs, "nobody wants to know");
                let is_asked = self
                    .open
                    .values()
                    .any(|open| matches!(open, Question::Verify(_, asked) if asked == &**subject));
                assert!(!is_asked, "asked twice at once");
                let known = self
                    .said
                    .get(&**subject)
                    .is_some_and(|said| self.now < *said + self.config.signatures.valid_for);
                assert!(!known, "asked although it is known");
                self.open.insert(*operation, Question::Verify(image_of(image), (**subject).clone()));
            }
            PullerAction::Answer { id, result } => {
                let request = self.wanted.remove(id).unwrap();
                if let Some(image_ref) = result.image_ref() {
                    self.hands_out(&request, image_ref);
                }
                self.answers.push((id.clone(), result.image_ref().is_some()));
            }
            PullerAction::Note(PullerNote::TimedOut { operation }) => {
                // A pull that is given up goes on until its end is said.
                if !matches!(self.open.get(operation), Some(Question::Pull(_))) {
                    self.open.remove(operation);
                    self.closed.push(*operation);
                }
            }
            PullerAction::Note(_)
            | PullerAction::CancelPull { .. }
            | PullerAction::Record { .. }
            | PullerAction::Progress(_) => {}
        }
    }

    /// What has to be signed is only handed out if that was said, and is so.
    fn hands_out(&self, request: &PullRequest, image_ref: &Arc<str>) {
        let image = request.image.parse().unwrap();
        let namespace = &request.pod.as_ref().unwrap().namespace;
        let rule = self.config.signatures.rule(&image, node_lifecycle::image::SigningPod::Of(namespace));
        let Some(rule) = rule.filter(|rule| rule.mode == SignatureMode::Require) else { return };
        let subject = SignatureSubject {
            authority: Arc::clone(&rule.authority),
            repository: image.repository().into(),
            image_ref: Arc::clone(image_ref),
        };
        let said = self.said.get(&subject).copied();
        assert!(
            said.is_some_and(|said| self.now < said + self.config.signatures.valid_for),
            "{subject:?} was not verified"
        );
        let (_, _, is_signed) = IMAGES.iter().find(|(name, _, _)| *name == &*request.image).unwrap();
        assert!(is_signed, "{image} is not signed");
    }

    /// Answers a question in good faith.
    fn answer(&mut self, operation: OperationId) {
        let Some(question) = self.open.remove(&operation) else { return };
        self.closed.push(operation);
        let outcome = match question {
            Question::Look(image) => PullerOutcome::Looked(ImagePresence::Present(content(IMAGES[image].1))),
            Question::Pull(image) => {
                PullerOutcome::Pulled { image_ref: content(IMAGES[image].1), size_bytes: 1 }
            }
            Question::Verify(image, subject) if IMAGES[image].2 => {
                self.said.insert(subject, self.now);
                valid()
            }
            Question::Verify(..) => invalid(),
        };
        self.step(PullerEvent::Done { operation, outcome });
    }

    fn happens(&mut self, after: u64, seed: &Seed) {
        self.now += Duration::from_millis(after);
        let mut actions = Vec::new();
        self.puller.wake(self.now, &mut actions);
        self.take(actions);
        let pick = |world: &Self, which: &Index| {
            let open: Vec<_> = world.open.keys().copied().collect();
            (!open.is_empty()).then(|| open[which.index(open.len())])
        };
        match seed {
            Seed::Want { pod, namespace, image, always, prefetch } => {
                let policy = if *always { ImagePullPolicy::Always } else { ImagePullPolicy::IfNotPresent };
                let request = of(&format!("p{pod}"), namespace, IMAGES[*image].0);
                let request = PullRequest { policy, prefetch: *prefetch, ..request };
                self.wanted.insert(request.id.clone(), request.clone());
                self.step(PullerEvent::Wanted(Arc::new(request)));
            }
            Seed::Unwanted { pod } => {
                let id = of(&format!("p{pod}"), "", "nginx").id;
                self.wanted.remove(&id);
                self.step(PullerEvent::Unwanted(id));
            }
            Seed::Answer { which } => {
                if let Some(operation) = pick(self, which) {
                    self.answer(operation);
                }
            }
            Seed::Fail { which } => {
                if let Some(operation) = pick(self, which) {
                    self.open.remove(&operation);
                    self.closed.push(operation);
                    let outcome = PullerOutcome::Failed("boom".into());
                    self.step(PullerEvent::Done { operation, outcome });
                }
            }
            Seed::Usable { which } => {
                if let Some(operation) = pick(self, which)
                    && let Some(Question::Pull(image)) = self.open.get(&operation)
                {
                    let image_ref = content(IMAGES[*image].1);
                    self.step(PullerEvent::Usable { operation, image_ref });
                }
            }
            Seed::Late { which } => {
                if !self.closed.is_empty() {
                    let operation = self.closed[which.index(self.closed.len())];
                    self.step(PullerEvent::Done { operation, outcome: valid() });
                }
            }
            Seed::Restart => {
                self.restore();
                self.epoch += 1;
                self.closed.extend(std::mem::take(&mut self.open).into_keys());
                self.step(PullerEvent::AgentStarted { epoch: self.epoch });
            }
        }
    }

    fn restore(&mut self) {
        let snapshot = self.puller.snapshot();
        let text = serde_json::to_string(&snapshot).unwrap();
        let again: PullerSnapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(again, snapshot);
        self.puller = Puller::restore(again, (self.config.clone(), Arc::default()), self.now).unwrap();
        assert_eq!(self.puller.snapshot(), snapshot, "restored is the same");
    }
}

proptest! {
    /// Whatever happens, what has to be signed is only handed out after a valid answer, which is asked for once; and in
    /// a world that answers everybody gets an answer.
    #[test]
    fn nothing_is_handed_out_unverified_and_nobody_waits_for_ever(rules in rules(), seeds in seeds()) {
        let mut world = World::new(rules);
        for (after, seed) in &seeds {
            world.happens(*after, seed);
        }
        for _ in 0..200 {
            let Some(operation) = world.open.keys().next().copied() else { break };
            world.answer(operation);
        }
        prop_assert!(world.open.is_empty(), "{:?}", world.open);
        prop_assert!(world.wanted.is_empty(), "{:?}", world.wanted);
    }

    /// Restored at every step it goes on as if nothing had happened.
    #[test]
    fn a_snapshot_at_every_step_changes_nothing(rules in rules(), seeds in seeds()) {
        let (mut world, mut restored) = (World::new(rules.clone()), World::new(rules));
        for (after, seed) in &seeds {
            world.happens(*after, seed);
            restored.happens(*after, seed);
            restored.restore();
            prop_assert_eq!(&world.log, &restored.log);
        }
    }

    /// A warning never holds anybody up: everybody gets the same answer at the same step as where nobody asks.
    #[test]
    fn a_warning_never_blocks(rules in rules(), seeds in seeds()) {
        let with = |mode: SignatureMode| -> Vec<SignatureRule> {
            rules.iter().map(|rule| SignatureRule { mode, ..rule.clone() }).collect()
        };
        let (mut warns, mut off) = (World::new(with(SignatureMode::Warn)), World::new(with(SignatureMode::Off)));
        for (after, seed) in &seeds {
            // Questions have other numbers where there are more of them: each is answered as soon as it is asked.
            for world in [&mut warns, &mut off] {
                if matches!(seed, Seed::Want { .. } | Seed::Unwanted { .. } | Seed::Restart) {
                    world.happens(*after, seed);
                }
                while let Some((operation, _)) =
                    world.open.iter().find(|(_, open)| !matches!(open, Question::Verify(..)))
                {
                    let operation = *operation;
                    world.answer(operation);
                }
            }
            prop_assert_eq!(&warns.answers, &off.answers);
        }
        let asked = off.log.iter().any(|action| matches!(action, PullerAction::VerifySignature { .. }));
        prop_assert!(!asked, "nobody wants to know");
    }
}
