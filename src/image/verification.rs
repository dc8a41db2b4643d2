//! Who may use an image that a node has already (KEP-2535).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::credentials::{Coordinates, CredentialSource, KeyringEntry, sha256_hex};
use super::{ImageReference, ImageReferenceError};
use crate::behaviour::{Feature, FeatureGates};
use crate::machine::{RestoreError, Timestamp};

/// For which of the images that a node has a pod has to prove that it may fetch them:
/// `imagePullCredentialsVerificationPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum VerificationPolicy {
    /// For none.
    NeverVerify,
    /// For those that the node's agent fetched itself.
    #[default]
    NeverVerifyPreloadedImages,
    /// For all but those of a list, as long as the agent did not fetch them itself.
    NeverVerifyAllowlistedImages,
    /// For all.
    AlwaysVerify,
}

impl VerificationPolicy {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NeverVerify,
        Self::NeverVerifyPreloadedImages,
        Self::NeverVerifyAllowlistedImages,
        Self::AlwaysVerify,
    ];

    /// What a configuration calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverVerify => "NeverVerify",
            Self::NeverVerifyPreloadedImages => "NeverVerifyPreloadedImages",
            Self::NeverVerifyAllowlistedImages => "NeverVerifyAllowlistedImages",
            Self::AlwaysVerify => "AlwaysVerify",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// The policy, with its list.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureGates};
/// use node_lifecycle::image::{Verification, VerificationPolicy};
///
/// let gates = FeatureGates::default().with(Feature::KubeletEnsureSecretPulledImages, true);
/// let policy = VerificationPolicy::NeverVerifyAllowlistedImages;
/// let list = |entries: &[&str]| entries.iter().map(|entry| entry.to_string()).collect::<Vec<_>>();
/// let verification = Verification::new(policy, &list(&["r.example/public/*", "r.example/pause"]), gates)?;
/// assert!(!verification.is_needed("r.example/public/web:1", false));
/// assert!(verification.is_needed("r.example/team/web:1", false));
///
/// let error = Verification::new(policy, &list(&["r.example/*/web"]), gates).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "preloadedImagesVerificationAllowlist[0]: `r.example/*/web` has a * that is not its last part: \
///      expected such as r.example/team/*"
/// );
/// # Ok::<(), node_lifecycle::image::AllowlistError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verification {
    policy: VerificationPolicy,
    repositories: BTreeSet<String>,
    /// Each ends with `/`.
    folders: BTreeSet<String>,
}

/// An entry of `preloadedImagesVerificationAllowlist` that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("preloadedImagesVerificationAllowlist[{index}]: `{}` {problem}", .text.escape_debug())]
pub struct AllowlistError {
    /// Its place, from 0.
    pub index: usize,
    /// Its text, the first 64 characters.
    pub text: String,
    /// What is wrong, and what would be right.
    #[source]
    pub problem: AllowlistProblem,
}

/// What is wrong with an entry of `preloadedImagesVerificationAllowlist`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowlistProblem {
    /// It begins or ends with a space.
    #[error("begins or ends with a space: expected none")]
    Space,
    /// It is everything, or nothing.
    #[error("has no registry: expected such as r.example/*")]
    NoRegistry,
    /// A glob elsewhere than at the end.
    #[error("has a * that is not its last part: expected such as r.example/team/*")]
    Glob,
    /// It is no name of an image.
    #[error("is no image: {0}")]
    Reference(ImageReferenceError),
    /// It is not the whole name of a repository, or more than that.
    #[error("is no repository by its whole name: expected {0}")]
    NotNormalised(String),
}

