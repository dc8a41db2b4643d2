//! What the library says.

use node_lifecycle::config::{
    ConfigErrors, ConfigWarning, Effective, Flags, Host, Line, MergeOptions, Note, Origin, Source, diff,
    merge, merge_salvaging,
};
use node_lifecycle::eviction::ThresholdNotice;

use super::args::Args;
use super::copied::Copied;
use super::load::Loaded;

/// What is asked about.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) args: &'a Args,
    pub(crate) loaded: &'a Loaded,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) effective: Effective,
    /// Everything that is wrong.
    pub(crate) errors: Vec<Said>,
    /// What is valid and dangerous.
    pub(crate) warnings: Vec<Said>,
}

/// Something that is said of a field, with its place if that is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) field: String,
    pub(crate) text: String,
}

/// Whose answers are given.
pub(crate) fn options(copied: Copied) -> MergeOptions {
    let named = match copied {
        Copied::None => MergeOptions::default(),
        Copied::Kubelet132 => MergeOptions::kubelet_1_32(),
    };
    MergeOptions { compat: copied.compat(), ..named }
}

impl Case<'_> {
    pub(crate) fn answer(&self, options: MergeOptions) -> Answer {
        let Loaded { base, drop_ins, flags, .. } = self.loaded;
        let salvaged = merge_salvaging(base.as_ref(), drop_ins.as_deref(), &Flags::parse(flags), options);
        let effective = salvaged.effective;
        let problems = salvaged.problems.iter();
        let mut errors: Vec<_> = problems
            .map(|problem| Said {
                field: problem.field().unwrap_or_default().to_owned(),
                text: problem.to_string(),
            })
            .collect();
        let mut warnings = Vec::new();
        if salvaged.is_complete {
            let host = Host {
                platform: options.platform,
                gates: options.registry,
                capacity: self.args.capacity.iter().cloned().collect(),
                ..Host::default()
            };
            let check = effective.config.check(&host, options.compat);
            errors.extend(check.errors.iter().map(|it| placed(&effective, it.path(), &it.to_string())));
            let new = check.warnings.iter().filter(|it| !is_noted(it, &effective.notes));
            warnings.extend(new.map(|it| placed(&effective, it.path(), &it.to_string())));
        }
        Answer { effective, errors, warnings }
    }
}

/// Whether the merge has noted it: that defaults of `evictionHard` are gone is one note for all signals, and the field
/// that would keep them is unknown to a kubelet 1.32.
fn is_noted(warning: &ConfigWarning, notes: &[Note]) -> bool {
    matches!(warning, ConfigWarning::Threshold(ThresholdNotice::DefaultDropped { .. }))
        && notes.iter().any(|note| matches!(note, Note::EvictionDefaultsGone { .. }))
}

/// Something that is said, with the place where its field is set.
fn placed(effective: &Effective, path: String, text: &str) -> Said {
    let origin = effective.provenance.nearest(&path).map(|(_, field)| field.origin());
    let text = match origin {
        Some(origin @ (Origin::File(_) | Origin::Flag(_))) => format!("{origin}: {text}"),
        _ => text.to_owned(),
    };
    Said { field: path, text }
}

/// The lines of the configuration. With `only_set`, those of defaults are left out that are the same without them.
pub(crate) fn lines(effective: &Effective, only_set: bool, options: MergeOptions) -> Vec<Line<'_>> {
    if !only_set {
        return effective.lines(|_, _| true);
    }
    let of = |more: &[String]| {
        effective.lines(|path, field| field.origin().is_set() || more.iter().any(|it| it == path))
    };
    match reread(&of(&[]), options) {
        Ok(again) => {
            let lost = diff(&effective.provenance, &again.provenance);
            of(&lost.into_iter().map(|it| it.field).collect::<Vec<_>>())
        }
        Err(_) => effective.lines(|_, _| true),
    }
}

/// What the lines make by themselves.
pub(crate) fn reread(lines: &[Line<'_>], options: MergeOptions) -> Result<Effective, ConfigErrors> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    merge(Some(&Source::base("", text)), None, &Flags::default(), options)
}
