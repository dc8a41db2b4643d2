//! The configuration of a node: a base of 12 fields and 50 drop-ins of 4 fields, some 8 KB in 51 files.
//!
//! Beside the time, each operation's allocations are printed.

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

mod shop;

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use node_lifecycle::config::{Flags, Layers, MergeOptions, Source, merge, read_base, read_folder};
use node_lifecycle::document::read_leniently;
use shop::measure;

const TYPE: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

const BASE: &str = "staticPodPath: /etc/kubernetes/manifests
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
cgroupDriver: systemd
rotateCertificates: true
serverTLSBootstrap: true
maxPods: 110
imageGCHighThresholdPercent: 80
imageGCLowThresholdPercent: 70
shutdownGracePeriod: 60s
shutdownGracePeriodCriticalPods: 20s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
";

/// Four fields each: a scalar, a list, an entry of a map, a field of a struct.
fn drop_in(n: usize) -> String {
    let signal = ["memory.available", "nodefs.available", "imagefs.available"][n % 3];
    let field = ["maxPods", "podsPerCore", "registryBurst", "eventBurst", "kubeAPIBurst"][n % 5];
    let mut text = format!("{TYPE}{field}: {}\n", 100 + n);
    let _ = writeln!(text, "clusterDNS: [10.96.0.{n}]");
    let _ = writeln!(text, "evictionHard: {{{signal}: {}%}}", 5 + n % 9);
    let _ = writeln!(text, "logging: {{verbosity: {}}}", n % 5);
    text
}

fn config(criterion: &mut Criterion) {
    let options = MergeOptions::default();
    let base = Source::base("/etc/kubernetes/kubelet.yaml", format!("{TYPE}{BASE}"));
    let drop_ins: Vec<_> = (0..50).map(|n| Source::drop_in(format!("{n:02}.conf"), drop_in(n))).collect();
    let texts: Vec<&str> =
        [&base].into_iter().chain(&drop_ins).map(|source| source.text().expect("it is a text")).collect();
    println!("{} bytes in {} files", texts.iter().map(|text| text.len()).sum::<usize>(), texts.len());

    measure(criterion, "config: read alone, 51 texts", || {
        texts.iter().map(|text| read_leniently(black_box(text)).documents.len()).sum::<usize>()
    });
    measure(criterion, "config: base and 50 drop-ins, from texts", || {
        merge(Some(black_box(&base)), Some(&drop_ins), &Flags::default(), options).expect("they are right")
    });
    measure(criterion, "config: the base alone, from its text", || {
        merge(Some(black_box(&base)), None, &Flags::default(), options).expect("it is right")
    });

    // As in a real node: from files, which the file system has in memory.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-config");
    std::fs::create_dir_all(folder.join("conf.d")).expect("the target folder can be written");
    std::fs::write(folder.join("kubelet.yaml"), texts[0]).expect("the target folder can be written");
    for (source, text) in drop_ins.iter().zip(&texts[1..]) {
        std::fs::write(folder.join("conf.d").join(source.name()), text)
            .expect("the target folder can be written");
    }
    measure(criterion, "config: base and 50 drop-ins, from files", || {
        let base = read_base(&folder.join("kubelet.yaml"));
        let drop_ins = read_folder(&folder.join("conf.d"));
        merge(Some(&base), Some(&drop_ins), &Flags::default(), options).expect("they are right")
    });

    // Without reading: the drop-ins' trees are there, and so is the base.
    let layers = Layers::new(Some(&base), options);
    let read: Vec<_> = texts[1..].iter().map(|text| read_leniently(text)).collect();
    criterion.bench_function("config: merge alone, 50 drop-ins, with provenance", |bencher| {
        bencher.iter_batched(
            || (layers.clone(), read.clone()),
            |(mut layers, read)| {
                for (source, read) in drop_ins.iter().zip(read) {
                    layers.apply_read(source, read);
                }
                layers.finish(&Flags::default()).expect("they are right")
            },
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, config);
criterion_main!(benches);