impl Verification {
    /// The policy, with the images that it lets pass. Without the gate `KubeletEnsureSecretPulledImages` nobody has to
    /// prove anything.
    ///
    /// # Errors
    /// [`AllowlistError`] for the first entry that is neither a repository by its whole name (`docker.io/library/nginx`)
    /// nor a registry or a part of one followed by `/*`.
    pub fn new(
        policy: VerificationPolicy,
        allowlist: &[String],
        gates: FeatureGates,
    ) -> Result<Self, AllowlistError> {
        let is_on = gates.enabled(Feature::KubeletEnsureSecretPulledImages);
        let mut verification =
            Self { policy: if is_on { policy } else { VerificationPolicy::NeverVerify }, ..Self::default() };
        for (index, entry) in allowlist.iter().enumerate() {
            verification.allow(entry).map_err(|problem| AllowlistError {
                index,
                text: entry.chars().take(64).collect(),
                problem,
            })?;
        }
        Ok(verification)
    }

    fn allow(&mut self, entry: &str) -> Result<(), AllowlistProblem> {
        if entry != entry.trim() {
            return Err(AllowlistProblem::Space);
        }
        let folder = entry.strip_suffix('*').filter(|folder| folder.ends_with('/'));
        let name = folder.unwrap_or(entry);
        if matches!(name, "" | "/") {
            Err(AllowlistProblem::NoRegistry)
        } else if name.contains('*') {
            Err(AllowlistProblem::Glob)
        } else if let Some(folder) = folder {
            self.folders.insert(folder.to_owned());
            Ok(())
        } else {
            let image: ImageReference = name.parse().map_err(AllowlistProblem::Reference)?;
            if image.repository() != name {
                return Err(AllowlistProblem::NotNormalised(image.repository().to_owned()));
            }
            self.repositories.insert(name.to_owned());
            Ok(())
        }
    }

    /// Whether a pod has to prove that it may fetch an image that the node has; `is_pulled`: the agent fetched it.
    ///
    /// An image of the list that the agent fetched itself has to be proved too: what was fetched with somebody's
    /// credentials is not preloaded.
    #[must_use]
    pub fn is_needed(&self, image: &str, is_pulled: bool) -> bool {
        match self.policy {
            VerificationPolicy::NeverVerify => false,
            VerificationPolicy::NeverVerifyPreloadedImages => is_pulled,
            VerificationPolicy::NeverVerifyAllowlistedImages => is_pulled || !self.is_allowed(image),
            VerificationPolicy::AlwaysVerify => true,
        }
    }

    fn is_allowed(&self, image: &str) -> bool {
        let Ok(image) = image.parse::<ImageReference>() else { return false };
        let name = image.repository();
        let mut folders = name.match_indices('/').filter_map(|(slash, _)| name.get(..=slash));
        self.repositories.contains(name) || folders.any(|folder| self.folders.contains(folder))
    }
}

/// A pull that has begun and whose end is not known: `ImagePullIntent` of `kubelet.config.k8s.io/v1beta1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub struct ImagePullIntent {
    /// The version of the record.
    #[serde(default = "api_version")]
    pub api_version: Arc<str>,
    /// The image, as it is pulled.
    pub image: Arc<str>,
}

/// An image that the agent has fetched, and with whose credentials: `ImagePulledRecord` of
/// `kubelet.config.k8s.io/v1beta1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub struct ImagePulledRecord {
    /// The version of the record.
    #[serde(default = "api_version")]
    pub api_version: Arc<str>,
    /// When it last changed.
    pub last_updated_time: Timestamp,
    /// The image, as the runtime calls it.
    pub image_ref: Arc<str>,
    /// By repository, who may use it.
    #[serde(default, deserialize_with = "crate::api::nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub credential_mapping: BTreeMap<Arc<str>, ImagePullCredentials>,
}

fn api_version() -> Arc<str> {
    "kubelet.config.k8s.io/v1beta1".into()
}

impl ImagePullIntent {
    /// What the kubelet calls the record's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("sha256-{}", sha256_hex(&self.image))
    }
}

impl ImagePulledRecord {
    /// What the kubelet calls the record's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("sha256-{}", sha256_hex(&self.image_ref))
    }
}

