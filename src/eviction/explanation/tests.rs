use serde_json::{Value, json};

use super::*;
use crate::api::Pod;
use crate::behaviour::Compat;
use crate::eviction::{EvictionPod, EvictionSettings, Level, Levels, Platform, PodStats};

const GIB: i64 = 1 << 30;
const MIB: i64 = 1 << 20;

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_740_830_400)
}

fn pod(name: &str, spec: &Value, stats: &Value) -> (Arc<EvictionPod>, Option<Arc<PodStats>>) {
    let mut spec = spec.clone();
    spec["containers"] = json!([{"name": "app", "image": "app:1", "resources": spec["resources"]}]);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": spec}))
    .unwrap();
    let stats: Option<PodStats> = serde_json::from_value(stats.clone()).unwrap();
    (EvictionPod::of(&pod, &Behaviour::default()).into(), stats.map(Arc::new))
}

fn memory(request: &str, used: i64, priority: i32) -> (Value, Value) {
    let spec = json!({"priority": priority, "resources": {"requests": {"memory": request}}});
    let stats = json!({"memoryWorkingSetBytes": used,
        "containers": [{"name": "app", "memoryWorkingSetBytes": used}]});
    (spec, stats)
}

fn config(settings: &Value) -> EvictionConfig {
    let settings: EvictionSettings = serde_json::from_value(settings.clone()).unwrap();
    settings.config(Platform::Linux, Compat::default()).unwrap().0
}

fn low_memory(available: i64) -> Observation {
    let pods = [
        ("cart", memory("256Mi", 812 * MIB, 0)),
        ("search", memory("1Gi", 1324 * MIB, 0)),
        ("etcd", memory("0", 3 * GIB, Pod::SYSTEM_CRITICAL_PRIORITY)),
        ("idle", memory("2Gi", 100 * MIB, -5)),
    ];
    let level = Level { available, capacity: 8 * GIB, time: Some(now()) };
    let disk = Level { available: 40 * GIB, capacity: 100 * GIB, time: Some(now()) };
    Observation::new(
        Levels::default().with(Signal::MemoryAvailable, level).with(Signal::NodefsAvailable, disk),
        DiskLayout::One,
        pods.iter().map(|(name, (spec, stats))| pod(name, spec, stats)),
    )
}

fn explained(settings: &Value, observation: Observation) -> Explanation {
    let behaviour = Arc::new(Behaviour::default());
    explain(config(settings), behaviour, &Arc::new(observation), now()).unwrap().unwrap()
}

fn hard() -> Value {
    json!({"evictionHard": {"memory.available": "100Mi", "nodefs.available": "10%"},
        "enforceNodeAllocatable": ["none"]})
}

#[test]
fn a_tick_reads_as_a_story() {
    let explanation = explained(&hard(), low_memory(80 * MIB));
    assert_eq!(
        explanation.to_string(),
        "\
Tick at 2025-03-01T12:00:00Z; one file system for everything.
  memory.available       80Mi of 8Gi left    hard: 100Mi  20Mi short
  containerfs.available  not observed        hard         not met
  nodefs.available       40Gi of 100Gi left  hard: 10Gi   30Gi to spare
Conditions: MemoryPressure.
The hard threshold of memory.available is acted on first.

Pods in the order in which they go for memory, those above their request first, then by priority, then by how much above:
   1. shop/cart    priority 0           uses 812Mi  requests 256Mi  556Mi above  has to go
   2. shop/search  priority 0           uses 1.3Gi  requests 1Gi    300Mi above
   -  shop/etcd    priority 2000000000  uses 3Gi    requests 0      3Gi above    critical, never goes
   3. shop/idle    priority -5          uses 100Mi  requests 2Gi    1.9Gi below

shop/cart has to go, with 1s of grace: The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. Container app was using 812Mi, request is 256Mi, has larger consumption of memory.
Nobody would have had to go if 20Mi more of memory had been left.
If shop/cart had used 256Mi less, shop/search would have gone.
"
    );
    let data = serde_json::to_string(&explanation).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&data).unwrap(), explanation);
}

#[test]
fn what_would_have_changed_the_answer_is_exact() {
    let explanation = explained(&hard(), low_memory(80 * MIB));
    let otherwise = explanation.otherwise.unwrap();
    let enough = otherwise.enough[&Signal::MemoryAvailable].value().unwrap();
    assert!(explained(&hard(), low_memory(80 * MIB + enough)).evicted.is_empty());
    assert!(!explained(&hard(), low_memory(80 * MIB + enough - 1)).evicted.is_empty());

    // 812 Mi less 256 Mi leaves the two equal, and one byte less decides.
    assert_eq!(otherwise.less, Some(u64::try_from(256 * MIB + 1).unwrap()));
    assert_eq!(&*otherwise.next.unwrap().name, "search");
}

