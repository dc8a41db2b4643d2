//! The example `verify_signature`: which signatures of cosign it takes, and which it does not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failed unwrap is a failed test")]

#[path = "../examples/verify_signature.rs"]
#[expect(dead_code, reason = "its `main` is not called here")]
mod verify_signature;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::executor::block_on;
use node_lifecycle::image::SignatureVerdict;
use node_lifecycle::runtime::{SignatureError, SignatureRequest, SignatureVerifier};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde_json::json;
use verify_signature::{CosignSignature, CosignVerifier, Images};

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const REPOSITORY: &str = "registry.example/web";

/// A key that is made here, and is worth nothing.
fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn payload(repository: &str, digest: &str, kind: &str) -> String {
    let critical = json!({"identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": digest}, "type": kind});
    json!({"critical": critical, "optional": null}).to_string()
}

fn signed(key: &SigningKey, payload: &str) -> CosignSignature {
    let signature: Signature = key.sign(payload.as_bytes());
    CosignSignature {
        payload: BASE64_STANDARD.encode(payload),
        base64_signature: BASE64_STANDARD.encode(signature.to_der()),
    }
}

fn good() -> String {
    payload(REPOSITORY, DIGEST, "cosign container image signature")
}

fn verify(
    signatures: Vec<CosignSignature>,
    request: &SignatureRequest,
) -> Result<SignatureVerdict, SignatureError> {
    let images = json!({"images": [{"id": "sha256:id", "repoTags": ["registry.example/web:1"],
        "repoDigests": [format!("{REPOSITORY}@{DIGEST}"), format!("mirror.example/web@{OTHER}")]}]});
    let keys: BTreeMap<Arc<str>, _> =
        [("release".into(), vec![*key(7).verifying_key(), *key(8).verifying_key()])].into();
    let images = Arc::new(Images::from_json(&images.to_string()).unwrap());
    block_on(CosignVerifier { images, keys, signatures }.verify(request))
}

fn request() -> SignatureRequest {
    let (image, image_ref) = ("registry.example/web:1".into(), "sha256:id".into());
    SignatureRequest { image, image_ref, authority: "release".into(), pod: None }
}

fn refused(signature: CosignSignature) -> String {
    match verify(vec![signature], &request()) {
        Ok(SignatureVerdict::Invalid { reason }) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signature_counts_that_one_of_the_keys_has_made_of_this_image() {
    let valid = Ok(SignatureVerdict::Valid { until: None });
    assert_eq!(verify(vec![signed(&key(7), &good())], &request()), valid);
    assert_eq!(
        verify(vec![signed(&key(9), &good()), signed(&key(8), &good())], &request()),
        valid,
        "one is enough"
    );
}

#[test]
fn what_is_wrong_with_a_signature_is_said() {
    assert_eq!(
        refused(signed(&key(7), &payload(REPOSITORY, OTHER, "cosign container image signature"))),
        format!("no signature was found for {REPOSITORY}@{DIGEST}")
    );
    let another = format!("the signature of {DIGEST} was made with another key, or not of this");
    assert_eq!(refused(signed(&key(9), &good())), another);
    let changed =
        CosignSignature { payload: BASE64_STANDARD.encode(good() + " "), ..signed(&key(7), &good()) };
    assert_eq!(refused(changed), another);
    assert_eq!(
        refused(signed(
            &key(7),
            &payload("registry.example/other", DIGEST, "cosign container image signature")
        )),
        format!("{DIGEST} is signed for \"registry.example/other\", and not for {REPOSITORY}")
    );
    assert_eq!(
        refused(signed(&key(7), &payload(REPOSITORY, DIGEST, "attestation"))),
        "what is signed is no image, but a \"attestation\""
    );
    let malformed = CosignSignature { base64_signature: "AAAA".into(), ..signed(&key(7), &good()) };
    assert_eq!(refused(malformed), format!("the signature of {DIGEST} is malformed"));
    for nonsense in ["", "%", "eyJ9", "bnVsbA=="] {
        let nonsense = CosignSignature { payload: nonsense.into(), ..signed(&key(7), &good()) };
        assert!(refused(nonsense).starts_with("no signature was found"));
    }
}

#[test]
fn what_cannot_be_checked_is_an_error() {
    let other = SignatureRequest { authority: "others".into(), ..request() };
    assert_eq!(verify(Vec::new(), &other), Err(SignatureError::UnknownAuthority("others".into())));
    let gone = SignatureRequest { image_ref: "sha256:gone".into(), ..request() };
    assert!(matches!(verify(Vec::new(), &gone), Err(SignatureError::Unknown(_))));
    let mirror = SignatureRequest { image: "registry.example/copy:1".into(), ..request() };
    let Ok(SignatureVerdict::Invalid { reason }) = verify(Vec::new(), &mirror) else { panic!() };
    assert_eq!(&*reason, "the image has no digest in registry.example/copy");
}

#[test]
fn the_shipped_signatures_are_in_order() {
    let read = |name: &str| {
        std::fs::read_to_string(format!("{}/examples/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let images = Arc::new(Images::from_json(&read("images.json")).unwrap());
    let key = VerifyingKey::from_public_key_pem(&read("signatures/shop-release.pub")).unwrap();
    let signatures: Vec<CosignSignature> =
        read("signatures/signatures.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(signatures.len(), 2);
    let verifier = CosignVerifier { images, keys: [("".into(), vec![key])].into(), signatures };
    let is_signed = |image: &str| {
        let request =
            SignatureRequest { image: image.into(), image_ref: image.into(), ..SignatureRequest::default() };
        matches!(block_on(verifier.verify(&request)), Ok(SignatureVerdict::Valid { .. }))
    };
    assert!(
        is_signed("registry.example/shop/checkout:5.8.2")
            && is_signed("registry.example/shop/catalog:2.14.1")
    );
    assert!(!is_signed("registry.example/shop/cart:3.31.0"));
}
