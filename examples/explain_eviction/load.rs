//! From files to a node.

use std::io::Read;
use std::path::PathBuf;

use node_lifecycle::api::{Pod, Summary};
use node_lifecycle::eviction::{EvictionSettings, ThresholdError, ThresholdErrors};

use super::args::Args;
use super::node::{KubeletConfig, load_config, load_pods, load_summary, named};
use super::source::{shipped, shown};

/// What was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The files, as they are named to the user.
    pub(crate) files: Vec<String>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) summary: Summary,
    /// An earlier one, with its file.
    pub(crate) earlier: Option<(String, Summary)>,
    pub(crate) config: KubeletConfig<EvictionSettings>,
    /// Worth saying.
    pub(crate) notes: Vec<String>,
}

/// Reads everything that the arguments name, or says all that is wrong with it.
pub(crate) fn load(args: &Args, stdin: &mut dyn Read) -> Result<Loaded, Vec<String>> {
    let is_shipped = args.pods.is_none();
    let path = |asked: &Option<PathBuf>, name| asked.clone().unwrap_or_else(|| shipped(name));
    let (pods, summary) = (path(&args.pods, "data/pods.json"), path(&args.summary, "data/summary.json"));
    let config = args.config.clone().or_else(|| is_shipped.then(|| shipped("data/kubelet.yaml")));

    let (mut errors, mut notes) = (Vec::new(), Vec::new());
    let files = [Some(&pods), Some(&summary), config.as_ref()].into_iter().flatten();
    let files = files.map(|path| named(path)).collect();
    let pods = load_pods(&pods, stdin, &mut notes).map_err(|wrong| errors.extend(wrong));
    let mut take = |error| errors.push(error);
    let summary = load_summary(&summary).map_err(&mut take);
    let earlier = args.earlier.as_ref().map(|path| load_summary(path).map(|summary| (shown(path), summary)));
    let earlier = earlier.transpose().map_err(&mut take);
    let config = config.map_or(Ok(KubeletConfig::default()), |path| load_config(&path)).map_err(&mut take);
    match (pods, summary, earlier, config) {
        (Ok(pods), Ok(summary), Ok(earlier), Ok(config)) => {
            Ok(Loaded { files, pods, summary, earlier, config, notes })
        }
        _ => Err(errors),
    }
}

/// What is wrong with the thresholds of a configuration, with the places of the entries.
pub(crate) fn refuse(config: &KubeletConfig<EvictionSettings>, errors: &ThresholdErrors) -> Vec<String> {
    let refuse =
        |error: &ThresholdError| config.refuse(error.field.name(), Some(&error.signal), &error.to_string());
    errors.errors().iter().map(refuse).collect()
}
