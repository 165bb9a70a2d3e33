//! Every library and every public module of it begins with what it is.

use crate::tree;

#[test]
fn every_public_module_says_what_it_is() {
    let mut complaints = Vec::new();
    for name in tree::crates() {
        let folder = format!("crates/{name}/src");
        let path = format!("{folder}/lib.rs");
        let lib = tree::read(&path);
        complaints.extend(silent(&path, &lib));
        for module in public_modules(&lib) {
            let flat = format!("{folder}/{module}.rs");
            let deep = format!("{folder}/{module}/mod.rs");
            let path = if tree::root().join(&flat).is_file() {
                flat
            } else {
                deep
            };
            complaints.extend(silent(&path, &tree::read(&path)));
        }
    }
    tree::expect_none(complaints);
}

fn silent(path: &str, text: &str) -> Option<String> {
    (!text.starts_with("//!"))
        .then(|| format!("{path} must begin with a `//!` that says what it is"))
}

/// The modules that a library declares as public and keeps in files of their own.
fn public_modules(lib: &str) -> impl Iterator<Item = &str> {
    lib.lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
}

mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_first_word_is_reported() {
        assert!(silent("x.rs", "use std::fmt;\n").is_some());
        assert!(silent("x.rs", "//! What it is.\n").is_none());
    }

    #[test]
    fn public_modules_are_found() {
        let lib = "//! A\npub mod one;\nmod two;\n    pub mod three;\npub mod four {\n";
        assert_eq!(public_modules(lib).collect::<Vec<_>>(), ["one", "three"]);
    }
}