/// Whose credentials are good for an image. Has no secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ImagePullCredentials {
    /// The secrets.
    #[serde(deserialize_with = "crate::api::nullable", skip_serializing_if = "BTreeSet::is_empty")]
    pub kubernetes_secrets: BTreeSet<ImagePullSecret>,
    /// The service accounts that a credential provider plugin got credentials for.
    #[serde(deserialize_with = "crate::api::nullable", skip_serializing_if = "BTreeSet::is_empty")]
    pub kubernetes_service_accounts: BTreeSet<Coordinates>,
    /// It needed no credentials, or the node's: every pod of the node may use it. Then the others do not matter.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub node_pods_accessible: bool,
}

/// A secret that an image was fetched with, and the [hash](super::Credentials::hash) of the credentials that it had.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImagePullSecret {
    /// Which one.
    #[serde(flatten)]
    pub coordinates: Coordinates,
    /// The hash.
    pub credential_hash: Arc<str>,
}

impl ImagePullCredentials {
    /// Those of a pull without credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { node_pods_accessible: true, ..Self::default() }
    }

    /// Those of a pull that succeeded with one entry of a keyring.
    #[must_use]
    pub fn of(entry: &KeyringEntry) -> Self {
        match &entry.source {
            None => Self::anonymous(),
            Some(_) => Self::presented(&[entry]),
        }
    }

    /// What a pod presents for an image: of what its keyrings have for it, what is not the node's.
    #[must_use]
    pub fn presented(entries: &[&KeyringEntry]) -> Self {
        let mut presented = Self::default();
        for entry in entries {
            match &entry.source {
                Some(CredentialSource::Secret(secret)) => {
                    let credential_hash = entry.credentials.hash().into();
                    let secret = ImagePullSecret { coordinates: secret.clone(), credential_hash };
                    presented.kubernetes_secrets.insert(secret);
                }
                Some(CredentialSource::ServiceAccount(account)) => {
                    presented.kubernetes_service_accounts.insert(account.clone());
                }
                None => {}
            }
        }
        presented
    }

    fn is_empty(&self) -> bool {
        !self.node_pods_accessible
            && self.kubernetes_secrets.is_empty()
            && self.kubernetes_service_accounts.is_empty()
    }

    /// Takes others in; a secret that is there has its new hash. Whether anything changed.
    fn merge(&mut self, new: &Self) -> bool {
        if self.node_pods_accessible {
            return false;
        }
        if new.node_pods_accessible {
            *self = Self::anonymous();
            return true;
        }
        let mut has_changed = false;
        for secret in &new.kubernetes_secrets {
            if !self.kubernetes_secrets.contains(secret) {
                self.kubernetes_secrets.retain(|old| old.coordinates != secret.coordinates);
                has_changed |= self.kubernetes_secrets.insert(secret.clone());
            }
        }
        for account in &new.kubernetes_service_accounts {
            has_changed |= self.kubernetes_service_accounts.insert(account.clone());
        }
        has_changed
    }
}

/// Whether a pod may use an image that the node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Granted(Grant),
    /// It has to fetch the image with its own credentials first; with the pull policy `Never` it may not use it.
    MustPull,
}

/// Why a pod may use an image.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// The policy lets the image pass.
    Policy,
    /// It was fetched without credentials, or with the node's.
    NodePods,
    /// It was fetched with the same credentials, whichever secret they were in.
    Credentials(ImagePullSecret),
    /// It was fetched with this secret, whose credentials have changed since.
    Rotated(ImagePullSecret),
    /// It was fetched for the same service account.
    ServiceAccount(Coordinates),
}

