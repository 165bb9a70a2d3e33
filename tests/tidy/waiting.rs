//! Tests wait for signals or move the clock; they never sleep, and none is left out in silence.

use crate::tree;

// Written in two halves, so that this file does not find itself.
const SLEEP: &str = concat!("sl", "eep");
const IGNORE: &str = concat!("#[ig", "nore");

#[test]
fn tests_never_sleep_and_are_never_ignored() {
    let mut complaints = Vec::new();
    for source in tree::rust_files("tests") {
        complaints.extend(complaints_about(&source.path, &source.text, true));
    }
    for source in tree::rust_files("crates")
        .into_iter()
        .chain(tree::rust_files("benches"))
    {
        // `tests.rs`, `dialogue_tests.rs`: declared under `#[cfg(test)]` elsewhere.
        let is_all_test = source.path.contains("/tests/") || source.path.ends_with("tests.rs");
        complaints.extend(complaints_about(&source.path, &source.text, is_all_test));
    }
    tree::expect_none(complaints);
}

/// Looks at the whole text, or only at its items under `#[cfg(test)]`.
fn complaints_about(path: &str, text: &str, is_all_test: bool) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut test_item = TestItem::default();
    for (number, line) in text.lines().enumerate() {
        let is_test = test_item.holds(line) || is_all_test;
        if !is_test || line.trim_start().starts_with("//") {
            continue;
        }
        let place = format!("{path}:{}", number + 1);
        if sleeps(line) {
            complaints.push(format!(
                "{place}: a test sleeps; wait for a signal or move the clock"
            ));
        }
        if line.contains(IGNORE) {
            complaints.push(format!(
                "{place}: a test is ignored; make it run, or delete it"
            ));
        }
    }
    complaints
}

/// Whether the line calls something named just so, or names the one of `std::thread`.
fn sleeps(line: &str) -> bool {
    line.match_indices(SLEEP).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + SLEEP.len()..]);
        let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        is_word
            && (after.starts_with('(') || (before.ends_with("thread::") && !after.starts_with('_')))
    })
}

/// Follows the item under `#[cfg(test)]`: as rustfmt writes it, it ends with the first line as
/// little indented as the attribute that closes it.
#[derive(Default)]
struct TestItem {
    indent: Option<usize>,
}

impl TestItem {
    fn holds(&mut self, line: &str) -> bool {
        let here = line.len() - line.trim_start().len();
        let Some(indent) = self.indent else {
            if line.trim_start().starts_with("#[cfg(test)]") {
                self.indent = Some(here);
            }
            return self.indent.is_some();
        };
        if here == indent && line.ends_with(['}', ';']) {
            self.indent = None;
        }
        true
    }
}

mod tests {
    use super::*;

    fn lines(text: &str, is_all_test: bool) -> usize {
        complaints_about("x.rs", &text.replace("NAP", SLEEP), is_all_test).len()
    }

    #[test]
    fn every_spelling_of_a_nap_is_found() {
        assert_eq!(lines("std::thread::NAP(d);", true), 1);
        assert_eq!(lines("use std::thread::NAP;", true), 1);
        assert_eq!(lines("tokio::time::NAP(d).await;", true), 1);
        assert_eq!(lines("    NAP(d).await;", true), 1);
        assert_eq!(
            complaints_about("x.rs", &format!("{IGNORE}]"), true).len(),
            1
        );
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(
            lines(
                "// NAP(d)\nfn must_not_NAP() {}\nlet aNAP = 1;\nis_NAPing(d)",
                true
            ),
            0
        );
    }

    #[test]
    fn only_the_tests_of_a_source_file_are_looked_at() {
        let text = "NAP(1);\n#[cfg(test)]\nmod tests {\n    NAP(2);\n}\nNAP(3);\n";
        let complaints = complaints_about("x.rs", &text.replace("NAP", SLEEP), false);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("x.rs:4: "));
        assert_eq!(lines("#[cfg(test)]\nmod tests;\nNAP(3);\n", false), 0);
    }
}
