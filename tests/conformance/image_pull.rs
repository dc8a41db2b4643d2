//! Whether, when and in which order images are pulled.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::ImagePullPolicy;
use node_lifecycle::behaviour::{Behaviour, Compat};
use node_lifecycle::container::BackOffSettings;
use node_lifecycle::image::{
    ImageEventType, ImagePresence, PullConfig, PullFailure, PullId, PullRateLimit, PullRequest, PullResult,
    Puller, PullerAction, PullerEvent, PullerOutcome,
};
use node_lifecycle::machine::{Machine, OperationId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::runtime::decode;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ensure {
    serialized: bool,
    max_parallel_image_pulls: Option<u32>,
    #[serde(rename = "registryPullQPS")]
    registry_pull_qps: f32,
    registry_burst: u32,
    backoff_initial_ms: u64,
    backoff_max_ms: u64,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    now: Timestamp,
    #[serde(rename = "podUID")]
    pod_uid: String,
    image: String,
    pull_policy: String,
    present_image_ref: String,
    inspect_error: Option<String>,
    pull_error: Option<String>,
    #[serde(default)]
    pull_image_ref: String,
    #[serde(default)]
    image_size_bytes: u64,
    pull_duration_ms: u64,
    #[serde(default)]
    no_object_ref: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    serialized: bool,
    max_parallel_image_pulls: Option<u32>,
    requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    id: String,
    at_ms: i64,
    duration_ms: u64,
}

pub(crate) fn image_pull_decision(input: &Value) -> Value {
    match input["kind"].as_str() {
        Some("puller") => in_order(&decode(input)),
        _ => ensure(&decode(input)),
    }
}

fn puller(config: PullConfig, now: Timestamp) -> Puller {
    let behaviour = Behaviour { compat: Compat::kubelet_1_32(), ..Behaviour::default() };
    Puller::new(config, Arc::new(behaviour), now).unwrap_or_else(|error| panic!("{error}"))
}

/// None, or less than one: any number.
fn parallel(serialized: bool, max: Option<u32>) -> Option<NonZeroU32> {
    if serialized { Some(NonZeroU32::MIN) } else { NonZeroU32::new(max.unwrap_or(0)) }
}

/// The kubelet's rate is a number of 32 bits, which is exact as a fraction of powers of two.
fn rate_limit(per_second: f32, burst: u32) -> Option<PullRateLimit> {
    let (mut tokens, mut seconds) = (per_second, 1);
    while tokens.fract() != 0.0 {
        (tokens, seconds) = (tokens * 2.0, seconds * 2);
    }
    let tokens = format!("{tokens:.0}").parse().unwrap_or(0);
    (tokens > 0).then_some(PullRateLimit { tokens, period: Duration::from_secs(seconds), burst })
}

fn ensure(case: &Ensure) -> Value {
    let config = PullConfig {
        max_parallel: parallel(case.serialized, case.max_parallel_image_pulls),
        rate_limit: rate_limit(case.registry_pull_qps, case.registry_burst),
        back_off: BackOffSettings {
            initial: Duration::from_millis(case.backoff_initial_ms),
            max: Duration::from_millis(case.backoff_max_ms),
            expire_after: None,
        },
        ..PullConfig::default()
    };
    let start = case.calls.first().map_or(Timestamp::UNIX_EPOCH, |call| call.now);
    let mut puller = puller(config, start);
    json!({"calls": case.calls.iter().map(|call| ensure_one(&mut puller, call)).collect::<Vec<_>>()})
}

fn ensure_one(puller: &mut Puller, call: &Call) -> Value {
    let id = PullId::Container { pod: call.pod_uid.as_str().into(), name: "c".into() };
    let policy = match call.pull_policy.as_str() {
        "IfNotPresent" => ImagePullPolicy::IfNotPresent,
        "Never" => ImagePullPolicy::Never,
        // What the kubelet does not know it pulls.
        _ => ImagePullPolicy::Always,
    };
    let request = Arc::new(PullRequest { policy, ..PullRequest::new(id, call.image.as_str()) });
    let mut now = call.now;
    let mut events = vec![PullerEvent::Wanted(Arc::clone(&request))];
    let (mut recorded, mut pulled, mut result) = (Vec::new(), Vec::new(), None);
    while let Some(event) = events.pop() {
        let mut actions = Vec::new();
        puller.step(now, event, &mut actions);
        for action in actions {
            match action {
                PullerAction::Look { operation, .. } => {
                    let presence = match &call.inspect_error {
                        Some(error) => ImagePresence::Unknown(error.as_str().into()),
                        None if call.present_image_ref.is_empty() => ImagePresence::Absent,
                        None => ImagePresence::Present(call.present_image_ref.as_str().into()),
                    };
                    events.push(done(operation, PullerOutcome::Looked(presence)));
                }
                PullerAction::Pull { operation, image, .. } => {
                    pulled.push(image);
                    now += Duration::from_millis(call.pull_duration_ms);
                    let outcome = match &call.pull_error {
                        Some(error) => PullerOutcome::Failed(error.as_str().into()),
                        // The size is asked for by the reference that a pull gives.
                        None => PullerOutcome::Pulled {
                            image_ref: call.pull_image_ref.as_str().into(),
                            size_bytes: if call.pull_image_ref.is_empty() {
                                0
                            } else {
                                call.image_size_bytes
                            },
                        },
                    };
                    events.push(done(operation, outcome));
                }
                PullerAction::Record { event, .. } => recorded.push(event),
                PullerAction::Answer { result: answer, .. } => result = Some(*answer),
                PullerAction::VerifySignature { .. }
                | PullerAction::CancelPull { .. }
                | PullerAction::Progress(_)
                | PullerAction::Note(_) => {}
            }
        }
    }
    let started = recorded.iter().filter(|event| &*event.reason == "Pulling").count();
    let finished = matches!(result, Some(PullResult::Pulled { .. }));
    // What the kubelet says with an image, which here stands in the event.
    let message = match &result {
        Some(PullResult::Failed(PullFailure { message, .. })) => Some(Arc::clone(message)),
        Some(PullResult::Present { .. }) => recorded.last().map(|event| Arc::clone(&event.message)),
        _ => None,
    };
    let events = recorded.iter().filter(|_| !call.no_object_ref).map(|event| {
        let event_type = match event.event_type {
            ImageEventType::Normal => "Normal",
            ImageEventType::Warning => "Warning",
        };
        json!({"type": event_type, "reason": event.reason, "message": event.message})
    });
    json!({
        "error": match &result {
            Some(PullResult::Failed(failure)) => Some(failure.reason.as_str()),
            _ => None,
        },
        "imageRef": result.as_ref().and_then(PullResult::image_ref).cloned().unwrap_or_default(),
        "message": message.unwrap_or_default(),
        "pulledImages": pulled,
        "events": events.collect::<Vec<_>>(),
        "backoffMs": u64::try_from(puller.back_off(&request).as_millis()).unwrap_or(u64::MAX),
        "startedPullingRecorded": started,
        "finishedPullingRecorded": usize::from(finished),
    })
}

fn done(operation: OperationId, outcome: PullerOutcome) -> PullerEvent {
    PullerEvent::Done { operation, outcome }
}

/// Each request is for an image of its own.
fn in_order(case: &Queue) -> Value {
    let config = PullConfig {
        max_parallel: parallel(case.serialized, case.max_parallel_image_pulls),
        rate_limit: None,
        ..PullConfig::default()
    };
    let mut puller = puller(config, Timestamp::UNIX_EPOCH);
    let mut waiting = case.requests.iter().collect::<Vec<_>>();
    waiting.sort_by_key(|request| request.at_ms);
    waiting.reverse();
    // When each pull under way ends; and when each began and ended.
    let mut ends: Vec<(Timestamp, OperationId)> = Vec::new();
    let mut times: Vec<(String, Timestamp, Timestamp)> = Vec::new();
    loop {
        ends.sort();
        let arrival = waiting.last().map(|request| Timestamp::from_unix_millis(request.at_ms));
        let end = ends.first().copied();
        let (now, event) = match (arrival, end) {
            (_, Some((at, operation))) if arrival.is_none_or(|arrival| at <= arrival) => {
                ends.remove(0);
                let image_ref = "".into();
                (at, done(operation, PullerOutcome::Pulled { image_ref, size_bytes: 0 }))
            }
            (Some(at), _) => {
                let Some(request) = waiting.pop() else { break };
                let id = PullId::Named(request.id.as_str().into());
                let policy = ImagePullPolicy::Always;
                let request = PullRequest { policy, ..PullRequest::new(id, request.id.as_str()) };
                (at, PullerEvent::Wanted(Arc::new(request)))
            }
            (None, _) => break,
        };
        let mut actions = Vec::new();
        puller.step(now, event, &mut actions);
        for action in actions {
            let PullerAction::Pull { operation, request, .. } = action else { continue };
            let asked = case.requests.iter().find(|asked| *asked.id == *request.image);
            let end = now + asked.map_or(Duration::ZERO, |asked| Duration::from_millis(asked.duration_ms));
            ends.push((end, operation));
            times.push((request.image.to_string(), now, end));
        }
    }
    let millis = |time: Timestamp| time.unix_nanos() / 1_000_000;
    let pulls = case.requests.iter().map(|request| {
        let times = times.iter().find(|(id, ..)| *id == request.id);
        let times = times.map(|(_, start, end)| (millis(*start), millis(*end)));
        json!({"id": request.id, "startMs": times.map(|times| times.0), "finishMs": times.map(|times| times.1)})
    });
    json!({"pulls": pulls.collect::<Vec<_>>()})
}
