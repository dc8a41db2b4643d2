//! The puller as a value that can be stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::state::{Asked, Pull, Running, Stage, State, Target};
use super::verify::{Check, Signatures};
use super::{PullConfig, Puller, TokenBucket};
use crate::behaviour::Behaviour;
use crate::container::BackOff;
use crate::image::{ImageReference, SignatureMemory};
use crate::machine::{OperationId, Operations, RestoreError, Snapshots, Timestamp};

/// The puller as a value that can be stored: what is wanted, what is under way, delays, tokens, and what was fetched
/// ahead of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullerSnapshot {
    /// The version of this form.
    pub version: u32,
    now: Timestamp,
    operations: Operations,
    requests: Vec<Asked>,
    running: Vec<(Target, Running)>,
    blocked_until: Option<Timestamp>,
    bucket: Option<TokenBucket>,
    back_off: BackOff<String>,
    errors: BTreeMap<String, Arc<str>>,
    turns: u32,
    arrived: u64,
    prefetched: BTreeMap<ImageReference, (Arc<str>, u64)>,
    prefetch_from: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checks: Vec<Check>,
    #[serde(default, skip_serializing_if = "SignatureMemory::is_empty")]
    signatures: SignatureMemory,
}

impl PullerSnapshot {
    /// The version that is written and read.
    pub const VERSION: u32 = 1;
}

impl State {
    pub(super) fn new(config: &PullConfig, now: Timestamp) -> Self {
        Self {
            now,
            operations: Operations::of_epoch(0),
            requests: BTreeMap::new(),
            looks: BTreeMap::new(),
            pulls: BTreeMap::new(),
            queue: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            running: BTreeMap::new(),
            busy: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            blocked_until: None,
            bucket: config.rate_limit.map(|limit| TokenBucket::new(limit, now)),
            back_off: BackOff::new(config.back_off),
            errors: BTreeMap::new(),
            turns: 0,
            arrived: 0,
            prefetched: BTreeMap::new(),
            prefetch_from: now,
            signatures: Signatures::default(),
        }
    }
}

impl Snapshots for Puller {
    type Snapshot = PullerSnapshot;
    type Environment = (PullConfig, Arc<Behaviour>);

    fn snapshot(&self) -> PullerSnapshot {
        let state = &self.state;
        let running = state
            .running
            .values()
            .filter_map(|target| Some((target.clone(), state.pulls.get(target)?.running()?.clone())));
        PullerSnapshot {
            version: PullerSnapshot::VERSION,
            now: state.now,
            operations: state.operations,
            requests: state.requests.values().cloned().collect(),
            running: running.collect(),
            blocked_until: state.blocked_until,
            bucket: state.bucket,
            back_off: state.back_off.clone(),
            errors: state.errors.clone(),
            turns: state.turns,
            arrived: state.arrived,
            prefetched: state.prefetched.clone(),
            prefetch_from: state.prefetch_from,
            checks: state.signatures.checks.values().map(Check::stored).collect(),
            signatures: state.signatures.memory.clone(),
        }
    }

