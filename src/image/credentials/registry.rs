//! Where credentials count: a registry's name, with globs, a port and a path, as the kubelet reads it (as Go reads a
//! URL).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::behaviour::Compat;

/// What the path of credentials covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PathRule {
    /// Itself and what is below it: `team` covers `team`, `team:1` and `team/web`, and not `teamx`.
    #[default]
    Segments,
    /// Whatever begins with it: `team` covers `teamx` too. The documented contract of credential provider plugins.
    Prefix,
}

impl PathRule {
    /// What the path of a pull secret covers.
    #[must_use]
    pub const fn of_secrets(compat: Compat) -> Self {
        if compat.match_pull_secrets_by_prefix { Self::Prefix } else { Self::Segments }
    }

    /// Whether a path that begins with `prefix` is covered by it.
    pub(super) fn covers(self, prefix: &str, path: &str) -> bool {
        let is_whole = || {
            prefix.is_empty()
                || prefix.ends_with('/')
                || path
                    .get(prefix.len()..)
                    .is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', ':', '@']))
        };
        self == Self::Prefix || is_whole()
    }
}

/// Text that names no registry. Does not repeat the text, which may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// It has a control character.
    #[error("the registry has a control character")]
    ControlCharacter,
    /// Its host has a character that no host has, or brackets that are not closed.
    #[error("the registry's host is malformed: expected such as registry.example:5000")]
    Host,
    /// Its port is no number.
    #[error("the registry's port is malformed: expected a number behind the colon")]
    Port,
    /// What is before an `@` is malformed.
    #[error("the registry has a malformed user before its @: expected none")]
    User,
    /// A `%` that is not followed by two hexadecimal digits, or stands for what may not stand there.
    #[error("the registry has a malformed %: expected two hexadecimal digits behind it")]
    Escape,
    /// Brackets in its host that are no choice of characters.
    #[error(
        "the registry has a malformed glob: expected such as *.registry.example or r[ab].registry.example"
    )]
    Glob,
}

/// Whether credentials for `pattern` count for an image: as many labels as the image's registry has, each with the
/// globs `*`, `?` and `[a-z]`; the same port; a path that covers the image's by `rule`.
///
/// ```
/// use node_lifecycle::image::{PathRule, registry_matches};
///
/// assert_eq!(registry_matches("*.registry.example", "eu.registry.example/web", PathRule::Segments), Ok(true));
/// assert_eq!(registry_matches("registry.example", "registry.example:5000/web", PathRule::Segments), Ok(false));
/// assert_eq!(registry_matches("registry.example/team", "registry.example/teamx", PathRule::Segments), Ok(false));
/// assert_eq!(registry_matches("registry.example/team", "registry.example/teamx", PathRule::Prefix), Ok(true));
/// ```
///
/// # Errors
/// [`RegistryError`] when one of the two is malformed. A glob is read as far as it matches.
pub fn registry_matches(pattern: &str, image: &str, rule: PathRule) -> Result<bool, RegistryError> {
    let (pattern, image) = (Location::parse(pattern)?, Location::parse(image)?);
    let ((pattern_name, pattern_port), (name, port)) = (pattern.name_and_port(), image.name_and_port());
    Ok(pattern_port == port
        && image.path.starts_with(&*pattern.path)
        && rule.covers(&pattern.path, &image.path)
        && name_matches(pattern_name, name)?)
}

/// A registry's host, with its port, and a path, which begins with `/` or is empty.
#[derive(Debug)]
pub(super) struct Location<'a> {
    pub(super) host: Cow<'a, str>,
    pub(super) path: Cow<'a, str>,
}

impl<'a> Location<'a> {
    /// Reads what stands behind a scheme.
    pub(super) fn parse(text: &'a str) -> Result<Self, RegistryError> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err(RegistryError::ControlCharacter);
        }
        let text = text.split('?').next().unwrap_or_default();
        let (authority, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let host = parse_host(host)?;
                let is_user_byte =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
                if !user.bytes().all(is_user_byte) {
                    return Err(RegistryError::User);
                }
                unescape(user, |_, _| true)?;
                host
            }
            None => parse_host(authority)?,
        };
        let path = unescape(path, |_, _| true)?;
        unescape(fragment, |_, _| true)?;
        Ok(Self { host, path })
    }

    /// The host without its port, and that. A host with several colons and no brackets has none.
    pub(super) fn name_and_port(&self) -> (&str, &str) {
        let host = &*self.host;
        let Some((name, port)) = host.rsplit_once(':') else { return (host, "") };
        if let Some(address) = host.strip_prefix('[') {
            match address.split_once(']') {
                Some((address, rest)) if rest.len() == port.len() + 1 && !address.contains('[') => {
                    (address, port)
                }
                _ => (host, ""),
            }
        } else if name.contains([':', '[', ']']) || port.contains(['[', ']']) {
            (host, "")
        } else {
            (name, port)
        }
    }
}

