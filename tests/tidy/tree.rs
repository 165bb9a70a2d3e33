//! The workspace as text: what the checks read.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One file, by its path from the root of the workspace with `/` between folders.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file that must be there.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the folders in `crates/` that hold a package, sorted.
pub(crate) fn crates() -> Vec<String> {
    let folder = std::fs::read_dir(root().join("crates")).expect("crates/ is there");
    let mut names: Vec<String> = folder
        .map(|entry| entry.expect("crates/ can be read").path())
        .filter(|path| path.join("Cargo.toml").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no crate was found");
    names
}

/// Every `*.rs` file below `folder`, sorted by path; none when there is no such folder.
pub(crate) fn rust_files(folder: &str) -> Vec<Source> {
    let mut folders = vec![root().join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("the folder can be read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension() == Some(OsStr::new("rs")) {
                sources.extend(source(&path));
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Every text file that is in git, or would be after `git add --all`.
pub(crate) fn git_files() -> Vec<Source> {
    let listed = run(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    );
    let mut paths: Vec<&str> = listed.split_terminator('\0').collect();
    paths.sort_unstable();
    paths.dedup();
    assert!(!paths.is_empty(), "git knows no file here");
    paths
        .into_iter()
        .filter_map(|path| source(&root().join(path)))
        .collect()
}

/// What `program` prints when it runs in the root of the workspace.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed: {errors}"
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Fails with one complaint a line.
pub(crate) fn expect_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Nothing for a file that is gone (deleted, but not yet so in git) or is not text.
fn source(path: &Path) -> Option<Source> {
    let text = String::from_utf8(std::fs::read(path).ok()?).ok()?;
    let path = path
        .strip_prefix(root())
        .expect("below the root")
        .to_str()?
        .to_owned();
    Some(Source { path, text })
}
