//! Which credentials an image is tried with, and in which order.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::ops::Range;

use super::docker_config::excerpt;
use super::registry::{Location, check_globs, is_glob, name_matches};
use super::{Coordinates, CredentialFault, Credentials, PathRule};

/// Where credentials are from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialSource {
    /// A pull secret of the pod.
    Secret(Coordinates),
    /// A credential provider plugin, on behalf of the pod's service account.
    ServiceAccount(Coordinates),
}

/// Credentials for a registry: what a keyring is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryCredentials {
    /// The registry: a host with globs, and perhaps a scheme, which is passed over, a port and a path.
    pub registry: String,
    /// The credentials.
    pub credentials: Credentials,
    /// Where they are from; `None`: they are the node's, for every pod.
    pub source: Option<CredentialSource>,
}

impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredentials")
            // It may be written with a user and a password before it.
            .field("registry", &excerpt(&self.registry))
            .field("credentials", &self.credentials)
            .field("source", &self.source)
            .finish()
    }
}

impl RegistryCredentials {
    fn fault(&self, error: super::RegistryError) -> CredentialFault {
        let secret = match &self.source {
            Some(CredentialSource::Secret(secret)) => Some(secret.clone()),
            _ => None,
        };
        CredentialFault { secret, ..CredentialFault::new(Some(&self.registry), error.into()) }
    }
}

/// Credentials by registry.
///
/// An image is tried with everything that [matches](super::registry_matches) it. Registries go in reverse order of
/// their bytes, so that of those that have the same host longer paths come first and globs last; of one registry the
/// entries go in the order in which they were given. Only where nothing matches, and the image is one of Docker Hub,
/// those of `index.docker.io` count. Several keyrings are tried one after the other: [`Keyring::lookup_into`] appends.
///
/// A lookup looks at what has the image's host, or a glob for it, and of that only at the paths above the image.
///
/// ```
/// use node_lifecycle::image::{Credentials, Keyring, PathRule, RegistryCredentials};
///
/// let of = |registry: &str| RegistryCredentials {
///     registry: registry.to_owned(),
///     credentials: Credentials { username: registry.to_owned(), ..Credentials::default() },
///     source: None,
/// };
/// let registries = ["r.example", "*.example", "r.example/team", "https://q.example/v1/"];
/// let (keyring, faults) = Keyring::new(PathRule::Segments, registries.map(of));
/// assert!(faults.is_empty());
/// let users = |image| keyring.lookup(image).iter().map(|e| &*e.credentials.username).collect::<Vec<_>>();
/// assert_eq!(users("r.example/team/web"), ["r.example/team", "r.example", "*.example"]);
/// assert_eq!(users("r.example/teamx/web"), ["r.example", "*.example"]);
/// assert_eq!(users("q.example/web"), ["https://q.example/v1/", "*.example"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    rule: PathRule,
    /// In the order in which they are tried.
    entries: Vec<KeyringEntry>,
    /// By port.
    ports: BTreeMap<Box<str>, Hosts>,
    /// The entries for Docker Hub.
    hub: Range<usize>,
}

/// Credentials of a keyring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringEntry {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they are from; `None`: they are the node's, for every pod.
    pub source: Option<CredentialSource>,
    /// The place in the order.
    rank: usize,
}

/// By host, the paths.
#[derive(Debug, Clone, Default)]
struct Hosts {
    exact: BTreeMap<Box<str>, Paths>,
    /// By the labels behind the last one that has a glob.
    globs: BTreeMap<Box<str>, BTreeMap<Box<str>, Paths>>,
}

/// By path, the places of the entries.
type Paths = BTreeMap<Box<str>, Vec<usize>>;

