//! Which side owns garbage collection is the embedder's choice.

use std::sync::Arc;
use std::time::Duration;

use node_lifecycle::api::Pod;
use node_lifecycle::driver::{
    Driver, DriverSettings, GarbageCollection, Handle, Images, ImagesEvent, ImagesSettings, Ports,
};
use node_lifecycle::image::{
    ImageGcConfig, ImageGcPolicy, ImageGcReason, PullId, PullRequest, PullResult, VerificationPolicy,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{Pods, PodsSettings};
use node_lifecycle::runtime::{Clock, Image, PodImages};
use node_lifecycle::sim::{Call, CallFault, MemorySettings};

use crate::bench::{Node, order, pull};
use crate::credentials::verification;

/// What an image takes.
const SIZE: u64 = 100;

fn node() -> Node {
    Node::new(MemorySettings { image_size: SIZE, ..MemorySettings::default() }, 10 * SIZE)
}

fn library() -> ImagesSettings {
    let policy = ImageGcPolicy {
        high_threshold_percent: 80,
        low_threshold_percent: 50,
        minimum_age: Duration::from_secs(60),
        ..ImageGcPolicy::default()
    };
    let config = ImageGcConfig { policy, ..ImageGcConfig::default() };
    ImagesSettings { collection: GarbageCollection::Library(config), ..ImagesSettings::default() }
}

fn runtime() -> ImagesSettings {
    let look_every = Duration::from_secs(60);
    ImagesSettings { collection: GarbageCollection::Runtime { look_every }, ..ImagesSettings::default() }
}

fn pod(name: &str, image: &str) -> Arc<Pod> {
    let json = format!(
        r#"{{"metadata": {{"name": "{name}", "namespace": "shop", "uid": "{name}"}},
            "spec": {{"containers": [{{"name": "app", "image": "{image}"}}]}}}}"#
    );
    Arc::new(Pod::from_json(&json).unwrap())
}

fn removals(node: &Node) -> Vec<(String, ImageGcReason)> {
    node.told(|event| match event {
        ImagesEvent::Removing(removal) => Some((removal.id.to_string(), removal.reason)),
        _ => None,
    })
}

#[test]
fn the_library_collects() {
    let node = node();
    let pinned = Image { id: "pinned".into(), size: SIZE, pinned: true, ..Image::default() };
    node.memory.runtime.add_image(pinned);
    let mut images = node.images(library());
    let handle = images.handle();
    let id_of = |result: PullResult| result.image_ref().unwrap().to_string();
    node.with(&mut images, async {
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(id_of(pull(&handle, "web", &format!("r.example/app:{n}")).await));
            node.sleep(1).await;
        }
        // Below the threshold nothing goes, however long it is unused.
        node.sleep(900).await;
        assert_eq!(node.of(Call::RemoveImage), [""; 0]);

        ids.push(id_of(pull(&handle, "web", "r.example/app:6").await));
        node.sleep(400).await;
        let gone: Vec<_> = removals(&node).into_iter().map(|(id, _)| id).collect();
        assert_eq!(gone.len(), 3, "down to the low threshold, and no further");
        assert_eq!(node.of(Call::RemoveImage), gone);
        assert!(!gone.contains(&"pinned".to_owned()) && !gone.contains(&ids[6]), "{gone:?}");
        assert!(matches!(removals(&node)[0].1, ImageGcReason::DiskSpace { used_percent: 80, .. }));
        let seen = handle.look(|images| images.collection().unwrap().records().iter().count()).await;
        assert_eq!(seen, Ok(5));

        // What was removed is pulled again when somebody needs it.
        let lost = ids.iter().position(|id| *id == gone[0]).unwrap();
        let again = pull(&handle, "web", &format!("r.example/app:{lost}")).await;
        assert!(matches!(again, PullResult::Pulled { .. }));

        // Room on demand.
        assert_eq!(handle.delete_unused().await, Ok(Ok(4 * SIZE)), "all but the pinned one and the newest");
        assert_eq!(handle.delete_unused().await, Ok(Ok(0)), "the second time there is nothing left");
    });
    assert!(node.has("pinned"));
}

/// Pods over the images.
fn with_pods<T>(
    node: &Node,
    images: Images,
    settings: DriverSettings,
    story: impl AsyncFnOnce(Handle) -> T,
) -> T {
    let ports = Ports { images: Arc::clone(&node.ports.images), ..Ports::from(&node.memory) };
    let pods = Pods::new(Arc::default(), PodsSettings::default(), node.clock().now());
    let mut driver = Driver::new(ports, pods, settings).with_images(images);
    let handle = driver.handle();
    let (told, ()) = node
        .clock()
        .run(async {
            let stop = driver.handle();
            let story = async {
                let told = story(handle).await;
                stop.stop();
                told
            };
            futures::join!(story, driver.run())
        })
        .unwrap();
    told
}

