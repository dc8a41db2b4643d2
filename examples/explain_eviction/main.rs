//! Says which pod a node would evict, and why that one, from what `kubectl` prints of it.
//!
//! ```sh
//! cargo run --release --features yaml --example explain_eviction -- --pods pods.json --summary summary.json
//! ```
//!
//! `--help` says what else can be asked for. From here on down: [`args`] reads the command line, [`load`] the files,
//! [`decide`] asks the library, [`differ`] compares the kubelet with it, [`report`] gathers all that is said, and
//! [`text`] and [`chart`] show it.

mod args;
mod chart;
mod decide;
mod differ;
mod load;
#[path = "../simulate/pen.rs"]
mod pen;
mod report;
#[path = "../simulate/source.rs"]
mod source;
mod text;
#[path = "../simulate/words.rs"]
mod words;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use args::Args;
use clap::Parser;
use decide::{Case, Refusal};
use load::Loaded;
use report::Report;

/// What is read and written. Text is written with colours; whoever cannot show them strips them.
pub(crate) struct Io<'a> {
    /// Read for the path `-`.
    pub(crate) stdin: &'a mut dyn Read,
    /// The result.
    pub(crate) out: &'a mut dyn Write,
    /// Errors.
    pub(crate) err: &'a mut dyn Write,
}

/// Why a run ends with an exit code that is not 0.
const FAILED: u8 = 1;
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let (mut stdin, mut out, mut err) = (io::stdin(), anstream::stdout(), anstream::stderr());
    let mut io = Io { stdin: &mut stdin, out: &mut out, err: &mut err };
    ExitCode::from(explain_eviction(std::env::args_os(), &mut io))
}

/// Does what the arguments say; gives the exit code.
pub(crate) fn explain_eviction(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    let done = match Args::try_parse_from(args) {
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

fn follow(args: &Args, io: &mut Io<'_>) -> io::Result<u8> {
    let report = load::load(args, io.stdin).and_then(|loaded| explained(args, &loaded));
    let report = match report {
        Ok(report) => report,
        Err(errors) => {
            errors.iter().try_for_each(|error| complain(io, error))?;
            return Ok(BAD_INPUT);
        }
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *io.out, &report)?;
        writeln!(io.out)?;
    } else {
        io.out.write_all(text::draw(&report, args.all).as_bytes())?;
    }
    if let Some(file) = &args.chart {
        let drawn = chart::draw(&report).and_then(|picture| std::fs::write(file, picture));
        if let Err(error) = drawn {
            complain(io, &format!("{}: {error}", source::shown(file)))?;
            return Ok(FAILED);
        }
    }
    Ok(0)
}

fn explained(args: &Args, loaded: &Loaded) -> Result<Report, Vec<String>> {
    let case = Case::new(args, loaded);
    match case.answer(args.compat.compat()) {
        Ok(answer) => Ok(Report::new(&case, answer)),
        Err(Refusal::Thresholds(errors)) => Err(loaded.config.refuse(&errors)),
        Err(Refusal::Config(error)) => Err(vec![error.to_string()]),
    }
}

fn complain(io: &mut Io<'_>, message: &str) -> io::Result<()> {
    let style = text::ERROR;
    message.lines().try_for_each(|line| writeln!(io.err, "{style}error:{style:#} {}", words::clean(line)))
}
