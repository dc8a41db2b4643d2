//! Signatures as cosign makes them, checked against a public key, without a network: what is behind the port
//! `SignatureVerifier`, and what a node does with its answers.
//!
//! `examples/data/signatures` has a key and two signatures, in the form of `cosign download signature`; a registry would
//! be asked for them. They are of images of the node `worker-7`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::executor::block_on;
use node_lifecycle::image::{
    ImagePresence, ImageReference, PullConfig, PullId, PullPod, PullRequest, PullResult, Puller,
    PullerAction, PullerEvent, PullerOutcome, SignatureMode, SignaturePolicy, SignatureVerdict,
};
use node_lifecycle::machine::{Machine, Timestamp};
use node_lifecycle::runtime::{
    AuthConfig, Image, ImageError, ImageService, ImageSpec, PodSandboxConfig, SignatureError,
    SignatureRequest, SignatureVerifier,
};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde::Deserialize;

const KEY: &str = include_str!("data/signatures/shop-release.pub");
const SIGNATURES: &str = include_str!("data/signatures/signatures.jsonl");
const IMAGES: &str = include_str!("data/images.json");

/// Who has to have signed what: the first rule that covers an image and a namespace counts.
const POLICY: &str = r#"{"rules": [
    {"mode": "off", "namespaces": ["kube-system", "monitoring"]},
    {"mode": "require", "images": ["registry.example/shop"], "authority": "shop-release"},
    {"mode": "warn", "images": ["*.example"], "authority": "shop-release"}]}"#;

/// Checks signatures of cosign against the keys of each authority.
pub(crate) struct CosignVerifier {
    /// Knows which manifests an image has: those are what is signed.
    pub(crate) images: Arc<dyn ImageService>,
    pub(crate) keys: BTreeMap<Arc<str>, Vec<VerifyingKey>>,
    pub(crate) signatures: Vec<CosignSignature>,
}

/// A signature, and what was signed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CosignSignature {
    pub(crate) payload: String,
    pub(crate) base64_signature: String,
}

/// What was signed: "simple signing".
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Manifest,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    docker_manifest_digest: String,
}

#[async_trait]
impl SignatureVerifier for CosignVerifier {
    async fn verify(&self, request: &SignatureRequest) -> Result<SignatureVerdict, SignatureError> {
        let unknown = |error: String| SignatureError::Unknown(error.into());
        let authority = &request.authority;
        let keys = self
            .keys
            .get(authority)
            .ok_or_else(|| SignatureError::UnknownAuthority(Arc::clone(authority)))?;
        let image = self.images.image_status(&Arc::clone(&request.image_ref).into()).await;
        let image = image.map_err(|error| SignatureError::Unavailable(error.to_string().into()))?;
        let image = image.ok_or_else(|| unknown(format!("{} is not there any more", request.image_ref)))?;
        let asked: ImageReference =
            request.image.parse().map_err(|error| unknown(format!("{}: {error}", request.image)))?;
        let digests = image.repo_digests.iter().filter_map(|name| name.parse::<ImageReference>().ok());
        let digest = digests
            .filter(|name| name.repository() == asked.repository())
            .find_map(|name| name.digest().map(str::to_owned));
        let Some(digest) = digest else {
            let reason = format!("the image has no digest in {}", asked.repository());
            return Ok(SignatureVerdict::Invalid { reason: reason.into() });
        };
        let mut reason = format!("no signature was found for {}@{digest}", asked.repository());
        for signature in &self.signatures {
            match signature.is_for(asked.repository(), &digest, keys) {
                Ok(true) => return Ok(SignatureVerdict::Valid { until: None }),
                Ok(false) => {}
                Err(wrong) => reason = wrong,
            }
        }
        Ok(SignatureVerdict::Invalid { reason: reason.into() })
    }
}

impl CosignSignature {
    /// Whether one of the keys has signed that this is in that repository; why not, where it claims to be so.
    fn is_for(&self, repository: &str, digest: &str, keys: &[VerifyingKey]) -> Result<bool, String> {
        let payload = BASE64_STANDARD.decode(&self.payload).unwrap_or_default();
        let Ok(Payload { critical }) = serde_json::from_slice(&payload) else { return Ok(false) };
        if critical.image.docker_manifest_digest != digest {
            return Ok(false);
        }
        // Only now anything that it says is believed.
        let signature = BASE64_STANDARD.decode(&self.base64_signature).unwrap_or_default();
        let signature =
            Signature::from_der(&signature).map_err(|_| format!("the signature of {digest} is malformed"))?;
        if !keys.iter().any(|key| key.verify(&payload, &signature).is_ok()) {
            return Err(format!("the signature of {digest} was made with another key, or not of this"));
        }
        if critical.kind != "cosign container image signature" {
            return Err(format!("what is signed is no image, but a {:?}", critical.kind));
        }
        let signed: Result<ImageReference, _> = critical.identity.docker_reference.parse();
        if signed.is_ok_and(|signed| signed.repository() == repository) {
            return Ok(true);
        }
        Err(format!(
            "{digest} is signed for {:?}, and not for {repository}",
            critical.identity.docker_reference
        ))
    }
}

/// The images of `crictl images -o json`.
pub(crate) struct Images(Vec<Image>);

