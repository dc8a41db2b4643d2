//! What can be asked for on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use node_lifecycle::api::GoDuration;
use node_lifecycle::behaviour::{Behaviour, Compat, Feature, FeatureGates};
use node_lifecycle::sim::Faults;

/// Runs pods on a simulated node and draws what happens to their containers.
///
/// All pods of all files begin at time 0 on one node; each is deleted after a while, so that the way down is
/// seen too. Nothing is started for real: time is virtual, and the same files and the same seed give the same
/// output.
#[derive(Debug, Parser)]
#[command(name = "simulate", max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Manifests: YAML or JSON files, folders (searched with their subfolders for *.yaml, *.yml and *.json, in
    /// byte order), or `-` for the standard input. Without any, the shipped examples run.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// When to stop looking at pods that are not gone by then.
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    until: GoDuration,

    /// When the pods are deleted, counted from time 0. Without this after 60s, the shipped examples after 6m.
    #[arg(long, value_name = "DURATION")]
    delete_after: Option<GoDuration>,

    /// Leave the pods as they are.
    #[arg(long, conflicts_with = "delete_after")]
    no_delete: bool,

    /// Seconds of grace that the deletion gives, in place of each pod's own terminationGracePeriodSeconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) grace: Option<i64>,

    /// When the node's agent is restarted, counted from time 0: it is stored, dropped and taken up again, and
    /// what was in flight is lost. Can be given several times.
    #[arg(long, value_name = "DURATION")]
    pub(crate) restart_agent_at: Vec<GoDuration>,

    /// How containers behave: a file of rules by pod, container and image.
    #[arg(long, value_name = "FILE")]
    pub(crate) behavior: Option<PathBuf>,

    /// Feature gates, as the kubelet takes them: A=true,B=false. The others are as in Kubernetes 1.32.
    #[arg(long, value_name = "GATES", value_parser = checked_gates)]
    feature_gates: Option<String>,

    /// Whose faults are copied. `none` does what is right.
    #[arg(long, value_name = "KUBELET", default_value = "none")]
    pub(crate) compat: Copied,

    /// What everything random is made from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Which part of the runtime's calls goes wrong, from 0 to 1 (0.05: one in twenty).
    #[arg(long, value_name = "RATE", default_value = "0", value_parser = faults)]
    pub(crate) fault: Faults,

    /// Print the trace as JSON, one event a line, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the timeline as a picture too.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Print the orders of start and stop for Graphviz, and run nothing.
    #[arg(long, conflicts_with_all = ["json", "svg"])]
    pub(crate) dot: bool,

    /// Run what can be read when something cannot be. The exit code is 2 all the same.
    #[arg(long)]
    pub(crate) keep_going: bool,

    /// Columns of the output. Without this: $COLUMNS, or the terminal's, or 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=1000))]
    pub(crate) width: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  simulate                                  the shipped manifests
  simulate pod.yaml --no-delete             the way up only
  simulate pod.yaml --grace 5 --svg pod.svg
  simulate pod.yaml --restart-agent-at 65s  in the middle of the way down
  simulate manifests/ --fault 0.05 --seed 7
  kubectl get pods -o yaml | simulate -

Exit codes: 0 all is well, 1 the run or the output failed, 2 the input is wrong.";

/// Whose faults are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Copied {
    /// Nobody's.
    None,
    /// Those of the kubelet of Kubernetes 1.32.
    #[value(name = "kubelet-1.32")]
    Kubelet132,
}

impl Args {
    /// When the pods are deleted, if they are.
    pub(crate) fn delete_after(&self) -> Option<Duration> {
        // All that the shipped examples have to show happens within 6 min.
        let usual = Duration::from_secs(if self.paths.is_empty() { 360 } else { 60 });
        (!self.no_delete).then_some(self.delete_after.map_or(usual, |after| after.0))
    }

    /// When the run ends.
    pub(crate) fn until(&self) -> Duration {
        self.until.0
    }

    /// Gates and copied faults; and whether a gate was switched on because the shipped examples need it.
    pub(crate) fn behaviour(&self) -> (Behaviour, Option<Feature>) {
        let named = self.feature_gates.as_deref().unwrap_or_default();
        // They have been parsed once already.
        let mut gates: FeatureGates = named.parse().unwrap_or_default();
        let needed = Feature::ContainerRestartRules;
        let switched = (self.paths.is_empty() && !named.contains(needed.name())).then_some(needed);
        if let Some(needed) = switched {
            gates.set(needed, true);
        }
        let compat = match self.compat {
            Copied::None => Compat::default(),
            Copied::Kubelet132 => Compat::kubelet_1_32(),
        };
        (Behaviour { gates, compat }, switched)
    }
}

fn checked_gates(text: &str) -> Result<String, String> {
    text.parse::<FeatureGates>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn faults(text: &str) -> Result<Faults, String> {
    let expected = || "expected a number from 0 to 1, such as 0.05".to_owned();
    let rate: f64 = text.parse().map_err(|_| expected())?;
    // A part of a second is a rate in thousandths once it is counted in milliseconds.
    let part = Duration::try_from_secs_f64(rate).map_err(|_| expected())?;
    match u16::try_from(part.as_millis()) {
        Ok(0) if rate > 0.0 => Err("the smallest rate is 0.001".to_owned()),
        Ok(per_mille @ 0..=1000) => Ok(Faults { per_mille }),
        _ => Err(expected()),
    }
}
