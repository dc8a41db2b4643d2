//! Progress, cancellation, restarts, and a pull and a removal of one image at once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use node_lifecycle::api::{GoDuration, Pod};
use node_lifecycle::driver::{Driver, DriverSettings, GarbageCollection, ImagesEvent, ImagesSettings, Ports};
use node_lifecycle::image::{ImageGcConfig, PullConfig, PullId, PullRequest, PullResult, TokenBucket};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::pod::{Pods, PodsSettings};
use node_lifecycle::runtime::{Clock, Image};
use node_lifecycle::sim::{Behavior, Call, CallFault, Latencies, MemorySettings, Pull};

use crate::bench::{Node, START, order, pull, reason};

fn node(pull_progress: bool) -> Node {
    let latencies = Latencies { pull: Duration::from_secs(20), ..Latencies::NONE };
    Node::new(MemorySettings { latencies, pull_progress, ..MemorySettings::default() }, 1 << 30)
}

fn parallel(most: u32) -> ImagesSettings {
    let pulls = PullConfig { max_parallel: most.try_into().ok(), ..PullConfig::default() };
    ImagesSettings { pulls, ..ImagesSettings::default() }
}

fn messages(node: &Node) -> Vec<String> {
    node.told(|event| match event {
        ImagesEvent::Pod { event, .. } => Some(event.message.to_string()),
        _ => None,
    })
}

#[test]
fn progress_is_told_where_the_service_has_it() {
    for has_progress in [true, false] {
        let node = node(has_progress);
        let mut images = node.images(ImagesSettings::default());
        let handle = images.handle();
        let pulled = node.with(&mut images, async { pull(&handle, "web", "r.example/web").await });
        let PullResult::Pulled { size_bytes, took, .. } = pulled else { panic!("{pulled:?}") };
        assert_eq!((size_bytes, took), (10 << 20, Duration::from_secs(20)));
        let progress = node.told(|event| match event {
            ImagesEvent::Progress(standing) => Some((standing.progress.bytes, standing.time_left)),
            _ => None,
        });
        assert_eq!(progress.len(), if has_progress { 4 } else { 0 }, "{progress:?}");
        assert!(!has_progress || progress[2] == (5 << 20, Some(Duration::from_secs(10))));
        assert_eq!(
            messages(&node),
            [
                "Pulling image \"r.example/web\"",
                "Successfully pulled image \"r.example/web\" in 20s (20s including waiting). Image size: \
                 10485760 bytes."
            ]
        );
        assert_eq!(node.tried(), [("r.example/web:latest".to_owned(), None)], "with its tag, and once");
        assert_eq!(
            node.registry.seen.lock().unwrap().pods,
            [Some("web".to_owned())],
            "the pod travels along"
        );
    }
}

#[test]
fn a_container_starts_as_soon_as_its_image_is_usable() {
    let usable_after = Some(GoDuration(Duration::from_secs(3)));
    let pull_of = Pull { takes: Some(GoDuration(Duration::from_secs(30))), usable_after, ..Pull::default() };
    let behavior = Behavior { pull: pull_of, ..Behavior::default() };
    let settings = MemorySettings {
        behavior: Arc::new(move |_| behavior.clone()),
        pull_progress: true,
        ..MemorySettings::default()
    };
    let node = Node::new(settings, 1 << 30);
    let mut images = node.images(ImagesSettings::default());
    let handle = images.handle();
    node.with(&mut images, async {
        let usable = pull(&handle, "web", "r.example/web:1").await;
        assert!(matches!(usable, PullResult::Usable { .. }), "{usable:?}");
        assert_eq!(node.clock().now(), START + Duration::from_secs(3));
        // That nobody waits for it does not end it: containers use it.
        node.sleep(30).await;
        assert!(matches!(pull(&handle, "db", "r.example/web:1").await, PullResult::Present { .. }));
    });
    assert!(node.registry.seen.lock().unwrap().dropped.is_empty());
}

#[test]
fn a_pull_that_nobody_wants_any_more_is_dropped_at_the_port() {
    for has_progress in [true, false] {
        let node = node(has_progress);
        let mut images = node.images(parallel(1));
        let handle = images.handle();
        node.with(&mut images, async {
            let first = Box::pin(handle.pull(order("a", "r.example/first:1")));
            // Another one waits for the same, and two wait for their turn.
            let shared = Box::pin(handle.pull(order("b", "r.example/first:1")));
            let queued = Box::pin(handle.pull(order("c", "r.example/queued:1")));
            let last = Box::pin(handle.pull(order("d", "r.example/last:1")));
            node.sleep(5).await;
            drop(first);
            drop(queued);
            node.sleep(5).await;
            let dropped = || node.registry.seen.lock().unwrap().dropped.clone();
            assert_eq!(dropped(), [""; 0], "somebody waits for it still");
            drop(shared);
            assert!(matches!(last.await, Ok(PullResult::Pulled { .. })));
            assert_eq!(dropped(), ["r.example/first:1"]);
        });
        let tried: Vec<_> = node.tried().into_iter().map(|(image, _)| image).collect();
        assert_eq!(tried, ["r.example/first:1", "r.example/last:1"], "what was queued never began");
        assert_eq!(node.clock().now(), START + Duration::from_secs(30), "the next begins at once");
        assert!(!node.has("r.example/first:1"));
    }
}

