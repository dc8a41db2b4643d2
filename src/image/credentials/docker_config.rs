//! Docker's configuration, in both of its forms.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::{Coordinates, Credentials, Password, RegistryError};

/// Credentials by registry, from Docker's configuration.
///
/// Entries that cannot be read are left out, and said. Names of fields are read in upper and lower case, as Go does.
/// Besides user, password and `auth` (both of them, in base64) nothing is read of an entry: an `identitytoken` is
/// no use to a kubelet.
///
/// ```
/// use node_lifecycle::image::DockerConfig;
///
/// let config = DockerConfig::from_json(br#"{"auths": {
///     "r.example/team": {"auth": "Ym9iOnBhc3M="},
///     "q.example": {"auth": "bm9jb2xvbg=="}
/// }}"#)?;
/// assert_eq!(config.entries["r.example/team"].username, "bob");
/// assert_eq!(
///     config.faults[0].to_string(),
///     "registry q.example: auth has no colon: expected user:password in base64"
/// );
/// # Ok::<(), node_lifecycle::image::CredentialFault>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DockerConfig {
    /// The credentials, by registry as it is written.
    pub entries: BTreeMap<String, Credentials>,
    /// What could not be read.
    pub faults: Vec<CredentialFault>,
}

/// Credentials that could not be read: where they are, and what is wrong. Never has a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", Place(.secret.as_ref(), .registry.as_deref()))]
pub struct CredentialFault {
    /// The secret, if they are from one.
    pub secret: Option<Coordinates>,
    /// The registry, as far as it is worth repeating; `None`: the whole of the configuration cannot be read.
    pub registry: Option<String>,
    /// What is wrong, and what would be right.
    #[source]
    pub problem: CredentialProblem,
}

/// What is wrong with credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialProblem {
    /// The configuration is no JSON.
    #[error("no JSON at line {line} column {column}: expected Docker's configuration")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The configuration is JSON of another form.
    #[error("no map of registries: expected Docker's configuration")]
    Form,
    /// An entry is no object.
    #[error("the entry is no object: expected one with username and password, or auth")]
    Entry,
    /// A field is no string.
    #[error("{0} is no string")]
    Field(&'static str),
    /// `auth` is no base64.
    #[error("auth is no base64: expected user:password in base64")]
    Base64,
    /// `auth` has no colon.
    #[error("auth has no colon: expected user:password in base64")]
    NoColon,
    /// The registry is malformed.
    #[error("{0}")]
    Registry(#[from] RegistryError),
}

impl fmt::Debug for DockerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = ByRegistry(&self.entries);
        f.debug_struct("DockerConfig").field("entries", &entries).field("faults", &self.faults).finish()
    }
}

/// Shows credentials by registry: a registry may be written with a user and a password before it.
pub(super) struct ByRegistry<'a>(pub(super) &'a BTreeMap<String, Credentials>);

impl fmt::Debug for ByRegistry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(registry, entry)| (excerpt(registry), entry))).finish()
    }
}

impl DockerConfig {
    /// Reads `config.json` and `.dockerconfigjson`: the registries are below `auths`.
    ///
    /// # Errors
    /// [`CredentialFault`] when none of it can be read.
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialFault> {
        let whole = parse(json)?;
        Ok(field(&whole, "auths").map(Self::of).transpose()?.unwrap_or_default())
    }

    /// Reads `.dockercfg`: the registries stand at the top.
    ///
    /// # Errors
    /// [`CredentialFault`] when none of it can be read.
    pub fn from_dockercfg(json: &[u8]) -> Result<Self, CredentialFault> {
        parse(json).map(|registries| Self::of_registries(&registries))
    }

    fn of(registries: &Value) -> Result<Self, CredentialFault> {
        match registries {
            Value::Null => Ok(Self::default()),
            Value::Object(registries) => Ok(Self::of_registries(registries)),
            _ => Err(CredentialFault::new(None, CredentialProblem::Form)),
        }
    }

    fn of_registries(registries: &Map<String, Value>) -> Self {
        let mut config = Self::default();
        for (registry, entry) in registries {
            match credentials(entry) {
                Ok(credentials) => {
                    config.entries.insert(registry.clone(), credentials);
                }
                Err(problem) => config.faults.push(CredentialFault::new(Some(registry), problem)),
            }
        }
        config
    }
}

