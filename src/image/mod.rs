//! Images: what a reference means, whose credentials fetch it, and who may use what is already there.
//!
//! * [`ImageReference`] is the name of an image, normalised as Kubernetes does it.
//! * [`Keyring`] has credentials by registry, from [`PullSecret`]s, from a node's own docker configuration or from the
//!   [`CredentialProviders`] of its plugins.
//! * [`PullRecords`] know with whose credentials an image was fetched, and so which pod may use it
//!   (`imagePullCredentialsVerificationPolicy`, KEP-2535).
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

mod credentials;
mod reference;
mod verification;

pub use credentials::*;
pub use reference::{ImageReference, ImageReferenceError, ReferenceProblem};
pub use verification::{
    Access, AllowlistError, AllowlistProblem, Grant, ImagePullCredentials, ImagePullIntent, ImagePullSecret,
    ImagePulledRecord, PullRecords, PullRecordsSnapshot, Verification, VerificationPolicy,
};
