//! All that is said, in text, in JSON and as a picture alike.

use std::collections::BTreeMap;

use node_lifecycle::api::{Pod, PodReference, Uid};
use node_lifecycle::eviction::{Explanation, Forecast, PsiObservation, RankedName, Ranking, SummaryReport};
use node_lifecycle::machine::Timestamp;
use serde::Serialize;

use super::copied::Copied;
use super::decide::{Answer, Case};
use super::differ::{Difference, differences, switches};
use super::node::listed;
use super::seen::seen;

/// All that is said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// What was read.
    pub(crate) files: Vec<String>,
    pub(crate) node: String,
    pub(crate) at: Timestamp,
    pub(crate) decides: Copied,
    pub(crate) active_pods: usize,
    pub(crate) notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) psi: Option<PsiObservation>,
    pub(crate) explanation: Option<Explanation>,
    /// Whose turn it is, or would be if that signal was low.
    pub(crate) ranking: Option<Ranking>,
    /// Where the other one, kubelet or library, would answer otherwise.
    pub(crate) differences: Vec<Difference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forecast: Option<Forecast>,
    #[serde(skip)]
    earlier: String,
}

impl Report {
    pub(crate) fn new(case: &Case<'_>, answer: Answer) -> Self {
        let (decides, loaded) = (case.args.compat, case.loaded);
        let (ours, theirs) = (decides.compat(), decides.other().compat());
        let mut notes = loaded.notes.clone();
        notes.extend(case.notes());
        notes.extend(answer.notices.iter().cloned());
        notes.extend(misfits(&loaded.pods, &answer.report));
        notes.extend(answer.notes(case));
        let name = &loaded.summary.node.node_name;
        let psi = PsiObservation::from(&loaded.summary);
        let earlier = loaded.earlier.as_ref();
        Self {
            files: loaded.files.clone(),
            node: if name.is_empty() { "a node".to_owned() } else { name.clone() },
            at: case.now,
            decides,
            active_pods: answer.observation.pods().len(),
            notes,
            psi: (psi != PsiObservation::default()).then_some(psi),
            differences: differences(&ours, &theirs, switches(ours, theirs), |compat| {
                seen(&case.answer(*compat))
            }),
            forecast: earlier.map(|(_, earlier)| answer.forecast(case, earlier)),
            earlier: earlier.map(|(file, _)| file.clone()).unwrap_or_default(),
            ranking: answer.order,
            explanation: answer.explanation,
        }
    }

    /// The ranking, where the explanation has not got it.
    pub(crate) fn order_beyond(&self) -> Option<&Ranking> {
        let explained = self.explanation.as_ref().and_then(|explanation| explanation.ranking.as_ref());
        let explained = explained.map(|ranking| ranking.signal);
        self.ranking.as_ref().filter(|order| Some(order.signal) != explained)
    }

    /// Whether a pod has to go.
    pub(crate) fn goes(&self, place: &RankedName) -> bool {
        let explanation = self.explanation.as_ref();
        explanation.is_some_and(|explanation| explanation.evicted.iter().any(|gone| gone.pod == place.pod))
    }

    /// The file that a forecast is made from.
    pub(crate) fn since(&self) -> &str {
        &self.earlier
    }
}

/// What of the summary and the pods does not fit together.
fn misfits(pods: &[Pod], report: &SummaryReport) -> Vec<String> {
    let pods = pods.iter().map(|pod| &pod.metadata);
    let names: BTreeMap<&Uid, String> =
        pods.map(|pod| (&pod.uid, format!("{}/{}", pod.namespace, pod.name))).collect();
    let pods = |uids: &[Uid]| uids.iter().filter_map(|uid| names.get(uid).cloned()).collect::<Vec<_>>();
    let references = |references: &[PodReference]| {
        let named = references.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name));
        named.collect::<Vec<_>>()
    };
    let all = [
        ("not active on this node, and left out", pods(&report.inactive_pods)),
        ("not measured, so that they go early", pods(&report.pods_without_stats)),
        (
            "measured under that name with another UID, maybe for an earlier pod",
            pods(&report.matched_by_name),
        ),
        ("measured, and not in the list of pods", references(&report.stats_without_pods)),
        ("measured twice, and the last counts", references(&report.replaced_stats)),
    ];
    let said = all.into_iter().filter(|(_, pods)| !pods.is_empty());
    said.map(|(what, pods)| format!("{}: {what}", listed(&pods))).collect()
}