fn parse(json: &[u8]) -> Result<Map<String, Value>, CredentialFault> {
    match serde_json::from_str(&String::from_utf8_lossy(json)) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(CredentialFault::new(None, CredentialProblem::Form)),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(CredentialFault::new(None, CredentialProblem::Json { line, column }))
        }
    }
}

/// A field by its name, or by that name in other letters.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let other = || fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    fields.get(name).or_else(other)
}

fn credentials(entry: &Value) -> Result<Credentials, CredentialProblem> {
    let fields = match entry {
        Value::Object(fields) => fields,
        Value::Null => return Ok(Credentials::default()),
        _ => return Err(CredentialProblem::Entry),
    };
    let text = |name| match field(fields, name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(CredentialProblem::Field(name)),
    };
    let (username, password) = (text("username")?.to_owned(), Password::from(text("password")?));
    let (email, auth) = (text("email")?.to_owned(), text("auth")?);
    if auth.is_empty() {
        return Ok(Credentials { username, password, email });
    }
    let decoded = decode_base64(auth).ok_or(CredentialProblem::Base64)?;
    let decoded = String::from_utf8_lossy(&decoded);
    let (username, password) = decoded.split_once(':').ok_or(CredentialProblem::NoColon)?;
    Ok(Credentials { username: username.to_owned(), password: password.into(), email })
}

/// Decodes base64 as Go does: line breaks are passed over, and padding is all there or not at all.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
    let unbroken: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if unbroken.ends_with('=') && !unbroken.len().is_multiple_of(4) {
        return None;
    }
    ENGINE.decode(unbroken).ok()
}

impl CredentialFault {
    pub(super) fn new(registry: Option<&str>, problem: CredentialProblem) -> Self {
        Self { secret: None, registry: registry.map(excerpt), problem }
    }
}

/// A text, as far as it is worth repeating: on one line, and without a user and a password before an `@`.
pub(super) fn excerpt(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// Where credentials are.
struct Place<'a>(Option<&'a Coordinates>, Option<&'a str>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(secret) = self.0 {
            write!(f, "secret {secret}: ")?;
        }
        self.1.map_or(Ok(()), |registry| write!(f, "registry {registry}: "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(entry: &str) -> Result<(String, String), CredentialProblem> {
        let config = DockerConfig::from_dockercfg(format!(r#"{{"r": {entry}}}"#).as_bytes()).unwrap();
        match config.faults.first() {
            Some(fault) => Err(fault.problem),
            None => {
                let Credentials { username, password, .. } = &config.entries["r"];
                Ok((username.clone(), password.reveal().to_owned()))
            }
        }
    }

    #[test]
    fn auth_is_read_as_go_does() {
        for (entry, username, password) in [
            (r#"{"auth": "YTpiOmM="}"#, "a", "b:c"),
            (r#"{"auth": "YWI6Y2Q"}"#, "ab", "cd"),
            (r#"{"auth": "YXU6\r\nYXA="}"#, "au", "ap"),
            (r#"{"auth": "OnA=", "username": "u"}"#, "", "p"),
            (r#"{"USERNAME": "u", "Password": null}"#, "u", ""),
            (r#"{"identitytoken": 5}"#, "", ""),
            ("null", "", ""),
        ] {
            assert_eq!(only(entry), Ok((username.to_owned(), password.to_owned())), "{entry}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_without_what_is_secret() {
        for (entry, problem) in [
            (r#"{"auth": "!!!"}"#, CredentialProblem::Base64),
            (r#"{"auth": "YXU6YXA=="}"#, CredentialProblem::Base64),
            (r#"{"auth": "bm9jb2xvbg=="}"#, CredentialProblem::NoColon),
            (r#"{"username": 5}"#, CredentialProblem::Field("username")),
            ("[]", CredentialProblem::Entry),
        ] {
            assert_eq!(only(entry), Err(problem), "{entry}");
        }
        let config = br#"{"auths": {"https://bob:hunter2@r.example": {"password": ["hunter2"]}}}"#;
        let config = DockerConfig::from_json(config).unwrap();
        assert_eq!(config.faults[0].to_string(), "registry r.example: password is no string");
        for wrong in
            ["{\"auths\": {\"r\": {\"password\": \"hunter2\", }}}", "\"hunter2\"", "{\"auths\": \"hunter2\"}"]
        {
            let fault = DockerConfig::from_json(wrong.as_bytes()).unwrap_err();
            assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault}");
        }
    }
}
