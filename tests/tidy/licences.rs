//! Every package that we build with can be used under a permissive licence.

use serde_json::Value;

use crate::tree;

/// Each by itself is enough; an exception belongs to its licence.
const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_package_has_a_permissive_licence() {
    let metadata = tree::run(
        env!("CARGO"),
        &["metadata", "--locked", "--format-version", "1"],
    );
    tree::expect_none(offenders(&metadata));
}

/// The packages of `cargo metadata` whose licence gives no permissive choice.
fn offenders(metadata: &str) -> Vec<String> {
    let metadata: Value = serde_json::from_str(metadata).expect("cargo prints JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("cargo lists packages");
    assert!(!packages.is_empty(), "cargo lists packages");
    packages.iter().filter_map(offence).collect()
}

fn offence(package: &Value) -> Option<String> {
    let name = format!("{} {}", package["name"], package["version"]).replace('"', "");
    let Some(expression) = package["license"].as_str() else {
        return Some(format!("`{name}` names no licence expression"));
    };
    match is_permissive(expression) {
        Some(true) => None,
        Some(false) => Some(format!("`{name}` has no permissive licence: {expression}")),
        None => Some(format!(
            "`{name}` has a licence that cannot be read: {expression}"
        )),
    }
}

/// Whether a licence expression (SPDX) leaves a permissive choice; nothing when it is malformed.
/// AND binds tighter than OR; `/` is how OR was once written.
fn is_permissive(expression: &str) -> Option<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let answer = any_of(&mut words)?;
    words.next().is_none().then_some(answer)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> Option<bool> {
    let mut answer = all_of(words)?;
    while words.next_if_eq(&"OR").is_some() {
        answer |= all_of(words)?;
    }
    Some(answer)
}

fn all_of(words: &mut Words<'_>) -> Option<bool> {
    let mut answer = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        answer &= one(words)?;
    }
    Some(answer)
}

fn one(words: &mut Words<'_>) -> Option<bool> {
    let mut licence = match words.next()? {
        "(" => {
            let answer = any_of(words)?;
            return words.next_if_eq(&")").map(|_| answer);
        }
        ")" | "AND" | "OR" | "WITH" => return None,
        licence => licence.to_owned(),
    };
    if words.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", words.next()?);
    }
    Some(PERMISSIVE.contains(&licence.as_str()))
}

mod tests {
    use super::*;

    #[test]
    fn a_choice_needs_one_and_a_sum_needs_all() {
        let check = |expression, expected| {
            assert_eq!(is_permissive(expression), Some(expected), "{expression}");
        };
        check("MIT", true);
        check("GPL-3.0-only", false);
        check("GPL-3.0-only OR MIT", true);
        check("MIT/Apache-2.0", true);
        check("GPL-3.0-only AND MIT", false);
        check("(MIT OR GPL-2.0) AND Unicode-3.0", true);
        check("MIT AND (GPL-2.0 OR LGPL-2.1)", false);
        check("GPL-2.0 AND MIT OR ISC", true);
        check("ISC OR MIT AND GPL-2.0", true);
        check("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true);
        check("GPL-2.0 WITH Classpath-exception-2.0", false);
        check("MIT WITH GPL-2.0", false);
    }

    #[test]
    fn a_malformed_expression_is_no_answer() {
        for expression in [
            "", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND MIT", "MIT WITH", "()",
        ] {
            assert_eq!(is_permissive(expression), None, "{expression}");
        }
    }

    #[test]
    fn the_offender_is_named() {
        let metadata = r#"{"packages": [
            {"name": "good", "version": "1.0.0", "license": "MIT"},
            {"name": "bad", "version": "2.0.0", "license": "AGPL-3.0"},
            {"name": "silent", "version": "3.0.0", "license": null}
        ]}"#;
        assert_eq!(
            offenders(metadata),
            [
                "`bad 2.0.0` has no permissive licence: AGPL-3.0",
                "`silent 3.0.0` names no licence expression"
            ]
        );
    }
}
