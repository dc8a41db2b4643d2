//! A node's configuration: what it may say, what it is by default, and what is wrong with it.
//!
//! [`KubeletConfiguration`] is `kubelet.config.k8s.io/v1beta1`, with Kubernetes' names on the wire. Reading keeps what
//! was said; [`KubeletConfiguration::apply_defaults`] is a step of its own.
//!
//! ```
//! use node_lifecycle::config::KubeletConfiguration;
//!
//! let mut config: KubeletConfiguration =
//!     serde_json::from_str(r#"{"maxPods": 50, "nodeStatusUpdateFrequency": "20s"}"#)?;
//! assert!(config.node_status_report_frequency.is_zero());
//! config.apply_defaults();
//! assert_eq!(config.max_pods, 50);
//! assert_eq!(config.node_status_report_frequency.to_string(), "20s");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod assignment;
mod check;
mod defaults;
mod diff;
mod explain;
mod flags;
mod folder;
mod kubelet;
mod lines;
mod locate;
mod merge;
mod note;
mod problem;
mod provenance;
mod salvage;
mod schema;
mod source;
mod validate;

pub use diff::{Difference, diff};
pub use explain::Explanation;
pub use flags::{FlagError, FlagSetting, Flags};
pub use folder::{MAX_FOLDER_FILES, in_folder_order, read_base, read_folder};
pub use lines::Line;
pub use merge::{Effective, Layers, MergeOptions, merge};
pub use note::Note;
pub use problem::{ConfigErrors, Problem};
pub use provenance::{FieldProvenance, Origin, Provenance, Setting};
pub use salvage::{SalvagedConfig, merge_salvaging};
pub use source::{MAX_FILE_BYTES, Place, Source, SourceKind, Unreadable};

pub use assignment::AssignmentError;
pub use check::{CheckError, ConfigCheck, ConfigWarning, ReservationProblem};
pub use kubelet::{
    CrashLoopBackOffConfig, Field, FieldKind, FlushFrequency, FormatOptions, KubeletAnonymousAuthentication,
    KubeletAuthentication, KubeletAuthorization, KubeletConfiguration, KubeletWebhookAuthentication,
    KubeletWebhookAuthorization, KubeletX509Authentication, LoggingConfiguration, MemoryReservation,
    MemorySwapConfiguration, OutputRoutingOptions, ShutdownGracePeriodByPodPriority, SignedDuration, Taint,
    TracingConfiguration, UserNamespaces, VModuleItem,
};
pub use validate::{Host, ValidationError, ValidationErrors};
