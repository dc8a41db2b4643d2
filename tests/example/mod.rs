//! What the tests of examples need: what is shipped, folders of their own, and texts that are read like code. `RECORD=1`
//! writes those anew.

use std::fs;
use std::path::{Path, PathBuf};

/// What a run left.
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Runs something that writes its result and its errors, and gives an exit code.
    pub(crate) fn of(run: impl FnOnce(&mut dyn std::io::Write, &mut dyn std::io::Write) -> u8) -> Self {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&mut anstream::StripStream::new(&mut out), &mut anstream::StripStream::new(&mut err));
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
        Self { code, out: text(out), err: text(err) }
    }

    /// It has gone well, and reads as it was recorded.
    pub(crate) fn reads_like(&self, name: &str) {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{name}");
        let golden = in_crate(&format!("tests/golden/{name}.txt"));
        if std::env::var_os("RECORD").is_some() {
            fs::write(&golden, &self.out).expect("a text");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(self.out == expected, "{name} reads differently now:\n{}\nRECORD=1 keeps it.", self.out);
    }
}

/// The README shows the beginning of a recorded text, or all of it, below the command that prints it.
pub(crate) fn readme_shows(command: &str, name: &str) {
    let readme = fs::read_to_string(in_crate("README.md")).expect("the README");
    let golden = fs::read_to_string(in_crate(&format!("tests/golden/{name}.txt"))).expect("a text");
    let (_, shown) = readme.split_once(&format!("{command}\n")).expect("the command");
    let shown = shown.split("```").next().unwrap_or_default();
    assert!(!shown.is_empty() && golden.starts_with(shown), "the README shows another text:\n{shown}");
}

pub(crate) fn in_crate(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

pub(crate) fn data(name: &str) -> String {
    in_crate(&format!("examples/data/{name}"))
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("node-lifecycle-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn put(&self, name: &str, content: &str) -> String {
        fs::write(self.0.join(name), content).expect("a file for the test");
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
