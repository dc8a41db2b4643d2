//! Images: what a reference means, whose credentials fetch it, when it is pulled, and which images a node keeps.
//!
//! * [`ImageReference`] is the name of an image, normalised as Kubernetes does it.
//! * [`Keyring`] has credentials by registry, from [`PullSecret`]s, from a node's own docker configuration or from the
//!   [`CredentialProviders`] of its plugins.
//! * [`PullRecords`] know with whose credentials an image was fetched, and so which pod may use it
//!   (`imagePullCredentialsVerificationPolicy`, KEP-2535).
//! * [`SignaturePolicy`] says which images have to be signed.
//! * [`Puller`] is the machine for all pulls of a node; [`pull_decision`] is one decision of it.
//! * [`ImageGc`] is the machine that looks for images, remembers since when they are there and when they were last
//!   used, and removes those that are too old or in the way.
//! * [`ImageCollection`] is one collection, removal by removal; [`image_gc_plan`] says beforehand what it would do.
//!
//! ```
//! use node_lifecycle::image::ImageReference;
//!
//! let image: ImageReference = "nginx:1.27".parse()?;
//! assert_eq!(image.repository(), "docker.io/library/nginx");
//! # Ok::<(), node_lifecycle::image::ImageReferenceError>(())
//! ```
//!
//! Whose credentials fetch an image:
//!
//! ```
//! use node_lifecycle::behaviour::Compat;
//! use node_lifecycle::image::{ImageReference, Keyring, PullSecret};
//!
//! let secret: PullSecret = serde_json::from_str(r#"{
//!     "metadata": {"namespace": "shop", "name": "registry", "uid": "1"},
//!     "type": "kubernetes.io/dockerconfigjson",
//!     "data": {".dockerconfigjson": "eyJhdXRocyI6eyJyLmV4YW1wbGUvc2hvcCI6eyJhdXRoIjoiWW05aU9uQmhjM009In19fQ=="}
//! }"#)?;
//! let (keyring, faults) = Keyring::of_secrets(&[secret], Compat::default())?;
//! assert!(faults.is_empty());
//!
//! let image: ImageReference = "r.example/shop/web:1".parse()?;
//! let found = keyring.lookup(image.repository());
//! assert_eq!(found[0].credentials.username, "bob");
//! assert!(keyring.lookup("r.example/shopping/cart").is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a collection would remove:
//!
//! ```
//! use node_lifecycle::behaviour::Behaviour;
//! use node_lifecycle::image::{
//!     ImageFilesystem, ImageGcContext, ImageGcPolicy, ImageGcScope, ImageInventory, ImageListing, ImageRecords,
//!     image_gc_plan,
//! };
//!
//! let listing: ImageListing = serde_json::from_str(r#"{
//!     "images": [{"id": "sha256:a", "sizeBytes": 700}, {"id": "sha256:b", "sizeBytes": 300}],
//!     "containers": [{"image": "sha256:a"}]}"#)?;
//! let behaviour = Behaviour::default();
//! let (then, now) = ("2025-03-01T12:00:00Z".parse()?, "2025-03-01T12:10:00Z".parse()?);
//! let mut records = ImageRecords::default();
//! records.detect(&ImageInventory::new(&listing, behaviour.gates), then);
//!
//! let context = ImageGcContext { now, began: then, scope: ImageGcScope::All };
//! let disk = ImageFilesystem { capacity_bytes: 1200, available_bytes: 100 };
//! let plan = image_gc_plan(&records, &ImageGcPolicy::default(), context, disk, &behaviour);
//! let lines: Vec<_> = plan.iter().map(ToString::to_string).collect();
//! assert_eq!(lines, [
//!     "sha256:b: images take room on a disk that is 92 % full, and 140 bytes are to be freed; frees 300 bytes",
//! ]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod credentials;
mod event;
mod gc;
mod pull;
mod reference;
mod signature;
mod verification;

pub use credentials::*;
pub use event::{ImageEvent, ImageEventType};
pub use gc::{
    ImageCollection, ImageFilesystem, ImageGc, ImageGcAction, ImageGcConfig, ImageGcContext, ImageGcError,
    ImageGcEvent, ImageGcNote, ImageGcOutcome, ImageGcPolicy, ImageGcPolicyError, ImageGcReason,
    ImageGcScope, ImageGcSnapshot, ImageGcStep, ImageInventory, ImageListing, ImageRecord, ImageRecords,
    ImageRemoval, ImageUser, ListedImage, image_gc_plan,
};
pub use pull::{
    FAIR_PULL_TURN, ImagePresence, PrefetchBudget, PullConfig, PullConfigError, PullDecision, PullFailure,
    PullId, PullPod, PullProgress, PullRateLimit, PullReason, PullRequest, PullResult, PullStanding,
    PullUrgency, Puller, PullerAction, PullerEvent, PullerNote, PullerOutcome, PullerSnapshot, TokenBucket,
    failed_pull, pull_decision,
};
pub use reference::{ImageReference, ImageReferenceError, ReferenceProblem};
pub use signature::{
    SignatureMemory, SignatureMode, SignaturePolicy, SignaturePolicyError, SignaturePolicyProblem,
    SignatureRule, SignatureSubject, SignatureVerdict, SigningPod,
};
pub use verification::{
    Access, AllowlistError, AllowlistProblem, Grant, ImagePullCredentials, ImagePullIntent, ImagePullSecret,
    ImagePulledRecord, PullRecords, PullRecordsSnapshot, Verification, VerificationPolicy,
};