#[test]
fn a_pod_that_goes_whatever_it_uses_is_told_so() {
    let unmeasured = pod("new", &json!({}), &Value::Null);
    let (spec, stats) = memory("0", GIB, 0);
    let level = Level { available: 0, capacity: 8 * GIB, time: None };
    let pods = [unmeasured, pod("web", &spec, &stats)];
    let levels = Levels::default().with(Signal::MemoryAvailable, level);
    let explanation = explained(&hard(), Observation::new(levels, DiskLayout::One, pods));
    assert_eq!(explanation.otherwise.as_ref().unwrap().less, None);
    assert!(explanation.to_string().contains("shop/web is next; shop/new goes first whatever it uses."));
}

#[test]
fn a_grace_period_says_when_it_is_over() {
    let soft = json!({"evictionHard": {}, "evictionSoft": {"memory.available": "100Mi"},
        "evictionSoftGracePeriod": {"memory.available": "1m30s"}});
    let explanation = explained(&soft, low_memory(80 * MIB));
    let until = now() + std::time::Duration::from_secs(90);
    assert_eq!(explanation.thresholds[0].state, ThresholdState::InGrace { since: now(), until });
    let text = explanation.to_string();
    assert!(text.contains("20Mi short for 0s; counts in 1m30s, at 2025-03-01T12:01:30Z"), "{text}");
    assert!(text.contains("1. shop/cart"), "whose turn it would be: {text}");
    assert!(text.ends_with("\nNobody has to go.\n"), "{text}");
}

