//! Scenarios: what is done to a node, and what comes of it, as text that is read like code.
//!
//! A file in `tests/scenarios/` tells its story in prose, then has a pod, how its containers behave, what is
//! done, and the log. What can be done is in [`play`]; where newer behaviour is shown, `--- gates` lists the feature
//! gates that are switched, and `--- switches` says what else the node does: `statuses` are sent to an API server,
//! and its `compat` is the kubelet 1.32. A name that begins with a number is of the issue of that number in Kubernetes' own
//! tracker. `RECORD=1 cargo test --all-features --test scenarios` writes the logs anew.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod script;

use std::fmt::Write as _;
use std::time::Duration;

use node_lifecycle::api::{Container, GoDuration, Pod, Uid};
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::Verdict;
use node_lifecycle::sim::{BehaviorFile, Config, Node, TraceEntry, TraceEvent};
use serde_json::Value;

#[test]
fn scenarios() {
    script::replay("tests/scenarios", play);
}

/// Plays a scenario and writes its log.
fn play(scenario: &str) -> String {
    let section = |name: &str| script::section(scenario, name);
    let pod = Pod::from_json(section("pod").expect("a scenario has a pod")).unwrap();
    let behavior: BehaviorFile =
        section("behavior").map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
    let gates = section("gates").map(|text| text.replace('\n', ",").parse().unwrap()).unwrap_or_default();
    let switched = |word: &str| section("switches").is_some_and(|text| text.lines().any(|line| line == word));
    let compat = if switched("compat") { Compat::kubelet_1_32() } else { Compat::default() };
    let behaviour = Behaviour { gates, compat }.into();
    let config = Config { trace: true, statuses: switched("statuses"), behaviour, ..Config::default() };
    let mut node = Node::new(config.with_behavior_file(behavior));
    let (start, uid) = (node.now(), Uid::from("sim-0"));
    for line in section("script").expect("a scenario has a script").lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("add"), None) => drop(node.add(pod.clone()).unwrap()),
            (Some("run"), Some(time)) => {
                node.run_until(node.now() + time.parse::<GoDuration>().unwrap().0).unwrap();
            }
            (Some("delete"), grace) => assert!(node.delete(&uid, grace.map(|grace| grace.parse().unwrap()))),
            (Some("image"), Some(image)) => {
                let mut changed = pod.clone();
                changed.metadata.uid = uid.clone();
                let spec = std::sync::Arc::make_mut(&mut changed.spec);
                spec.containers[0].image = image.to_owned();
                node.update(changed).unwrap();
            }
            (Some("debug"), Some(name)) => {
                let mut changed = pod.clone();
                changed.metadata.uid = uid.clone();
                let debugger =
                    Container { name: name.to_owned(), image: "debug:1".to_owned(), ..Container::default() };
                std::sync::Arc::make_mut(&mut changed.spec).ephemeral_containers.push(debugger);
                node.update(changed).unwrap();
            }
            (Some("evict"), Some(grace)) => {
                let grace_seconds = Some(grace.parse().unwrap());
                let message = "The node was low on resource: memory.".into();
                assert!(node.judge(
                    &uid,
                    Verdict { reason: "Evicted".into(), message, grace_seconds, ..Verdict::default() }
                ));
            }
            (Some("kill-sandbox"), None) => assert!(node.kill_sandbox(&uid)),
            (Some("lose-records"), container) => assert!(node.lose_records(&uid, container)),
            (Some("restart-agent"), None) => node.restart_agent().unwrap(),
            (Some("new-agent"), None) => node.replace_agent(),
            (None, _) => {}
            other => {
                panic!("no script has {other:?}")
            }
        }
    }
    let trace = node.take_trace();
    trace.iter().fold(String::new(), |mut log, entry| {
        write_entry(&mut log, start, entry);
        log
    })
}

/// `   12.345  stopping container=app timeoutSeconds=27`
fn write_entry(log: &mut String, start: Timestamp, entry: &TraceEntry) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&entry.event) else { return };
    let seconds = Duration::as_secs_f64(&(entry.at - start));
    let event = fields.remove("event").unwrap_or_default();
    write!(log, "{seconds:>9.3}  {}", event.as_str().unwrap_or("?")).unwrap();
    if let TraceEvent::Container { container, view } = &entry.event {
        let flag = |is: bool, word| if is { word } else { "" };
        let state = serde_json::to_string(&view.state).unwrap().replace('"', "");
        let (started, ready) = (flag(view.started, " started"), flag(view.ready, " ready"));
        write!(log, " {container} {state}{started}{ready} restarts={}", view.restart_count).unwrap();
        fields.clear();
    }
    for (name, value) in fields {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        write!(log, " {name}={value}").unwrap();
    }
    log.push('\n');
}