fn parse_host(host: &str) -> Result<Cow<'_, str>, RegistryError> {
    let port = if host.starts_with('[') {
        host.rsplit_once(']').ok_or(RegistryError::Host)?.1
    } else {
        host.get(host.rfind(':').unwrap_or(host.len())..).unwrap_or_default()
    };
    let is_number = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_number)) {
        return Err(RegistryError::Port);
    }
    let is_host_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"-._~!$&'()*+,;=:[]<>\"%".contains(&byte);
    if !host.bytes().all(is_host_byte) {
        return Err(RegistryError::Host);
    }
    // An address' zone begins with an escaped percent sign, and may have what a host may have, and spaces.
    let end = host.rfind(']').filter(|_| host.starts_with('[')).unwrap_or(0);
    let zone = host.get(..end).and_then(|address| address.find("%25")).unwrap_or(end);
    let is_right_at = |at: usize, byte: u8| {
        byte >= 0x80 || byte == b'%' || (zone..end).contains(&at) && (byte == b' ' || is_host_byte(byte))
    };
    unescape(host, is_right_at)
}

/// Replaces each `%` and its two digits by the byte that it stands for, if `may_be_escaped` at its place. What is no
/// UTF-8 then becomes the replacement character.
fn unescape(text: &str, may_be_escaped: impl Fn(usize, u8) -> bool) -> Result<Cow<'_, str>, RegistryError> {
    if !text.contains('%') {
        return Ok(text.into());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        (rest, _) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit =
                    |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let byte = digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low);
                let at = text.len() - rest.len();
                let byte = byte.filter(|byte| may_be_escaped(at, *byte)).ok_or(RegistryError::Escape)?;
                (after, bytes.push(byte))
            }
            (b'%', _) => return Err(RegistryError::Escape),
            (byte, after) => (after, bytes.push(*byte)),
        };
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// Whether a host's name matches one with globs, label by label.
pub(super) fn name_matches(pattern: &str, name: &str) -> Result<bool, RegistryError> {
    if pattern.split('.').count() != name.split('.').count() {
        return Ok(false);
    }
    for (pattern, label) in pattern.split('.').zip(name.split('.')) {
        check_glob(pattern)?;
        if !label_matches(pattern, label) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a name has globs.
pub(super) fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Whether a registry is well-formed, its globs too.
pub(in crate::image) fn check_registry(pattern: &str) -> Result<(), RegistryError> {
    check_globs(Location::parse(pattern)?.name_and_port().0)
}

/// Whether all globs of a name are well-formed.
pub(super) fn check_globs(name: &str) -> Result<(), RegistryError> {
    name.split('.').try_for_each(check_glob)
}

fn check_glob(pattern: &str) -> Result<(), RegistryError> {
    let mut rest = pattern;
    while let Some((_, after)) = next_token(rest)? {
        rest = after;
    }
    Ok(())
}

/// One step of a glob.
#[derive(Clone, Copy)]
enum Token<'a> {
    Any,
    One,
    /// One of these characters and ranges.
    Of(&'a str),
    Just(char),
}

fn next_token(pattern: &str) -> Result<Option<(Token<'_>, &str)>, RegistryError> {
    let mut characters = pattern.chars();
    let Some(first) = characters.next() else { return Ok(None) };
    let rest = characters.as_str();
    Ok(Some(match first {
        '*' => (Token::Any, rest),
        '?' => (Token::One, rest),
        '[' => {
            let mut after = rest;
            // At least one, even where it looks like the end.
            while let Some((_, next)) = next_range(after) {
                after = next;
            }
            let ranges = rest.get(..rest.len() - after.len()).unwrap_or_default();
            let after = after.strip_prefix(']').filter(|_| !ranges.is_empty()).ok_or(RegistryError::Glob)?;
            (Token::Of(ranges), after)
        }
        _ => (Token::Just(first), rest),
    }))
}

/// A character or a range at the beginning of a choice.
fn next_range(ranges: &str) -> Option<((char, char), &str)> {
    let one = |text: &str| text.chars().next().filter(|c| !matches!(c, '-' | ']'));
    let low = one(ranges)?;
    let rest = ranges.get(low.len_utf8()..)?;
    match rest.strip_prefix('-') {
        None => Some(((low, low), rest)),
        Some(rest) => one(rest).and_then(|high| Some(((low, high), rest.get(high.len_utf8()..)?))),
    }
}

/// Whether a label matches a well-formed glob.
fn label_matches(pattern: &str, label: &str) -> bool {
    let (mut pattern, mut label) = (pattern, label);
    // Behind the last `*`, and what it leaves of the label.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let token = next_token(pattern).ok().flatten();
        let character = label.chars().next();
        match (token, character) {
            (None, None) => return true,
            (Some((Token::Any, after)), _) => {
                pattern = after;
                retry = Some((after, label));
                continue;
            }
            (Some((token, after)), Some(character)) if token.takes(character) => {
                pattern = after;
                label = label.get(character.len_utf8()..).unwrap_or_default();
                continue;
            }
            _ => {}
        }
        // The last `*` takes one more.
        let Some((after, left)) = retry else { return false };
        let mut left = left.chars();
        if left.next().is_none() {
            return false;
        }
        (pattern, label, retry) = (after, left.as_str(), Some((after, left.as_str())));
    }
}

impl Token<'_> {
    fn takes(self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Just(expected) => character == expected,
            Self::Of(ranges) => {
                let mut rest = ranges;
                while let Some(((low, high), after)) = next_range(rest) {
                    if (low..=high).contains(&character) {
                        return true;
                    }
                    rest = after;
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(String, String, String), RegistryError> {
        let location = Location::parse(text)?;
        let (name, port) = location.name_and_port();
        Ok((name.to_owned(), port.to_owned(), location.path.clone().into_owned()))
    }

    #[test]
    fn a_registry_is_read_as_a_url() {
        for (text, name, port, path) in [
            ("r.example", "r.example", "", ""),
            ("r.example:5000/team", "r.example", "5000", "/team"),
            ("r.example:/team", "r.example", "", "/team"),
            ("user:pw@r.example/a?b#c", "r.example", "", "/a"),
            ("[::1]:5000/a", "::1", "5000", "/a"),
            ("[::1]/a", "[::1]", "", "/a"),
            ("[fe80::1%25eth0]:5/a", "fe80::1%eth0", "5", "/a"),
            ("a:b:5/c", "a:b:5", "", "/c"),
            ("r.example/a%20b", "r.example", "", "/a b"),
            ("", "", "", ""),
        ] {
            assert_eq!(parts(text), Ok((name.to_owned(), port.to_owned(), path.to_owned())), "{text}");
        }
        for (text, error) in [
            ("r\n", RegistryError::ControlCharacter),
            ("a b", RegistryError::Host),
            ("[::1", RegistryError::Host),
            ("r:x", RegistryError::Port),
            ("[::1]x", RegistryError::Port),
            ("a b@r", RegistryError::User),
            ("%41.example", RegistryError::Escape),
            ("r/%4", RegistryError::Escape),
            ("r/#%zz", RegistryError::Escape),
        ] {
            assert_eq!(parts(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_glob_is_of_one_label() {
        for (pattern, name, matches) in [
            ("*", "a", true),
            ("*", "a.b", false),
            ("*.b", "a.b", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbYcZ", false),
            ("?", "é", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("a**", "a", true),
        ] {
            assert_eq!(name_matches(pattern, name), Ok(matches), "{pattern} {name}");
        }
        for wrong in ["[", "[]", "[a", "[-a]", "[a-]", "a[b.c]"] {
            assert_eq!(check_globs(wrong), Err(RegistryError::Glob), "{wrong}");
        }
    }

    #[test]
    fn a_path_covers_whole_segments() {
        for (prefix, path, covers) in [
            ("", "/a", true),
            ("/", "/a", true),
            ("/team", "/team", true),
            ("/team", "/team/x", true),
            ("/team", "/team:1", true),
            ("/team", "/team@sha256:1", true),
            ("/team", "/teamx", false),
            ("/team", "/team-a", false),
            ("/team/", "/team/x", true),
        ] {
            assert_eq!(PathRule::Segments.covers(prefix, path), covers, "{prefix} {path}");
            assert!(PathRule::Prefix.covers(prefix, path));
        }
    }
}
