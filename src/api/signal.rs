//! The signals that can ask a container to stop (KEP-4960).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::PodOs;

/// A signal that asks a container to stop, by Kubernetes' name: `SIGTERM`, `SIGUSR1`, `SIGRTMIN+3`, …
///
/// ```
/// use node_lifecycle::api::StopSignal;
///
/// let quit: StopSignal = "SIGQUIT".parse()?;
/// assert_eq!((quit.name(), quit.number()), ("SIGQUIT", 3));
/// // A spec has to use the name; an image may also use a number, or leave the prefix out.
/// assert!("QUIT".parse::<StopSignal>().is_err());
/// assert_eq!(StopSignal::of_image("QUIT"), Ok(quit));
/// assert_eq!(StopSignal::of_image("3"), Ok(quit));
/// # Ok::<(), node_lifecycle::api::ParseStopSignalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StopSignal {
    number: u8,
    name: &'static str,
}

/// A text that names no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no signal: expected a name such as SIGTERM, SIGUSR1 or SIGRTMIN+3")]
#[non_exhaustive]
pub struct ParseStopSignalError {
    /// The text.
    pub name: String,
}

/// Why the signal that stops a container is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopSignalError {
    /// The container's spec or its image names none that there is.
    #[error(transparent)]
    Unknown(#[from] ParseStopSignalError),
    /// The pod does not say for which operating system it is.
    #[error("{signal} needs `spec.os.name`: signals are the operating system's")]
    NeedsOs {
        /// What was asked for.
        signal: StopSignal,
    },
    /// There is no such signal on Windows.
    #[error("{signal} is no signal of windows: expected SIGTERM or SIGKILL")]
    NotOnWindows {
        /// What was asked for.
        signal: StopSignal,
    },
}

/// The names that Kubernetes has, with Linux' numbers. Of several names of one number the usual one comes first.
const SIGNALS: [(u8, &str); 65] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (6, "SIGIOT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (12, "SIGUSR2"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
    (16, "SIGSTKFLT"),
    (17, "SIGCHLD"),
    (17, "SIGCLD"),
    (18, "SIGCONT"),
    (19, "SIGSTOP"),
    (20, "SIGTSTP"),
    (21, "SIGTTIN"),
    (22, "SIGTTOU"),
    (23, "SIGURG"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (26, "SIGVTALRM"),
    (27, "SIGPROF"),
    (28, "SIGWINCH"),
    (29, "SIGIO"),
    (29, "SIGPOLL"),
    (30, "SIGPWR"),
    (31, "SIGSYS"),
    (34, "SIGRTMIN"),
    (35, "SIGRTMIN+1"),
    (36, "SIGRTMIN+2"),
    (37, "SIGRTMIN+3"),
    (38, "SIGRTMIN+4"),
    (39, "SIGRTMIN+5"),
    (40, "SIGRTMIN+6"),
    (41, "SIGRTMIN+7"),
    (42, "SIGRTMIN+8"),
    (43, "SIGRTMIN+9"),
    (44, "SIGRTMIN+10"),
    (45, "SIGRTMIN+11"),
    (46, "SIGRTMIN+12"),
    (47, "SIGRTMIN+13"),
    (48, "SIGRTMIN+14"),
    (49, "SIGRTMIN+15"),
    (50, "SIGRTMAX-14"),
    (51, "SIGRTMAX-13"),
    (52, "SIGRTMAX-12"),
    (53, "SIGRTMAX-11"),
    (54, "SIGRTMAX-10"),
    (55, "SIGRTMAX-9"),
    (56, "SIGRTMAX-8"),
    (57, "SIGRTMAX-7"),
    (58, "SIGRTMAX-6"),
    (59, "SIGRTMAX-5"),
    (60, "SIGRTMAX-4"),
    (61, "SIGRTMAX-3"),
    (62, "SIGRTMAX-2"),
    (63, "SIGRTMAX-1"),
    (64, "SIGRTMAX"),
];

impl StopSignal {
    /// What a container is stopped with unless it or its image says otherwise.
    pub const SIGTERM: Self = Self { number: 15, name: "SIGTERM" };
    /// What cannot be caught.
    pub const SIGKILL: Self = Self { number: 9, name: "SIGKILL" };

    /// Every signal that Kubernetes names, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        SIGNALS.iter().map(|(number, name)| Self { number: *number, name })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Its number on Linux (x86 and Arm), from 1 to 64.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Reads what a container's spec says, in a pod for that operating system.
    ///
    /// # Errors
    /// [`StopSignalError`] when that is no signal, or one that the pod cannot have.
    pub fn for_os(name: &str, os: Option<&PodOs>) -> Result<Self, StopSignalError> {
        let signal: Self = name.parse()?;
        match os.map(|os| os.name.as_str()) {
            None | Some("") => Err(StopSignalError::NeedsOs { signal }),
            Some("windows") if ![Self::SIGTERM, Self::SIGKILL].contains(&signal) => {
                Err(StopSignalError::NotOnWindows { signal })
            }
            Some(_) => Ok(signal),
        }
    }

    /// Reads what an image says (`STOPSIGNAL`): the name in any case, with or without `SIG`, or the number.
    ///
    /// # Errors
    /// [`ParseStopSignalError`] when that is no signal.
    pub fn of_image(text: &str) -> Result<Self, ParseStopSignalError> {
        let text = text.trim();
        let bare = |name: &str| name.strip_prefix("SIG").unwrap_or(name).to_owned();
        let wanted = bare(&text.to_ascii_uppercase());
        let number = text.parse::<u8>().ok();
        let found = Self::all().find(|signal| number == Some(signal.number) || wanted == bare(signal.name));
        found.ok_or_else(|| ParseStopSignalError { name: text.to_owned() })
    }
}

impl FromStr for StopSignal {
    type Err = ParseStopSignalError;
    fn from_str(name: &str) -> Result<Self, ParseStopSignalError> {
        let found = Self::all().find(|signal| signal.name == name);
        found.ok_or_else(|| ParseStopSignalError { name: name.to_owned() })
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for StopSignal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for StopSignal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_reads_back() {
        assert!(StopSignal::all().is_sorted());
        for signal in StopSignal::all() {
            assert_eq!(signal.name().parse(), Ok(signal));
            assert_eq!(StopSignal::of_image(&signal.name().to_lowercase()), Ok(signal));
            let by_number = StopSignal::of_image(&signal.number().to_string()).unwrap();
            assert_eq!(by_number.number(), signal.number());
        }
        for wrong in ["", "0", "32", "SIG", "SIGRTMIN+16", "sigterm"] {
            assert!(wrong.parse::<StopSignal>().is_err(), "{wrong}");
        }
        assert_eq!(
            StopSignal::of_image("NOPE").unwrap_err().to_string(),
            "`NOPE` is no signal: expected a name such as SIGTERM, SIGUSR1 or SIGRTMIN+3"
        );
    }
}
