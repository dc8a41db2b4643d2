//! The names of images.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of an image, normalised: with its registry, `docker.io` where none is named, with `library/` for that
/// registry's own images, and with the tag `latest` where there is neither tag nor digest.
///
/// Reads what Kubernetes reads, and prints the normalised name, in serde too.
///
/// ```
/// use node_lifecycle::image::ImageReference;
///
/// let image: ImageReference = "nginx".parse()?;
/// assert_eq!(image.to_string(), "docker.io/library/nginx:latest");
/// assert_eq!((image.domain(), image.path(), image.tag()), ("docker.io", "library/nginx", Some("latest")));
/// assert_eq!(ImageReference::with_default_tag("nginx")?, "nginx:latest");
///
/// let error = "registry.example/Shop/web".parse::<ImageReference>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "image \"registry.example/Shop/web\", byte 17: the repository is not lower-case: expected such as shop/web"
/// );
/// # Ok::<(), node_lifecycle::image::ImageReferenceError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    text: Arc<str>,
    /// Where the domain ends; 0: there is none.
    domain: usize,
    /// Where the repository ends.
    repository: usize,
    /// Where the tag ends.
    tag: usize,
}

/// Text that is no name of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image {text:?}, byte {at}: {problem}")]
pub struct ImageReferenceError {
    /// The text, its first 64 characters.
    pub text: String,
    /// Where it goes wrong, in bytes from its beginning.
    pub at: usize,
    /// What is wrong, and what would be right.
    #[source]
    pub problem: ReferenceProblem,
}

/// What is wrong with the name of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceProblem {
    /// There is nothing, or nothing before a tag or digest.
    #[error("there is no repository: expected such as shop/web")]
    Empty,
    /// It could be an image's id.
    #[error("64 hexadecimal digits are an id: expected a name")]
    Identifier,
    /// A registry's name is malformed.
    #[error("the registry is malformed: expected such as registry.example:5000")]
    Domain,
    /// The repository has upper-case letters.
    #[error("the repository is not lower-case: expected such as shop/web")]
    Uppercase,
    /// A part of the repository is malformed.
    #[error(
        "a part of the repository is malformed: expected lower-case letters and digits, with one of . _ __ or any \
         number of - between them"
    )]
    Path,
    /// The repository, without its registry, is too long.
    #[error("the repository has more than 255 characters")]
    TooLong,
    /// The tag is malformed.
    #[error("the tag is malformed: expected 1 to 128 of letters, digits, _ . and -, the first not . or -")]
    Tag,
    /// The digest is malformed.
    #[error("the digest is malformed: expected such as sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// The digest is of an algorithm that is not known.
    #[error("the digest's algorithm is not known: expected sha256, sha384 or sha512")]
    DigestAlgorithm,
    /// The digest has another length than its algorithm's.
    #[error("the digest's length is wrong: expected 64 digits for sha256, 96 for sha384, 128 for sha512")]
    DigestLength,
}

impl ImageReference {
    /// The registry, with its port; empty where the first part of the name cannot be one, such as `a_b.com`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.slice(0, self.domain)
    }

    /// The repository without its registry.
    #[must_use]
    pub fn path(&self) -> &str {
        self.repository().get(self.domain..).unwrap_or_default().trim_start_matches('/')
    }

    /// Registry and path: what credentials are looked up for.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.slice(0, self.repository)
    }

    /// The tag; `latest` where there was neither tag nor digest.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.slice(self.repository, self.tag).get(1..)
    }

    /// The digest, with its algorithm.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.slice(self.tag, self.text.len()).get(1..)
    }

    /// The normalised name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// What a runtime is asked for: the text as it is, with `:latest` where it has neither tag nor digest. Registry and
    /// `library/` are left to the runtime.
    ///
    /// # Errors
    /// [`ImageReferenceError`] when the text is no name of an image.
    pub fn with_default_tag(text: &str) -> Result<Cow<'_, str>, ImageReferenceError> {
        let parts = Parts::of(text)?;
        Ok(if parts.is_name_only() { format!("{text}:{DEFAULT_TAG}").into() } else { text.into() })
    }
}

const DEFAULT_DOMAIN: &str = "docker.io";
const DEFAULT_TAG: &str = "latest";

