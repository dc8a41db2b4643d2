//! Each fault of the kubelet 1.32 in its evictions that can be copied: what is right, and what the kubelet does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use node_lifecycle::behaviour::Compat;
use node_lifecycle::eviction::{EvictionSettings, Platform};

#[test]
fn accept_malformed_percentages() {
    for (text, read) in [("nan%", "NaN%"), ("7%%", "7%"), ("0x1p3%", "8%"), ("1_0%", "10%")] {
        let settings = EvictionSettings {
            eviction_hard: Some([("nodefs.available".to_owned(), text.to_owned())].into()),
            ..EvictionSettings::default()
        };
        let [right, kubelet] = [Compat::default(), Compat::kubelet_1_32()].map(|compat| {
            let read = settings.config(Platform::Linux, compat);
            read.map(|(config, _)| (config.thresholds[0].value.to_string(), config.validate(compat)))
        });
        let error = right.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "evictionHard[nodefs.available]: `{text}` is no percentage: \
                 expected a decimal number and one %, such as 12.5%"
            )
        );
        assert_eq!(error.errors()[0].kubelet_message(), None, "the kubelet takes it");
        assert_eq!(kubelet, Ok((read.to_owned(), Ok(()))));
    }
}