/// Which pulls are on their way, and with whose credentials images were fetched.
///
/// A pull is [begun](Self::begin) before the runtime is asked, so that an agent that dies meanwhile does not take the
/// image for a preloaded one. Then it has [failed](Self::failed) or [succeeded](Self::succeeded). Whoever wants an image
/// that is there is [verified](Self::verify) against the records. What has changed has to be stored before anything
/// else is done: [`PullRecords::snapshot`] has the records in the kubelet's own form.
///
/// ```
/// use node_lifecycle::behaviour::{Feature, FeatureGates};
/// use node_lifecycle::image::{Access, Grant, ImagePullCredentials, PullRecords, Verification, VerificationPolicy};
/// use node_lifecycle::machine::Timestamp;
///
/// let gates = FeatureGates::default().with(Feature::KubeletEnsureSecretPulledImages, true);
/// let verification = Verification::new(VerificationPolicy::default(), &[], gates)?;
/// let (now, nobody) = (Timestamp::UNIX_EPOCH, ImagePullCredentials::default());
/// let mut records = PullRecords::default();
/// let image = "r.example/team/web:1";
/// assert_eq!(records.access(&verification, image, "sha256:1", &nobody), Access::Granted(Grant::Policy));
///
/// records.begin(image);
/// assert_eq!(records.access(&verification, image, "sha256:1", &nobody), Access::MustPull);
/// records.succeeded(now, image, "sha256:1", &ImagePullCredentials::anonymous());
/// assert_eq!(records.access(&verification, image, "sha256:1", &nobody), Access::Granted(Grant::NodePods));
/// # Ok::<(), node_lifecycle::image::AllowlistError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullRecords {
    /// By image, how many pulls this agent has on their way; 0: a former one had.
    intents: BTreeMap<Arc<str>, u32>,
    /// By the runtime's name.
    pulled: BTreeMap<Arc<str>, ImagePulledRecord>,
}

/// As many secrets an image keeps of those that were not fetched with, but have the same credentials, or new ones.
const MATCHED_SECRETS: usize = 100;

impl PullRecords {
    /// A pull of `image` is about to begin.
    pub fn begin(&mut self, image: &str) {
        match self.intents.get_mut(image) {
            Some(pulls) => *pulls = pulls.saturating_add(1),
            None => drop(self.intents.insert(image.into(), 1)),
        }
    }

    /// A pull of `image` has failed.
    pub fn failed(&mut self, image: &str) {
        match self.intents.get_mut(image) {
            Some(pulls @ 2..) => *pulls -= 1,
            _ => drop(self.intents.remove(image)),
        }
    }

    /// A pull of `image` has ended well with these credentials, and the runtime calls what it fetched `image_ref`.
    pub fn succeeded(
        &mut self,
        now: Timestamp,
        image: &str,
        image_ref: &str,
        credentials: &ImagePullCredentials,
    ) {
        self.record(now, image, image_ref, credentials);
        self.failed(image);
    }

    /// Whether a pod that presents these credentials may use `image`, which the node has as `image_ref`.
    #[must_use]
    pub fn access(
        &self,
        verification: &Verification,
        image: &str,
        image_ref: &str,
        presented: &ImagePullCredentials,
    ) -> Access {
        let record = self.pulled.get(image_ref);
        let is_pulled = record.is_some() || self.intents.contains_key(image);
        if !verification.is_needed(image, is_pulled) {
            return Access::Granted(Grant::Policy);
        }
        let repository = image.parse::<ImageReference>();
        let known = record
            .zip(repository.as_ref().ok())
            .and_then(|(record, repository)| record.credential_mapping.get(repository.repository()));
        known.and_then(|known| grant(known, presented)).map_or(Access::MustPull, Access::Granted)
    }

    /// The same, and keeps what it has learned: that a secret has the same credentials as one that is known, or new
    /// ones. Whether anything changed.
    pub fn verify(
        &mut self,
        now: Timestamp,
        verification: &Verification,
        image: &str,
        image_ref: &str,
        presented: &ImagePullCredentials,
    ) -> (Access, bool) {
        let access = self.access(verification, image, image_ref, presented);
        let Access::Granted(Grant::Credentials(secret) | Grant::Rotated(secret)) = &access else {
            return (access, false);
        };
        let learned = ImagePullCredentials {
            kubernetes_secrets: [secret.clone()].into(),
            ..ImagePullCredentials::default()
        };
        let has_changed = self.has_room(image, image_ref) && self.record(now, image, image_ref, &learned);
        (access, has_changed)
    }