    /// Another configuration counts from the next decision on: what is under way goes on with the limits that it began
    /// with, and a bucket of another rate begins full.
    fn restore(
        mut snapshot: PullerSnapshot,
        (config, behaviour): (PullConfig, Arc<Behaviour>),
        now: Timestamp,
    ) -> Result<Self, RestoreError> {
        if snapshot.version != PullerSnapshot::VERSION {
            return Err(RestoreError::Version {
                found: snapshot.version,
                supported: PullerSnapshot::VERSION,
            });
        }
        config.validate().map_err(|error| RestoreError::Mismatch {
            what: "pull configuration",
            found: error.to_string(),
            expected: "a valid one".into(),
        })?;
        snapshot.move_back_to(now);
        let mut state = State::new(&config, snapshot.now);
        state.operations = snapshot.operations;
        state.blocked_until = snapshot.blocked_until;
        if let (Some(bucket), Some(stored)) = (&mut state.bucket, snapshot.bucket)
            && bucket.limit() == stored.limit()
        {
            *bucket = stored;
        }
        state.back_off = snapshot.back_off;
        state.back_off.set_settings(config.back_off);
        state.errors = snapshot.errors;
        state.turns = snapshot.turns;
        state.arrived = snapshot.arrived;
        state.prefetched = snapshot.prefetched;
        state.prefetch_from = snapshot.prefetch_from;
        state.signatures.memory = snapshot.signatures;
        state.signatures.memory.apply(&config.signatures, state.now);

        let mut operations = BTreeSet::<OperationId>::new();
        for check in snapshot.checks {
            if !operations.insert(check.operation) {
                return Err(twice("operations", &check.operation));
            }
            state.add_check(check);
        }
        for (target, running) in snapshot.running {
            if !operations.insert(running.operation) || state.pulls.contains_key(&target) {
                return Err(twice("pulls under way", &running.operation));
            }
            state.deadlines.insert((running.until, running.operation));
            if !state.busy.insert(target.key()) {
                return Err(twice("pulls under way", &target.image));
            }
            state.running.insert(running.operation, target.clone());
            let pull = Pull { stage: Stage::Running(Box::new(running)), ..Pull::default() };
            state.pulls.insert(target, pull);
        }
        let by_arrival = behaviour.compat.pull_in_order_of_arrival;
        let mut numbers = BTreeSet::new();
        for asked in snapshot.requests {
            let (id, look) = (asked.request.id.clone(), asked.look);
            let held = asked.held.as_ref().map(|held| held.check);
            if !numbers.insert(asked.arrived) || asked.arrived > state.arrived {
                return Err(RestoreError::Mismatch {
                    what: "number of a request",
                    found: asked.arrived.to_string(),
                    expected: format!("each once, and at most {}", state.arrived),
                });
            }
            if state.requests.insert(id.clone(), asked).is_some() {
                return Err(twice("requests", &id));
            }
            if let Some(check) = held {
                if look.is_some() || !state.hold(&id, check) {
                    return Err(RestoreError::Mismatch {
                        what: "question that a request waits for",
                        found: format!("{id} waits for {check}"),
                        expected: "one that is in flight, and no other".into(),
                    });
                }
                continue;
            }
            match look {
                Some((operation, until)) => {
                    if !operations.insert(operation) {
                        return Err(twice("operations", &operation));
                    }
                    state.looks.insert(operation, id);
                    state.deadlines.insert((until, operation));
                }
                None => state.join(&id, by_arrival),
            }
        }
        Ok(Self { config, behaviour, state })
    }
}

fn twice(what: &'static str, found: &dyn std::fmt::Display) -> RestoreError {
    RestoreError::Mismatch { what, found: format!("{found} twice"), expected: "each once".into() }
}

impl PullerSnapshot {
    /// Where the clock was set back between two lives of an agent, every instant moves back by as much.
    fn move_back_to(&mut self, now: Timestamp) {
        let by = self.now.since(now);
        if by.is_zero() {
            return;
        }
        let back = |time: &mut Timestamp| *time = time.moved_back(by);
        back(&mut self.now);
        back(&mut self.prefetch_from);
        self.checks.iter_mut().for_each(|check| check.move_back(by));
        self.signatures.move_back(by);
        self.blocked_until.iter_mut().for_each(back);
        self.bucket.iter_mut().for_each(|bucket| bucket.move_back(by));
        self.back_off.move_back(by);
        for asked in &mut self.requests {
            back(&mut asked.since);
            asked.look.iter_mut().for_each(|(_, until)| back(until));
        }
        for (_, running) in &mut self.running {
            back(&mut running.started);
            back(&mut running.until);
            running.heard.iter_mut().for_each(|heard| back(&mut heard.said));
        }
    }
}
