//! How files are named to the user.

use std::path::Path;

use node_lifecycle::config::{Place, Source};

/// The files, and what they are called.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// What the library calls the base, and how it was given.
    base: Option<(String, String)>,
    /// How the folder was given.
    pub(crate) folder: Option<String>,
    drop_ins: Vec<String>,
    set: Vec<String>,
}

impl Names {
    pub(crate) fn new(set: &[String]) -> Self {
        let set = set.iter().map(|text| format!("--set {text}")).collect();
        Self { base: None, folder: None, drop_ins: Vec::new(), set }
    }

    pub(crate) fn set_base(&mut self, name: &str, given: &str) {
        self.base = Some((name.to_owned(), given.to_owned()));
    }

    pub(crate) fn set_folder(&mut self, given: &str, drop_ins: &[Source]) {
        self.folder = Some(given.to_owned());
        self.drop_ins = drop_ins.iter().map(|drop_in| drop_in.name().to_owned()).collect();
    }

    /// A file: the base as it was given, a drop-in by its name in the folder.
    pub(crate) fn file(&self, name: &str) -> String {
        match &self.base {
            Some((base, given)) if base == name => given.clone(),
            _ => name.to_owned(),
        }
    }

    /// A file as briefly as can be.
    pub(crate) fn short(&self, name: &str) -> String {
        match &self.base {
            Some((base, given)) if base == name => {
                let last = Path::new(given).file_name().map(|last| last.to_string_lossy().into_owned());
                last.filter(|last| !self.drop_ins.contains(last)).unwrap_or_else(|| given.clone())
            }
            _ => name.to_owned(),
        }
    }

    /// `kubelet.yaml:12`.
    pub(crate) fn line(&self, place: &Place) -> String {
        if self.is_set(&place.file) {
            return "--set".to_owned();
        }
        format!("{}:{}", self.short(&place.file), place.position.line)
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.set.iter().any(|set| set == name)
    }

    /// A sentence of the library, with files named briefly. What is set by hand has no lines.
    pub(crate) fn sentence(&self, text: &str) -> String {
        self.renamed(text, |base| self.short(base))
    }

    /// A sentence of the library, with files named as they were given.
    pub(crate) fn complaint(&self, text: &str) -> String {
        self.renamed(text, |base| self.file(base))
    }

    fn renamed(&self, text: &str, name: impl Fn(&str) -> String) -> String {
        let named = match &self.base {
            Some((base, _)) => text.replace(&format!("{base}:"), &format!("{}:", name(base))),
            None => text.to_owned(),
        };
        self.set.iter().fold(named, |text, set| without_place(&text, set))
    }
}

/// A text where no `:1:20` follows on a name.
fn without_place(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(name);
        let number =
            |text: &'_ str| text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let place = part.strip_prefix(':').and_then(|rest| {
            let column = rest.get(number(rest)..)?.strip_prefix(':')?;
            column.get(number(column)..)
        });
        kept.push_str(place.unwrap_or(part));
    }
    kept
}