    fn has_room(&self, image: &str, image_ref: &str) -> bool {
        let Ok(image) = image.parse::<ImageReference>() else { return false };
        let known =
            self.pulled.get(image_ref).and_then(|record| record.credential_mapping.get(image.repository()));
        known.is_some_and(|known| known.kubernetes_secrets.len() < MATCHED_SECRETS)
    }

    /// Whether anything changed. That there is a record at all says that the agent fetched the image.
    fn record(
        &mut self,
        now: Timestamp,
        image: &str,
        image_ref: &str,
        credentials: &ImagePullCredentials,
    ) -> bool {
        let (record, mut has_changed) = match self.pulled.entry(image_ref.into()) {
            Entry::Occupied(record) => (record.into_mut(), false),
            Entry::Vacant(vacant) => {
                let record = ImagePulledRecord {
                    api_version: api_version(),
                    last_updated_time: now,
                    image_ref: image_ref.into(),
                    credential_mapping: BTreeMap::new(),
                };
                (vacant.insert(record), true)
            }
        };
        // What has no name has nobody who may use it.
        if let Some(image) = image.parse::<ImageReference>().ok().filter(|_| !credentials.is_empty()) {
            has_changed |= match record.credential_mapping.get_mut(image.repository()) {
                Some(known) => known.merge(credentials),
                None => {
                    let mut known = ImagePullCredentials::default();
                    let has_changed = known.merge(credentials);
                    record.credential_mapping.insert(image.repository().into(), known);
                    has_changed
                }
            };
        }
        if has_changed {
            record.last_updated_time = now;
        }
        has_changed
    }

    /// Forgets what is not among the images that the runtime listed at `listed_at`, as the collection of images does.
    /// What was recorded since stays. How many records went.
    pub fn prune(&mut self, present: &BTreeSet<&str>, listed_at: Timestamp) -> usize {
        let before = self.pulled.len();
        self.pulled
            .retain(|name, record| record.last_updated_time >= listed_at || present.contains(name.as_ref()));
        before - self.pulled.len()
    }

    /// The agent has started, and the runtime has these images: by its own name the tags and digests of each. Those
    /// that a former agent was pulling were fetched, by whom is not known, so that everybody has to prove himself.
    pub fn agent_started<'a, Names: IntoIterator<Item = &'a str>>(
        &mut self,
        now: Timestamp,
        images: impl IntoIterator<Item = (&'a str, Names)>,
    ) {
        for (image_ref, names) in images {
            for name in names {
                if self.intents.remove(name).is_some() {
                    self.record(now, name, image_ref, &ImagePullCredentials::default());
                }
            }
        }
    }

    /// The images that the agent has fetched.
    pub fn pulled(&self) -> impl Iterator<Item = &ImagePulledRecord> {
        self.pulled.values()
    }

    /// Everything that has to outlive the agent.
    #[must_use]
    pub fn snapshot(&self) -> PullRecordsSnapshot {
        let intent = |image: &Arc<str>| ImagePullIntent { api_version: api_version(), image: image.clone() };
        PullRecordsSnapshot {
            version: VERSION,
            intents: self.intents.keys().map(intent).collect(),
            pulled: self.pulled.values().cloned().collect(),
        }
    }

    /// The records that were stored. Of several for one image the last counts.
    ///
    /// # Errors
    /// [`RestoreError::Version`] when they are of a version that is not read.
    pub fn restore(snapshot: PullRecordsSnapshot) -> Result<Self, RestoreError> {
        let PullRecordsSnapshot { version, intents, pulled } = snapshot;
        if version != VERSION {
            return Err(RestoreError::Version { found: version, supported: VERSION });
        }
        Ok(Self {
            intents: intents.into_iter().map(|intent| (intent.image, 0)).collect(),
            pulled: pulled.into_iter().map(|record| (record.image_ref.clone(), record)).collect(),
        })
    }
}

/// Why credentials are as good as those that are known.
fn grant(known: &ImagePullCredentials, presented: &ImagePullCredentials) -> Option<Grant> {
    if known.node_pods_accessible {
        return Some(Grant::NodePods);
    }
    let secrets = || presented.kubernetes_secrets.iter();
    let knows = |is_same: &dyn Fn(&ImagePullSecret) -> bool| known.kubernetes_secrets.iter().any(is_same);
    let has_credentials = |secret: &&ImagePullSecret| {
        !secret.credential_hash.is_empty() && knows(&|known| known.credential_hash == secret.credential_hash)
    };
    let has_place = |secret: &&ImagePullSecret| knows(&|known| known.coordinates == secret.coordinates);
    let accounts = &presented.kubernetes_service_accounts;
    secrets()
        .find(has_credentials)
        .map(|secret| Grant::Credentials(secret.clone()))
        .or_else(|| secrets().find(has_place).map(|secret| Grant::Rotated(secret.clone())))
        .or_else(|| {
            let account = accounts.intersection(&known.kubernetes_service_accounts).next();
            account.map(|account| Grant::ServiceAccount(account.clone()))
        })
}

/// The stored form of [`PullRecords`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRecordsSnapshot {
    /// Of this form.
    pub version: u32,
    /// Pulls on their way.
    pub intents: Vec<ImagePullIntent>,
    /// Images that were fetched.
    pub pulled: Vec<ImagePulledRecord>,
}

