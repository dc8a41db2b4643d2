//! A node's configuration: what it may say, what it is by default, and what is wrong with it.
//!
//! [`KubeletConfiguration`] is `kubelet.config.k8s.io/v1beta1`, with Kubernetes' names on the wire. Reading keeps what
//! was said. Each of the next steps is one of its own:
//!
//! - [`apply_defaults`](KubeletConfiguration::apply_defaults) fills in what Kubernetes 1.32 would.
//! - [`validate`](KubeletConfiguration::validate) says what the kubelet refuses to run with, in its words.
//! - [`check`](KubeletConfiguration::check) adds what the kubelet finds only when it starts, and warns of what is valid
//!   and dangerous.
//! - [`MachineSettings`] is what the machines of a node are made from.
//!
//! Every finding names its field, so that whoever merged files can look up where it was set.
//!
//! ```
//! use node_lifecycle::behaviour::Compat;
//! use node_lifecycle::config::{Host, KubeletConfiguration};
//!
//! let config: KubeletConfiguration = serde_json::from_str(r#"{
//!     "maxPods": 50,
//!     "nodeStatusUpdateFrequency": "20s",
//!     "evictionSoft": {"memory.available": "500Mi"},
//!     "evictionSoftGracePeriod": {"memory.available": "1m30s"}}"#)?;
//! let config = config.with_defaults();
//! assert_eq!(config.node_status_report_frequency.to_string(), "20s");
//!
//! let host = Host { capacity: [("memory".to_owned(), "8Gi".parse()?)].into(), ..Host::default() };
//! assert_eq!(config.validate(&host), Ok(()));
//! assert_eq!(
//!     config.check(&host, Compat::default()).to_string(),
//!     "warning: evictionMaxPodGracePeriod: at 0 pods that are evicted for a soft threshold are killed at once: \
//!      set the most seconds that they may have"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two things differ from the kubelet on purpose: a list or map that is set to nothing is written as such (the
//! kubelet's form is [`to_kubelet_json`](KubeletConfiguration::to_kubelet_json)), and defaulting passes over a feature
//! gate that does not exist, at which the kubelet crashes; validation says it.

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
mod machines;
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
pub use machines::{ConfigConversionError, ConfigConversionErrors, MachineSettings};
pub use validate::{Host, ValidationError, ValidationErrors};
