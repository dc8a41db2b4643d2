//! What an image is tried with, and who may use one that is there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use node_lifecycle::behaviour::{Behaviour, Feature, FeatureGates};
use node_lifecycle::driver::{ImagePorts, Images, ImagesEvent, ImagesNote, ImagesSettings};
use node_lifecycle::image::{
    Coordinates, CredentialProviderRequest, CredentialProviderResponse, CredentialProviderSettings,
    Credentials, Keyring, Password, PathRule, PullPod, PullResult, PullSecret, RegistryCredentials,
    ServiceAccount, Verification, VerificationPolicy,
};
use node_lifecycle::runtime::{
    Clock, CredentialProvider, CredentialProviderError, PodPullSecrets, PullSecrets, PullSecretsError,
};
use node_lifecycle::sim::{Call, CallFault, Latencies, MemorySettings, VirtualClock};
use serde_json::json;

use crate::bench::{Node, order, pull, reason};

/// What must not be seen.
const SECRET: &str = "hunter2";
const IMAGE: &str = "r.example/team/web:1";

fn gates() -> FeatureGates {
    FeatureGates::default()
        .with(Feature::KubeletEnsureSecretPulledImages, true)
        .with(Feature::KubeletServiceAccountTokenForCredentialProviders, true)
}

pub(crate) fn verification(policy: VerificationPolicy) -> Verification {
    Verification::new(policy, &[], gates()).unwrap()
}

fn behaviour() -> Arc<Behaviour> {
    Arc::new(Behaviour { gates: gates(), ..Behaviour::default() })
}

/// The secrets of pods: one each, with the pod's name as the user, for those that are here.
#[derive(Default)]
struct Secrets {
    pods: Mutex<Vec<&'static str>>,
    password: Mutex<String>,
}

fn secret(user: &str, password: &str) -> PullSecret {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let config = json!({"auths": {"r.example": {"auth": encode(&format!("{user}:{password}"))}}});
    PullSecret {
        coordinates: Coordinates { namespace: "shop".into(), name: user.into(), uid: user.into() },
        kind: "kubernetes.io/dockerconfigjson".into(),
        data: [(".dockerconfigjson".to_owned(), config.to_string().into_bytes())].into(),
    }
}

#[async_trait]
impl PullSecrets for Secrets {
    async fn pull_secrets(&self, pod: &PullPod) -> Result<PodPullSecrets, PullSecretsError> {
        let has_one = self.pods.lock().unwrap().contains(&&*pod.name);
        let password = format!("{SECRET}{}", self.password.lock().unwrap());
        Ok(PodPullSecrets {
            secrets: if has_one { vec![secret(&pod.name, &password)] } else { Vec::new() },
            missing: if has_one { vec!["old".into(), "older".into()] } else { Vec::new() },
            service_account: Some(ServiceAccount {
                coordinates: Coordinates {
                    namespace: Arc::clone(&pod.namespace),
                    name: Arc::clone(&pod.service_account),
                    uid: "sa".into(),
                },
                ..ServiceAccount::default()
            }),
        })
    }

    async fn service_account_token(
        &self,
        pod: &PullPod,
        audience: &str,
    ) -> Result<Password, PullSecretsError> {
        Ok(Password::from(format!("{SECRET} of {} for {audience}", pod.service_account).as_str()))
    }
}

/// Plugins that answer with their own name as the user.
struct Plugins {
    clock: VirtualClock,
    asked: Mutex<Vec<CredentialProviderRequest>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl CredentialProvider for Plugins {
    async fn credentials(
        &self,
        settings: &CredentialProviderSettings,
        request: &CredentialProviderRequest,
    ) -> Result<CredentialProviderResponse, CredentialProviderError> {
        self.asked.lock().unwrap().push(request.clone());
        self.clock.sleep_until(self.clock.now() + Duration::from_secs(1)).await;
        if *self.fails.lock().unwrap() {
            return Err(CredentialProviderError::Failed("no metadata server".into()));
        }
        let answer = json!({
            "apiVersion": settings.api_version, "kind": "CredentialProviderResponse",
            "cacheKeyType": "Registry", "cacheDuration": "10m",
            "auth": {"r.example": {"username": settings.name, "password": SECRET}},
        });
        Ok(CredentialProviderResponse::from_json(answer.to_string().as_bytes(), request)?)
    }
}

struct Case {
    node: Node,
    secrets: Arc<Secrets>,
    plugins: Arc<Plugins>,
}

fn case(pods: &[&'static str]) -> Case {
    let latencies = Latencies { pull: Duration::from_secs(5), ..Latencies::NONE };
    let mut node = Node::new(MemorySettings { latencies, ..MemorySettings::default() }, u64::MAX);
    let secrets = Arc::new(Secrets { pods: Mutex::new(pods.to_vec()), ..Secrets::default() });
    let clock = node.clock().clone();
    let plugins = Arc::new(Plugins { clock, asked: Mutex::default(), fails: Mutex::default() });
    node.ports =
        ImagePorts { secrets: Arc::clone(&secrets) as _, plugins: Arc::clone(&plugins) as _, ..node.ports };
    Case { node, secrets, plugins }
}

fn settings(policy: VerificationPolicy) -> ImagesSettings {
    let plugin = |name: &str, pattern: &str, token: serde_json::Value| {
        let mut plugin = json!({
            "name": name, "matchImages": [pattern], "defaultCacheDuration": "10m",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        });
        if !token.is_null() {
            plugin["tokenAttributes"] = token;
        }
        plugin
    };
    let token = json!({
        "serviceAccountTokenAudience": "registry", "cacheType": "ServiceAccount", "requireServiceAccount": true,
    });
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
        "providers": [plugin("cloud", "r.example/tea", json!(null)), plugin("vault", "r.example", token)],
    });
    let node = RegistryCredentials {
        registry: "r.example".into(),
        credentials: Credentials {
            username: "node".into(),
            password: SECRET.into(),
            ..Credentials::default()
        },
        source: None,
    };
    ImagesSettings {
        behaviour: behaviour(),
        node_credentials: Keyring::new(PathRule::Segments, [node]).0,
        plugins: Some(serde_json::from_value(config).unwrap()),
        verification: verification(policy),
        ..ImagesSettings::default()
    }
}