#[test]
fn another_order_takes_the_place_of_the_first() {
    let node = node(false);
    let mut images = node.images(ImagesSettings::default());
    let handle = images.handle();
    node.with(&mut images, async {
        let first = handle.pull(order("web", "r.example/old:1"));
        node.sleep(1).await;
        let second = handle.pull(order("web", "r.example/new:1"));
        let (first, second) = join(first, second).await;
        assert!(first.is_err());
        assert!(matches!(second, Ok(PullResult::Pulled { .. })), "{second:?}");
    });
    assert!(node.has("r.example/new:1") && !node.has("r.example/old:1"));
}

#[test]
fn a_restart_in_the_middle_loses_nothing() {
    for has_progress in [true, false] {
        let node = node(has_progress);
        let settings = parallel(1);
        let mut images = node.images(settings.clone());
        let handle = images.handle();
        node.memory.calls.inject(Call::PullImage, CallFault::Fails("no route to host".into()));
        let named =
            |name: &str, image: &str| -> PullRequest { PullRequest::new(PullId::Named(name.into()), image) };
        let snapshot = node.with(&mut images, async {
            let failed = handle.pull(order("web", "r.example/web:1")).await;
            assert_eq!(reason(&failed), Some("ErrImagePull"));
            handle.want(named("ahead", "r.example/ahead:1").into());
            let waiting =
                (handle.pull(order("db", "r.example/db:1")), handle.pull(order("gone", "r.example/gone:1")));
            node.sleep(4).await;
            let snapshot = handle.snapshot().await.unwrap();
            drop(waiting);
            snapshot
        });
        drop(images);
        node.memory.calls.take_made();

        let mut images = node.restarted(&snapshot, settings);
        let handle = images.handle();
        node.with(&mut images, async {
            // The delay goes on, the pull begins anew, and a pod that is gone is not pulled for.
            let web = handle.pull(order("web", "r.example/web:1")).await;
            assert_eq!(reason(&web), Some("ImagePullBackOff"));
            assert!(matches!(pull(&handle, "db", "r.example/db:1").await, PullResult::Pulled { .. }));
            handle.pod_gone("gone".into());
            node.sleep(200).await;
        });
        assert!(node.has("r.example/ahead:1") && node.has("r.example/db:1"));
        assert!(!node.has("r.example/gone:1"));
        assert_eq!(node.registry.seen.lock().unwrap().most, 1);
    }
}

#[test]
fn what_nobody_asks_for_again_after_a_restart_is_dropped() {
    let node = node(false);
    node.memory.calls.inject(Call::PullImage, CallFault::Hangs);
    let mut images = node.images(ImagesSettings::default());
    let handle = images.handle();
    let snapshot = node.with(&mut images, async {
        let waiting = handle.pull(order("web", "r.example/web:1"));
        node.sleep(4).await;
        let snapshot = handle.snapshot().await.unwrap();
        drop(waiting);
        snapshot
    });
    drop(images);
    node.memory.calls.inject(Call::PullImage, CallFault::Hangs);
    let mut images = node.restarted(&snapshot, ImagesSettings::default());
    let handle = images.handle();
    node.with(&mut images, async {
        node.sleep(60).await;
        assert_eq!(handle.look(|images| images.puller().under_way()).await, Ok(1));
        node.sleep(70).await;
        assert_eq!(handle.look(|images| images.puller().under_way()).await, Ok(0));
    });
    assert_eq!(node.registry.seen.lock().unwrap().dropped.len(), 2);
}

#[test]
fn run_again_it_begins_another_life() {
    let node = node(false);
    let mut images = node.images(ImagesSettings::default());
    let handle = images.handle();
    node.with(&mut images, async {
        handle.want(order("web", "r.example/web:1"));
        node.sleep(5).await;
    });
    assert_eq!(node.registry.seen.lock().unwrap().dropped.len(), 1, "with the future");
    node.with(&mut images, async { node.sleep(21).await });
    assert!(node.has("r.example/web:1"));
}