#[test]
fn the_library_leaves_what_pods_need() {
    let node = node();
    let images = node.images(library());
    let wanted = images.handle();
    with_pods(&node, images, DriverSettings::default(), async |handle: Handle| {
        let pods = [pod("web", "r.example/web:1"), pod("db", "r.example/db:1")];
        handle.want(pods.iter().map(|pod| pod.metadata.uid.clone()).collect(), true);
        for pod in &pods {
            handle.offer(Arc::clone(pod));
        }
        node.sleep(200).await;
        let needed = handle.needed_images().await.unwrap();
        assert_eq!(
            needed.iter().map(|image| &**image).collect::<Vec<_>>(),
            ["r.example/db:1", "r.example/web:1"]
        );
        for n in 0..7 {
            let id = PullId::Named(n.to_string().into());
            wanted.pull(PullRequest::new(id, format!("r.example/ahead:{n}")).into()).await.unwrap();
        }
        node.sleep(600).await;
        let gone = removals(&node).len();
        assert_eq!(gone, 4);
        assert_eq!(wanted.delete_unused().await, Ok(Ok(3 * SIZE)));

        // A pod is gone, and its container: nobody needs its image any more.
        handle.want([pods[0].metadata.uid.clone()].into(), true);
        node.sleep(120).await;
        assert_eq!(wanted.delete_unused().await, Ok(Ok(SIZE)));
    });
    assert!(node.has("r.example/web:1") && !node.has("r.example/db:1"));
}

#[test]
fn a_no_cache_image_goes_with_its_pod_and_serves_no_other() {
    let node = node();
    let images = node.images(library());
    let ports = Ports { images: Arc::clone(&node.ports.images), ..Ports::from(&node.memory) };
    let pods = Pods::new(Arc::default(), PodsSettings::default(), node.clock().now());
    let mut driver = Driver::new(ports, pods, DriverSettings::default())
        .with_images(images)
        .adjusting_pulls(|pod, request| request.no_cache = pod.metadata.name == "secretive");
    let (handle, wanted) = (driver.handle(), driver.images());
    let story = async {
        let secretive = pod("secretive", "r.example/model:1");
        handle.want([secretive.metadata.uid.clone()].into(), true);
        handle.offer(Arc::clone(&secretive));
        node.sleep(30).await;
        assert_eq!(node.tried().len(), 1);
        // It is there, and another pod has to pull it for itself all the same.
        let other = pull(&wanted, "other", "r.example/model:1").await;
        assert!(matches!(other, PullResult::Pulled { .. }), "{other:?}");
        assert_eq!(node.tried().len(), 2);

        handle.want([].into(), true);
        node.sleep(90).await;
        handle.stop();
    };
    node.clock().run(async { futures::join!(driver.run(), story) }).unwrap();
    assert_eq!(
        removals(&node).into_iter().map(|(_, reason)| reason).collect::<Vec<_>>(),
        [ImageGcReason::NoCache]
    );
    assert!(!node.has("r.example/model:1"));
}

#[test]
fn the_runtime_collects() {
    let node = node();
    let settings = ImagesSettings {
        verification: verification(VerificationPolicy::NeverVerifyPreloadedImages),
        ..runtime()
    };
    let images = node.images(settings);
    let wanted = images.handle();
    with_pods(&node, images, DriverSettings::default(), async |handle: Handle| {
        let web = pod("web", "r.example/web:1");
        handle.want([web.metadata.uid.clone()].into(), true);
        handle.offer(Arc::clone(&web));
        node.sleep(100).await;
        assert_eq!(node.tried().len(), 1);
        let recorded = wanted.look(|images| images.records().pulled().count()).await;
        assert_eq!(recorded, Ok(1));

        // The runtime removes it, for reasons of its own; the container goes on.
        assert!(node.memory.runtime.collect_image("r.example/web:1"));
        node.sleep(100).await;
        let vanished = node.told(|event| matches!(event, ImagesEvent::Vanished { .. }).then_some(()));
        assert_eq!(vanished.len(), 1);
        let recorded = wanted.look(|images| images.records().pulled().count()).await;
        assert_eq!(recorded, Ok(0), "nobody can be granted what is not there");

        // The container ends, and its successor needs the image again.
        let containers = node.memory.runtime.clone();
        let filter = node_lifecycle::runtime::ContainerFilter::default();
        use node_lifecycle::runtime::RuntimeService;
        let running = containers.list_containers(&filter).await.unwrap();
        containers.exit(&running[0].id, 1, "Error");
        node.sleep(60).await;
        assert_eq!(node.tried().len(), 2, "pulled again");
        assert!(wanted.delete_unused().await.unwrap().is_err(), "that is the runtime's");
        node.sleep(3600).await;
    });
    assert_eq!(node.of(Call::RemoveImage), [""; 0], "nobody asked it to");
    assert_eq!(node.of(Call::ImageFsInfo), [""; 0], "the disk is the runtime's");
    assert!(node.of(Call::ListImages).len() > 60, "it is only looked at");
}

#[test]
fn a_runtime_that_removes_in_the_middle_of_everything_is_followed() {
    let node = node();
    let mut images = node.images(runtime());
    let handle = images.handle();
    node.memory.calls.inject(Call::ListImages, CallFault::Fails("busy".into()));
    node.with(&mut images, async {
        for round in 0..5 {
            let first = pull(&handle, "web", "r.example/web:1").await;
            assert!(matches!(first, PullResult::Pulled { .. }), "{round}: {first:?}");
            let second = pull(&handle, "web", "r.example/web:1").await;
            assert!(matches!(second, PullResult::Present { .. }), "{round}: {second:?}");
            assert!(node.memory.runtime.collect_image("r.example/web:1"));
        }
        // Between the answer and the container there is nothing that holds it: it is asked for again.
        let _ = handle.pull(order("web", "r.example/web:1")).await;
    });
    assert_eq!(node.tried().len(), 6);
    assert_eq!(node.of(Call::RemoveImage), [""; 0]);
    assert!(node.clock().now() > Timestamp::UNIX_EPOCH);
}
