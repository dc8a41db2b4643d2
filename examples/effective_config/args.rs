//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use node_lifecycle::api::Quantity;

use super::copied::Copied;

/// Says what a node's configuration is in the end, and who has said so: the base file, its drop-ins and the flags.
///
/// It prints the merged configuration as a KubeletConfiguration, with the origin of each value as a comment. It decides
/// as the kubelet does; wherever the library would answer otherwise, a `!` says so.
#[derive(Debug, Parser)]
#[command(name = "effective_config", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The base file, as the kubelet is given it, in YAML or JSON; `-` is the standard input. Without this and
    /// --config-dir, the shipped node is shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The folder of drop-ins, as the kubelet is given it.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) config_dir: Option<PathBuf>,

    /// What if: sets a field, as a drop-in would that comes last: maxPods=60, evictionHard.memory.available=1Gi. `null`
    /// takes away.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,

    /// Tell the whole story of a field, or of a feature gate, instead.
    #[arg(long, value_name = "FIELD", conflicts_with = "diff")]
    pub(crate) explain: Vec<String>,

    /// Show what would differ with another base, or with another folder of drop-ins; twice for both.
    #[arg(long, value_name = "OTHER")]
    pub(crate) diff: Vec<PathBuf>,

    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) format: Format,

    /// Leave out what nobody has set, as far as the rest means the same without it.
    #[arg(long)]
    pub(crate) only_set: bool,

    /// Who decides: the kubelet with its faults, or the library, which has `none` of them.
    #[arg(long, value_name = "KUBELET", default_value = "kubelet-1.32")]
    pub(crate) compat: Copied,

    /// How much the node has of something, so that reservations can be compared with it: memory=8Gi.
    #[arg(long, value_name = "RESOURCE=AMOUNT", value_parser = capacity)]
    pub(crate) capacity: Vec<(String, Quantity)>,

    /// Flags of the kubelet, which outrank all files.
    #[arg(last = true, value_name = "FLAGS", allow_hyphen_values = true)]
    pub(crate) flags: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  effective_config                               the shipped node
  effective_config --config kubelet.yaml --config-dir kubelet.conf.d -- --max-pods=60
  effective_config --only-set                    without what nobody has set
  effective_config --explain evictionHard        who has said what of it, and what came of that
  effective_config --set evictionHard.memory.available=1Gi --explain evictionHard
  effective_config --config-dir kubelet.conf.d --diff other.conf.d

Exit codes: 0 all is well, 1 the configuration is wrong or the output failed, 2 the arguments are wrong.";

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As a file, with comments.
    Yaml,
    /// As JSON: every value with its origin.
    Json,
}

fn capacity(text: &str) -> Result<(String, Quantity), String> {
    let (resource, amount) =
        text.split_once('=').ok_or("expected a resource, = and an amount, such as memory=8Gi")?;
    Ok((resource.to_owned(), amount.parse().map_err(|error| format!("{error}"))?))
}
