//! What holds whatever is wanted and whatever goes wrong: lost answers, doubled orders, cancellation, restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt};
use node_lifecycle::driver::{GarbageCollection, ImagesEvent, ImagesSettings, ImagesSnapshot, Stopped};
use node_lifecycle::image::{ImageGcConfig, ImageGcPolicy, PullConfig, PullResult};
use node_lifecycle::runtime::{Clock, ImageError, PodImages};
use node_lifecycle::sim::{Call, CallFault, Latencies, MemorySettings};
use proptest::prelude::*;

use crate::bench::{Node, order};

const SIZE: u64 = 100;

#[derive(Debug, Clone)]
enum Op {
    /// A pod wants an image.
    Want(u8, u8),
    /// It wants it no more.
    Drop(u8),
    Sleep(u16),
    Fault(Call, CallFault),
    /// The runtime removes an image by itself.
    Collect(u8),
    DeleteUnused,
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let call = prop::sample::select(vec![
        Call::ImageStatus,
        Call::PullImage,
        Call::PullImage,
        Call::ListImages,
        Call::ListContainers,
        Call::RemoveImage,
        Call::ImageFsInfo,
    ]);
    let fault = prop_oneof![
        Just(CallFault::Fails("busy".into())),
        Just(CallFault::LosesAnswer),
        Just(CallFault::Hangs),
        (1..60_u64).prop_map(|seconds| CallFault::Delays(Duration::from_secs(seconds))),
    ];
    prop_oneof![
        6 => (0..6_u8, 0..4_u8).prop_map(|(pod, image)| Op::Want(pod, image)),
        2 => (0..6_u8).prop_map(Op::Drop),
        4 => (0..400_u16).prop_map(Op::Sleep),
        3 => (call, fault).prop_map(|(call, fault)| Op::Fault(call, fault)),
        1 => (0..4_u8).prop_map(Op::Collect),
        1 => Just(Op::DeleteUnused),
        1 => Just(Op::Restart),
    ]
}

/// What pods need: the images that they want, or have got.
#[derive(Clone, Default)]
struct Needs(Arc<Mutex<BTreeMap<u8, u8>>>);

#[async_trait]
impl PodImages for Needs {
    async fn needed_images(&self) -> Result<BTreeSet<Arc<str>>, ImageError> {
        Ok(self.0.lock().unwrap().values().map(|image| name(*image)).collect())
    }
}

fn name(image: u8) -> Arc<str> {
    format!("r.example/app:{image}").into()
}

type Waiting = BTreeMap<u8, BoxFuture<'static, Result<PullResult, Stopped>>>;

fn ask(
    handle: &node_lifecycle::driver::ImagesHandle,
    pod: u8,
    image: u8,
) -> BoxFuture<'static, Result<PullResult, Stopped>> {
    handle.pull(order(&format!("pod-{pod}"), &name(image))).boxed()
}