impl FromStr for ImageReference {
    type Err = ImageReferenceError;
    fn from_str(text: &str) -> Result<Self, ImageReferenceError> {
        let parts = Parts::of(text)?;
        let tag = if parts.is_name_only() { Some(DEFAULT_TAG) } else { parts.tag };
        let pieces = [
            parts.domain,
            if parts.domain.is_empty() { "" } else { "/" },
            parts.library,
            parts.path,
            if tag.is_some() { ":" } else { "" },
            tag.unwrap_or_default(),
            if parts.digest.is_some() { "@" } else { "" },
            parts.digest.unwrap_or_default(),
        ];
        let length = |pieces: &[&str]| pieces.iter().map(|piece| piece.len()).sum::<usize>();
        Ok(Self {
            text: pieces.concat().into(),
            domain: parts.domain.len(),
            repository: length(&pieces[..4]),
            tag: length(&pieces[..6]),
        })
    }
}

/// A name, taken apart.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    domain: &'a str,
    library: &'static str,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, ImageReferenceError> {
        Self::parse(text).map_err(|(at, problem)| ImageReferenceError {
            text: text.chars().take(64).collect(),
            at,
            problem,
        })
    }

    const fn is_name_only(&self) -> bool {
        self.tag.is_none() && self.digest.is_none()
    }

    fn parse(text: &'a str) -> Result<Self, (usize, ReferenceProblem)> {
        use ReferenceProblem as Problem;

        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return Err((0, Problem::Identifier));
        }
        let (domain, library, rest) = split_domain(text);
        let at = text.len() - rest.len();
        let untagged = rest.split(':').next().unwrap_or_default();
        if let Some(upper) = untagged.find(|c: char| !c.to_lowercase().eq([c])) {
            return Err((at + upper, Problem::Uppercase));
        }
        let (path, tail) = rest.split_at(rest.find([':', '@']).unwrap_or(rest.len()));
        if path.is_empty() {
            return Err((at, Problem::Empty));
        }
        let mut component_at = at;
        for component in path.split('/') {
            if !is_path_component(component) {
                return Err((component_at, Problem::Path));
            }
            component_at += component.len() + 1;
        }
        let (tag, digest) = match tail.split_once('@') {
            Some((tag, digest)) => (tag, Some(digest)),
            None => (tail, None),
        };
        let tag = tag.strip_prefix(':');
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err((at + path.len() + 1, Problem::Tag));
        }
        let digest_at = text.len() - digest.map_or(0, str::len);
        if digest.is_some_and(|digest| !looks_like_digest(digest)) {
            return Err((digest_at, Problem::Digest));
        }
        let (domain, path) = if is_domain(domain) {
            (domain, path)
        } else if is_path_component(domain) {
            ("", text.get(..at + path.len()).unwrap_or_default())
        } else if is_path_component(&domain.to_ascii_lowercase()) {
            return Err((0, Problem::Uppercase));
        } else {
            return Err((0, Problem::Domain));
        };
        if library.len() + path.len() > 255 {
            return Err((at, Problem::TooLong));
        }
        if let Some(digest) = digest {
            check_digest(digest).map_err(|problem| (digest_at, problem))?;
        }
        Ok(Self { domain, library, path, tag, digest })
    }
}

/// The registry, `library/` where it goes without saying, and what comes after.
fn split_domain(text: &str) -> (&str, &'static str, &str) {
    let named = text.split_once('/').filter(|(first, _)| is_registry(first));
    let (domain, rest) = named.unwrap_or((DEFAULT_DOMAIN, text));
    let domain = if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain };
    let library = if domain == DEFAULT_DOMAIN && !rest.contains('/') { "library/" } else { "" };
    (domain, library, rest)
}

/// Whether the first part of a name is meant as a registry.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.contains(char::is_uppercase)
}

