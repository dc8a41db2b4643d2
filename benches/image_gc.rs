//! Garbage collection of images: a look with nothing to do, and a look after which half of the disk is freed, on nodes
//! of 100, 1,000 and 10,000 images that are indexed already; and indexing them.
//!
//! Beside the time, an operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use node_lifecycle::behaviour::{Behaviour, FeatureGates};
use node_lifecycle::image::{
    ImageCollection, ImageFilesystem, ImageGcContext, ImageGcPolicy, ImageGcScope, ImageGcStep,
    ImageInventory, ImageListing, ImageRecords, ImageUser, ListedImage,
};
use node_lifecycle::machine::Timestamp;

const SIZE: u64 = 100_000_000;

/// Images whose ids look like digests, in no order; a fifth is `used`.
fn listing(count: u64, used: impl Fn(u64) -> bool) -> ImageListing {
    let id = |n: u64| format!("sha256:{:064x}", u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64);
    let image = |n| ListedImage {
        id: id(n).into(),
        names: vec![format!("registry.example/team-{}/app:{n}", n % 40).into()],
        size_bytes: SIZE,
        ..ListedImage::default()
    };
    let user = |n| ImageUser { image: id(n).into(), ..ImageUser::default() };
    ImageListing {
        images: (0..count).map(image).collect(),
        containers: (0..count).filter(|n| used(*n)).map(user).collect(),
        ..ImageListing::default()
    }
}

/// What is remembered of images that were used one after another.
fn records(count: u64) -> ImageRecords {
    let mut records = ImageRecords::default();
    for hour in 0..20 {
        let listing = listing(count, |n| n.wrapping_mul(0x9e37_79b9) % 23 == hour);
        let now = Timestamp::from_unix_seconds(1_000 + 3600 * hour.cast_signed());
        records.detect(&ImageInventory::new(&listing, FeatureGates::default()), now);
    }
    records
}

/// A look at the images and a collection; returns how many went.
fn tick(records: &mut ImageRecords, seen: &ImageInventory, disk: ImageFilesystem, now: Timestamp) -> usize {
    records.detect(seen, now);
    let policy = ImageGcPolicy {
        high_threshold_percent: 100,
        low_threshold_percent: 50,
        maximum_age: Duration::from_secs(1_000_000),
        ..ImageGcPolicy::default()
    };
    let context = ImageGcContext { now, began: Timestamp::UNIX_EPOCH, scope: ImageGcScope::All };
    let mut collection = ImageCollection::begin(records, &policy, context, &Behaviour::default());
    let mut gone = 0;
    loop {
        match collection.next_step(records) {
            ImageGcStep::Remove(removal) => {
                black_box(removal);
                gone += 1;
                collection.finished(records, Ok(()));
            }
            ImageGcStep::Measure => collection.measured(records, Ok(disk)),
            ImageGcStep::Done => return gone,
        }
    }
}

fn collections(criterion: &mut Criterion) {
    let now = Timestamp::from_unix_seconds(100_000);
    for count in [100, 1_000, 10_000] {
        let listing = listing(count, |n| n % 5 == 0);
        shop::measure(criterion, &format!("{count} images: index"), || {
            ImageInventory::new(black_box(&listing), FeatureGates::default())
        });
        let seen = ImageInventory::new(&listing, FeatureGates::default());
        let mut kept = records(count);
        let (full, empty) = [0, count * SIZE]
            .map(|available_bytes| ImageFilesystem { capacity_bytes: count * SIZE, available_bytes })
            .into();
        shop::measure(criterion, &format!("{count} images: nothing to do"), || {
            tick(&mut kept, black_box(&seen), empty, now)
        });
        let free_half = |records: &mut ImageRecords| tick(records, black_box(&seen), full, now);
        let mut once = kept.clone();
        let allocated = allocation_counter::measure(|| {
            let gone = free_half(&mut once);
            assert_eq!(gone as u64, count / 2);
        });
        let name = format!("{count} images: free half");
        println!("{name}: {} allocations, {} bytes", allocated.count_total, allocated.bytes_total);
        criterion.bench_function(&name, |bencher| {
            bencher.iter_batched_ref(|| kept.clone(), free_half, BatchSize::LargeInput);
        });
    }
}

criterion_group!(benches, collections);
criterion_main!(benches);