fn users(case: &Case) -> Vec<Option<String>> {
    case.node.tried().into_iter().map(|(_, user)| user).collect()
}

fn may_pull(case: &Case, users: &[&str]) {
    let users = users.iter().map(|user| (*user).to_owned()).collect();
    case.node.registry.seen.lock().unwrap().users.insert(IMAGE.to_owned(), users);
}

#[test]
fn an_image_is_tried_with_the_pods_secrets_then_the_nodes_then_those_of_plugins() {
    let case = case(&["web"]);
    let mut images = case.node.images(settings(VerificationPolicy::NeverVerify));
    let handle = images.handle();
    may_pull(&case, &["vault"]);
    case.node.with(&mut images, async {
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Pulled { .. }));
    });
    assert_eq!(users(&case), ["web", "node", "cloud", "vault"].map(|user| Some(user.to_owned())));

    let asked = case.plugins.asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "each once");
    assert!(asked[0].service_account_token.is_empty());
    assert_eq!(asked[1].service_account_token.reveal(), "hunter2 of default for registry");
    let notices = case.node.told(|event| match event {
        ImagesEvent::Note(note @ ImagesNote::WithinSegment(_)) => Some(note.to_string()),
        _ => None,
    });
    assert_eq!(
        notices,
        ["the plugin cloud is asked for r.example/team/web, of which r.example/tea is a mere beginning"]
    );
    let missing = case.node.told(|event| match event {
        ImagesEvent::Pod { event, .. } if &*event.reason == "FailedToRetrieveImagePullSecret" => {
            Some(event.message.to_string())
        }
        _ => None,
    });
    assert_eq!(
        missing,
        [
            "Unable to retrieve some image pull secrets (old, older); attempting to pull the image may not succeed."
        ]
    );
}

#[test]
fn whoever_has_nothing_pulls_without_and_is_told_all_that_was_said() {
    let case = case(&[]);
    let bare = ImagesSettings { behaviour: behaviour(), ..ImagesSettings::default() };
    let mut images = case.node.images(bare);
    let handle = images.handle();
    may_pull(&case, &["nobody"]);
    case.node.with(&mut images, async {
        let PullResult::Failed(failure) = pull(&handle, "web", IMAGE).await else { panic!() };
        assert_eq!(&*failure.message, "r.example/team/web:1: 401 Unauthorized");
    });
    assert_eq!(users(&case), [None]);
}

#[test]
fn a_plugin_that_fails_keeps_nobody_from_pulling() {
    let case = case(&["web"]);
    let mut images = case.node.images(settings(VerificationPolicy::NeverVerify));
    *case.plugins.fails.lock().unwrap() = true;
    let handle = images.handle();
    case.node.with(&mut images, async {
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Pulled { .. }));
    });
    let notes = case.node.told(|event| match event {
        ImagesEvent::Note(note @ ImagesNote::Plugin { .. }) => Some(note.to_string()),
        _ => None,
    });
    assert_eq!(notes.len(), 2);
    assert_eq!(
        notes[0],
        "the plugin cloud has no credentials: the credential provider failed: no metadata server"
    );
}

#[test]
fn equal_questions_to_a_plugin_are_asked_once() {
    let case = case(&[]);
    let settings = ImagesSettings {
        node_credentials: Keyring::default(),
        pulls: node_lifecycle::image::PullConfig { max_parallel: None, ..Default::default() },
        ..settings(VerificationPolicy::NeverVerify)
    };
    let mut images = case.node.images(settings);
    let handle = images.handle();
    case.node.with(&mut images, async {
        // One image under two tags: the plugins are asked for its repository.
        let both = futures::join!(
            pull(&handle, "web", "r.example/team/web:1"),
            pull(&handle, "db", "r.example/team/web:2"),
        );
        assert!(matches!(both, (PullResult::Pulled { .. }, PullResult::Pulled { .. })), "{both:?}");
    });
    assert_eq!(case.plugins.asked.lock().unwrap().len(), 2, "one question a plugin");
}

