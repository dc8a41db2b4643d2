//! The manifests under `examples/manifests` are what they say they are.
#![cfg(feature = "yaml")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use node_lifecycle::api::{Manifest, Pod, read_pods};
use node_lifecycle::behaviour::{Behaviour, Feature};
use node_lifecycle::pod::CompiledPod;

/// All manifests by file name.
fn manifests() -> io::Result<BTreeMap<String, Manifest>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/manifests");
    let mut manifests = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        assert!(name.ends_with(".json") || text.starts_with("# "), "{name} says what it shows");
        manifests.insert(name, read_pods(&text));
    }
    Ok(manifests)
}

fn compile(pod: &Pod, rules: bool) -> Result<CompiledPod, impl std::error::Error> {
    let behaviour = Behaviour::default();
    let gates = behaviour.gates.with(Feature::ContainerRestartRules, rules);
    CompiledPod::compile(pod, &Arc::new(Behaviour { gates, ..behaviour }))
}

#[test]
fn every_manifest_has_pods_that_compile() {
    let manifests = manifests().unwrap();
    assert!(manifests.len() >= 12, "{:?}", manifests.keys());
    for (name, manifest) in manifests {
        let pods = manifest.into_pods().unwrap_or_else(|errors| panic!("{name}: {errors}"));
        assert!(!pods.is_empty(), "{name} has no pod");
        for pod in pods {
            compile(&pod.pod, true).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(compile(&pod.pod, false).is_err(), name == "sig-node-talk.yaml", "{name}");
            let spec = &pod.pod.spec;
            for container in
                [&spec.init_containers, &spec.containers, &spec.ephemeral_containers].into_iter().flatten()
            {
                assert!(container.image.starts_with("registry.example/"), "{name}: {}", container.image);
            }
        }
    }
}

#[test]
fn the_shop_is_two_pods() {
    let shop = manifests().unwrap().remove("shop.yaml").unwrap();
    let pods: Vec<_> =
        shop.pods.iter().map(|pod| (pod.pod.display_name(), pod.origin.to_string(), pod.replicas)).collect();
    assert_eq!(
        pods,
        [
            ("web_shop(deployment.shop.web)".to_owned(), "Deployment/web".to_owned(), 3),
            ("db-0_shop(statefulset.shop.db-0)".to_owned(), "StatefulSet/db".to_owned(), 1),
        ]
    );
    let skipped: Vec<_> = shop.skipped.iter().map(|origin| format!("{} {origin}", origin.document)).collect();
    assert_eq!(skipped, ["1 ConfigMap/web", "2 Service/web"]);
}

#[test]
fn positions_are_those_in_the_yaml() {
    let text = "# A comment.\n---\nkind: Service\nmetadata:\n  name: web\n---\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
                template:\n    spec:\n      containers:\n        - name: app\n        - name: no\n          image: 7\n";
    let errors = read_pods(text).into_pods().unwrap_err().to_string();
    assert_eq!(
        errors,
        "document 2, line 14, column 11: spec.template.spec.containers[0].image: is missing: every container needs an image\n\
         document 2, line 15, column 17: spec.template.spec.containers[1].name: invalid type: boolean `false`, expected a string; \
         quote it to make it a string\n\
         document 2, line 16, column 18: spec.template.spec.containers[1].image: invalid type: integer `7`, expected a string; \
         quote it to make it a string"
    );
}

#[cfg(feature = "sim")]
mod behavior {
    use super::*;
    use node_lifecycle::document;
    use node_lifecycle::sim::{BehaviorFile, BehaviorRule, Subject};

    /// Whether the first rule to say something of this container is this one, for one thing that it says.
    fn counts(file: &BehaviorFile, n: usize, subject: &Subject<'_>) -> bool {
        let without = |rules: &[BehaviorRule]| BehaviorFile { rules: rules.to_vec() }.behavior(subject);
        without(&file.rules[..n]) != without(&file.rules[..=n])
    }

    #[test]
    fn every_rule_is_of_use() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/behavior.yaml");
        let documents = document::read(&fs::read_to_string(path).unwrap()).unwrap();
        let file: BehaviorFile = documents[0].decode().unwrap();
        let mut of_use = vec![false; file.rules.len()];
        for pod in manifests().unwrap().values().flat_map(|manifest| &manifest.pods) {
            let compiled = compile(&pod.pod, true).unwrap();
            for container in compiled.containers() {
                let subject = Subject {
                    pod: &pod.pod.metadata.name,
                    container: &container.name,
                    image: &container.image,
                    kind: container.kind,
                };
                for (n, of_use) in of_use.iter_mut().enumerate() {
                    *of_use |= counts(&file, n, &subject);
                }
            }
        }
        let useless: Vec<_> =
            file.rules.iter().zip(of_use).filter(|(_, of_use)| !of_use).map(|(rule, _)| rule).collect();
        assert!(useless.is_empty(), "{useless:#?}");
    }
}
