//! Which crate may depend on which: the table of the architecture page, held over the manifests.
//! A test may depend on anything, so dev-dependencies are free.

use crate::tree;

const TYPES: &str = "postrider-types";
const FAILPOINT: &str = "postrider-failpoint";
const LIMITER: &str = "postrider-limiter";
const MESSAGE: &str = "postrider-message";
const SMTP: &str = "postrider-smtp";
const STORE: &str = "postrider-store";
const PIPELINE: &str = "postrider-pipeline";
const API: &str = "postrider-api";
const SERVICE: &str = "postrider-service";
const MOCK_SMTP: &str = "postrider-mock-smtp";
const LOAD: &str = "postrider-load";
const CLI: &str = "postrider-cli";

/// Each crate with all that it may depend on; a crate is listed before it is created.
const ARROWS: &[(&str, &[&str])] = &[
    (TYPES, &[]),
    (FAILPOINT, &[]),
    (LIMITER, &[TYPES]),
    (MESSAGE, &[TYPES]),
    (SMTP, &[TYPES, FAILPOINT]),
    (STORE, &[TYPES, FAILPOINT, LIMITER]),
    (PIPELINE, &[TYPES, FAILPOINT, LIMITER, MESSAGE, SMTP, STORE]),
    (API, &[TYPES]),
    (
        SERVICE,
        &[TYPES, LIMITER, MESSAGE, SMTP, STORE, PIPELINE, API],
    ),
    (MOCK_SMTP, &[]),
    (LOAD, &[TYPES, API, MOCK_SMTP]),
    (CLI, &[TYPES, API, SERVICE, MOCK_SMTP, LOAD]),
];

#[test]
fn crates_depend_only_along_the_arrows() {
    let complaints = tree::crates()
        .iter()
        .flat_map(|name| forbidden(name, &tree::read(&format!("crates/{name}/Cargo.toml"))))
        .collect();
    tree::expect_none(complaints);
}

/// What the manifest of `name` depends on and may not.
fn forbidden(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
        return vec![format!(
            "`{name}` is not in the table of arrows (tests/tidy/arrows.rs)"
        )];
    };
    dependencies(manifest)
        .into_iter()
        .filter(|to| !allowed.contains(&to.as_str()))
        .map(|to| format!("`{name}` may not depend on `{to}`"))
        .collect()
}

/// Our own crates in the dependency tables of a manifest, whatever they are renamed to.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            // `dependencies`, `build-dependencies`, `target.….dependencies`, `dependencies.name`.
            let table = table.split(']').next().unwrap_or_default();
            is_inside = table.contains("dependencies") && !table.contains("dev-dependencies");
        }
        if is_inside && !line.starts_with('#') {
            found.extend(own_names(line));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Every word of the line that begins with our prefix.
fn own_names(line: &str) -> impl Iterator<Item = String> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("postrider-"))
        .map(str::to_owned)
}

mod tests {
    use super::*;

    #[test]
    fn a_forbidden_arrow_is_named() {
        let manifest = "[dependencies]\npostrider-types.workspace = true\npostrider-store = { workspace = true }\n";
        assert_eq!(
            forbidden(LIMITER, manifest),
            ["`postrider-limiter` may not depend on `postrider-store`"]
        );
    }

    #[test]
    fn an_arrow_cannot_hide_in_another_spelling() {
        for manifest in [
            "[dependencies.postrider-smtp]\nworkspace = true\n",
            "[target.'cfg(unix)'.dependencies]\npostrider-smtp.workspace = true\n",
            "[build-dependencies]\npostrider-smtp.workspace = true\n",
            "[dependencies]\nclient = { package = \"postrider-smtp\", path = \"../x\" }\n",
        ] {
            assert_eq!(forbidden(TYPES, manifest).len(), 1, "{manifest}");
        }
    }

    #[test]
    fn tests_and_other_tables_are_free() {
        let manifest = "[package]\nname = \"postrider-types\"\n[dependencies]\nserde = \"1\"\n\
            # postrider-smtp\n[dev-dependencies]\npostrider-smtp.workspace = true\n";
        assert_eq!(forbidden(TYPES, manifest), [""; 0]);
    }

    #[test]
    fn a_crate_outside_the_table_is_reported() {
        assert_eq!(forbidden("postrider-new", "").len(), 1);
    }

    #[test]
    fn the_table_has_no_circle() {
        for (place, (from, to)) in ARROWS.iter().enumerate() {
            for to in *to {
                let is_before = ARROWS[..place].iter().any(|(earlier, _)| earlier == to);
                assert!(is_before, "`{from}` stands before `{to}`");
            }
        }
    }
}
