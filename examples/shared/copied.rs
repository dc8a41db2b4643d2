//! Whose answers are given.

use clap::ValueEnum;
use node_lifecycle::behaviour::Compat;
use serde::{Serialize, Serializer};

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Copied {
    /// The library, without anybody's faults.
    None,
    /// The kubelet of Kubernetes 1.32, with its faults.
    #[value(name = "kubelet-1.32")]
    Kubelet132,
}

impl Copied {
    pub(crate) fn compat(self) -> Compat {
        match self {
            Self::None => Compat::default(),
            Self::Kubelet132 => Compat::kubelet_1_32(),
        }
    }

    /// In a sentence.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "the library",
            Self::Kubelet132 => "the kubelet 1.32",
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::None => Self::Kubelet132,
            Self::Kubelet132 => Self::None,
        }
    }
}

impl Serialize for Copied {
    /// The value on the command line.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::None => "none",
            Self::Kubelet132 => "kubelet-1.32",
        })
    }
}
