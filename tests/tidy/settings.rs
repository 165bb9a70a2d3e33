//! Every package takes its edition, its Rust version, its licence and its lints from the workspace.

use crate::tree;

const INHERITED: &[(&str, &str)] = &[
    ("package", "version"),
    ("package", "edition"),
    ("package", "rust-version"),
    ("package", "license"),
    ("package", "publish"),
    ("lints", ""),
];

#[test]
fn every_package_follows_the_workspace() {
    let crates = tree::crates();
    let crates = crates.iter().map(|name| format!("crates/{name}"));
    let folders = crates.chain(["tests".to_owned(), "benches".to_owned()]);
    let complaints = folders
        .map(|folder| format!("{folder}/Cargo.toml"))
        .flat_map(|path| deviations(&path, &tree::read(&path)))
        .collect();
    tree::expect_none(complaints);
}

fn deviations(path: &str, manifest: &str) -> Vec<String> {
    INHERITED
        .iter()
        .filter(|(table, key)| !inherits(manifest, table, key))
        .map(|(table, key)| {
            let key = if key.is_empty() {
                "workspace".to_owned()
            } else {
                format!("{key}.workspace")
            };
            format!("{path}: [{table}] needs `{key} = true`")
        })
        .collect()
}

/// Whether `key.workspace = true` stands in the table, or `workspace = true` for a whole table.
fn inherits(manifest: &str, table: &str, key: &str) -> bool {
    let header = format!("[{table}]");
    let lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != header)
        .skip(1);
    lines.take_while(|line| !line.starts_with('[')).any(|line| {
        let line: String = line.split_whitespace().collect();
        match key {
            "" => line == "workspace=true",
            key => {
                line == format!("{key}.workspace=true")
                    || line == format!("{key}={{workspace=true}}")
            }
        }
    })
}

mod tests {
    use super::*;

    #[test]
    fn a_package_that_goes_its_own_way_is_reported() {
        let good = "[package]\nversion.workspace = true\nedition.workspace = true\n\
            rust-version = { workspace = true }\nlicense.workspace = true\npublish.workspace=true\n\
            [lints]\nworkspace = true\n";
        assert_eq!(deviations("x", good), [""; 0]);
        let bad = good.replace("edition.workspace = true", "edition = \"2021\"");
        assert_eq!(
            deviations("x", &bad),
            ["x: [package] needs `edition.workspace = true`"]
        );
        let bad = good.replace("[lints]", "[features]");
        assert_eq!(
            deviations("x", &bad),
            ["x: [lints] needs `workspace = true`"]
        );
    }
}