const VERSION: u32 = 1;

impl fmt::Display for VerificationPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> FeatureGates {
        FeatureGates::default().with(Feature::KubeletEnsureSecretPulledImages, true)
    }

    #[test]
    fn a_list_has_repositories_and_folders() {
        let new = |entry: &str| {
            Verification::new(VerificationPolicy::NeverVerifyAllowlistedImages, &[entry.to_owned()], on())
        };
        for entry in ["r.example/*", "r.example/team/*", "r.example/team/web", "docker.io/library/nginx"] {
            assert!(new(entry).is_ok(), "{entry}");
        }
        for (entry, problem) in [
            (" r.example/*", AllowlistProblem::Space),
            ("", AllowlistProblem::NoRegistry),
            ("/*", AllowlistProblem::NoRegistry),
            ("*", AllowlistProblem::Glob),
            ("r.example/te*", AllowlistProblem::Glob),
            ("nginx", AllowlistProblem::NotNormalised("docker.io/library/nginx".to_owned())),
            ("r.example/web:1", AllowlistProblem::NotNormalised("r.example/web".to_owned())),
        ] {
            assert_eq!(new(entry).map_err(|error| error.problem), Err(problem), "{entry}");
        }
        assert!(matches!(
            new("r.example/Web").map_err(|error| error.problem),
            Err(AllowlistProblem::Reference(_))
        ));
        let folder = new("r.example/team/*").unwrap();
        assert!(folder.is_needed("r.example/teamx", false), "whole segments only");
    }

    #[test]
    fn without_the_gate_nothing_is_proved() {
        let off = Verification::new(VerificationPolicy::AlwaysVerify, &[], FeatureGates::default()).unwrap();
        assert!(!off.is_needed("r.example/web", true));
    }

    #[test]
    fn what_is_learned_by_matching_is_bounded() {
        let secret = |n: usize| ImagePullCredentials {
            kubernetes_secrets: [ImagePullSecret {
                coordinates: Coordinates { name: n.to_string().into(), ..Coordinates::default() },
                credential_hash: "same".into(),
            }]
            .into(),
            ..ImagePullCredentials::default()
        };
        let verification = Verification::new(VerificationPolicy::AlwaysVerify, &[], on()).unwrap();
        let (mut records, now, image) = (PullRecords::default(), Timestamp::UNIX_EPOCH, "r.example/web:1");
        records.begin(image);
        records.succeeded(now, image, "sha256:1", &secret(0));
        let learned = (0..200).filter(|n| {
            let (access, has_changed) = records.verify(now, &verification, image, "sha256:1", &secret(*n));
            assert_ne!(access, Access::MustPull);
            has_changed
        });
        assert_eq!(learned.count(), MATCHED_SECRETS - 1);
    }
}
