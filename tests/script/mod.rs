//! Scenarios as text: a script, and the log that it gives. `RECORD=1` writes the logs anew.

use std::path::Path;

/// Plays every scenario of a folder, and compares its log with the recorded one.
pub(crate) fn replay(folder: &str, play: impl Fn(&str) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    assert!(!files.is_empty(), "there are no scenarios");
    let mut changed = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (before, recorded) = text.split_once("--- log\n").unwrap_or((&text, ""));
        let log = play(before);
        if std::env::var_os("RECORD").is_some() {
            std::fs::write(&file, format!("{before}--- log\n{log}")).unwrap();
        } else if log != recorded {
            let line = log.lines().zip(recorded.lines()).take_while(|(new, old)| new == old).count();
            let (new, old) = (log.lines().nth(line), recorded.lines().nth(line));
            let at = line + 1;
            changed.push(format!("{}: line {at} of the log\n  was {old:?}\n  is  {new:?}", file.display()));
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

/// What stands under `--- name`.
pub(crate) fn section<'a>(scenario: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = scenario.split_once(&format!("--- {name}\n"))?;
    Some(rest.split("\n--- ").next().unwrap_or(rest))
}
