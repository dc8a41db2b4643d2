//! The kubelet's image manager: what it remembers and removes, call by call.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::behaviour::{Behaviour, Feature};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGcContext, ImageGcPolicy, ImageGcScope, ImageGcStep,
    ImageInventory, ImageListing, ImageRecords,
};
use node_lifecycle::machine::Timestamp;
use serde_json::{Map, Value, json};

use crate::runtime::decode;

pub(crate) fn image_gc(input: &Value) -> Value {
    let mut behaviour = Behaviour::kubelet_1_32();
    behaviour.gates = decode(&input["featureGates"]);
    let seconds = |field: &str| Duration::from_secs(decode(&input["policy"][field]));
    let policy = ImageGcPolicy {
        high_threshold_percent: decode(&input["policy"]["highThresholdPercent"]),
        low_threshold_percent: decode(&input["policy"]["lowThresholdPercent"]),
        minimum_age: seconds("minAgeSeconds"),
        maximum_age: seconds("maxAgeSeconds"),
    };
    if let Err(error) = policy.validate_thresholds() {
        return json!({"constructorError": error.to_string(), "ticks": []});
    }
    let mut manager =
        Manager { policy, behaviour, began: decode(&input["gcBegan"]), records: ImageRecords::default() };
    let ticks: Vec<_> =
        input["ticks"].as_array().into_iter().flatten().map(|tick| manager.tick(tick)).collect();
    json!({"constructorError": null, "ticks": ticks})
}

struct Manager {
    policy: ImageGcPolicy,
    behaviour: Behaviour,
    began: Timestamp,
    records: ImageRecords,
}

/// What a call has come to.
#[derive(Default)]
struct Called {
    error: Option<String>,
    remove_calls: Vec<Value>,
    freed_bytes: u64,
    events: Vec<Value>,
}

impl Manager {
    fn tick(&mut self, tick: &Value) -> Value {
        let (op, now) = (tick["op"].as_str(), decode(&tick["now"]));
        let mut called = Called::default();
        let mut in_use = json!([]);
        match self.listing(tick) {
            Err(error) => called.error = Some(error.to_owned()),
            Ok(listing) => {
                let inventory = ImageInventory::new(&listing, self.behaviour.gates);
                in_use = inventory.in_use().map(|(id, _)| json!(id)).collect();
                self.records.detect(&inventory, now);
                match op {
                    Some("garbageCollect") => called = self.collect(tick, now, ImageGcScope::All),
                    Some("deleteUnusedImages") => called = self.collect(tick, now, ImageGcScope::Unused),
                    _ => {}
                }
            }
        }
        let records: Map<_, _> = self
            .records
            .iter()
            .map(|it| {
                (it.id.to_string(), json!({"firstDetected": it.first_detected, "lastUsed": it.last_used}))
            })
            .collect();
        let mut answer = json!({
            "error": called.error,
            "removeCalls": called.remove_calls,
            "freedBytes": called.freed_bytes,
            "events": called.events,
            "records": records,
        });
        if op == Some("detectImages") {
            answer["imagesInUse"] = in_use;
        }
        answer
    }

    /// What the runtime lists, if it answers.
    fn listing(&self, tick: &Value) -> Result<ImageListing, &'static str> {
        let fails = |call: &str| tick[call].as_bool() == Some(true);
        let containers = tick["containers"].as_array().map_or(&[][..], Vec::as_slice);
        let asks_containers = self.behaviour.gates.enabled(Feature::ImageVolume) && !containers.is_empty();
        if fails("listImagesError") {
            return Err("list failed");
        }
        if fails("getPodsError") {
            return Err("pods failed");
        }
        if asks_containers && fails("containerStatusError") {
            return Err("get container status: status failed");
        }
        let user = |container: &Value| {
            let mounts = container.get("imageMounts").cloned().unwrap_or_else(|| json!([]));
            json!({"image": container["imageID"], "imageMounts": mounts})
        };
        let containers: Vec<_> = containers.iter().map(user).collect();
        Ok(decode(&json!({"images": tick["images"], "containers": containers})))
    }

    fn collect(&mut self, tick: &Value, now: Timestamp, scope: ImageGcScope) -> Called {
        let context = ImageGcContext { now, began: self.began, scope };
        let failing: BTreeSet<String> = tick.get("removeErrors").map(decode).unwrap_or_default();
        let records = &mut self.records;
        let mut collection = ImageCollection::begin(records, &self.policy, context, &self.behaviour);
        let mut called = Called::default();
        loop {
            match collection.next_step(records) {
                ImageGcStep::Remove(removal) => {
                    let ok = !failing.contains(&*removal.id);
                    called.remove_calls.push(json!({"id": removal.id, "ok": ok}));
                    let error = || Arc::from(format!("cannot remove {}", removal.id));
                    collection.finished(records, if ok { Ok(()) } else { Err(error()) });
                }
                ImageGcStep::Measure => {
                    let bytes = |field: &str| tick[field].as_u64().unwrap_or(0);
                    let (capacity_bytes, available_bytes) = (bytes("capacityBytes"), bytes("availableBytes"));
                    let fails = tick["imageFsStatsError"].as_bool() == Some(true);
                    let disk = ImageFilesystem { capacity_bytes, available_bytes };
                    collection
                        .measured(records, if fails { Err("fs stats failed".into()) } else { Ok(disk) });
                }
                ImageGcStep::Done => break,
            }
        }
        let errors = collection.errors();
        let event = |error: &node_lifecycle::image::ImageGcError| {
            let reason = error.event_reason()?;
            Some(json!({"type": "Warning", "reason": reason, "message": error.to_string()}))
        };
        called.events = errors.iter().filter_map(event).collect();
        called.error = errors.first().map(ToString::to_string);
        called.freed_bytes = collection.freed_bytes();
        called
    }
}
