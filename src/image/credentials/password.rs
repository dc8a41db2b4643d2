//! What must not be seen.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// A password or a token. `Debug` does not show it; there is no `Display`, and it cannot be serialised by itself: where
/// it has to be, a field says `#[serde(serialize_with = "Password::serialize_revealed")]`.
///
/// ```
/// use node_lifecycle::image::Password;
///
/// let password = Password::from("hunter2");
/// assert_eq!(format!("{password:?}"), "Password(..)");
/// assert_eq!(password.reveal(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Password(Arc<str>);

impl Password {
    /// The password itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Serialises the password itself, for serde's `serialize_with`.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize_revealed<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self(password.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of any value: serde would show one of another type.
        match serde_json::Value::deserialize(deserializer) {
            Ok(serde_json::Value::String(password)) => Ok(Self(password.into())),
            Ok(serde_json::Value::Null) => Ok(Self::default()),
            _ => Err(de::Error::custom("expected a password as a string")),
        }
    }
}

/// A user's name and password at a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Credentials {
    /// The user; may be empty.
    pub username: String,
    /// The password; may be empty.
    pub password: Password,
    /// The user's address, which registries do not read any more.
    pub email: String,
}

impl Credentials {
    /// The credentials' SHA-256 in hexadecimal digits, by which they are recognised without being kept. The same as the
    /// kubelet's (KEP-2535).
    #[must_use]
    pub fn hash(&self) -> String {
        #[derive(Serialize)]
        struct Hashed<'a> {
            #[serde(skip_serializing_if = "str::is_empty")]
            username: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            password: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            email: &'a str,
        }
        let Self { username, password, email } = self;
        let hashed = Hashed { username, password: password.reveal(), email };
        let mut json = serde_json::to_string(&hashed).unwrap_or_default();
        // Go writes these five in another way.
        for (character, escape) in [
            ('<', "\\u003c"),
            ('>', "\\u003e"),
            ('&', "\\u0026"),
            ('\u{2028}', "\\u2028"),
            ('\u{2029}', "\\u2029"),
        ] {
            if json.contains(character) {
                json = json.replace(character, escape);
            }
        }
        sha256_hex(&json)
    }
}

/// The SHA-256 of a text in hexadecimal digits.
pub(in crate::image) fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let credentials =
            Credentials { username: "bob".into(), password: "hunter2".into(), ..Credentials::default() };
        assert!(!format!("{credentials:#?}").contains("hunter2"));
        for wrong in [r#"{"password": ["hunter2"]}"#, r#"{"password": {"hunter2": 1}}"#] {
            let error = serde_json::from_str::<Credentials>(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_hash_is_of_the_json_that_go_writes() {
        let credentials =
            Credentials { username: "bob".into(), password: "a<b&c>d".into(), ..Credentials::default() };
        let json = r#"{"username":"bob","password":"a\u003cb\u0026c\u003ed"}"#;
        assert_eq!(credentials.hash(), sha256_hex(json));
        assert_eq!(Credentials::default().hash(), sha256_hex("{}"));
        assert_eq!(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