proptest! {
    #[test]
    fn whatever_goes_wrong(
        ops in prop::collection::vec(op(), 1..40),
        most in 1..4_u32,
        pull_progress in any::<bool>(),
        library_collects in any::<bool>(),
        takes in 0..40_u64,
    ) {
        let latencies = Latencies { pull: Duration::from_secs(takes), ..Latencies::NONE };
        let settings = MemorySettings { latencies, pull_progress, image_size: SIZE, ..MemorySettings::default() };
        let mut node = Node::new(settings, 3 * SIZE);
        let needs = Needs::default();
        node.ports.pods = Arc::new(needs.clone());
        let policy = ImageGcPolicy { minimum_age: Duration::ZERO, ..ImageGcPolicy::default() };
        let config = ImageGcConfig { policy, ..ImageGcConfig::default() };
        let settings = ImagesSettings {
            pulls: PullConfig {
                max_parallel: most.try_into().ok(),
                call_timeout: Duration::from_secs(30),
                pull_timeout: Duration::from_secs(600),
                ..PullConfig::default()
            },
            collection: if library_collects {
                GarbageCollection::Library(config)
            } else {
                GarbageCollection::Runtime { look_every: Duration::from_secs(60) }
            },
            call_timeout: Duration::from_secs(30),
            ..ImagesSettings::default()
        };

        let mut rest = ops.into_iter().peekable();
        let mut snapshot: Option<ImagesSnapshot> = None;
        let removed_though_needed = Arc::new(Mutex::new(Vec::new()));
        while rest.peek().is_some() {
            let images = match &snapshot {
                None => node.images(settings.clone()),
                Some(snapshot) => node.restarted(snapshot, settings.clone()),
            };
            let (known, wrong) = (needs.clone(), Arc::clone(&removed_though_needed));
            let runtime = node.memory.runtime.clone();
            let mut images = images.watched(move |now, event| {
                let ImagesEvent::Removing(removal) = event else { return };
                let images = futures::executor::block_on(
                    node_lifecycle::runtime::ImageService::list_images(&runtime, None),
                );
                let image = images.into_iter().flatten().find(|image| image.id == removal.id);
                let needed: Vec<_> = known.0.lock().unwrap().values().map(|image| name(*image)).collect();
                if image.is_some_and(|image| image.names().any(|name| needed.contains(name))) {
                    wrong.lock().unwrap().push((now, removal.clone()));
                }
            });
            let handle = images.handle();
            let ops: Vec<_> = rest.by_ref().take_while(|op| !matches!(op, Op::Restart)).collect();
            let stored = node.with(&mut images, async {
                // Whoever waited waits again.
                let waited: Vec<_> = needs.0.lock().unwrap().clone().into_iter().collect();
                let mut waiting: Waiting =
                    waited.into_iter().map(|(pod, image)| (pod, ask(&handle, pod, image))).collect();
                for op in ops {
                    match op {
                        Op::Want(pod, image) => {
                            handle.needed([name(image)].into());
                            // (What was said is heard before anything else.)
                            let _ = handle.look(|_| ()).await;
                            needs.0.lock().unwrap().insert(pod, image);
                            waiting.insert(pod, ask(&handle, pod, image));
                        }
                        Op::Drop(pod) => {
                            needs.0.lock().unwrap().remove(&pod);
                            waiting.remove(&pod);
                        }
                        Op::Sleep(seconds) => node.sleep(seconds.into()).await,
                        Op::Fault(call, fault) => node.memory.calls.inject(call, fault),
                        Op::Collect(image) => drop(node.memory.runtime.collect_image(&name(image))),
                        Op::DeleteUnused => drop(handle.delete_unused().now_or_never()),
                        Op::Restart => {}
                    }
                }
                handle.snapshot().await.unwrap()
            });
            snapshot = Some(stored);
        }

        // In the end everybody has what he wants, however often he has to ask.
        let mut images = node.restarted(&snapshot.unwrap(), settings);
        let handle = images.handle();
        let left: Vec<_> = needs.0.lock().unwrap().clone().into_iter().collect();
        let had = node.with(&mut images, async {
            let mut had = Vec::new();
            for (pod, image) in &left {
                let mut has_it = false;
                for _ in 0..60 {
                    let answer = ask(&handle, *pod, *image).await;
                    has_it = matches!(&answer, Ok(result) if result.image_ref().is_some());
                    if has_it {
                        break;
                    }
                    node.sleep(301).await;
                }
                had.push(has_it);
            }
            node.sleep(1).await;
            had
        });
        prop_assert!(had.iter().all(|has_it| *has_it), "{left:?} {had:?}");
        drop(images);

        let seen = node.registry.seen.lock().unwrap();
        prop_assert!(seen.most <= usize::try_from(most).unwrap(), "{} at once", seen.most);
        prop_assert!(!seen.doubled);
        prop_assert!(seen.under_way.is_empty(), "{:?}", seen.under_way);
        let wrong = removed_though_needed.lock().unwrap();
        prop_assert!(wrong.is_empty(), "{wrong:?}");
        if !library_collects {
            prop_assert!(node.of(Call::RemoveImage).is_empty());
        }
        prop_assert!(node.clock().now() >= crate::bench::START);
    }
}
