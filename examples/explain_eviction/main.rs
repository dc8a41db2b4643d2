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
#[path = "../shared/present.rs"]
mod present;
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
use present::{Forms, present};
use report::Report;

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
    let forms = Forms {
        json: args.json,
        text: &|report| text::draw(report, args.all),
        chart: chart::draw,
        chart_file: args.chart.as_deref(),
    };
    present(report, &forms, io)
}

fn explained(args: &Args, loaded: &Loaded) -> Result<Report, Vec<String>> {
    let case = Case::new(args, loaded);
    match case.answer(args.compat.compat()) {
        Ok(answer) => Ok(Report::new(&case, answer)),
        Err(Refusal::Thresholds(errors)) => Err(load::refuse(&loaded.config, &errors)),
        Err(Refusal::Config(error)) => Err(vec![error.to_string()]),
    }
}
