//! The agent's own logs and traces.

use super::error::{At, Findings};
use super::gates::Gates;
use super::go::Quoted;
use super::url;
use crate::api::Quantity;
use crate::config::{KubeletConfiguration, LoggingConfiguration, OutputRoutingOptions};

/// The highest threshold that the kubelet's logs know.
const MOST_VERBOSE: u32 = i32::MAX.unsigned_abs();

pub(super) fn check(logging: &LoggingConfiguration, gates: &Gates<'_>, found: &mut Findings) {
    let mut say = |path: std::fmt::Arguments<'_>, problem: std::fmt::Arguments<'_>| {
        found.add(path, format_args!("{path}: {problem}"));
    };
    match &*logging.format {
        "text" => {}
        "json" if gates.enabled("LoggingBetaOptions") => {}
        "json" => say(
            format_args!("logging.format"),
            format_args!("Forbidden: Log format json is disabled, see LoggingBetaOptions feature"),
        ),
        other => say(
            format_args!("logging.format"),
            format_args!("Invalid value: {}: Unsupported log format", Quoted(other)),
        ),
    }
    if logging.verbosity > MOST_VERBOSE {
        say(
            format_args!("logging.verbosity"),
            format_args!("Invalid value: {:#x}: Must be <= {MOST_VERBOSE}", logging.verbosity),
        );
    }
    if !logging.vmodule.is_empty() && !matches!(&*logging.format, "" | "text") {
        say(format_args!("logging.vmodule"), format_args!("Forbidden: Only supported for text log format"));
    }
    for (index, item) in logging.vmodule.iter().enumerate() {
        let path = At("logging.vmodule", index, "");
        if item.file_pattern.is_empty() {
            say(format_args!("{path}"), format_args!("Required value: File pattern must not be empty"));
        }
        if item.file_pattern.contains(['=', ',']) {
            say(
                format_args!("{path}"),
                format_args!(
                    "Invalid value: {}: File pattern must not contain equal sign or comma",
                    Quoted(&item.file_pattern)
                ),
            );
        }
        if item.verbosity > MOST_VERBOSE {
            say(
                format_args!("{path}"),
                format_args!("Invalid value: {:#x}: Must be <= {MOST_VERBOSE}", item.verbosity),
            );
        }
    }
    if gates.enabled("LoggingAlphaOptions") {
        return;
    }
    for (format, options) in [("text", &logging.options.text), ("json", &logging.options.json)] {
        let OutputRoutingOptions { split_stream, info_buffer_size } = options;
        for (option, is_set) in
            [("splitStream", *split_stream), ("infoBufferSize", *info_buffer_size != Quantity::ZERO)]
        {
            if is_set {
                say(
                    format_args!("logging.options.{format}.{option}"),
                    format_args!("Forbidden: Feature LoggingAlphaOptions is disabled"),
                );
            }
        }
    }
}

impl KubeletConfiguration {
    pub(super) fn check_tracing(&self, gates: &Gates<'_>, found: &mut Findings) {
        let Some(tracing) = &self.tracing else { return };
        if !gates.enabled("KubeletTracing") {
            return found.add(
                "tracing",
                "invalid configuration: tracing should not be configured if KubeletTracing feature flag is disabled.",
            );
        }
        if let Some(rate) = tracing.sampling_rate_per_million
            && !(0..=1_000_000).contains(&rate)
        {
            let rule = if rate < 0 {
                "sampling rate must be positive"
            } else {
                "sampling rate per million must be less than or equal to one million"
            };
            found.add(
                "tracing.samplingRatePerMillion",
                format_args!("tracing.samplingRatePerMillion: Invalid value: {rate}: {rule}"),
            );
        }
        if let Some(endpoint) = &tracing.endpoint
            && let Err((endpoint, problem)) = check_endpoint(endpoint)
        {
            found.add(
                "tracing.endpoint",
                format_args!("tracing.endpoint: Invalid value: {}: {problem}", Quoted(&endpoint)),
            );
        }
    }
}

/// The address in full, and what is wrong with it.
fn check_endpoint(endpoint: &str) -> Result<(), (String, String)> {
    let full = if endpoint.contains("//") { endpoint.to_owned() } else { format!("dns://{endpoint}") };
    let problem = match url::scheme(&full) {
        Ok(scheme) if matches!(&*scheme, "dns" | "unix" | "unix-abstract") => return Ok(()),
        Ok(scheme) => format!(
            "unsupported scheme: {scheme}.  Options are none, dns, unix, or unix-abstract.  \
             See https://github.com/grpc/grpc/blob/master/doc/naming.md"
        ),
        Err(problem) => problem,
    };
    Err((full, problem))
}
