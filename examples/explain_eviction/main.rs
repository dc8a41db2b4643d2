//! Says which pod a node would evict, and why that one, from what `kubectl` prints of it.
//!
//! ```sh
//! cargo run --release --features yaml --example explain_eviction -- --pods pods.json --summary summary.json
//! ```
//!
//! `--help` says what else can be asked for. From here on down: [`args`] reads the command line, [`load`] the files,
//! [`decide`] asks the library, [`seen`] puts an answer so that the kubelet's and the library's can be compared,
//! [`report`] gathers all that is said, and [`text`] and [`chart`] show it.

mod args;
mod chart;
#[path = "../shared/copied.rs"]
mod copied;
mod decide;
#[path = "../shared/differ.rs"]
mod differ;
mod load;
#[path = "../shared/node.rs"]
mod node;
#[path = "../shared/pen.rs"]
mod pen;
mod report;
mod seen;
#[path = "../shared/sheet.rs"]
mod sheet;
#[path = "../shared/shell.rs"]
mod shell;
#[path = "../shared/source.rs"]
mod source;
mod text;
#[path = "../shared/words.rs"]
mod words;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use args::Args;
use decide::{Case, Refusal};
use load::Loaded;
use report::Report;
use shell::{BAD_INPUT, FAILED, complain};

pub(crate) use shell::Io;

fn main() -> ExitCode {
    let (mut stdin, mut out, mut err) = (io::stdin(), anstream::stdout(), anstream::stderr());
    let mut io = Io { stdin: &mut stdin, out: &mut out, err: &mut err };
    ExitCode::from(explain_eviction(std::env::args_os(), &mut io))
}

/// Does what the arguments say; gives the exit code.
pub(crate) fn explain_eviction(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    shell::run(args, io, follow)
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
        Err(Refusal::Thresholds(errors)) => Err(load::refuse(&loaded.config, &errors)),
        Err(Refusal::Config(error)) => Err(vec![error.to_string()]),
    }
}
