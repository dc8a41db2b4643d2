//! The one adapter to files: a folder of drop-ins, and what can be wrong with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use node_lifecycle::config::{
    Flags, MAX_FILE_BYTES, MergeOptions, Source, in_folder_order, merge, read_base, read_folder,
};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn file(fields: &str) -> String {
    format!(r#"{{"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", {fields}}}"#)
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn files_come_in_the_order_of_the_kubelet() {
    let folder = folder("order");
    let names = [
        "b.conf",
        "a-b.conf",
        "a/z.conf",
        "a/deep/y.conf",
        "a/readme.txt",
        "C.conf",
        ".conf",
        ".h.conf",
        "d.CONF",
        "e.conf.bak",
    ];
    for name in names {
        write(&folder, name, file(r#""maxPods": 20"#));
    }
    fs::create_dir_all(folder.join("x.conf")).unwrap();
    let read = read_folder(&folder);
    let read: Vec<_> = read.iter().map(Source::name).collect();
    assert_eq!(read, [".conf", ".h.conf", "C.conf", "a/deep/y.conf", "a/z.conf", "a-b.conf", "b.conf"]);
    let ordered = in_folder_order(names.map(|name| Source::drop_in(name, "")));
    assert_eq!(
        ordered.iter().map(Source::name).collect::<Vec<_>>(),
        read,
        "the order without a folder is the same"
    );

    let effective =
        merge(None, Some(&read_folder(&folder)), &Flags::default(), MergeOptions::default()).unwrap();
    let notes: Vec<_> = effective.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "a/deep/y.conf: files in folders of the drop-in folder count",
            "a/z.conf: files in folders of the drop-in folder count",
        ]
    );
    assert_eq!(effective.config.max_pods, 20);
}

#[cfg(unix)]
#[test]
fn everything_that_is_wrong_is_in_one_report() {
    use std::os::unix::fs::symlink;
    let folder = folder("wrong");
    write(&folder, "10-right.conf", file(r#""maxPods": 20"#));
    write(&folder, "20-bytes.conf", b"maxPods: \xff");
    write(&folder, "30-large.conf", vec![b' '; MAX_FILE_BYTES + 1]);
    symlink("40-loop.conf", folder.join("40-loop.conf")).unwrap();
    symlink("gone", folder.join("50-gone.conf")).unwrap();
    write(&folder, "60-empty.conf", "");
    write(&folder, "70-misspelt.conf", file(r#""maxPod": 20"#));
    // A link to a file is followed; one to a folder is no file.
    symlink("10-right.conf", folder.join("80-link.conf")).unwrap();
    symlink(".", folder.join("90-folder.conf")).unwrap();
    let base = read_base(&folder.join("base.yaml"));
    let errors = merge(
        Some(&base),
        Some(&read_folder(&folder)),
        &Flags::parse(&["--max-pods=x"]),
        MergeOptions::default(),
    );
    let report = errors.unwrap_err().to_string();
    let report = report.replace(&*folder.to_string_lossy(), "");
    let expected = [
        "/base.yaml: cannot be read: No such file or directory",
        "20-bytes.conf: is not UTF-8 from byte 9 on; save it as UTF-8",
        "30-large.conf: is larger than 4194304 bytes",
        "40-loop.conf: its links lead in a circle",
        "50-gone.conf: cannot be read: No such file or directory",
        "60-empty.conf: has no content",
        "70-misspelt.conf:1:81: there is no field maxPod; did you mean maxPods?",
        "90-folder.conf: cannot be read: is no file",
        "invalid argument \"x\" for \"--max-pods\" flag",
    ];
    assert_eq!(report.lines().count(), expected.len(), "{report}");
    for (line, expected) in report.lines().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let folder = folder("missing").join("conf.d");
    let errors =
        merge(None, Some(&read_folder(&folder)), &Flags::default(), MergeOptions::default()).unwrap_err();
    assert!(errors.to_string().contains("conf.d: cannot be read: "), "{errors}");
    write(&folder, "../file", "");
    let errors = merge(
        None,
        Some(&read_folder(&folder.with_file_name("file"))),
        &Flags::default(),
        MergeOptions::default(),
    );
    assert!(errors.unwrap_err().to_string().contains("file: cannot be read: is no folder"));
}

/// Files may go while the folder is read: whatever has been listed is reported or read, and nothing else happens.
#[test]
fn a_file_that_goes_meanwhile_is_said() {
    let folder = folder("goes");
    for n in 0..20 {
        write(&folder, &format!("{n:02}.conf"), file(r#""maxPods": 20"#));
    }
    let listed = fs::read_dir(&folder).unwrap().count();
    assert_eq!(listed, 20);
    fs::remove_file(folder.join("07.conf")).unwrap();
    let gone = read_base(&folder.join("07.conf"));
    assert!(gone.text().unwrap_err().to_string().starts_with("cannot be read: "));
    assert_eq!(read_folder(&folder).len(), 19);
}
