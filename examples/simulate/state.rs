//! What a container can be doing, and how that looks: one table for terminal, picture and legend.

use anstyle::{AnsiColor, Color, Style};

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
    pub(crate) const DRAWN: [Self; 8] = [
        Self::Waiting,
        Self::Pulling,
        Self::Starting,
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

/// The line where a pod's deletion begins.
pub(crate) const DELETION: Look =
    Look {
        glyph: '┃', style: colored(AnsiColor::Red).bold(), fill: "#d1453b", label: "the pod is deleted"
    };

pub(crate) const fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}