#[test]
fn limits_of_pods_come_first_and_spare_who_is_critical() {
    let spec = |priority: i32| json!({"priority": priority, "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "64Mi"}}]});
    let stats = json!({"volumes": [{"name": "cache", "usedBytes": 65 * MIB}]});
    let pods = [pod("web", &spec(0), &stats), pod("dns", &spec(Pod::SYSTEM_CRITICAL_PRIORITY), &stats)];
    let level = Level { available: 0, capacity: 8 * GIB, time: None };
    let levels = Levels::default().with(Signal::MemoryAvailable, level);
    let text = explained(&hard(), Observation::new(levels, DiskLayout::One, pods)).to_string();
    let cause =
        "is 1Mi over a limit of its own: Usage of EmptyDir volume \"cache\" exceeds the limit \"64Mi\".";
    assert!(text.contains(&format!("shop/web {cause}\n")), "{text}");
    assert!(text.contains(&format!("shop/dns {cause} It is critical, and stays.\n")), "{text}");
    assert!(text.contains("shop/web has to go, with 1s of grace"), "{text}");
}

#[test]
fn what_was_freed_and_was_not_enough_is_said() {
    let level = Level { available: GIB, capacity: 100 * GIB, time: Some(now()) };
    let levels = Levels::default().with(Signal::NodefsAvailable, level);
    let (spec, stats) = memory("0", GIB, 0);
    let pods = [pod("web", &spec, &stats)];
    let text = explained(&hard(), Observation::new(levels, DiskLayout::One, pods)).to_string();
    assert!(text.contains("Freed: dead containers.\nFreed: unused images.\n"), "{text}");
    assert!(
        text.contains("nodefs.available: 1Gi left by then, which is not enough: it takes 10Gi.\n"),
        "{text}"
    );
    assert!(
        text.contains("Nobody would have had to go if 9Gi more of ephemeral-storage had been left."),
        "{text}"
    );
}

/// A manager that is shown a node each minute; where what no pod needs is freed, once more after that.
fn told(
    settings: &Value,
    seen: impl IntoIterator<Item = Vec<Result<Observation, &'static str>>>,
) -> Vec<Explanation> {
    let mut manager = Manager::new(config(settings), Arc::default(), now()).unwrap();
    let mut actions = Vec::new();
    manager.step(now(), Event::AgentStarted { epoch: 1 }, &mut actions);
    let mut at = now();
    let mut explained = Vec::new();
    for looks in seen {
        manager.wake(at, &mut actions);
        let mut looks = looks.into_iter();
        while let Some(action) = actions.pop() {
            let (operation, outcome) = match action {
                Action::Observe { operation } => match looks.next().unwrap() {
                    Ok(seen) => (operation, Outcome::Observed(Arc::new(seen))),
                    Err(error) => (operation, Outcome::Failed(error.into())),
                },
                Action::Reclaim { operation, .. } => (operation, Outcome::Reclaimed { freed_bytes: None }),
                _ => continue,
            };
            manager.step(at, Event::Done { operation, outcome }, &mut actions);
        }
        explained.extend(manager.explanation());
        at += std::time::Duration::from_secs(60);
    }
    explained
}

fn low_disk(available: i64) -> Observation {
    let level = Level { available, capacity: 100 * GIB, time: None };
    let (spec, stats) = memory("0", GIB, 0);
    Observation::new(
        Levels::default().with(Signal::NodefsAvailable, level),
        DiskLayout::One,
        [pod("web", &spec, &stats)],
    )
}

fn enough(explanation: &Explanation) -> Vec<(Signal, i64)> {
    let enough = explanation.otherwise.iter().flat_map(|otherwise| &otherwise.enough);
    enough.map(|(signal, missing)| (*signal, missing.value().unwrap())).collect()
}

#[test]
fn what_was_freed_is_not_missing() {
    let explained = told(&hard(), [vec![Ok(low_disk(GIB)), Ok(low_disk(4 * GIB))]]);
    assert_eq!(explained[0].evicted.len(), 1);
    assert_eq!(enough(&explained[0]), [(Signal::NodefsAvailable, 6 * GIB + 160)], "10% in 32 bits");
}

#[test]
fn what_has_to_be_freed_is_missing_from_the_second_tick_on() {
    let settings = json!({"evictionHard": {"memory.available": "100Mi"}, "enforceNodeAllocatable": [],
        "evictionMinimumReclaim": {"memory.available": "10Mi"}});
    let seen = |available| {
        let mut seen = low_memory(available);
        seen.levels.forget_times();
        vec![Ok(seen)]
    };
    let explained = told(&settings, [80, 90, 105].map(|left| seen(left * MIB)));
    let missing = explained.iter().map(enough).collect::<Vec<_>>();
    assert_eq!(missing, [20, 20, 5].map(|missing| vec![(Signal::MemoryAvailable, missing * MIB)]));
    assert!(explained[2].to_string().contains("was short, and held for 2m0s: 5Mi more to free"));
}

#[test]
fn every_signal_that_is_short_is_said() {
    let mut seen = low_memory(80 * MIB);
    let level = Level { available: 10, capacity: 1000, time: None };
    seen.levels.set(Signal::PidAvailable, Some(level));
    let explanation =
        explained(&json!({"evictionHard": {"memory.available": "100Mi", "pid.available": "5%"}}), seen);
    assert_eq!(enough(&explanation), [(Signal::MemoryAvailable, 20 * MIB), (Signal::PidAvailable, 40)]);
    let text = explanation.to_string();
    let told = "if 20Mi more of memory.available and 40 more of pid.available had been left";
    assert!(text.contains(told), "{text}");
}

#[test]
fn what_is_not_observed_is_neither_short_nor_to_spare() {
    let soft = json!({"evictionHard": {}, "evictionSoft": {"nodefs.available": "10%"},
        "evictionSoftGracePeriod": {"nodefs.available": "3m"}});
    let mut blind = low_disk(GIB);
    blind.levels = Levels::default();
    let mut unknown = low_disk(GIB);
    unknown.disks.dedicated_image_fs = Err("no answer".into());
    let seen = [Ok(unknown), Ok(low_disk(GIB)), Ok(blind), Err("out of order")];
    let explained = told(&soft, seen.map(|seen| vec![seen]));
    let rows = explained
        .iter()
        .map(|tick| tick.to_string().lines().find(|row| row.contains("nodefs")).unwrap().to_owned());
    let ends = [
        "soft: 10Gi  not counted in this tick",
        "9Gi short for 0s; counts in 3m0s, at 2025-03-01T12:04:00Z",
        "met for 1m0s; counts in 2m0s, at 2025-03-01T12:04:00Z; not observed, so nobody goes for it",
        "not counted in this tick",
    ];
    for (row, end) in rows.zip(ends) {
        assert!(row.ends_with(end), "{row}");
    }
    assert_eq!(explained[0].ranking, None, "it is not known what is on which disk");
}

#[test]
fn equal_pods_need_not_be_told_apart_by_a_byte() {
    let (spec, stats) = memory("0", GIB, 0);
    let level = Level { available: 0, capacity: 8 * GIB, time: None };
    let levels = Levels::default().with(Signal::MemoryAvailable, level);
    let less = |names: [&str; 2]| {
        let (_, more) = memory("0", GIB + 1, 0);
        let pods = [pod(names[0], &spec, &more), pod(names[1], &spec, &stats)];
        explained(&hard(), Observation::new(levels, DiskLayout::One, pods)).otherwise.unwrap().less
    };
    assert_eq!([less(["a", "b"]), less(["b", "a"])], [Some(2), Some(1)], "of equals the first by UID goes");
}
