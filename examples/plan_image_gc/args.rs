//! What can be asked for on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use node_lifecycle::api::{GoDuration, Quantity};
use node_lifecycle::machine::Timestamp;

use super::copied::Copied;

/// Says which images a node would remove, in which order, why, and how much that frees.
///
/// It reads what the runtime lists and which pods there are, and decides as the node's kubelet does. Wherever the
/// library would answer otherwise, a line with a `!` says so.
///
/// Two things `crictl` does not show. How large the disk of images is: --summary or --capacity says. And what the
/// kubelet remembers, since when an image is there and when it was last used: --ages or --unused-for says; without
/// that it is decided as if the kubelet had just been started.
#[derive(Debug, Parser)]
#[command(name = "plan_image_gc", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The node's images, as `crictl images -o json` prints them. Without this and --pods, the shipped node is
    /// planned for.
    #[arg(long, value_name = "FILE", requires = "pods")]
    pub(crate) images: Option<PathBuf>,

    /// How much images take, as `crictl imagefsinfo -o json` prints it.
    #[arg(long, value_name = "FILE", requires = "images")]
    pub(crate) fs: Option<PathBuf>,

    /// The pods, as `kubectl get pods -A -o json` prints them; `-` is the standard input.
    #[arg(long, value_name = "FILE", requires = "images")]
    pub(crate) pods: Option<PathBuf>,

    /// The node whose pods count, if there are pods of several.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,

    /// What the node measures, as `kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary` prints it: how large the
    /// disk of images is, and how much of it is left.
    #[arg(long, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,

    /// How large the disk of images is, such as 100Gi.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) capacity: Option<u64>,

    /// How much of it is left. Without this all that images do not take, as on a disk that has nothing else.
    #[arg(long, value_name = "SIZE", value_parser = bytes, requires = "capacity")]
    pub(crate) available: Option<u64>,

    /// The node's KubeletConfiguration, in YAML or JSON, or what `kubectl get --raw
    /// /api/v1/nodes/NODE/proxy/configz` prints. Without this the kubelet's defaults count.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Since when images are there and when they were last used: `images`, with `firstDetected` and `lastUsed` by
    /// name or id, in YAML or JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) ages: Option<PathBuf>,

    /// For how long images have been unused of which --ages says nothing.
    #[arg(long, value_name = "DURATION")]
    pub(crate) unused_for: Option<GoDuration>,

    /// When the kubelet was started: what was before it has forgotten, and until the maximum age has passed since
    /// nothing is too old. Without this as the summary says, or else as long ago as anything that is known.
    #[arg(long, value_name = "TIME")]
    pub(crate) started: Option<Timestamp>,

    /// When the node is looked at. Without this at the latest time of --fs and --summary.
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,

    /// Collect on demand: until so much is freed, such as 5Gi, or `all` that nobody uses, as an eviction does before
    /// a pod has to go.
    #[arg(long, value_name = "SIZE")]
    pub(crate) free: Option<Free>,

    /// Collect until the disk is only so many percent full, whatever the thresholds are.
    #[arg(long, value_name = "PERCENT", conflicts_with = "free", value_parser = clap::value_parser!(i32).range(0..=100))]
    pub(crate) target: Option<i32>,

    /// Who decides: the kubelet with its faults, or the library, which has `none` of them.
    #[arg(long, value_name = "KUBELET", default_value = "kubelet-1.32")]
    pub(crate) compat: Copied,

    /// Show all images of each list.
    #[arg(long)]
    pub(crate) all: bool,

    /// Print the same as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a picture too: the disk against its thresholds, and the images in their order.
    #[arg(long, value_name = "FILE")]
    pub(crate) chart: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  plan_image_gc                              the shipped node
  plan_image_gc --images images.json --fs fsinfo.json --pods pods.json --summary summary.json
  plan_image_gc --images images.json --fs fsinfo.json --pods pods.json --capacity 100Gi --available 9Gi
  plan_image_gc --free 5Gi                   what would go if 5Gi were needed now
  plan_image_gc --target 60 --chart node.svg

Exit codes: 0 all is well, 1 the output failed, 2 the input is wrong.";

/// How much is to be freed on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Free {
    /// So many bytes.
    Bytes(u64),
    /// All that nobody uses.
    All,
}

impl FromStr for Free {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" { Ok(Self::All) } else { bytes(text).map(Self::Bytes) }
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let quantity: Quantity = text.parse().map_err(|error| format!("{error}"))?;
    if quantity.signum() < 0 {
        return Err(format!("`{text}` is below zero: expected a size such as 5Gi"));
    }
    Ok(quantity.bytes_saturating())
}
