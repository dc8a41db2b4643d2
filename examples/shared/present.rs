//! What is said of a node, as text, as JSON and as a picture alike.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::shell::{BAD_INPUT, FAILED, Io, complain};
use super::source::shown;

/// What a report is shown as.
pub(crate) struct Forms<'a, R> {
    /// As JSON rather than as text.
    pub(crate) json: bool,
    pub(crate) text: &'a dyn Fn(&R) -> String,
    pub(crate) chart: fn(&R) -> io::Result<Vec<u8>>,
    /// Where the picture goes, if there is to be one.
    pub(crate) chart_file: Option<&'a Path>,
}

/// Shows a report, or everything that keeps it from being made; gives the exit code.
pub(crate) fn present<R: Serialize>(
    report: Result<R, Vec<String>>,
    forms: &Forms<'_, R>,
    io: &mut Io<'_>,
) -> io::Result<u8> {
    let report = match report {
        Ok(report) => report,
        Err(errors) => {
            errors.iter().try_for_each(|error| complain(io, error))?;
            return Ok(BAD_INPUT);
        }
    };
    if forms.json {
        serde_json::to_writer_pretty(&mut *io.out, &report)?;
        writeln!(io.out)?;
    } else {
        io.out.write_all((forms.text)(&report).as_bytes())?;
    }
    if let Some(file) = forms.chart_file {
        let drawn = (forms.chart)(&report).and_then(|picture| std::fs::write(file, picture));
        if let Err(error) = drawn {
            complain(io, &format!("{}: {error}", shown(file)))?;
            return Ok(FAILED);
        }
    }
    Ok(0)
}
