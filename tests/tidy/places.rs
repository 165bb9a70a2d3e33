//! Files stay small enough to read, and name no place that exists on one machine only.

use crate::tree;

const LINES_MAX: usize = 500;

/// Each in two halves, so that this file does not find itself.
const FORBIDDEN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("crates", ".io"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("np", "mjs.org"),
    concat!("np", "mjs.com"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
];

#[test]
fn no_source_file_is_too_long() {
    let crates = tree::crates();
    let sources = crates
        .iter()
        .flat_map(|name| tree::rust_files(&format!("crates/{name}/src")));
    tree::expect_none(
        sources
            .filter_map(|source| too_long(&source.path, &source.text))
            .collect(),
    );
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let files = tree::git_files();
    // The lock file names the registry in cargo's own words.
    let files = files.iter().filter(|file| file.path != "Cargo.lock");
    tree::expect_none(
        files
            .flat_map(|file| places(&file.path, &file.text))
            .collect(),
    );
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINES_MAX)
        .then(|| format!("{path} has {lines} lines, more than {LINES_MAX}: split it"))
}

fn places(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in FORBIDDEN.iter().filter(|place| line.contains(**place)) {
            complaints.push(format!("{path}:{} names `{place}`", number + 1));
        }
    }
    complaints
}

mod tests {
    use super::*;

    #[test]
    fn one_line_too_many_is_too_long() {
        assert!(too_long("x.rs", &"\n".repeat(LINES_MAX)).is_none());
        assert!(too_long("x.rs", &"\n".repeat(LINES_MAX + 1)).is_some());
    }

    #[test]
    fn a_place_is_reported_with_its_line() {
        let text = format!("first\ncd {}main\n", FORBIDDEN[0]);
        assert_eq!(
            places("x.md", &text),
            [format!("x.md:2 names `{}`", FORBIDDEN[0])]
        );
        assert_eq!(places("x.md", "the network /works/ well"), [""; 0]);
    }
}
