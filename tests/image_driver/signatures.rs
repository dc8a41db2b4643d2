//! What has to be signed is asked for over the port, once, and is not handed out without an answer.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::join_all;
use node_lifecycle::driver::{ImagePorts, ImagesSettings};
use node_lifecycle::image::{
    PullConfig, PullResult, SignatureMode, SignaturePolicy, SignatureRule, SignatureVerdict,
};
use node_lifecycle::runtime::{SignatureError, SignatureRequest, SignatureVerifier};
use node_lifecycle::sim::MemorySettings;

use crate::bench::{Node, pull, reason};

/// Knows which images are signed, and who asked.
#[derive(Default)]
struct Signed {
    images: Vec<&'static str>,
    asked: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl SignatureVerifier for Signed {
    async fn verify(&self, request: &SignatureRequest) -> Result<SignatureVerdict, SignatureError> {
        let pod = request.pod.as_ref().map(|pod| pod.name.to_string()).unwrap_or_default();
        self.asked.lock().unwrap().push((request.image.to_string(), pod));
        Ok(if self.images.contains(&&*request.image) {
            SignatureVerdict::Valid { until: None }
        } else {
            SignatureVerdict::Invalid { reason: "no signature was found".into() }
        })
    }
}

fn settings() -> ImagesSettings {
    let rule = SignatureRule {
        mode: SignatureMode::Require,
        images: vec!["r.example".to_owned()],
        namespaces: Vec::new(),
        authority: "release".into(),
    };
    let signatures = SignaturePolicy { rules: vec![rule], ..SignaturePolicy::default() };
    let pulls = PullConfig { max_parallel: None, signatures, ..PullConfig::default() };
    ImagesSettings { pulls, ..ImagesSettings::default() }
}

fn node_with(verifier: Arc<Signed>) -> Node {
    let mut node = Node::new(MemorySettings::default(), 1 << 30);
    node.ports = ImagePorts { signatures: verifier, ..node.ports };
    node
}

#[test]
fn what_is_signed_is_handed_out_and_asked_for_once() {
    let verifier = Arc::new(Signed { images: vec!["r.example/shop:1"], ..Signed::default() });
    let node = node_with(Arc::clone(&verifier));
    let mut images = node.images(settings());
    let handle = images.handle();
    node.with(&mut images, async {
        let pulls = ["web", "api"].map(|pod| pull(&handle, pod, "r.example/shop:1"));
        for pulled in join_all(pulls).await {
            assert!(matches!(pulled, PullResult::Pulled { .. }), "{pulled:?}");
        }
        let later = pull(&handle, "cart", "r.example/shop:1").await;
        assert!(matches!(later, PullResult::Present { .. }), "{later:?}");
        let other = pull(&handle, "db", "other.example/db:1").await;
        assert!(matches!(other, PullResult::Pulled { .. }), "no rule is about it: {other:?}");
    });
    let asked = verifier.asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "once for one content, whoever needs it: {asked:?}");
    assert_eq!(asked[0].0, "r.example/shop:1");
    assert!(["web", "api"].contains(&asked[0].1.as_str()), "the pod is told: {asked:?}");
}

#[test]
fn what_is_not_signed_is_not_handed_out() {
    let node = node_with(Arc::default());
    let mut images = node.images(settings());
    let handle = images.handle();
    let result = node.with(&mut images, async { pull(&handle, "web", "r.example/shop:1").await });
    let PullResult::Failed(failure) = &result else { panic!("{result:?}") };
    assert_eq!(reason(&Ok(result.clone())), Some("SignatureValidationFailed"));
    assert!(failure.message.contains("no signature was found"), "{}", failure.message);
    assert!(node.has("r.example/shop:1"), "it is on the disk all the same");
}

#[test]
fn where_nobody_checks_nothing_passes_that_has_to_be_signed() {
    let node = Node::new(MemorySettings::default(), 1 << 30);
    let mut images = node.images(settings());
    let handle = images.handle();
    let result = node.with(&mut images, async { pull(&handle, "web", "r.example/shop:1").await });
    assert_eq!(reason(&Ok(result)), Some("SignatureValidationFailed"));
}
