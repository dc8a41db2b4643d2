//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use node_lifecycle::api::GoDuration;
use node_lifecycle::eviction::{DiskLayout, Signal};
use node_lifecycle::machine::Timestamp;

use super::copied::Copied;

/// Says which pod a node would evict, and why that one.
///
/// It reads what a node measures and which pods it has, and decides as the node's kubelet does. Wherever the library
/// would answer otherwise, a line with a `!` says so.
#[derive(Debug, Parser)]
#[command(name = "explain_eviction", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The node's pods, as `kubectl get pods -A -o json` prints them; `-` is the standard input. Without this and
    /// --summary, the shipped node is explained.
    #[arg(long, value_name = "FILE", requires = "summary")]
    pub(crate) pods: Option<PathBuf>,

    /// What the node measures, as `kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary` prints it.
    #[arg(long, value_name = "FILE", requires = "pods")]
    pub(crate) summary: Option<PathBuf>,

    /// What the node measured earlier: from both follows what will run out when, if things go on.
    #[arg(long, value_name = "FILE")]
    pub(crate) earlier: Option<PathBuf>,

    /// How far to look ahead with --earlier.
    #[arg(long, value_name = "DURATION", default_value = "1h", requires = "earlier")]
    pub(crate) horizon: GoDuration,

    /// The node's KubeletConfiguration, in YAML or JSON, or what `kubectl get --raw
    /// /api/v1/nodes/NODE/proxy/configz` prints. Without this the kubelet's defaults count.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How the disks are laid out. Without this it is guessed by their sizes.
    #[arg(long, value_name = "LAYOUT")]
    pub(crate) disks: Option<Layout>,

    /// Who decides: the kubelet with its faults, or the library, which has `none` of them.
    #[arg(long, value_name = "KUBELET", default_value = "kubelet-1.32")]
    pub(crate) compat: Copied,

    /// For which signal the pods are ranked. Without this for the one that is acted on, or that is nearest to it.
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) signal: Option<Signal>,

    /// When the node is looked at. Without this at the latest time of the summary.
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,

    /// For how long everything has been as it is now: shows who goes when the grace of a soft threshold is over.
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    pub(crate) met_for: GoDuration,

    /// Show all pods of the ranking.
    #[arg(long)]
    pub(crate) all: bool,

    /// Print the same as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a picture too: usage against thresholds, and the ranking.
    #[arg(long, value_name = "FILE")]
    pub(crate) chart: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  explain_eviction                               the shipped node
  explain_eviction --pods pods.json --summary summary.json --config kubelet.yaml
  kubectl get pods -A -o json | explain_eviction --pods - --summary summary.json
  explain_eviction --signal nodefs.available     who would go for that
  explain_eviction --chart node.svg

Exit codes: 0 all is well, 1 the output failed, 2 the input is wrong.";

/// How the disks are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// One file system for everything.
    One,
    /// Images apart, writeable layers with the rest of the node.
    Split,
    /// Images and writeable layers on a file system of their own.
    Dedicated,
}

impl From<Layout> for DiskLayout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::One => Self::One,
            Layout::Split => Self::Split,
            Layout::Dedicated => Self::Dedicated,
        }
    }
}