/// A host or an address in brackets, and perhaps a port.
fn is_domain(domain: &str) -> bool {
    let (host_is_right, port) = if let Some(address) = domain.strip_prefix('[') {
        let Some((address, port)) = address.split_once(']') else { return false };
        (!address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'), port)
    } else {
        let (host, port) = domain.split_at(domain.find(':').unwrap_or(domain.len()));
        (host.split('.').all(is_label), port)
    };
    let is_number = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    host_is_right && (port.is_empty() || port.strip_prefix(':').is_some_and(is_number))
}

/// Letters, digits and inner hyphens.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Runs of lower-case letters and digits with separators between them.
fn is_path_component(component: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(is_plain)
        && component.ends_with(is_plain)
        && component
            .split(is_plain)
            .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// An algorithm of words that begin with a letter, and 32 hexadecimal digits or more.
fn looks_like_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_word)
        && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a digest that looks like one is one.
fn check_digest(digest: &str) -> Result<(), ReferenceProblem> {
    let (algorithm, hex) = digest.split_once(':').unwrap_or_default();
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ if algorithm.bytes().any(|b| b.is_ascii_uppercase()) => return Err(ReferenceProblem::Digest),
        _ => return Err(ReferenceProblem::DigestAlgorithm),
    };
    if hex.len() != length {
        Err(ReferenceProblem::DigestLength)
    } else if hex.bytes().all(is_lower_hex) {
        Ok(())
    } else {
        Err(ReferenceProblem::Digest)
    }
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl ImageReferenceError {
    /// What the kubelet 1.32 says about `text`, the whole of what was read.
    #[must_use]
    pub fn kubelet_message(&self, text: &str) -> String {
        const FORMAT: &str = "invalid reference format";
        let why: Cow<'_, str> = match self.problem {
            ReferenceProblem::Identifier => {
                format!("invalid repository name ({text}), cannot specify 64-byte hexadecimal strings").into()
            }
            ReferenceProblem::Uppercase => {
                let (_, library, rest) = split_domain(text);
                let name = rest.split(':').next().unwrap_or_default();
                if self.at < text.len() - rest.len() {
                    "repository name must be lowercase".into()
                } else {
                    format!("{FORMAT}: repository name ({library}{name}) must be lowercase").into()
                }
            }
            ReferenceProblem::TooLong => "repository name must not be more than 255 characters".into(),
            ReferenceProblem::DigestAlgorithm => "unsupported digest algorithm".into(),
            ReferenceProblem::DigestLength => "invalid checksum digest length".into(),
            ReferenceProblem::Digest => {
                let digest = text.get(self.at..).unwrap_or_default();
                if looks_like_digest(digest) { "invalid checksum digest format" } else { FORMAT }.into()
            }
            _ => FORMAT.into(),
        };
        format!("couldn't parse image name {text:?}: {why}")
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Serialize for ImageReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ImageReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = ImageReference;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an image such as registry.example/shop/web:1")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ImageReference, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<(usize, ReferenceProblem)> {
        text.parse::<ImageReference>().err().map(|error| (error.at, error.problem))
    }

    #[test]
    fn a_name_says_where_it_is_wrong() {
        use ReferenceProblem as Problem;
        let hex = "0123456789abcdef".repeat(4);
        for (text, at, expected) in [
            ("", 0, Problem::Empty),
            (":1", 0, Problem::Empty),
            ("registry.example/", 17, Problem::Empty),
            (&hex, 0, Problem::Identifier),
            ("-r.example/a", 0, Problem::Domain),
            ("[::1/a", 0, Problem::Domain),
            ("r.example:port/a", 0, Problem::Domain),
            ("A_b/c", 0, Problem::Uppercase),
            ("a/b//c", 4, Problem::Path),
            ("a/b___c", 2, Problem::Path),
            ("a/b c", 2, Problem::Path),
            ("a:.1", 2, Problem::Tag),
            ("a:", 2, Problem::Tag),
            ("a:1@", 4, Problem::Digest),
            (&format!("a@md5:{hex}"), 2, Problem::DigestAlgorithm),
            (&format!("a@sha512:{hex}"), 2, Problem::DigestLength),
            (&"a".repeat(300), 0, Problem::TooLong),
        ] {
            assert_eq!(problem(text), Some((at, expected)), "{text}");
        }
    }

    #[test]
    fn a_first_part_that_can_be_no_registry_is_part_of_the_path() {
        let image: ImageReference = "a_b.com/c".parse().unwrap();
        assert_eq!((image.domain(), image.path(), image.repository()), ("", "a_b.com/c", "a_b.com/c"));
    }

    #[test]
    fn hostile_text_is_an_error_of_bounded_size() {
        for text in
            ["\0\u{1b}[2J", "é/x", "a\u{202e}b", "@@@:::///", &"é".repeat(100_000), &"/".repeat(100_000)]
        {
            let error = text.parse::<ImageReference>().unwrap_err().to_string();
            assert!(error.len() < 1000 && !error.contains(char::is_control), "{error}");
            let _ = ImageReference::with_default_tag(text).unwrap_err().kubelet_message(text);
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same() {
        for text in ["a", "a:1", "r.example:5000/a/b", "[::1]:5000/a", "a_b.com/c", "index.docker.io/a"] {
            let image: ImageReference = text.parse().unwrap();
            assert_eq!(image.as_str().parse(), Ok(image.clone()));
            let json = serde_json::to_string(&image).unwrap();
            assert_eq!(serde_json::from_str::<ImageReference>(&json).unwrap(), image);
        }
    }
}
