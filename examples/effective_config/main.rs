//! Says what a node's configuration is in the end, and who has said so, from its files and flags.
//!
//! ```sh
//! cargo run --release --features yaml --example effective_config -- \
//!     --config kubelet.yaml --config-dir kubelet.conf.d -- --max-pods=60
//! ```
//!
//! `--help` says what else can be asked for. From here on down: [`args`] reads the command line, [`load`] the files
//! ([`names`] knows what they are called), [`decide`] asks the library, [`marks`] asks whether kubelet and library agree,
//! [`annotate`] says where a value comes from. [`report`], [`story`] and [`compare`] gather all that is said of a
//! configuration, of a field and of two configurations, and [`text`] shows it.

mod annotate;
mod args;
mod compare;
#[path = "../shared/copied.rs"]
mod copied;
mod decide;
#[allow(dead_code, reason = "each field is compared for itself here")]
#[path = "../shared/differ.rs"]
mod differ;
mod load;
mod marks;
mod names;
mod report;
#[path = "../shared/shell.rs"]
mod shell;
#[allow(dead_code, reason = "the library reads the files here")]
#[path = "../shared/source.rs"]
mod source;
mod story;
mod text;
#[path = "../shared/words.rs"]
mod words;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use args::{Args, Format};
use compare::Comparison;
use decide::{Answer, Case, options};
use marks::marks;
use report::Report;
use serde::Serialize;
use shell::{BAD_INPUT, FAILED, complain};
use story::Story;
use words::clean;

pub(crate) use shell::Io;

fn main() -> ExitCode {
    let (mut stdin, mut out, mut err) = (io::stdin(), anstream::stdout(), anstream::stderr());
    let mut io = Io { stdin: &mut stdin, out: &mut out, err: &mut err };
    ExitCode::from(effective_config(std::env::args_os(), &mut io))
}

/// Does what the arguments say; gives the exit code.
pub(crate) fn effective_config(args: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    shell::run(args, io, follow)
}

fn follow(args: &Args, io: &mut Io<'_>) -> io::Result<u8> {
    let loaded = match load::load(args, io.stdin) {
        Ok(loaded) => loaded,
        Err(error) => {
            complain(io, &error)?;
            return Ok(BAD_INPUT);
        }
    };
    let case = Case { args, loaded: &loaded };
    let answer = case.answer(options(args.compat));
    if !args.explain.is_empty() {
        return explain(&case, &answer, io);
    }
    if !args.diff.is_empty() {
        let other = loaded.with(&args.diff, io.stdin);
        let other = Case { args, loaded: &other };
        return compare(&case, &answer, &other, io);
    }
    if !answer.errors.is_empty() {
        return refuse(&case, &answer, io);
    }
    let report = Report::new(&case, &answer);
    print(args, &report, text::draw, io)?;
    Ok(0)
}

/// The story of each field. It is told as far as it goes where the configuration is wrong.
fn explain(case: &Case<'_>, answer: &Answer, io: &mut Io<'_>) -> io::Result<u8> {
    let marks = marks(case, answer);
    let stories = case.args.explain.iter().map(|field| Story::of(case, answer, &marks, field));
    match stories.collect::<Result<Vec<_>, _>>() {
        Ok(stories) => {
            let other = case.args.compat.other().name();
            let tell = |stories: &Vec<Story>| {
                stories.iter().map(|story| text::tell(story, other)).collect::<Vec<_>>().join("\n")
            };
            print(case.args, &stories, tell, io)?;
            if answer.errors.is_empty() { Ok(0) } else { refuse(case, answer, io) }
        }
        Err(error) => {
            complain(io, &error)?;
            Ok(BAD_INPUT)
        }
    }
}

fn compare(case: &Case<'_>, answer: &Answer, other: &Case<'_>, io: &mut Io<'_>) -> io::Result<u8> {
    let theirs = other.answer(options(case.args.compat));
    let mut code = 0;
    for (case, answer) in [(case, answer), (other, &theirs)] {
        if !answer.errors.is_empty() {
            code = refuse(case, answer, io)?;
        }
    }
    if code == 0 {
        let comparison = Comparison::new((case, answer), (other, &theirs));
        print(case.args, &comparison, text::compare, io)?;
    }
    Ok(code)
}

/// Says everything that is wrong.
fn refuse(case: &Case<'_>, answer: &Answer, io: &mut Io<'_>) -> io::Result<u8> {
    let names = &case.loaded.names;
    answer.errors.iter().try_for_each(|error| complain(io, &names.complaint(&error.text)))?;
    for mark in marks(case, answer) {
        io.err.write_all(mark.difference.line(case.args.compat.other(), clean).as_bytes())?;
    }
    Ok(FAILED)
}

fn print<T: Serialize>(
    args: &Args,
    said: &T,
    draw: impl Fn(&T) -> String,
    io: &mut Io<'_>,
) -> io::Result<()> {
    match args.format {
        Format::Yaml => io.out.write_all(draw(said).as_bytes()),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *io.out, said)?;
            writeln!(io.out)
        }
    }
}
