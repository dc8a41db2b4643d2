//! From paths to what is merged.

use std::io::Read;
use std::path::{Path, PathBuf};

use node_lifecycle::config::{Source, SourceKind, Unreadable, read_base, read_folder};

use super::args::Args;
use super::names::Names;
use super::source::{shipped, shown};

/// Everything that a configuration is made of.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) base: Option<Source>,
    /// The files of the folder, and then what is set by hand.
    pub(crate) drop_ins: Option<Vec<Source>>,
    pub(crate) flags: Vec<String>,
    pub(crate) names: Names,
}

/// Reads what the arguments name. What is wrong with a file is said when it is merged.
pub(crate) fn load(args: &Args, stdin: &mut dyn Read) -> Result<Loaded, String> {
    let is_shipped = args.config.is_none() && args.config_dir.is_none();
    let path = |asked: &Option<PathBuf>, name| asked.clone().or_else(|| is_shipped.then(|| shipped(name)));
    let base = path(&args.config, "data/kubelet.yaml");
    let folder = path(&args.config_dir, "data/kubelet.conf.d");
    let set = args.set.iter().map(|text| {
        Source::assignment(format!("--set {text}"), text).map_err(|error| format!("--set: {error}"))
    });
    let set = set.collect::<Result<Vec<_>, _>>()?;
    let mut loaded =
        Loaded { base: None, drop_ins: None, flags: args.flags.clone(), names: Names::new(&args.set) };
    if let Some(path) = base {
        loaded.take_base(&path, stdin);
    }
    if let Some(path) = folder {
        loaded.take_folder(&path);
    }
    if !set.is_empty() {
        loaded.drop_ins.get_or_insert_default().extend(set);
    }
    Ok(loaded)
}

impl Loaded {
    /// The same with other files instead.
    pub(crate) fn with(&self, others: &[PathBuf], stdin: &mut dyn Read) -> Self {
        let mut other = self.clone();
        for path in others {
            if path.is_dir() {
                let set: Vec<_> = other.drop_ins.iter().flatten().filter(|it| is_set(it)).cloned().collect();
                other.take_folder(path);
                other.drop_ins.get_or_insert_default().extend(set);
            } else {
                other.take_base(path, stdin);
            }
        }
        other
    }

    fn take_base(&mut self, path: &Path, stdin: &mut dyn Read) {
        let base = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            match stdin.read_to_end(&mut bytes) {
                Ok(_) => Source::from_bytes("stdin", SourceKind::Base, bytes),
                Err(error) => {
                    Source::unreadable("stdin", SourceKind::Base, Unreadable::Io(error.to_string()))
                }
            }
        } else {
            // The kubelet makes it absolute too, so that paths in it are.
            read_base(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
        };
        self.names.set_base(base.name(), &shown(path));
        self.base = Some(base);
    }

    fn take_folder(&mut self, path: &Path) {
        let drop_ins = read_folder(path);
        self.names.set_folder(&shown(path), &drop_ins);
        self.drop_ins = Some(drop_ins);
    }

    /// What it is made of, in a sentence.
    pub(crate) fn described(&self) -> String {
        let base = self.base.as_ref().map(|base| self.names.file(base.name()));
        let drop_ins = self.drop_ins.iter().flatten();
        let (set, files): (Vec<_>, Vec<_>) = drop_ins.partition(|it| is_set(it));
        let folder = self.names.folder.as_ref().map(|folder| match files.len() {
            1 => format!("1 drop-in of {folder}"),
            many => format!("{many} drop-ins of {folder}"),
        });
        let set = (!set.is_empty()).then(|| "--set".to_owned());
        let flags = (!self.flags.is_empty()).then(|| self.flags.join(" "));
        let parts: Vec<_> = [base, folder, set, flags].into_iter().flatten().collect();
        match parts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, parts)) => format!("{} and {last}", parts.join(", ")),
            None => "nothing".to_owned(),
        }
    }
}

fn is_set(source: &Source) -> bool {
    source.name().starts_with("--set ")
}