impl Images {
    pub(crate) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct List {
            images: Vec<Listed>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            id: Arc<str>,
            repo_tags: Vec<Arc<str>>,
            repo_digests: Vec<Arc<str>>,
        }
        let List { images } = serde_json::from_str(text)?;
        let images = images.into_iter().map(|Listed { id, repo_tags, repo_digests }| Image {
            id,
            repo_tags,
            repo_digests,
            ..Image::default()
        });
        Ok(Self(images.collect()))
    }
}

#[async_trait]
impl ImageService for Images {
    async fn image_status(&self, image: &ImageSpec) -> Result<Option<Image>, ImageError> {
        let is_called = |it: &&Image| {
            it.id == image.image
                || it.repo_tags.iter().chain(&it.repo_digests).any(|name| *name == image.image)
        };
        Ok(self.0.iter().find(is_called).cloned())
    }

    async fn pull_image(
        &self,
        _image: &ImageSpec,
        _auth: Option<&AuthConfig>,
        _sandbox_config: Option<&PodSandboxConfig>,
    ) -> Result<Arc<str>, ImageError> {
        Err(ImageError::RegistryUnavailable("this node has no network".into()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images: Arc<dyn ImageService> = Arc::new(Images::from_json(IMAGES)?);
    let signatures = SIGNATURES.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let keys = [("shop-release".into(), vec![VerifyingKey::from_public_key_pem(KEY)?])].into();
    let verifier = CosignVerifier { images: Arc::clone(&images), keys, signatures };

    let signatures: SignaturePolicy = serde_json::from_str(POLICY)?;
    for rule in &signatures.rules {
        let mode = match rule.mode {
            SignatureMode::Off => "nobody asks for signatures",
            SignatureMode::Warn => "a warning if they are not signed",
            SignatureMode::Require => "not used if they are not signed",
        };
        let listed = |names: &[String]| if names.is_empty() { "all".to_owned() } else { names.join(", ") };
        println!("images of {} for namespaces {}: {mode}", listed(&rule.images), listed(&rule.namespaces));
    }
    let config = PullConfig { signatures, ..PullConfig::default() };
    let mut puller = Puller::new(config, Arc::default(), Timestamp::UNIX_EPOCH)?;
    for (namespace, image) in [
        ("kube-system", "registry.example/kube/kube-proxy:v1.32.3"),
        ("shop", "registry.example/shop/checkout:5.8.2"),
        ("shop", "registry.example/shop/checkout:5.8.2"),
        ("shop", "registry.example/shop/cart:3.31.0"),
        ("default", "registry.example/ops/toolbox:2026.2"),
    ] {
        println!("\na pod in {namespace} needs {image}");
        ask(&mut puller, &verifier, namespace, image);
    }
    Ok(())
}

/// Asks for an image, and does what the puller wants.
fn ask(puller: &mut Puller, verifier: &CosignVerifier, namespace: &str, image: &str) {
    let id = PullId::Container { pod: "1".into(), name: "app".into() };
    let pod = PullPod { namespace: namespace.into(), name: "web".into(), ..PullPod::default() };
    let request = PullRequest { pod: Some(Arc::new(pod)), ..PullRequest::new(id, image) };
    let (now, mut actions) = (Timestamp::UNIX_EPOCH, Vec::new());
    puller.step(now, PullerEvent::Wanted(Arc::new(request)), &mut actions);
    while !actions.is_empty() {
        for action in std::mem::take(&mut actions) {
            let (operation, outcome) = match action {
                PullerAction::Look { operation, image, .. } => {
                    let status = block_on(verifier.images.image_status(&image.into()));
                    (operation, PullerOutcome::Looked(ImagePresence::from(status)))
                }
                PullerAction::Pull { operation, image, .. } => {
                    let pulled = block_on(verifier.images.pull_image(&image.into(), None, None));
                    let outcome = match pulled {
                        Ok(image_ref) => PullerOutcome::Pulled { image_ref, size_bytes: 0 },
                        Err(error) => PullerOutcome::Failed(error.to_cri_text().into()),
                    };
                    (operation, outcome)
                }
                PullerAction::VerifySignature { operation, image, subject, request } => {
                    println!("  its signature is checked against the keys of {:?}", subject.authority);
                    let request = SignatureRequest {
                        image,
                        image_ref: subject.image_ref,
                        authority: subject.authority,
                        pod: request.pod.clone(),
                    };
                    let outcome = match block_on(verifier.verify(&request)) {
                        Ok(verdict) => PullerOutcome::Verified(verdict),
                        Err(error) => PullerOutcome::Failed(error.to_string().into()),
                    };
                    (operation, outcome)
                }
                PullerAction::Record { event, .. } => {
                    println!("  event {}: {}", event.reason, event.message);
                    continue;
                }
                PullerAction::Answer { result, .. } => {
                    match *result {
                        PullResult::Failed(failure) => println!("  it must not start: {}", failure.reason),
                        _ => println!("  it may start"),
                    }
                    continue;
                }
                PullerAction::CancelPull { .. } | PullerAction::Progress(_) | PullerAction::Note(_) => {
                    continue;
                }
            };
            puller.step(now, PullerEvent::Done { operation, outcome }, &mut actions);
        }
    }
}
