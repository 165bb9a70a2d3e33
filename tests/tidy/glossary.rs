//! The words of the machine stand in the glossary, spelled as in code.

use crate::tree;

const STATES: &[&str] = &[
    "pending",
    "attempting",
    "deferred",
    "delivered",
    "bounced",
    "in_doubt",
    "suppressed",
    "capped",
    "expired",
    "cancelled",
    "failed",
    "quarantined",
];

const VERBS: &[&str] = &[
    "claim", "extend", "begin", "record", "release", "finish", "reap", "refile", "resolve",
];

#[test]
fn every_state_and_every_verb_stands_in_the_glossary() {
    let glossary = tree::read("docs/glossary.md");
    let words = STATES.iter().chain(VERBS);
    tree::expect_none(words.filter_map(|word| missing(&glossary, word)).collect());
}

/// A word counts where it is set as code: elsewhere `pending` or `release` may be plain English.
fn missing(glossary: &str, word: &str) -> Option<String> {
    let is_there = glossary.contains(&format!("`{word}`"));
    (!is_there).then(|| format!("`{word}` is missing from docs/glossary.md"))
}

mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_only_mentioned_is_missing() {
        assert!(missing("| **state** | `pending` |", "pending").is_none());
        assert!(missing("what is pending", "pending").is_some());
        assert!(missing("`suspending`", "pending").is_some());
    }
}