impl Keyring {
    /// A keyring of these credentials, whose paths cover what `rule` says; and those that were left out because their
    /// registry is malformed.
    #[must_use]
    pub fn new(
        rule: PathRule,
        entries: impl IntoIterator<Item = RegistryCredentials>,
    ) -> (Self, Vec<CredentialFault>) {
        let (mut by_key, mut faults) = (BTreeMap::<String, Vec<RegistryCredentials>>::new(), Vec::new());
        for entry in entries {
            match key_of(&entry.registry) {
                Ok(key) => by_key.entry(key).or_default().push(entry),
                Err(error) => faults.push(entry.fault(error)),
            }
        }
        let mut keyring = Self { rule, ..Self::default() };
        for (key, entries) in by_key.into_iter().rev() {
            let places = keyring.entries.len()..keyring.entries.len() + entries.len();
            if let Err(error) = keyring.index(&key, places.clone()) {
                faults.extend(entries.iter().map(|entry| entry.fault(error)));
            }
            if key == DEFAULT_REGISTRY {
                keyring.hub = places.clone();
            }
            keyring.entries.extend(entries.into_iter().zip(places).map(|(entry, rank)| KeyringEntry {
                credentials: entry.credentials,
                source: entry.source,
                rank,
            }));
        }
        (keyring, faults)
    }

    fn index(&mut self, key: &str, places: Range<usize>) -> Result<(), super::RegistryError> {
        let location = Location::parse(key)?;
        let (name, port) = location.name_and_port();
        check_globs(name)?;
        let hosts = self.ports.entry(port.into()).or_default();
        let paths = if is_glob(name) {
            hosts.globs.entry(literal_end(name).into()).or_default().entry(name.into()).or_default()
        } else {
            hosts.exact.entry(name.into()).or_default()
        };
        paths.entry(location.path.into()).or_default().extend(places);
        Ok(())
    }

    /// What `image` is tried with, in order. An image is a registry and a path, as
    /// [`ImageReference::repository`](crate::image::ImageReference::repository) gives them; one that is malformed has
    /// nothing.
    #[must_use]
    pub fn lookup(&self, image: &str) -> Vec<&KeyringEntry> {
        let mut found = Vec::new();
        self.lookup_into(image, &mut found);
        found
    }

    /// Appends what `image` is tried with, in order.
    pub fn lookup_into<'a>(&'a self, image: &str, found: &mut Vec<&'a KeyringEntry>) {
        let start = found.len();
        if let Ok(image) = Location::parse(image) {
            let (name, port) = image.name_and_port();
            if let Some(hosts) = self.ports.get(port) {
                hosts.for_each_match(name, |paths| self.add_above(paths, &image.path, found));
            }
        }
        if found.len() == start && is_of_default_registry(image) {
            found.extend(self.entries.get(self.hub.clone()).unwrap_or_default());
        }
        found.get_mut(start..).unwrap_or_default().sort_unstable_by_key(|entry| entry.rank);
    }

    /// Adds what covers a path: its beginnings, from the longest on.
    fn add_above<'a>(&'a self, paths: &Paths, path: &str, found: &mut Vec<&'a KeyringEntry>) {
        let mut end = path;
        while let Some((prefix, places)) =
            paths.range::<str, _>((Bound::Unbounded, Bound::Included(end))).next_back()
        {
            let common = prefix.chars().zip(end.chars()).take_while(|(a, b)| a == b);
            let common = common.map(|(a, _)| a.len_utf8()).sum();
            // What is no beginning of the path shares one with every beginning that is left.
            let shorter = if common == prefix.len() {
                if self.rule.covers(prefix, path) {
                    found.extend(places.iter().filter_map(|place| self.entries.get(*place)));
                }
                prefix.char_indices().next_back().map(|(last, _)| last)
            } else {
                Some(common)
            };
            let Some(shorter) = shorter.and_then(|shorter| path.get(..shorter)) else { break };
            end = shorter;
        }
    }

    /// How many credentials it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Hosts {
    fn for_each_match(&self, name: &str, mut add: impl FnMut(&Paths)) {
        if let Some(paths) = self.exact.get(name) {
            add(paths);
        }
        if self.globs.is_empty() {
            return;
        }
        let ends = name.match_indices('.').map(|(dot, _)| name.get(dot + 1..).unwrap_or_default());
        for end in ends.chain([""]) {
            for (pattern, paths) in self.globs.get(end).into_iter().flatten() {
                if name_matches(pattern, name) == Ok(true) {
                    add(paths);
                }
            }
        }
    }
}

