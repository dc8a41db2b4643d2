//! What was found out about signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::SignaturePolicy;
use crate::machine::Timestamp;

/// What a signature is of: content, under the name of a repository, in the name of somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignatureSubject {
    /// In whose name: [`SignatureRule::authority`](super::SignatureRule::authority).
    pub authority: Arc<str>,
    /// The repository, with its registry: a signature says for which it was made.
    pub repository: Arc<str>,
    /// What containers are made from, as the runtime names it.
    pub image_ref: Arc<str>,
}

/// Whether a signature is in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "verdict")]
pub enum SignatureVerdict {
    /// It is.
    Valid {
        /// Until when, if it says so.
        until: Option<Timestamp>,
    },
    /// It is not, or there is none.
    Invalid {
        /// Why.
        reason: Arc<str>,
    },
}

/// What was found out about signatures: so many answers, each for a while.
///
/// ```
/// use node_lifecycle::image::{SignatureMemory, SignaturePolicy, SignatureSubject, SignatureVerdict};
/// use node_lifecycle::machine::Timestamp;
/// use std::time::Duration;
///
/// let (policy, now) = (SignaturePolicy::default(), Timestamp::UNIX_EPOCH);
/// let digest = "sha256:6e3a1f0b5d9c4782e1b4a6f89c0d3e5b7a2c4f6e8d0b1a3c5e7f9a0b2c4d6e8f";
/// let web = SignatureSubject {
///     authority: "release".into(),
///     repository: "registry.example/web".into(),
///     image_ref: digest.into(),
/// };
/// let mut memory = SignatureMemory::default();
/// memory.remember(&web, &SignatureVerdict::Valid { until: None }, &policy, now);
/// assert!(memory.get(&web, now).is_some());
/// assert!(memory.get(&web, now + Duration::from_secs(25 * 3600)).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Remembered>", into = "Vec<Remembered>")]
pub struct SignatureMemory {
    answers: BTreeMap<SignatureSubject, (Timestamp, SignatureVerdict)>,
    /// When each is forgotten.
    ends: BTreeSet<(Timestamp, SignatureSubject)>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remembered {
    #[serde(flatten)]
    subject: SignatureSubject,
    #[serde(flatten)]
    verdict: SignatureVerdict,
    ends: Timestamp,
}

/// How much is remembered of why a signature is not in order, in characters.
const MAX_REASON: usize = 1024;

impl SignatureSubject {
    /// Whether it names content, which does not change, and not a name, which may mean something else tomorrow: a
    /// digest, or a repository with one.
    #[must_use]
    pub fn is_content(&self) -> bool {
        let digest = self.image_ref.rsplit_once('@').map_or(&*self.image_ref, |(_, digest)| digest);
        let (algorithm, hex) = digest.split_once(':').unwrap_or(("sha256", digest));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte);
        !algorithm.is_empty()
            && algorithm.bytes().all(is_name)
            && hex.len() >= 32
            && hex.len().is_multiple_of(2)
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl SignatureMemory {
    /// What is known of a signature now.
    #[must_use]
    pub fn get(&self, subject: &SignatureSubject, now: Timestamp) -> Option<&SignatureVerdict> {
        self.answers.get(subject).filter(|(ends, _)| now < *ends).map(|(_, verdict)| verdict)
    }

    /// Keeps an answer for as long as it counts, in the place of others if there are too many. What does not name
    /// [content](SignatureSubject::is_content) is not kept.
    pub fn remember(
        &mut self,
        subject: &SignatureSubject,
        verdict: &SignatureVerdict,
        policy: &SignaturePolicy,
        now: Timestamp,
    ) {
        self.forget(subject);
        let latest = now + policy.time_of(verdict);
        let (ends, verdict) = match verdict {
            SignatureVerdict::Valid { until } => (until.unwrap_or(latest).min(latest), verdict.clone()),
            SignatureVerdict::Invalid { reason } => {
                let reason = reason.chars().take(MAX_REASON).collect::<String>().into();
                (latest, SignatureVerdict::Invalid { reason })
            }
        };
        if ends <= now || !subject.is_content() {
            return;
        }
        self.answers.insert(subject.clone(), (ends, verdict));
        self.ends.insert((ends, subject.clone()));
        self.shrink(policy.max_remembered, Some(now));
    }

    /// Forgets an answer.
    pub fn forget(&mut self, subject: &SignatureSubject) {
        if let Some((ends, _)) = self.answers.remove(subject) {
            self.ends.remove(&(ends, subject.clone()));
        }
    }

    /// Goes on with another policy: what is not asked for any more is forgotten, and what is left counts for as long as
    /// that policy lets it.
    pub fn apply(&mut self, policy: &SignaturePolicy, now: Timestamp) {
        let all: Vec<Remembered> = std::mem::take(self).into();
        let asked = all.into_iter().filter(|known| policy.has_authority(&known.subject.authority));
        let asked = asked
            .map(|known| Remembered { ends: known.ends.min(now + policy.time_of(&known.verdict)), ..known });
        *self = asked.collect::<Vec<_>>().into();
        // What is over stays until something new comes, so that a stored memory is the same afterwards.
        self.shrink(policy.max_remembered, None);
    }

    /// How many answers are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// Forgets what does not count any more, and what there are too many of.
    fn shrink(&mut self, most: usize, now: Option<Timestamp>) {
        while let Some((ends, _)) = self.ends.first()
            && (now.is_some_and(|now| *ends <= now) || self.answers.len() > most)
            && let Some((_, subject)) = self.ends.pop_first()
        {
            self.answers.remove(&subject);
        }
    }

    /// Moves every instant back.
    pub(in crate::image) fn move_back(&mut self, by: Duration) {
        let mut all: Vec<Remembered> = std::mem::take(self).into();
        for remembered in &mut all {
            remembered.ends = remembered.ends.moved_back(by);
        }
        *self = all.into();
    }
}

impl From<SignatureMemory> for Vec<Remembered> {
    fn from(memory: SignatureMemory) -> Self {
        let answers = memory.answers.into_iter();
        answers.map(|(subject, (ends, verdict))| Remembered { subject, verdict, ends }).collect()
    }
}

impl From<Vec<Remembered>> for SignatureMemory {
    /// Of two answers for the same the one that is forgotten first.
    fn from(all: Vec<Remembered>) -> Self {
        let mut memory = Self::default();
        for Remembered { subject, verdict, ends } in all {
            if memory.answers.get(&subject).is_some_and(|(before, _)| *before <= ends) {
                continue;
            }
            memory.forget(&subject);
            memory.ends.insert((ends, subject.clone()));
            memory.answers.insert(subject, (ends, verdict));
        }
        memory
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1000);

