//! The general back-off and what it means for crashing containers.

use std::collections::BTreeMap;
use std::time::Duration;

use node_lifecycle::api::Container;
use node_lifecycle::container::{
    BackOff, BackOffSettings, CrashLoop, CrashLoopSettings, InBackOff, spec_hash,
};
use node_lifecycle::machine::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::runtime::{decode, millis};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    initial_ms: u64,
    max_ms: u64,
    expire_after_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    advance_ms: i64,
    event: String,
    id: String,
    event_at_ms: i64,
}

pub(crate) fn backoff(input: &Value, out: &Value) -> Value {
    let settings: Settings = decode(input);
    let steps: Vec<Step> = decode(&input["steps"]);
    // The recording asks for the same keys after every step.
    let ids: BTreeMap<String, u64> = decode(&out["steps"][0]["delayMs"]);
    let mut back_off = BackOff::<String>::new(BackOffSettings {
        initial: Duration::from_millis(settings.initial_ms),
        max: Duration::from_millis(settings.max_ms),
        expire_after: settings.expire_after_ms.map(Duration::from_millis),
    });
    let mut now_ms = 0;
    let steps = steps.iter().map(|step| {
        now_ms += step.advance_ms;
        let now = Timestamp::from_unix_millis(now_ms);
        let event = Timestamp::from_unix_millis(step.event_at_ms);
        let id = step.id.as_str();
        let mut in_back_off = None;
        match step.event.as_str() {
            "next" => back_off.next(id, event, now),
            "gc" => back_off.gc(now),
            "reset" | "delete" => back_off.reset(id),
            "isInBackOffSince" => in_back_off = Some(back_off.is_in_back_off_since(id, event, now)),
            "isInBackOffSinceUpdate" => in_back_off = Some(back_off.is_in_back_off_since_update(id, event)),
            other => panic!("unknown event {other}"),
        }
        let delays: Map<_, _> =
            ids.keys().map(|id| (id.clone(), millis(back_off.delay(id.as_str())))).collect();
        json!({"delayMs": delays, "inBackOff": in_back_off})
    });
    json!({"steps": steps.collect::<Vec<_>>()})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CrashStep {
    now_ms: i64,
    finished_at_ms: i64,
    state: String,
    image: String,
    #[serde(default)]
    gc: bool,
}

pub(crate) fn crash_backoff(input: &Value) -> Value {
    let settings: Settings = decode(input);
    let mut crash_loop = CrashLoop::<u64>::new(CrashLoopSettings {
        initial: Duration::from_millis(settings.initial_ms),
        max: Duration::from_millis(settings.max_ms),
        expire_after: Duration::from_millis(settings.expire_after_ms.unwrap_or_default()),
    });
    let pod: String = decode(&input["pod"]);
    let steps: Vec<CrashStep> = decode(&input["steps"]);
    let steps = steps.iter().map(|step| {
        let now = Timestamp::from_unix_millis(step.now_ms);
        if step.gc {
            crash_loop.gc(now);
        }
        let name = "app".to_owned();
        let key = spec_hash(&Container { name, image: step.image.clone(), ..Container::default() });
        let decision = if step.state == "exited" {
            crash_loop.restart(&key, Timestamp::from_unix_millis(step.finished_at_ms), now)
        } else {
            Ok(())
        };
        let refused = decision.err();
        json!({
            "inBackOff": refused.is_some(),
            "reason": refused.map(|_| InBackOff::REASON),
            "message": refused.map(|refused| refused.message("app", &pod)),
            "delayMs": millis(crash_loop.delay(&key)),
        })
    });
    json!({"steps": steps.collect::<Vec<_>>()})
}
