//! Laws of names, credentials and verification, under any text and any sequence of pulls.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};

use node_lifecycle::behaviour::{Compat, Feature, FeatureGates};
use node_lifecycle::image::{
    Access, Coordinates, CredentialProviderConfig, CredentialProviderRequest, CredentialProviderResponse,
    CredentialProviderSettings, CredentialProviders, CredentialSource, Credentials, DockerConfig,
    ImagePullCredentials, ImageReference, Keyring, Password, PathRule, ProviderLookup, PullRecords,
    PullSecret, RegistryCredentials, ServiceAccount, Verification, VerificationPolicy, registry_matches,
};
use node_lifecycle::machine::Timestamp;
use node_lifecycle::runtime::{AuthConfig, CredentialProviderError, PodPullSecrets};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

const REPOSITORIES: [&str; 3] = ["r.example/team/web", "r.example/public/web", "docker.io/library/nginx"];
const REFS: [&str; 3] = ["sha256:1", "sha256:2", "sha256:3"];
const POLICIES: [VerificationPolicy; 4] = [
    VerificationPolicy::NeverVerify,
    VerificationPolicy::NeverVerifyPreloadedImages,
    VerificationPolicy::NeverVerifyAllowlistedImages,
    VerificationPolicy::AlwaysVerify,
];

fn verification(policy: VerificationPolicy) -> Verification {
    let gates = FeatureGates::default().with(Feature::KubeletEnsureSecretPulledImages, true);
    Verification::new(policy, &["r.example/public/*".to_owned()], gates).unwrap()
}

/// What a pull or a pod has: nothing, the node's, a secret's, a service account's.
fn credentials(source: Option<Option<CredentialSource>>, password: &str) -> Vec<RegistryCredentials> {
    let credentials = Credentials { password: password.into(), ..Credentials::default() };
    let of = |source, registry: &str| RegistryCredentials {
        registry: registry.to_owned(),
        credentials: credentials.clone(),
        source,
    };
    source
        .into_iter()
        .flat_map(|source| ["r.example", "docker.io"].map(|host| of(source.clone(), host)))
        .collect()
}

fn coordinates(name: &str) -> Coordinates {
    Coordinates { namespace: "shop".into(), name: name.into(), uid: name.into() }
}

/// Those that pulls may succeed with.
fn known() -> impl Strategy<Value = Vec<RegistryCredentials>> {
    let secret = select(vec!["a", "b"]).prop_map(|name| CredentialSource::Secret(coordinates(name)));
    let account = select(vec!["a", "b"]).prop_map(|name| CredentialSource::ServiceAccount(coordinates(name)));
    let source = prop_oneof![
        Just(None),
        Just(Some(None)),
        secret.prop_map(|s| Some(Some(s))),
        account.prop_map(|a| Some(Some(a)))
    ];
    (source, select(vec!["x", "y"])).prop_map(|(source, password)| credentials(source, password))
}

/// Those that no pull ever has: nothing, the node's, and a stranger's.
fn strangers() -> Vec<Vec<RegistryCredentials>> {
    let secret = CredentialSource::Secret(coordinates("stranger"));
    let account = CredentialSource::ServiceAccount(coordinates("stranger"));
    vec![
        credentials(None, ""),
        credentials(Some(None), "x"),
        credentials(Some(Some(secret)), "stranger's"),
        credentials(Some(Some(account)), "x"),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Begin(usize),
    Fail(usize),
    GiveUp(usize),
    Succeed(usize, usize, Vec<RegistryCredentials>),
    Verify(usize, usize, Vec<RegistryCredentials>),
    Restart(Vec<(usize, usize)>),
    Prune(Vec<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_usize).prop_map(Step::Begin),
        (0..3_usize).prop_map(Step::Fail),
        (0..3_usize).prop_map(Step::GiveUp),
        (0..3_usize, 0..3_usize, known()).prop_map(|(image, name, with)| Step::Succeed(image, name, with)),
        (0..3_usize, 0..3_usize, known()).prop_map(|(image, name, with)| Step::Verify(image, name, with)),
        vec((0..3_usize, 0..3_usize), 0..3).prop_map(Step::Restart),
        subsequence(vec![0, 1, 2], 0..=3).prop_map(Step::Prune),
    ]
}

