//! From files to a node.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use node_lifecycle::api::{Pod, Summary};
use node_lifecycle::document;
use node_lifecycle::image::{ImageGcPolicy, ImageGcPolicyError};
use node_lifecycle::machine::Timestamp;
use serde::Deserialize;

use super::args::Args;
use super::cri::{FsUsage, Image, filesystems, images};
use super::node::{KubeletConfig, load_config, load_pods, load_summary, named};
use super::source::{decode, only_document, read_file, shipped, shown};

/// What was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The files, as they are named to the user.
    pub(crate) files: Vec<String>,
    /// The node's name, if anything says it.
    pub(crate) node: Option<String>,
    pub(crate) images: Vec<Image>,
    /// The file system of images.
    pub(crate) fs: Option<FsUsage>,
    /// Those of the node.
    pub(crate) pods: Vec<Pod>,
    pub(crate) summary: Option<Summary>,
    pub(crate) config: KubeletConfig<ImageGcPolicy>,
    /// By name or id.
    pub(crate) ages: BTreeMap<String, Ages>,
    /// Worth saying.
    pub(crate) notes: Vec<String>,
}

/// What is remembered of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ages {
    pub(crate) first_detected: Option<Timestamp>,
    pub(crate) last_used: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgesFile {
    images: BTreeMap<String, Ages>,
}

/// Reads everything that the arguments name, or says all that is wrong with it.
pub(crate) fn load(args: &Args, stdin: &mut dyn Read) -> Result<Loaded, Vec<String>> {
    let is_shipped = args.images.is_none();
    let path =
        |asked: &Option<PathBuf>, name: &str| asked.clone().or_else(|| is_shipped.then(|| shipped(name)));
    // These two are required together.
    let images = path(&args.images, "data/images.json").unwrap_or_default();
    let pods = path(&args.pods, "data/pods.json").unwrap_or_default();
    let fs = path(&args.fs, "data/imagefsinfo.json");
    let config = path(&args.config, "data/kubelet.yaml");
    let summary = path(&args.summary, "data/summary-images.json");
    let ages = path(&args.ages, "data/image-ages.yaml");

    let (mut errors, mut notes) = (Vec::new(), Vec::new());
    let files = [Some(&images), fs.as_ref(), Some(&pods), summary.as_ref(), config.as_ref(), ages.as_ref()];
    let files = files.into_iter().flatten().map(|path| named(path)).collect();
    let pods = load_pods(&pods, stdin, &mut notes).map_err(|wrong| errors.extend(wrong));
    let mut take = |error| errors.push(error);
    let images = load_images(&images, &mut notes).map_err(&mut take);
    let fs = fs.map(|path| load_fs(&path, &mut notes)).transpose().map_err(&mut take);
    let summary = summary.map(|path| load_summary(&path)).transpose().map_err(&mut take);
    let config = config.map_or(Ok(KubeletConfig::default()), |path| load_policy(&path, &mut notes));
    let config = config.map_err(&mut take);
    let ages = ages.map_or(Ok(BTreeMap::new()), |path| load_ages(&path)).map_err(&mut take);
    let (Ok(images), Ok(fs), Ok(pods), Ok(summary), Ok(config), Ok(ages)) =
        (images, fs, pods, summary, config, ages)
    else {
        return Err(errors);
    };
    let (node, pods) = of_node(args, summary.as_ref(), pods, &mut notes).map_err(|error| vec![error])?;
    Ok(Loaded { files, node, images, fs, pods, summary, config, ages, notes })
}

fn load_images(path: &Path, notes: &mut Vec<String>) -> Result<Vec<Image>, String> {
    let file = shown(path);
    let document = only_document(&file, document::read_json(&read_file(path)?), "`images`")?;
    let images = images(&file, &document)?;
    let mut seen = BTreeMap::new();
    for image in &images {
        let times = seen.entry((&image.id, image.runtime_handler())).or_insert(0);
        *times += 1;
        if *times == 2 {
            notes.push(format!("{file}: {} is listed more than once, and counts once", image.id));
        }
    }
    Ok(images)
}

fn load_fs(path: &Path, notes: &mut Vec<String>) -> Result<FsUsage, String> {
    let file = shown(path);
    let document = only_document(&file, document::read_json(&read_file(path)?), "`imageFilesystems`")?;
    let mut found = filesystems(&file, &document)?;
    if found.len() > 1 {
        notes.push(format!("{file}: images are on {} file systems, and the first one counts", found.len()));
    }
    Ok(found.swap_remove(0))
}

fn load_policy(path: &Path, notes: &mut Vec<String>) -> Result<KubeletConfig<ImageGcPolicy>, String> {
    let mut config: KubeletConfig<ImageGcPolicy> = load_config(path)?;
    let policy = &mut config.settings;
    if policy.minimum_age == Duration::ZERO {
        policy.minimum_age = ImageGcPolicy::default().minimum_age;
        notes.push(format!("{}: imageMinimumGCAge: zero counts as not given, which is 2m", shown(path)));
    }
    Ok(config)
}

fn load_ages(path: &Path) -> Result<BTreeMap<String, Ages>, String> {
    let file = shown(path);
    let document = only_document(&file, document::read(&read_file(path)?), "`images`")?;
    let AgesFile { images } = decode(&file, document.number(), document.root())?;
    Ok(images)
}

/// The node that is planned for, and its pods.
fn of_node(
    args: &Args,
    summary: Option<&Summary>,
    mut pods: Vec<Pod>,
    notes: &mut Vec<String>,
) -> Result<(Option<String>, Vec<Pod>), String> {
    let mut of_nodes = BTreeMap::<String, usize>::new();
    for pod in pods.iter().filter(|pod| !pod.spec.node_name.is_empty()) {
        *of_nodes.entry(pod.spec.node_name.clone()).or_default() += 1;
    }
    let named = args.node.clone();
    let named = named.or_else(|| Some(summary?.node.node_name.clone()).filter(|name| !name.is_empty()));
    let node = match (named, of_nodes.len()) {
        (Some(name), _) => Some(name),
        (None, 0 | 1) => of_nodes.keys().next().cloned(),
        (None, _) => {
            let names: Vec<_> = of_nodes.keys().map(String::as_str).collect();
            return Err(format!(
                "the pods are on several nodes: --node says which one, of {}",
                names.join(", ")
            ));
        }
    };
    if let Some(node) = node.as_ref().filter(|node| !of_nodes.is_empty() && !of_nodes.contains_key(*node)) {
        let names: Vec<_> = of_nodes.keys().map(String::as_str).collect();
        return Err(format!("no pod is on {node}: they are on {}", names.join(", ")));
    }
    if !of_nodes.is_empty() {
        let all = pods.len();
        pods.retain(|pod| Some(&pod.spec.node_name) == node.as_ref());
        match all - pods.len() {
            0 => {}
            1 => notes.push("1 pod is not on this node, and left out".to_owned()),
            others => notes.push(format!("{others} pods are not on this node, and left out")),
        }
    }
    Ok((node, pods))
}

/// What is wrong with a configuration, with its place.
pub(crate) fn refuse(config: &KubeletConfig<ImageGcPolicy>, error: &ImageGcPolicyError) -> String {
    let field = match error {
        ImageGcPolicyError::HighThreshold(_) => "imageGCHighThresholdPercent",
        ImageGcPolicyError::AgeOrder { .. } => "imageMaximumGCAge",
        _ => "imageGCLowThresholdPercent",
    };
    config.refuse(field, None, &error.to_string())
}
