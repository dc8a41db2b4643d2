//! Images: garbage collection, pulls, who may use what is there.

use std::num::NonZeroU32;

use super::ConfigConversionError;
use super::reading::Reading;
use crate::image::{
    ImageGcConfig, ImageGcPolicy, ImageGcPolicyError, PullConfig, PullRateLimit, Verification,
    VerificationPolicy,
};

const HIGH: &str = "imageGCHighThresholdPercent";
const LOW: &str = "imageGCLowThresholdPercent";
const MINIMUM_AGE: &str = "imageMinimumGCAge";
const MAXIMUM_AGE: &str = "imageMaximumGCAge";

impl Reading<'_> {
    pub(super) fn image_gc(&mut self) -> ImageGcConfig {
        ImageGcConfig {
            policy: self.image_gc_policy(),
            operation_timeout: self.call_timeout(),
            ..ImageGcConfig::default()
        }
    }

    pub(super) fn image_gc_policy(&mut self) -> ImageGcPolicy {
        let default = ImageGcPolicy::default();
        let [high, low] =
            [self.config.image_gc_high_threshold_percent, self.config.image_gc_low_threshold_percent];
        let policy = ImageGcPolicy {
            high_threshold_percent: high.unwrap_or(default.high_threshold_percent),
            low_threshold_percent: low.unwrap_or(default.low_threshold_percent),
            minimum_age: self.duration(MINIMUM_AGE, self.config.image_minimum_gc_age),
            maximum_age: self.duration(MAXIMUM_AGE, self.config.image_maximum_gc_age),
        };
        if let Err(problem) = policy.validate() {
            let path = match problem {
                ImageGcPolicyError::HighThreshold(_) => HIGH,
                ImageGcPolicyError::LowThreshold(_) | ImageGcPolicyError::ThresholdOrder { .. } => LOW,
                ImageGcPolicyError::AgeOrder { .. } => MAXIMUM_AGE,
            };
            self.refuse(ConfigConversionError::ImageGc { path, problem });
        }
        policy
    }

    pub(super) fn pulls(&mut self) -> PullConfig {
        PullConfig {
            max_parallel: self.pulls_at_once(),
            rate_limit: self.pulls_a_second(),
            call_timeout: self.call_timeout(),
            ..PullConfig::default()
        }
    }

    fn pulls_at_once(&mut self) -> Option<NonZeroU32> {
        let most = self.config.max_parallel_image_pulls.map(|most| {
            let path = "maxParallelImagePulls";
            let number = u32::try_from(most).ok().and_then(NonZeroU32::new);
            if number.is_none() {
                let value = most.into();
                self.refuse(ConfigConversionError::Number { path, value, expected: "1 or more" });
            }
            (most, number.unwrap_or(NonZeroU32::MIN))
        });
        if self.config.serialize_image_pulls != Some(true) {
            return most.map(|(_, number)| number);
        }
        if let Some((most, number)) = most
            && number > NonZeroU32::MIN
        {
            self.refuse(ConfigConversionError::SerializedPulls(most));
        }
        Some(NonZeroU32::MIN)
    }

    /// `None`: as often as wanted.
    fn pulls_a_second(&mut self) -> Option<PullRateLimit> {
        let tokens = self.natural("registryPullQPS", self.config.registry_pull_qps.unwrap_or_default());
        let burst = self.natural("registryBurst", self.config.registry_burst);
        (tokens > 0).then_some(PullRateLimit::per_second(tokens, burst))
    }

    /// Without the gate `KubeletEnsureSecretPulledImages` nobody has to prove anything, whatever is set.
    pub(super) fn verification(&mut self) -> Verification {
        let policy = self.verification_policy();
        let gates = self.gates();
        let list = &self.config.preloaded_images_verification_allowlist;
        Verification::new(policy, list, gates).unwrap_or_else(|error| {
            self.refuse(error);
            Verification::default()
        })
    }

    pub(super) fn verification_policy(&mut self) -> VerificationPolicy {
        const WORDS: &[&str] = &[
            VerificationPolicy::ALL[0].name(),
            VerificationPolicy::ALL[1].name(),
            VerificationPolicy::ALL[2].name(),
            VerificationPolicy::ALL[3].name(),
        ];
        let word = self.config.image_pull_credentials_verification_policy.clone();
        match VerificationPolicy::named(&word) {
            Some(policy) => return policy,
            None if word.is_empty() => {}
            None => self.refuse_word("imagePullCredentialsVerificationPolicy", word, WORDS),
        }
        VerificationPolicy::default()
    }
}