/// What an observer of the pulls knows.
#[derive(Default)]
struct Seen {
    /// How many pulls of an image are on their way.
    open: BTreeMap<usize, usize>,
    /// Of which images nobody knows whether a former agent's pull will bring them.
    former: BTreeSet<usize>,
    pulled: BTreeSet<usize>,
    for_all: BTreeSet<(usize, usize)>,
}

fn presented(with: &[RegistryCredentials], image: usize) -> ImagePullCredentials {
    let (keyring, _) = Keyring::new(PathRule::Segments, with.iter().cloned());
    ImagePullCredentials::presented(&keyring.lookup(REPOSITORIES[image]))
}

fn image(image: usize) -> String {
    format!("{}:1", REPOSITORIES[image])
}

impl Seen {
    fn apply(&mut self, records: &mut PullRecords, at: i64, policy: VerificationPolicy, step: &Step) {
        let now = Timestamp::from_unix_seconds(at);
        match step {
            Step::Begin(n) => {
                records.begin(&image(*n));
                *self.open.entry(*n).or_default() += 1;
            }
            // Only what has begun in this life can end.
            Step::Fail(n) => match self.open.get(n).copied() {
                None => {}
                Some(pulls) => {
                    records.failed(&image(*n));
                    self.end(*n, pulls);
                }
            },
            Step::GiveUp(n) => {
                if let Some(pulls) = self.open.get(n).copied() {
                    records.given_up(&image(*n));
                    self.end(*n, pulls);
                    self.former.insert(*n);
                }
            }
            Step::Succeed(n, name, with) => {
                let pulls = self.open.get(n).copied().unwrap_or_default();
                if pulls == 0 {
                    return;
                }
                let (keyring, _) = Keyring::new(PathRule::Segments, with.iter().cloned());
                let used =
                    keyring.lookup(REPOSITORIES[*n]).first().map(|entry| ImagePullCredentials::of(entry));
                let used = used.unwrap_or_else(ImagePullCredentials::anonymous);
                records.succeeded(now, &image(*n), REFS[*name], &used);
                self.end(*n, pulls);
                self.former.remove(n);
                self.pulled.insert(*name);
                if used.node_pods_accessible {
                    self.for_all.insert((*name, *n));
                }
            }
            Step::Verify(n, name, with) => {
                let with = presented(with, *n);
                let (access, _) = records.verify(now, &verification(policy), &image(*n), REFS[*name], &with);
                // Learning changes nothing for who has asked, but the reason.
                let again = records.access(&verification(policy), &image(*n), REFS[*name], &with);
                assert_eq!(access == Access::MustPull, again == Access::MustPull);
            }
            Step::Restart(images) => {
                let json = serde_json::to_string(&records.snapshot()).unwrap();
                let restored = PullRecords::restore(serde_json::from_str(&json).unwrap()).unwrap();
                assert_eq!(restored.snapshot(), records.snapshot());
                *records = restored;
                let named: Vec<_> = images.iter().map(|(name, n)| (REFS[*name], image(*n))).collect();
                records.agent_started(now, named.iter().map(|(name, image)| (*name, [image.as_str()])));
                self.former.extend(std::mem::take(&mut self.open).into_keys());
                for (name, n) in images {
                    if self.former.remove(n) {
                        self.pulled.insert(*name);
                    }
                }
            }
            Step::Prune(present) => {
                records.prune(&present.iter().map(|name| REFS[*name]).collect(), now);
                self.pulled.retain(|name| present.contains(name));
                self.for_all.retain(|(name, _)| present.contains(name));
            }
        }
    }

    fn end(&mut self, n: usize, pulls: usize) {
        match pulls {
            1 => drop(self.open.remove(&n)),
            _ => drop(self.open.insert(n, pulls - 1)),
        }
    }

    /// Whether somebody who has proved nothing may use an image.
    fn is_for_strangers(&self, policy: VerificationPolicy, n: usize, name: usize) -> bool {
        let is_pulled = self.pulled.contains(&name) || self.open.contains_key(&n) || self.former.contains(&n);
        let is_exempt = match policy {
            VerificationPolicy::NeverVerify => true,
            VerificationPolicy::NeverVerifyPreloadedImages => !is_pulled,
            VerificationPolicy::NeverVerifyAllowlistedImages => !is_pulled && n == 1,
            VerificationPolicy::AlwaysVerify => false,
        };
        is_exempt || self.for_all.contains(&(name, n))
    }
}