/// The labels behind the last one that has a glob.
fn literal_end(name: &str) -> &str {
    let last = name.rfind(['*', '?', '[']).and_then(|last| name.get(last..)).unwrap_or_default();
    last.split_once('.').map_or("", |(_, end)| end)
}

/// Host and path, without `http://` and `https://`, without the `/v1` or `/v2` of a path below it, and without a path
/// of a slash alone.
fn key_of(registry: &str) -> Result<String, super::RegistryError> {
    let schemeless = registry.strip_prefix("https://").or_else(|| registry.strip_prefix("http://"));
    let Location { host, path } = Location::parse(schemeless.unwrap_or(registry))?;
    let is_version = path.starts_with("/v1/") || path.starts_with("/v2/");
    let path = if is_version { path.get(3..).unwrap_or_default() } else { &path };
    Ok(format!("{host}{}", if path == "/" { "" } else { path }))
}

const DEFAULT_REGISTRY: &str = "index.docker.io";

/// Whether an image is one of Docker Hub, by its first part.
fn is_of_default_registry(image: &str) -> bool {
    match image.split_once('/') {
        Some((first, _)) => {
            !first.is_empty()
                && (matches!(first, "docker.io" | DEFAULT_REGISTRY) || !first.contains(['.', ':']))
        }
        None => !image.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::registry_matches;

    fn keyring(rule: PathRule, registries: &[&str]) -> Keyring {
        let entries = registries.iter().map(|registry| RegistryCredentials {
            registry: (*registry).to_owned(),
            credentials: Credentials { username: (*registry).to_owned(), ..Credentials::default() },
            source: None,
        });
        Keyring::new(rule, entries).0
    }

    #[test]
    fn the_index_finds_what_a_scan_finds() {
        const REGISTRIES: &[&str] = &[
            "a.b",
            "a.b:5",
            "*.b",
            "a.*",
            "*.*",
            "?.b",
            "[a-c].b",
            "*",
            "c",
            "[::1]:5",
            "a.b/t",
            "a.b/t/",
            "a.b/te",
            "a.b/team",
            "a.b/team/x",
            "a.b/tea",
            "a.b/z",
            "*.b/team",
            "*.b/t",
            "a.b/é",
            "a.b/ée",
        ];
        const IMAGES: &[&str] = &[
            "a.b",
            "a.b/t",
            "a.b/team",
            "a.b/team:1",
            "a.b/team/x/y",
            "a.b/teamx",
            "a.b/z",
            "a.b/zz",
            "a.b:5/q",
            "b.b/team",
            "c",
            "c/x",
            "a.c/x",
            "d.b/t/q",
            "[::1]:5/a",
            "a.b/éé",
            "a.b/éex",
            "a.b/ée/x",
        ];
        for rule in [PathRule::Segments, PathRule::Prefix] {
            let keyring = keyring(rule, REGISTRIES);
            for image in IMAGES {
                let found: Vec<_> =
                    keyring.lookup(image).iter().map(|entry| entry.credentials.username.as_str()).collect();
                let mut scanned = REGISTRIES.to_vec();
                scanned.retain(|registry| registry_matches(registry, image, rule) == Ok(true));
                scanned.sort_unstable_by(|a, b| b.cmp(a));
                assert_eq!(found, scanned, "{image} {rule:?}");
            }
        }
    }

    #[test]
    fn a_malformed_registry_is_left_out_and_said() {
        let entry = RegistryCredentials {
            registry: "bob:hunter2@[".into(),
            credentials: Credentials::default(),
            source: None,
        };
        let (keyring, faults) = Keyring::new(PathRule::Segments, [entry]);
        assert!(keyring.is_empty());
        assert_eq!(
            faults[0].to_string(),
            "registry [: the registry's host is malformed: expected such as registry.example:5000"
        );
    }
}