#[test]
fn a_pull_and_a_removal_of_one_image_keep_out_of_each_others_way() {
    let node = node(false);
    let collection = GarbageCollection::Library(ImageGcConfig::default());
    let mut images = node.images(ImagesSettings { collection, ..ImagesSettings::default() });
    let handle = images.handle();
    let old = Image { id: "old".into(), repo_tags: vec!["r.example/web:1".into()], ..Image::default() };
    node.memory.runtime.add_image(old);
    node.memory.calls.inject(Call::RemoveImage, CallFault::Delays(Duration::from_secs(30)));
    node.with(&mut images, async {
        node.sleep(1).await;
        let removed = handle.delete_unused();
        let wanted = async {
            node.sleep(5).await;
            // It is there, and is about to go.
            pull(&handle, "web", "r.example/web:1").await
        };
        let (removed, wanted) = join(removed, wanted).await;
        assert_eq!(removed, Ok(Ok(0)));
        let PullResult::Pulled { image_ref, .. } = wanted else { panic!("{wanted:?}") };
        assert!(node.memory.runtime.collect_image(&image_ref), "it is there");
    });

    // And one that is needed is not removed, though a collection has begun.
    let (one, two) = ("r.example/one:1", "r.example/two:1");
    for (id, tag) in [("one", one), ("two", two)] {
        let image = Image { id: id.into(), repo_tags: vec![tag.into()], ..Image::default() };
        node.memory.runtime.add_image(image);
    }
    node.memory.calls.inject(Call::RemoveImage, CallFault::Delays(Duration::from_secs(30)));
    let mut images = node.images(ImagesSettings { collection, ..ImagesSettings::default() });
    let handle = images.handle();
    node.with(&mut images, async {
        node.sleep(1).await;
        let wanted = async {
            node.sleep(5).await;
            handle.needed([two.into()].into());
        };
        let _ = join(handle.delete_unused(), wanted).await;
    });
    assert!(!node.has(one) && node.has(two));
}

#[test]
fn a_pod_that_goes_takes_its_pull_with_it() {
    let pod = |deleted: Option<Timestamp>| {
        let mut pod = Pod::from_json(
            r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
                "spec": {"containers": [{"name": "app", "image": "r.example/web:1"}]}}"#,
        )
        .unwrap();
        pod.metadata.deletion_timestamp = deleted;
        pod.metadata.deletion_grace_period_seconds = deleted.map(|_| 30);
        Arc::new(pod)
    };
    let node = node(true);
    let ports = Ports { images: Arc::clone(&node.ports.images), ..Ports::from(&node.memory) };
    let pods = Pods::new(Arc::default(), PodsSettings::default(), node.clock().now());
    let images = node.images(ImagesSettings::default());
    let mut driver = Driver::new(ports, pods, DriverSettings::default()).with_images(images);
    let handle = driver.handle();
    let story = async {
        handle.want(["u1".into()].into(), true);
        handle.offer(pod(None));
        node.sleep(5).await;
        assert_eq!(node.registry.seen.lock().unwrap().under_way.len(), 1);
        handle.offer(pod(Some(node.clock().now())));
        node.sleep(2).await;
        assert_eq!(node.registry.seen.lock().unwrap().dropped, ["r.example/web:1"]);
        handle.stop();
    };
    node.clock().run(join(driver.run(), story)).unwrap();
}

#[test]
fn a_pods_later_images_are_fetched_while_earlier_ones_start() {
    let json = r#"{"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": {
        "initContainers": [{"name": "migrate", "image": "r.example/migrate:1"}],
        "containers": [{"name": "app", "image": "r.example/app:1"}]}}"#;
    let up_after = |prefetch_images: bool| {
        let latencies = Latencies { pull: Duration::from_secs(20), ..Latencies::NONE };
        let settings = MemorySettings { latencies, ..MemorySettings::default() };
        let node = Node::new(settings, 1 << 30);
        let ports = Ports { images: Arc::clone(&node.ports.images), ..Ports::from(&node.memory) };
        let pods = Pods::new(Arc::default(), PodsSettings::default(), node.clock().now());
        let settings = DriverSettings { prefetch_images, ..DriverSettings::default() };
        let mut driver = Driver::new(ports, pods, settings).with_images(node.images(parallel(2)));
        let handle = driver.handle();
        let story = async {
            handle.want(["u1".into()].into(), true);
            handle.offer(Arc::new(Pod::from_json(json).unwrap()));
            for second in 0..100 {
                if node.of(Call::StartContainer).len() == 2 {
                    handle.stop();
                    return second;
                }
                node.sleep(1).await;
            }
            panic!("it did not come up")
        };
        let (_, second) = node.clock().run(join(driver.run(), story)).unwrap();
        second
    };
    let (with, without) = (up_after(true), up_after(false));
    assert!(without >= 40 && with < 30, "{with} s with, {without} s without");
}

#[test]
fn the_rate_of_pulls_is_kept_at_the_port() {
    let node = Node::new(MemorySettings::default(), 1 << 30);
    let settings = parallel(100);
    let limit = settings.pulls.rate_limit.unwrap();
    let mut images = node.images(settings);
    let handle = images.handle();
    node.with(&mut images, async {
        let all = (0..40).map(|n| handle.pull(order(&format!("pod-{n}"), &format!("r.example/app:{n}"))));
        join_all(all).await;
    });
    let mut bucket = TokenBucket::new(limit, START);
    let made: Vec<_> =
        node.memory.calls.made().into_iter().filter(|made| made.call == Call::PullImage).collect();
    assert_eq!(made.len(), 40);
    assert!(made.iter().all(|made| bucket.take(made.at)));
}
