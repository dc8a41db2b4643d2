//! What a container can be doing, and how that looks: one table for terminal, picture and legend.

use anstyle::{AnsiColor, Style};
use node_lifecycle::container::ProbeKind;

use super::shell::colored;

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    /// Others come first.
    Waiting,
    /// Its image is pulled.
    Pulling,
    /// It is made and started.
    Starting,
    /// It runs, and is not ready.
    Running,
    /// It runs and is ready.
    Ready,
    /// Its `postStart` hook runs beside it.
    PostStart,
    /// It failed, and waits before it is tried again.
    BackOff,
    /// It still runs while its `preStop` hook does.
    PreStop,
    /// It got its stop signal.
    Stopping,
    /// It has ended.
    Ended,
}

/// How a state looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Its cell in a terminal.
    pub(crate) glyph: char,
    pub(crate) style: Style,
    /// Its colour in a picture.
    pub(crate) fill: &'static str,
    /// What it is called.
    pub(crate) label: &'static str,
}

impl State {
    /// Those that are drawn, in the order of a life.
    pub(crate) const DRAWN: [Self; 9] = [
        Self::Waiting,
        Self::Pulling,
        Self::Starting,
        Self::PostStart,
        Self::Running,
        Self::Ready,
        Self::BackOff,
        Self::PreStop,
        Self::Stopping,
    ];

    pub(crate) const fn look(self) -> Look {
        let (glyph, color, fill, label) = match self {
            Self::Waiting => ('·', AnsiColor::BrightBlack, "#c3c9d0", "waits for its turn"),
            Self::Pulling => ('░', AnsiColor::Cyan, "#9ad1f0", "pulls its image"),
            Self::Starting => ('▒', AnsiColor::Blue, "#3b82c4", "is started"),
            Self::PostStart => ('▂', AnsiColor::Magenta, "#dcc8f0", "runs postStart"),
            Self::Running => ('▄', AnsiColor::Green, "#8fd6ac", "runs, not ready"),
            Self::Ready => ('█', AnsiColor::Green, "#1f9d61", "is ready"),
            Self::BackOff => ('~', AnsiColor::Yellow, "#f2b53c", "is in back-off"),
            Self::PreStop => ('▀', AnsiColor::Magenta, "#c9a3e6", "runs preStop"),
            Self::Stopping => ('▚', AnsiColor::Magenta, "#8e4ec6", "is stopping"),
            Self::Ended => (' ', AnsiColor::BrightBlack, "none", "has ended"),
        };
        Look { glyph, style: colored(color), fill, label }
    }
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With 0.
    Well,
    /// With another exit code.
    Badly,
    /// It did not stop in time.
    Killed,
}

impl End {
    pub(crate) const ALL: [Self; 3] = [Self::Well, Self::Badly, Self::Killed];

    pub(crate) const fn of(exit_code: i32, forced: bool) -> Self {
        match (forced, exit_code) {
            (true, _) => Self::Killed,
            (false, 0) => Self::Well,
            (false, _) => Self::Badly,
        }
    }

    pub(crate) const fn look(self) -> Look {
        let (glyph, color, fill, label) = match self {
            Self::Well => ('✓', AnsiColor::Green, "#1f9d61", "exited with 0"),
            Self::Badly => ('✗', AnsiColor::Red, "#d1453b", "exited with another code"),
            Self::Killed => ('†', AnsiColor::BrightRed, "#8c1d18", "was killed"),
        };
        Look { glyph, style: colored(color).bold(), fill, label }
    }
}

/// Something that went wrong for a container at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An attempt of a probe failed, or the probe came to that result by it.
    Probe(ProbeKind, bool),
    /// A hook failed.
    Hook,
}

impl Mark {
    /// One of each, for the legend.
    pub(crate) const ALL: [Self; 4] = [
        Self::Probe(ProbeKind::Startup, false),
        Self::Probe(ProbeKind::Readiness, false),
        Self::Probe(ProbeKind::Liveness, false),
        Self::Hook,
    ];

    /// Whether it is explained together with another one.
    pub(crate) fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Probe(one, _), Self::Probe(other, _)) => one == other,
            _ => self == other,
        }
    }

    pub(crate) const fn look(self) -> Look {
        let (glyph, fill, label) = match self {
            Self::Probe(ProbeKind::Startup, false) => ('s', "#b7791f", "startup probe fails (S: for good)"),
            Self::Probe(ProbeKind::Startup, true) => ('S', "#b7791f", "startup probe has failed"),
            Self::Probe(ProbeKind::Readiness, false) => {
                ('r', "#b7791f", "readiness probe fails (R: not ready)")
            }
            Self::Probe(ProbeKind::Readiness, true) => ('R', "#b7791f", "readiness probe has failed"),
            Self::Probe(ProbeKind::Liveness, false) => {
                ('l', "#b7791f", "liveness probe fails (L: it is killed)")
            }
            Self::Probe(ProbeKind::Liveness, true) => ('L', "#d1453b", "liveness probe has failed"),
            Self::Hook => ('h', "#8e4ec6", "hook fails"),
        };
        Look { glyph, style: colored(AnsiColor::Yellow).bold(), fill, label }
    }
}

/// What the pod's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// It has no sandbox and network.
    Nothing,
    /// `PodReadyToStartContainers`.
    Network,
    /// `Initialized`, and not ready.
    Initialized,
    /// `Ready`.
    Ready,
    /// `AllContainersRestarting`.
    Restarting,
}

impl Standing {
    /// Those that are drawn.
    pub(crate) const DRAWN: [Self; 4] = [Self::Network, Self::Initialized, Self::Ready, Self::Restarting];

    pub(crate) const fn look(self) -> Look {
        let (glyph, color, fill, label) = match self {
            Self::Nothing => (' ', AnsiColor::BrightBlack, "none", "has no network"),
            Self::Network => ('╌', AnsiColor::BrightBlack, "#d5dae0", "the pod has its network"),
            Self::Initialized => ('─', AnsiColor::Cyan, "#b9d7ef", "is initialised, not ready"),
            Self::Ready => ('━', AnsiColor::Green, "#7cc79d", "is ready"),
            Self::Restarting => ('↻', AnsiColor::Yellow, "#f2b53c", "restarts all containers"),
        };
        Look { glyph, style: colored(color), fill, label }
    }
}

/// The line where the node's agent is restarted.
pub(crate) const RESTART: Look = Look {
    glyph: '┊',
    style: colored(AnsiColor::Blue).bold(),
    fill: "#3b82c4",
    label: "the agent is restarted",
};

/// The line where a pod's deletion begins.
pub(crate) const DELETION: Look =
    Look {
        glyph: '┃', style: colored(AnsiColor::Red).bold(), fill: "#d1453b", label: "the pod is deleted"
    };
