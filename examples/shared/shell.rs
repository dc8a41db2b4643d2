//! How an example is run: arguments and files in, text and an exit code out.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use anstyle::{AnsiColor, Color, Style};
use clap::Parser;

use super::words::clean;

/// What is read and written. Text is written with colours; whoever cannot show them strips them.
pub(crate) struct Io<'a> {
    /// Read for the path `-`.
    pub(crate) stdin: &'a mut dyn Read,
    /// The result.
    pub(crate) out: &'a mut dyn Write,
    /// Notes and errors.
    pub(crate) err: &'a mut dyn Write,
}

/// Why a run ends with an exit code that is not 0.
pub(crate) const FAILED: u8 = 1;
pub(crate) const BAD_INPUT: u8 = 2;

/// Does what the arguments say; gives the exit code.
pub(crate) fn run<A: Parser>(
    args: impl IntoIterator<Item = OsString>,
    io: &mut Io<'_>,
    follow: impl FnOnce(&A, &mut Io<'_>) -> io::Result<u8>,
) -> u8 {
    let done = match A::try_parse_from(args) {
        Ok(args) => follow(&args, io),
        Err(usage) if usage.use_stderr() => write!(io.err, "{}", usage.render().ansi()).map(|()| BAD_INPUT),
        Err(help) => write!(io.out, "{}", help.render().ansi()).map(|()| 0),
    };
    match done.and_then(|code| io.out.flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            // There is nobody left to tell if this fails too.
            let _ = complain(io, &error.to_string());
            FAILED
        }
    }
}

pub(crate) fn complain(io: &mut Io<'_>, message: &str) -> io::Result<()> {
    message.lines().try_for_each(|line| say(io, "error", AnsiColor::Red, line))
}

pub(crate) fn say(io: &mut Io<'_>, what: &str, color: AnsiColor, message: &str) -> io::Result<()> {
    let style = colored(color).bold();
    writeln!(io.err, "{style}{what}:{style:#} {}", clean(message))
}

pub(crate) const fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}
