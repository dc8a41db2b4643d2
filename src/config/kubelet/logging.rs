//! Logs and traces of the node agent itself.

use super::wire::wire_structs;
use super::{FlushFrequency, SignedDuration};
use crate::api::Quantity;

wire_structs! {
    /// How the node agent writes its logs.
    pub struct LoggingConfiguration {
        /// `text` or `json`. Default: `text`.
        format: String = "format",
        /// The longest that a line may wait to be written. Default: 5 s.
        flush_frequency: FlushFrequency = "flushFrequency",
        /// The threshold of what is logged: 0 is the least, 2³¹−1 the most.
        verbosity: u32 = "verbosity" [always],
        /// Other thresholds for some source files. For the format `text` only.
        vmodule: Vec<VModuleItem> = "vmodule",
        /// What only one format knows.
        options: FormatOptions = "options",
    }

    /// A threshold for some source files.
    pub struct VModuleItem {
        /// A pattern for the name of a file, without folders and without `.go`: no `=` and no `,`.
        file_pattern: String = "filePattern" [always],
        /// The threshold, at most 2³¹−1.
        verbosity: u32 = "verbosity" [always],
    }

    /// Options by format.
    pub struct FormatOptions {
        /// For `text`.
        text: OutputRoutingOptions = "text",
        /// For `json`.
        json: OutputRoutingOptions = "json",
    }

    /// Where lines go. Needs the gate `LoggingAlphaOptions`.
    pub struct OutputRoutingOptions {
        /// Whether errors go to standard error and the rest to standard output. Default: all go to standard error.
        split_stream: bool = "splitStream",
        /// How many bytes of what is no error are kept back at most. Default: 0.
        info_buffer_size: Quantity = "infoBufferSize",
    }

    /// Where the node agent sends its traces (KEP-2831).
    pub struct TracingConfiguration {
        /// The address of the collector. Unset: port 4317 of this host.
        endpoint: Option<String> = "endpoint",
        /// How many of a million spans are taken, from 0 to 1,000,000. Unset: none of their own.
        sampling_rate_per_million: Option<i32> = "samplingRatePerMillion",
    }
}

impl LoggingConfiguration {
    /// How often logs are flushed where nothing is set.
    pub(crate) const DEFAULT_FLUSH_FREQUENCY: FlushFrequency =
        FlushFrequency { duration: SignedDuration::from_seconds(5), as_text: true };
}