    fn subject(digit: u8) -> SignatureSubject {
        let image_ref = format!("sha256:{}", format!("{digit:02x}").repeat(32)).into();
        SignatureSubject { authority: "keys".into(), repository: "r.example/web".into(), image_ref }
    }

    fn valid(until: Option<Timestamp>) -> SignatureVerdict {
        SignatureVerdict::Valid { until }
    }

    #[test]
    fn an_answer_counts_for_as_long_as_it_says_and_the_policy_lets_it() {
        let policy = SignaturePolicy { valid_for: Duration::from_secs(100), ..SignaturePolicy::default() };
        let until = |seconds| NOW + Duration::from_secs(seconds);
        let mut memory = SignatureMemory::default();
        for (verdict, counts) in [
            (valid(None), 100),
            (valid(Some(until(7))), 7),
            (valid(Some(until(1000))), 100),
            (SignatureVerdict::Invalid { reason: "none".into() }, 300),
        ] {
            memory.remember(&subject(1), &verdict, &policy, NOW);
            assert_eq!(memory.get(&subject(1), until(counts - 1)), Some(&verdict));
            assert_eq!(memory.get(&subject(1), until(counts)), None);
        }
        memory.remember(&subject(1), &valid(Some(NOW)), &policy, NOW);
        assert!(memory.is_empty(), "it is over, and what was known before does not count any more");
    }

    #[test]
    fn no_more_is_kept_than_the_policy_says() {
        let policy = SignaturePolicy { max_remembered: 3, ..SignaturePolicy::default() };
        let mut memory = SignatureMemory::default();
        for digit in 0..5 {
            let until = NOW + Duration::from_secs(100 - u64::from(digit));
            memory.remember(&subject(digit), &valid(Some(until)), &policy, NOW);
        }
        assert_eq!((memory.len(), memory.ends.len()), (3, 3));
        assert!(memory.get(&subject(0), NOW).is_some(), "it counts longest");
        let long = SignatureVerdict::Invalid { reason: "x".repeat(5000).into() };
        memory.remember(&subject(9), &long, &policy, NOW);
        let Some(SignatureVerdict::Invalid { reason }) = memory.get(&subject(9), NOW) else { panic!() };
        assert_eq!(reason.len(), MAX_REASON);
    }

    #[test]
    fn only_what_does_not_change_is_remembered() {
        let of = |image_ref: &str| SignatureSubject { image_ref: image_ref.into(), ..subject(1) };
        let hex = "ab".repeat(32);
        for (image_ref, is_content) in [
            (format!("sha256:{hex}"), true),
            (hex.clone(), true),
            (format!("r.example:5000/web@sha256:{hex}"), true),
            ("r.example/web:1".to_owned(), false),
            ("web".to_owned(), false),
            ("sha256:12".to_owned(), false),
            (format!("sha256:{}", "zz".repeat(32)), false),
            (format!("r.example/web:{hex}"), false),
            (String::new(), false),
        ] {
            assert_eq!(of(&image_ref).is_content(), is_content, "{image_ref}");
        }
        let mut memory = SignatureMemory::default();
        memory.remember(&of("web:1"), &valid(None), &SignaturePolicy::default(), NOW);
        assert!(memory.is_empty());
    }

    #[test]
    fn what_is_stored_comes_back() {
        let policy: SignaturePolicy =
            serde_json::from_str(r#"{"rules": [{"mode": "require", "authority": "keys"}]}"#).unwrap();
        let mut memory = SignatureMemory::default();
        memory.remember(&subject(1), &valid(Some(NOW + Duration::from_secs(9))), &policy, NOW);
        memory.remember(&subject(2), &SignatureVerdict::Invalid { reason: "no".into() }, &policy, NOW);
        let text = serde_json::to_string(&memory).unwrap();
        let mut again: SignatureMemory = serde_json::from_str(&text).unwrap();
        assert_eq!(again, memory);
        again.apply(&policy, NOW);
        assert_eq!(again, memory);
        again.apply(&SignaturePolicy::default(), NOW);
        assert!(again.is_empty(), "nobody asks for it any more");
        memory.move_back(Duration::from_secs(5));
        assert!(memory.get(&subject(1), NOW + Duration::from_secs(3)).is_some());
        assert!(memory.get(&subject(1), NOW + Duration::from_secs(4)).is_none());
    }
}
