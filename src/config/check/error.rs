//! What a node cannot run with.

use crate::api::ParseQuantityError;
use crate::config::{ConfigConversionError, SignedDuration, ValidationError};

/// Something that a node cannot run with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The kubelet refuses it.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// No machine can be made of it.
    #[error(transparent)]
    Conversion(#[from] ConfigConversionError),
    /// A duration is negative that the kubelet's validation lets pass and no machine here reads.
    #[error("{path}: {duration} is negative: expected 0s or more")]
    NegativeDuration {
        /// The field.
        path: &'static str,
        /// Its value.
        duration: SignedDuration,
    },
    /// The pods of a priority have less than no time when the node shuts down.
    #[error("{}: {seconds} is negative: expected 0 or more", self.path())]
    NegativeShutdown {
        /// The place in `shutdownGracePeriodByPodPriority`, from 0.
        index: usize,
        /// Seconds.
        seconds: i64,
    },
    /// A reservation is none.
    #[error("{}: `{}` {problem}", self.path(), .text.escape_debug())]
    Reservation {
        /// `systemReserved` or `kubeReserved`.
        field: &'static str,
        /// The resource.
        resource: String,
        /// The amount, its first 64 characters.
        text: String,
        /// What is wrong, and what would be right.
        #[source]
        problem: ReservationProblem,
    },
    /// A name is none of those that the field knows; no machine here reads it.
    #[error("{path}: `{}` is unknown: expected {expected}", .value.escape_debug())]
    Unknown {
        /// The field.
        path: &'static str,
        /// Its value, the first 64 characters.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A size of logs that cannot be read.
    #[error("containerLogMaxSize: `{}` is no size: expected whole bytes, such as 10Mi", .0.escape_debug())]
    LogSize(String),
    /// So few logs that none is left when they are rotated.
    #[error("containerLogMaxFiles: {0} is too few: expected 2 or more")]
    LogFiles(i32),
    /// The static policy of the CPU manager without a CPU that is not for pods.
    #[error(
        "cpuManagerPolicy: `static` needs CPU that is not for pods: expected more than 0 in reservedSystemCPUs, or \
         of cpu in systemReserved and kubeReserved"
    )]
    NoReservedCpu,
    /// Ids of a pod that cannot be mapped.
    #[error("userNamespaces.idsPerPod: {0} is no size of a range: expected a multiple of 65536, from 65536")]
    IdsPerPod(i64),
}

/// What is wrong with an amount of `systemReserved` or `kubeReserved`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReservationProblem {
    /// It is no amount.
    #[error("is no amount: {0}")]
    Quantity(ParseQuantityError),
    /// It is below zero.
    #[error("is negative: expected 0 or more")]
    Negative,
    /// Nothing of that kind can be reserved.
    #[error("cannot be reserved: expected cpu, memory, ephemeral-storage or pid")]
    Resource,
}

impl CheckError {
    /// The field that it is about, so that it can be looked up who set it.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Invalid(error) => error.path().to_owned(),
            Self::Conversion(error) => error.path(),
            Self::NegativeDuration { path, .. } | Self::Unknown { path, .. } => (*path).to_owned(),
            Self::NegativeShutdown { index, .. } => {
                format!("shutdownGracePeriodByPodPriority[{index}].shutdownGracePeriodSeconds")
            }
            Self::Reservation { field, resource, .. } => format!("{field}.{resource}"),
            Self::LogSize(_) => "containerLogMaxSize".to_owned(),
            Self::LogFiles(_) => "containerLogMaxFiles".to_owned(),
            Self::NoReservedCpu => "cpuManagerPolicy".to_owned(),
            Self::IdsPerPod(_) => "userNamespaces.idsPerPod".to_owned(),
        }
    }
}