proptest! {
    #[test]
    fn who_has_proved_nothing_gets_what_the_policy_lets_pass_and_nothing_else(
        policy in select(POLICIES.to_vec()),
        steps in vec(step(), 0..40),
    ) {
        let (mut seen, mut records) = (Seen::default(), PullRecords::default());
        let strangers = strangers();
        for (at, step) in (0..).zip(&steps) {
            seen.apply(&mut records, at, policy, step);
            for (n, name) in (0..3).flat_map(|n| (0..3).map(move |name| (n, name))) {
                for stranger in &strangers {
                    let access =
                        records.access(&verification(policy), &image(n), REFS[name], &presented(stranger, n));
                    let is_granted = access != Access::MustPull;
                    prop_assert_eq!(is_granted, seen.is_for_strangers(policy, n, name), "{} {} {:?}", n, name, step);
                }
            }
        }
    }

    #[test]
    fn who_has_pulled_may_use_it(
        policy in select(POLICIES.to_vec()),
        steps in vec(step(), 0..20),
        n in 0..3_usize,
        with in known(),
    ) {
        let (mut seen, mut records) = (Seen::default(), PullRecords::default());
        for (at, step) in (0..).zip(&steps) {
            seen.apply(&mut records, at, policy, step);
        }
        seen.apply(&mut records, 100, policy, &Step::Begin(n));
        seen.apply(&mut records, 100, policy, &Step::Succeed(n, 0, with.clone()));
        let access = records.access(&verification(policy), &image(n), REFS[0], &presented(&with, n));
        prop_assert_ne!(access, Access::MustPull);
    }

    #[test]
    fn a_lookup_finds_what_a_scan_finds(
        registries in vec("(a|b|\\*|[ab]\\?|\\[ab\\])(\\.(a|b|\\*)){0,2}(:5)?(/[ab]{1,2}){0,2}", 0..30),
        images in vec("(a|b)(\\.(a|b)){0,2}(:5)?(/[ab]{1,3}){0,2}(:1)?", 1..10),
        rule in select(vec![PathRule::Segments, PathRule::Prefix]),
    ) {
        let of = |registry: &String| RegistryCredentials {
            registry: registry.clone(),
            credentials: Credentials { username: registry.clone(), ..Credentials::default() },
            source: None,
        };
        let (keyring, _) = Keyring::new(rule, registries.iter().map(of));
        for image in &images {
            let mut found: Vec<_> =
                keyring.lookup(image).iter().map(|entry| entry.credentials.username.clone()).collect();
            let mut scanned = registries.clone();
            scanned.retain(|registry| registry_matches(registry, image, rule) == Ok(true));
            found.sort();
            scanned.sort();
            prop_assert_eq!(found, scanned, "{}", image);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|[a-z0-9./:@%\\[\\]*?#-]{0,40}", bytes in vec(any::<u8>(), 0..60)) {
        if let Ok(image) = text.parse::<ImageReference>() {
            prop_assert_eq!(image.as_str().parse::<ImageReference>(), Ok(image.clone()));
            prop_assert!(image.repository().ends_with(image.path()));
            let with_tag = ImageReference::with_default_tag(&text).unwrap();
            prop_assert_eq!(with_tag.parse::<ImageReference>(), Ok(image));
        }
        let _ = registry_matches(&text, &text, PathRule::Prefix);
        let _ = DockerConfig::from_json(&bytes);
        let _ = DockerConfig::from_dockercfg(text.as_bytes());
    }
}

/// The one secret of these tests, and in base64 with a user.
const SECRET: &str = "hunter2";

#[test]
fn no_secret_is_in_what_can_be_printed() {
    let config = json!({"auths": {
        "r.example": {"username": "bob", "password": SECRET},
        "bob:hunter2@q.example": {"auth": "Ym9iaHVudGVyMg=="},
        "bob:hunter2@[": {"password": SECRET},
        "p.example": {"password": [SECRET]},
    }});
    let secret = PullSecret {
        coordinates: coordinates("a"),
        kind: "kubernetes.io/dockerconfigjson".into(),
        data: [(".dockerconfigjson".to_owned(), config.to_string().into_bytes())].into(),
    };
    let (keyring, faults) = Keyring::of_secrets(std::slice::from_ref(&secret), Compat::default()).unwrap();
    assert_eq!(faults.len(), 3);
    let found = keyring.lookup("r.example/web");
    let request = CredentialProviderRequest {
        service_account_token: SECRET.into(),
        ..CredentialProviderRequest::default()
    };
    let answer = json!({
        "kind": "CredentialProviderResponse", "apiVersion": "", "cacheKeyType": "Image",
        "auth": {"bob:hunter2@r.example": {"username": "bob", "password": SECRET}},
    });
    let response = CredentialProviderResponse::from_json(answer.to_string().as_bytes(), &request).unwrap();
    let refused = [
        json!({"kind": "CredentialProviderResponse", "apiVersion": "", "cacheKeyType": SECRET}),
        json!({"auth": SECRET}),
        json!(SECRET),
    ]
    .map(|answer| {
        CredentialProviderResponse::from_json(answer.to_string().as_bytes(), &request).unwrap_err()
    });
    let unread = [
        json!({"type": "kubernetes.io/dockercfg", "data": SECRET}),
        json!({"type": "kubernetes.io/dockercfg", "data": {"a": [SECRET]}}),
        json!({"type": "kubernetes.io/dockercfg", "data": {"a": "hunter2!"}}),
    ]
    .map(|secret| serde_json::from_value::<PullSecret>(secret).unwrap_err());

    let docker = DockerConfig::from_json(config.to_string().as_bytes()).unwrap();
    let entry = RegistryCredentials {
        registry: "bob:hunter2@r.example".into(),
        credentials: found[0].credentials.clone(),
        source: None,
    };
    let settings: CredentialProviderSettings =
        serde_json::from_value(json!({"name": "p", "env": [{"name": "KEY", "value": SECRET}]})).unwrap();
    assert_eq!(settings.env[0].value, SECRET);

    let printed = format!(
        "{secret:?} {keyring:?} {faults:?} {found:?} {request:?} {response:?} {refused:?} {unread:?} \
         {docker:?} {entry:?} {settings:?} {:?} {:?} {}",
        AuthConfig::from(&found[0].credentials),
        ImagePullCredentials::presented(&found),
        faults.iter().map(ToString::to_string).collect::<String>(),
    );
    assert!(!printed.contains(SECRET), "{printed}");

    // A plugin gets its token, and a runtime its password.
    assert!(serde_json::to_string(&request).unwrap().contains(SECRET));
    assert_eq!(AuthConfig::from(&found[0].credentials).password, SECRET);
}

/// What an answer of a plugin says of one registry.
fn answer(registry: &str) -> serde_json::Value {
    json!({
        "kind": "CredentialProviderResponse", "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "cacheKeyType": "Registry", "cacheDuration": "1h",
        "auth": {registry: {"username": "bob", "password": SECRET, "email": "bob@example"}},
    })
}

#[test]
fn no_type_that_can_hold_a_secret_shows_it() {
    let now = Timestamp::UNIX_EPOCH;
    let password = Password::from(SECRET);
    let credentials =
        Credentials { username: "bob".into(), password: password.clone(), ..Credentials::default() };
    let registry = "https://bob:hunter2@r.example/v1/";
    let entry = RegistryCredentials {
        registry: registry.into(),
        credentials: credentials.clone(),
        source: Some(CredentialSource::Secret(coordinates("a"))),
    };
    let (keyring, faults) = Keyring::new(PathRule::Segments, [entry.clone()]);
    assert!(faults.is_empty() && keyring.lookup("r.example/web").len() == 1);
    let docker = json!({"auths": {registry: {"username": "bob", "password": SECRET}}});
    let docker = DockerConfig::from_json(docker.to_string().as_bytes()).unwrap();
    assert_eq!(docker.entries.len(), 1);
    let secret = PullSecret { data: [("a".to_owned(), SECRET.into())].into(), ..PullSecret::default() };
    let account = ServiceAccount {
        tokens: [("audience".to_owned(), password.clone())].into(),
        ..ServiceAccount::default()
    };
    let found = PodPullSecrets {
        secrets: vec![secret.clone()],
        service_account: Some(account.clone()),
        ..PodPullSecrets::default()
    };

    // A plugin with a token, asked and answered.
    let gates = FeatureGates::default().with(Feature::KubeletServiceAccountTokenForCredentialProviders, true);
    let config: CredentialProviderConfig = serde_json::from_value(json!({
        "apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig",
        "providers": [{
            "name": "vault", "matchImages": ["r.example"], "defaultCacheDuration": "1h",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "env": [{"name": "VAULT_TOKEN", "value": SECRET}],
            "tokenAttributes": {"serviceAccountTokenAudience": "audience", "cacheType": "Token",
                                "requireServiceAccount": true},
        }],
    }))
    .unwrap();
    let mut providers = CredentialProviders::new(config.clone(), gates).unwrap();
    let lookups = providers.lookup(now, "r.example/web", Some(&account));
    let [ProviderLookup::Ask { provider, request }] = &lookups[..] else { panic!("{lookups:?}") };
    assert_eq!(request.service_account_token, password);
    let json = answer(registry).to_string();
    let response = CredentialProviderResponse::from_json(json.as_bytes(), request).unwrap();
    let shown = format!("{response:?}");
    let answered = providers.answered(now, *provider, request, Some(&account), response);
    let cached = providers.lookup(now, "r.example/web", Some(&account));
    assert!(matches!(cached[..], [ProviderLookup::Cached(_)]));

    // Files that cannot be read.
    let text = serde_json::to_string(&config).unwrap();
    let wrong = [
        text.replace("\"vault\"", "\"va/ult\""),
        text.replace("{\"name\":\"VAULT_TOKEN\",\"value\":\"hunter2\"}", "\"hunter2\""),
        text.replace("\"hunter2\"", "[\"hunter2\"]"),
        text.replace("[{\"name\":\"VAULT_TOKEN\"", "[{\"hunter2\":\"VAULT_TOKEN\"")[..text.len() - 9]
            .to_owned(),
    ];
    let wrong: Vec<_> = wrong
        .iter()
        .map(|text| CredentialProviderConfig::from_text(text, gates).unwrap_err())
        .flat_map(|error| [error.to_string(), format!("{error:?}")])
        .collect();
    let answers = [json!([SECRET]), json!({"auth": SECRET}), json!({"auth": {"r.example": SECRET}})];
    let unread = answers.map(|answer| {
        let error =
            CredentialProviderResponse::from_json(answer.to_string().as_bytes(), request).unwrap_err();
        (error.to_string(), CredentialProviderError::from(error).to_string())
    });

    let entries = keyring.lookup("r.example/web");
    let presented = ImagePullCredentials::presented(&entries);
    let mut records = PullRecords::default();
    records.begin("r.example/web");
    records.succeeded(now, "r.example/web", "sha256:1", &presented);
    let auth = AuthConfig {
        username: "bob".into(),
        password: SECRET.into(),
        auth: SECRET.into(),
        server_address: "r.example".into(),
        identity_token: SECRET.into(),
        registry_token: SECRET.into(),
    };
    let all = [
        format!("{password:?} {credentials:#?} {entry:?} {keyring:?} {entries:?} {docker:?}"),
        format!("{secret:?} {account:?} {found:?} {config:?} {providers:?} {lookups:?} {cached:?}"),
        format!("{shown} {answered:?} {wrong:?} {unread:?} {auth:?} {presented:?} {records:?}"),
        format!("{} {}", credentials.hash(), serde_json::to_string(&records.snapshot()).unwrap()),
    ];
    for text in all {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_lookup_allocates_nothing() {
    let registries = (0..1_000).flat_map(|n| [format!("r.example/team-{n}"), format!("*.r{n}.example")]);
    let entries = registries.map(|registry| RegistryCredentials {
        registry,
        credentials: Credentials::default(),
        source: None,
    });
    let (keyring, _) = Keyring::new(PathRule::Segments, entries);
    let mut found = Vec::with_capacity(2);
    let allocated = allocation_counter::measure(|| {
        keyring.lookup_into("r.example/team-5/web", &mut found);
        keyring.lookup_into("eu.r5.example/web", &mut found);
    });
    assert_eq!((found.len(), allocated.count_total), (2, 0));
}

#[test]
fn the_records_are_in_the_form_of_the_kubelet() {
    let secret = CredentialSource::Secret(coordinates("a"));
    let with = credentials(Some(Some(secret)), "x");
    let (mut seen, mut records) = (Seen::default(), PullRecords::default());
    let policy = VerificationPolicy::AlwaysVerify;
    for step in [Step::Begin(0), Step::Succeed(0, 0, with.clone()), Step::Begin(2)] {
        seen.apply(&mut records, 60, policy, &step);
    }
    let snapshot = serde_json::to_value(records.snapshot()).unwrap();
    assert_eq!(
        snapshot["intents"][0],
        json!({"kind": "ImagePullIntent", "apiVersion": "kubelet.config.k8s.io/v1beta1", "image": "docker.io/library/nginx:1"})
    );
    assert_eq!(
        snapshot["pulled"][0],
        json!({
            "kind": "ImagePulledRecord",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "lastUpdatedTime": "1970-01-01T00:01:00Z",
            "imageRef": "sha256:1",
            "credentialMapping": {"r.example/team/web": {"kubernetesSecrets": [{
                "namespace": "shop", "name": "a", "uid": "a", "credentialHash": with[0].credentials.hash(),
            }]}},
        })
    );
    assert_eq!(
        records.snapshot().intents[0].file_name(),
        "sha256-7f9d479148d502539673a9fcede1b9dfbb592148e90eb910904249ec924169f7"
    );
}

#[test]
fn a_secret_that_rotates_is_recognised() {
    let of = |name: &str, password: &str| {
        credentials(Some(Some(CredentialSource::Secret(coordinates(name)))), password)
    };
    let (mut seen, mut records) = (Seen::default(), PullRecords::default());
    let policy = VerificationPolicy::default();
    let may = |records: &PullRecords, with: &[RegistryCredentials]| {
        records.access(&verification(policy), &image(0), REFS[0], &presented(with, 0)) != Access::MustPull
    };
    for step in [Step::Begin(0), Step::Succeed(0, 0, of("a", "old"))] {
        seen.apply(&mut records, 1, policy, &step);
    }
    assert!(may(&records, &of("other", "old")), "the same credentials in another secret");
    assert!(may(&records, &of("a", "new")), "other credentials in the same secret");
    assert!(!may(&records, &of("other", "new")), "neither is known");

    seen.apply(&mut records, 2, policy, &Step::Verify(0, 0, of("a", "new")));
    assert!(may(&records, &of("other", "new")), "the new credentials are known by now");
    assert!(!may(&records, &of("other", "old")), "and the old ones are not any more");
    let known = records.pulled().next().unwrap();
    assert_eq!(known.credential_mapping["r.example/team/web"].kubernetes_secrets.len(), 1);
}

#[test]
fn a_provider_configuration_says_everything_that_is_wrong() {
    let config: CredentialProviderConfig = serde_json::from_value(json!({"providers": [
        {"name": "a/b", "matchImages": ["r.example", "[", "*.x:port"], "apiVersion": "v2", "defaultCacheDuration": "0s"},
        {"name": "c", "apiVersion": "credentialprovider.kubelet.k8s.io/v1beta1", "tokenAttributes": {
            "requireServiceAccount": false, "requiredServiceAccountAnnotationKeys": ["x", "x"]}},
        {"name": "c"},
    ]}))
    .unwrap();
    let error = config.validate(FeatureGates::default()).unwrap_err();
    let places: Vec<_> = error.0.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "providers[0].name",
            "providers[0].apiVersion",
            "providers[0].matchImages[1]",
            "providers[0].matchImages[2]",
            "providers[1].matchImages",
            "providers[1].defaultCacheDuration",
            "providers[1].tokenAttributes",
            "providers[1].tokenAttributes",
            "providers[1].tokenAttributes.serviceAccountTokenAudience",
            "providers[1].tokenAttributes.cacheType",
            "providers[1].tokenAttributes.requiredServiceAccountAnnotationKeys",
            "providers[1].tokenAttributes.optionalServiceAccountAnnotationKeys",
            "providers[2].name",
            "providers[2].apiVersion",
            "providers[2].matchImages",
            "providers[2].defaultCacheDuration",
        ]
    );
}
