//! From a folder to its drop-ins. The one place of the core that reads files.
//!
//! Everything else in this library is given texts. What is in a folder, in which order and what of it counts is a
//! decision of the kubelet that everybody would have to make again, and make wrong; so this small adapter makes it. It
//! opens files and nothing else, and [`Source`] is all that it gives: who has the texts from elsewhere does without it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::source::{MAX_FILE_BYTES, Source, SourceKind, Unreadable};

/// The most drop-ins that a folder may have, those of its sub-folders included.
pub const MAX_FOLDER_FILES: usize = 10_000;

/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 64;

/// Reads the file that the kubelet is given with `--config`. Its name is the path as it is given here, so that relative
/// paths in it can be told from its folder.
///
/// It does not fail: a file that cannot be read is a [`Source`] that says so when it is merged.
pub fn read_base(path: &Path) -> Source {
    read(path, path.to_string_lossy().into_owned(), SourceKind::Base)
}

/// Reads the drop-ins of the folder that the kubelet is given with `--config-dir`, in their order.
///
/// As the kubelet does: the files whose names end in `.conf`, whatever is before that; in the byte order of their
/// names, folders at their place, and the files in these count too. Links to files are followed, links to folders are
/// not. Their names are the paths in the folder, with `/` on any platform.
///
/// It does not fail: what cannot be read, a folder that is not there, a link that leads in a circle, a file that is
/// gone by the time that it is read, is a [`Source`] that says so when it is merged, with everything else that is wrong.
///
/// ```no_run
/// use std::path::Path;
/// use node_lifecycle::config::{Flags, merge, read_base, read_folder};
///
/// let base = read_base(Path::new("/etc/kubernetes/kubelet.yaml"));
/// let drop_ins = read_folder(Path::new("/etc/kubernetes/kubelet.conf.d"));
/// let effective = merge(Some(&base), Some(&drop_ins), &Flags::parse(&["--max-pods=60"]), Default::default())?;
/// # Ok::<(), node_lifecycle::config::ConfigErrors>(())
/// ```
pub fn read_folder(path: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => walk(path, "", 0, &mut sources),
        Ok(_) => sources.push(unreadable(path.to_string_lossy(), Unreadable::Io("is no folder".to_owned()))),
        Err(error) => sources.push(unreadable(path.to_string_lossy(), why(&error))),
    }
    sources
}

/// Which of the files of a folder are drop-ins, and in which order they count, for whoever has their texts from
/// elsewhere: those whose names end in `.conf`, folder by folder in the byte order of the names.
///
/// ```
/// use node_lifecycle::config::{Source, in_folder_order};
///
/// let files = ["b.conf", "a-b.conf", "a/z.conf", "a/readme.txt", "C.conf", "d.CONF"];
/// let ordered = in_folder_order(files.map(|name| Source::drop_in(name, "")));
/// let names: Vec<_> = ordered.iter().map(Source::name).collect();
/// assert_eq!(names, ["C.conf", "a/z.conf", "a-b.conf", "b.conf"]);
/// ```
pub fn in_folder_order(files: impl IntoIterator<Item = Source>) -> Vec<Source> {
    let mut drop_ins: Vec<Source> = files.into_iter().filter(|file| file.name().ends_with(".conf")).collect();
    drop_ins.sort_by(|a, b| a.name().split('/').cmp(b.name().split('/')));
    drop_ins
}

fn walk(folder: &Path, prefix: &str, depth: usize, sources: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) if depth < MAX_DEPTH => entries,
        Ok(_) => {
            let why = Unreadable::Io(format!("lies more than {MAX_DEPTH} folders deep"));
            return sources.push(unreadable(prefix.trim_end_matches('/'), why));
        }
        Err(error) => {
            let name = if prefix.is_empty() { folder.to_string_lossy() } else { prefix.into() };
            return sources.push(unreadable(name.trim_end_matches('/'), why(&error)));
        }
    };
    entries.sort_by_cached_key(|entry| entry.file_name().into_encoded_bytes());
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // Of a link this is what it is itself, as for the kubelet.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder {
            walk(&entry.path(), &format!("{name}/"), depth + 1, sources);
        } else if entry.file_name().as_encoded_bytes().ends_with(b".conf") {
            if sources.len() >= MAX_FOLDER_FILES {
                let why = Unreadable::Io(format!("is one of more than {MAX_FOLDER_FILES} files"));
                return sources.push(unreadable(&name, why));
            }
            sources.push(read(&entry.path(), name, SourceKind::DropIn));
        }
    }
}

fn read(path: &Path, name: String, kind: SourceKind) -> Source {
    // One byte more than there may be tells whether there are too many; what the file system says of the size may be
    // outdated, or nothing at all.
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = check_kind(path).and_then(|()| File::open(path)?.take(most).read_to_end(&mut bytes));
    match read {
        Ok(_) => Source::from_bytes(name, kind, bytes),
        Err(error) => Source::unreadable(name, kind, why(&error)),
    }
}

/// A pipe without a writer would be waited for for ever.
fn check_kind(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() { Ok(()) } else { Err(io::Error::new(ErrorKind::InvalidInput, "is no file")) }
}

fn unreadable(name: impl AsRef<str>, why: Unreadable) -> Source {
    Source::unreadable(name.as_ref(), SourceKind::DropIn, why)
}

fn why(error: &io::Error) -> Unreadable {
    // Its kind has no stable name yet, on the oldest Rust that is supported.
    const ELOOP: i32 = 40;
    match error.raw_os_error() {
        Some(ELOOP) if cfg!(target_os = "linux") => Unreadable::Loop,
        _ => Unreadable::Io(error.to_string()),
    }
}
