//! Says which images a node would remove, in which order, why, and how much that frees, from what `crictl` and `kubectl`
//! print of it.
//!
//! ```sh
//! cargo run --release --features yaml --example plan_image_gc -- \
//!     --images images.json --fs fsinfo.json --pods pods.json
//! ```
//!
//! `--help` says what else can be asked for. From here on down: [`args`] reads the command line, [`load`] the files
//! ([`cri`] knows what `crictl` prints), [`usage`] finds who uses which image, [`decide`] asks the library, [`seen`] puts
//! an answer so that the kubelet's and the library's can be compared, [`report`] gathers all that is said, and [`text`]
//! and [`chart`] show it.

mod args;
mod chart;
#[path = "../shared/copied.rs"]
mod copied;
mod cri;
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
mod usage;
#[path = "../shared/words.rs"]
mod words;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use args::Args;
use decide::{Case, Way};
use load::Loaded;
use present::{Forms, present};
use report::Report;

pub(crate) use shell::Io;

fn main() -> ExitCode {
    let (mut stdin, mut out, mut err) = (io::stdin(), anstream::stdout(), anstream::stderr());
    let mut io = Io { stdin: &mut stdin, out: &mut out, err: &mut err };
    ExitCode::from(plan_image_gc(std::env::args_os(), &mut io))
}

/// Does what the arguments say; gives the exit code.
pub(crate) fn plan_image_gc(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    shell::run(args, io, follow)
}

fn follow(args: &Args, io: &mut Io<'_>) -> io::Result<u8> {
    let report = load::load(args, io.stdin).and_then(|loaded| planned(args, &loaded));
    let forms = Forms {
        json: args.json,
        text: &|report| text::draw(report, args.all),
        chart: chart::draw,
        chart_file: args.chart.as_deref(),
    };
    present(report, &forms, io)
}

fn planned(args: &Args, loaded: &Loaded) -> Result<Report, Vec<String>> {
    let case = Case::new(args, loaded);
    match case.answer(Way::of(args.compat)) {
        Ok(answer) => Ok(Report::new(&case, &answer)),
        Err(error) => Err(vec![load::refuse(&loaded.config, &error)]),
    }
}
