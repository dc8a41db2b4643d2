//! How many pulls, how often, and how long they may take.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::container::BackOffSettings;
use crate::image::{SignaturePolicy, SignaturePolicyError};

/// How images are pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PullConfig {
    /// How many pulls may be under way at once; `None`: any number. One, by default: the kubelet's
    /// `serializeImagePulls`, else `maxParallelImagePulls`.
    pub max_parallel: Option<NonZeroU32>,
    /// How often a pull may begin; `None`: as often as wanted. By default 5 a second and 10 at once: the kubelet's
    /// `registryPullQPS` and `registryBurst`.
    pub rate_limit: Option<PullRateLimit>,
    /// How long a pull that failed is not tried again: 10 s to 300 s, by default.
    pub back_off: BackOffSettings,
    /// How long the question may take whether an image is there, and how long the end of a pull that was cancelled, or
    /// the check of a signature: 2 min, by default.
    pub call_timeout: Duration,
    /// How long a pull may take of which nothing is heard: 1 h, by default.
    pub pull_timeout: Duration,
    /// How long a pull whose progress was heard of may make none: 1 min, by default.
    pub progress_deadline: Duration,
    /// How often progress is said: every 5 s, by default.
    pub progress_interval: Duration,
    /// What may be fetched ahead of time.
    pub prefetch: PrefetchBudget,
    /// Which images have to be signed: none, by default.
    pub signatures: SignaturePolicy,
}

/// How often a pull may begin: so many tokens in each period, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullRateLimit {
    /// How many in a period.
    pub tokens: u32,
    /// The period.
    pub period: Duration,
    /// How many at once.
    pub burst: u32,
}

/// What may be fetched ahead of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrefetchBudget {
    /// How many such pulls at once, within [`PullConfig::max_parallel`]: 1, by default. None with 0.
    pub max_parallel: u32,
    /// How many bytes of images may be there that were fetched ahead of time and nobody has used yet: 10 GiB, by
    /// default.
    pub max_bytes: u64,
    /// How many bytes a second, on average; `None`, the default: as fast as they come. The next waits for as long as
    /// the last would have taken at this rate.
    pub bytes_per_second: Option<NonZeroU32>,
}

/// Why a configuration of pulls is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PullConfigError {
    /// No pull could ever begin.
    #[error(
        "registryPullQPS: a burst of {burst} at {tokens} in {period:?} lets no pull begin: expected at least 1 of each, or no limit"
    )]
    NoTokens {
        /// Tokens in a period.
        tokens: u32,
        /// The period.
        period: Duration,
        /// Tokens at once.
        burst: u32,
    },
    /// The back-off would shrink.
    #[error("back-off: the first delay {initial:?} is longer than the longest {max:?}")]
    BackOff {
        /// The first delay.
        initial: Duration,
        /// The longest delay.
        max: Duration,
    },
    /// A time limit is zero.
    #[error("{field}: expected more than zero")]
    Zero {
        /// Which one.
        field: &'static str,
    },
    /// The policy of signatures is wrong.
    #[error("signatures.{0}")]
    Signatures(#[from] SignaturePolicyError),
}

impl PullRateLimit {
    /// So many a second, and so many at once.
    #[must_use]
    pub const fn per_second(tokens: u32, burst: u32) -> Self {
        Self { tokens, period: Duration::from_secs(1), burst }
    }
}

impl Default for PullConfig {
    fn default() -> Self {
        Self {
            max_parallel: Some(NonZeroU32::MIN),
            rate_limit: Some(PullRateLimit::per_second(5, 10)),
            back_off: BackOffSettings {
                initial: Duration::from_secs(10),
                max: Duration::from_secs(300),
                expire_after: None,
            },
            call_timeout: Duration::from_secs(120),
            pull_timeout: Duration::from_secs(3600),
            progress_deadline: Duration::from_secs(60),
            progress_interval: Duration::from_secs(5),
            prefetch: PrefetchBudget::default(),
            signatures: SignaturePolicy::default(),
        }
    }
}

impl Default for PrefetchBudget {
    fn default() -> Self {
        Self { max_parallel: 1, max_bytes: 10 << 30, bytes_per_second: None }
    }
}

impl PullConfig {
    /// # Errors
    /// [`PullConfigError`] where nothing could be pulled, or delays are out of order.
    pub fn validate(&self) -> Result<(), PullConfigError> {
        if let Some(PullRateLimit { tokens, period, burst }) = self.rate_limit
            && (tokens == 0 || burst == 0 || period.is_zero())
        {
            return Err(PullConfigError::NoTokens { tokens, period, burst });
        }
        let BackOffSettings { initial, max, .. } = self.back_off;
        if initial > max {
            return Err(PullConfigError::BackOff { initial, max });
        }
        self.signatures.validate()?;
        let limits = [
            ("callTimeout", self.call_timeout),
            ("pullTimeout", self.pull_timeout),
            ("progressDeadline", self.progress_deadline),
        ];
        match limits.iter().find(|(_, limit)| limit.is_zero()) {
            Some((field, _)) => Err(PullConfigError::Zero { field }),
            None => Ok(()),
        }
    }

    /// How many at once.
    pub(super) fn slots(&self) -> usize {
        self.max_parallel.map_or(usize::MAX, |slots| usize::try_from(slots.get()).unwrap_or(usize::MAX))
    }
}