#[test]
fn a_pod_without_credentials_never_gets_an_image_that_it_has_to_prove() {
    let case = case(&["web", "twin"]);
    let settings = ImagesSettings {
        node_credentials: Keyring::default(),
        plugins: None,
        ..settings(VerificationPolicy::NeverVerifyPreloadedImages)
    };
    let mut images = case.node.images(settings.clone());
    let handle = images.handle();
    may_pull(&case, &["web"]);
    let snapshot = case.node.with(&mut images, async {
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Pulled { .. }));
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Present { .. }));
        // Nor does a pod whose own credentials are not good for it.
        for pod in ["stranger", "twin"] {
            let refused = handle.pull(order(pod, IMAGE)).await;
            assert_eq!(reason(&refused), Some("ErrImagePull"), "{pod}");
        }
        handle.snapshot().await.unwrap()
    });
    drop(images);

    // In the next life too, and with a secret that has rotated.
    *case.secrets.password.lock().unwrap() = "new".to_owned();
    let mut images = case.node.restarted(&snapshot, settings);
    let handle = images.handle();
    case.node.with(&mut images, async {
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Present { .. }));
        let refused = handle.pull(order("stranger", IMAGE)).await;
        assert!(reason(&refused).is_some(), "{refused:?}");
    });
}

#[test]
fn what_a_plugin_got_for_a_service_account_proves_it() {
    let case = case(&[]);
    let settings =
        ImagesSettings { node_credentials: Keyring::default(), ..settings(VerificationPolicy::AlwaysVerify) };
    let mut images = case.node.images(settings);
    let handle = images.handle();
    may_pull(&case, &["vault"]);
    case.node.with(&mut images, async {
        assert!(matches!(pull(&handle, "web", IMAGE).await, PullResult::Pulled { .. }));
        assert!(matches!(pull(&handle, "db", IMAGE).await, PullResult::Present { .. }), "the same account");
    });
}

#[test]
fn an_image_of_a_pull_that_was_given_up_is_not_taken_for_a_preloaded_one() {
    for fault in [CallFault::LosesAnswer, CallFault::Delays(Duration::from_secs(30))] {
        let case = case(&["web"]);
        let settings = ImagesSettings {
            node_credentials: Keyring::default(),
            plugins: None,
            ..settings(VerificationPolicy::NeverVerifyPreloadedImages)
        };
        let mut images = case.node.images(settings);
        let handle = images.handle();
        may_pull(&case, &["web"]);
        case.node.memory.calls.inject(Call::PullImage, fault.clone());
        case.node.with(&mut images, async {
            // It waits no longer than 10 s; the runtime fetches the image all the same.
            let waiting = Box::pin(handle.pull(order("web", IMAGE)));
            let _ = futures::future::select(waiting, Box::pin(case.node.sleep(10))).await;
            case.node.memory.runtime.add_image(node_lifecycle::runtime::Image {
                id: "sha256:late".into(),
                repo_tags: vec![IMAGE.into()],
                ..Default::default()
            });
            for _ in 0..2 {
                let refused = handle.pull(order("stranger", IMAGE)).await;
                assert!(reason(&refused).is_some(), "{fault:?}: {refused:?}");
                case.node.sleep(400).await;
            }
        });
    }
}

#[test]
fn no_secret_is_in_what_is_told_or_stored() {
    let case = case(&["web"]);
    let mut images: Images = case.node.images(settings(VerificationPolicy::AlwaysVerify));
    let handle = images.handle();
    may_pull(&case, &["nobody"]);
    let stored = case.node.with(&mut images, async {
        let failed = handle.pull(order("web", IMAGE)).await;
        let other = handle.pull(order("web", "r.example/team/db:1")).await;
        let mut waiting = Box::pin(handle.pull(order("web", "r.example/team/slow:1")));
        let _ = futures::future::select(waiting.as_mut(), Box::pin(case.node.sleep(2))).await;
        let seen =
            handle.look(|images| format!("{:?} {:?}", images.puller(), images.records())).await.unwrap();
        let snapshot = serde_json::to_string(&handle.snapshot().await.unwrap()).unwrap();
        drop(waiting);
        format!("{failed:?} {other:?} {seen} {snapshot} {handle:?}")
    });
    let told = format!("{:?}", case.node.events.lock().unwrap());
    for text in [&stored, &told] {
        assert!(!text.contains(SECRET), "{text}");
    }
    let settings = format!("{:?}", settings(VerificationPolicy::AlwaysVerify));
    assert!(!settings.contains(SECRET));
    let secrets = case
        .node
        .clock()
        .run(case.secrets.pull_secrets(&PullPod { name: "web".into(), ..PullPod::default() }));
    assert!(!format!("{secrets:?}").contains(SECRET));
}
