//! What `docs/load-testing.md` says of the options is what the command says of itself.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Arg, CommandFactory};

use crate::arguments::Arguments;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/load-testing.md");
    std::fs::read_to_string(path).unwrap()
}

/// The options of `load run` that are its own.
fn options() -> Vec<Arg> {
    let mut command = Arguments::command();
    command.build();
    let load = command.find_subcommand("load").unwrap();
    let run = load.find_subcommand("run").unwrap();
    let own = run.get_arguments().filter(|arg| {
        let is_help = matches!(arg.get_id().as_str(), "help" | "version");
        !arg.is_global_set() && !is_help && arg.get_long().is_some()
    });
    own.cloned().collect()
}

/// The row of the page about an option.
fn row<'a>(page: &'a str, long: &str) -> Option<&'a str> {
    let (with_value, alone) = (format!("| `--{long} "), format!("| `--{long}`"));
    let mut rows = page.lines();
    rows.find(|row| row.starts_with(&with_value) || row.starts_with(&alone))
}

#[test]
fn every_option_stands_in_the_page_with_its_default() {
    let page = page();
    for option in options() {
        let long = option.get_long().unwrap();
        let row = row(&page, long).unwrap_or_else(|| panic!("--{long} has no row"));
        for default in option.get_default_values() {
            let default = default.to_string_lossy();
            let is_there = option.get_action().takes_values();
            let cell = format!("| `{default}` |");
            assert!(
                !is_there || row.contains(&cell),
                "--{long}: {cell} is not in {row}"
            );
        }
    }
}

#[test]
fn the_page_names_no_option_that_is_none() {
    let known: BTreeSet<_> = options()
        .iter()
        .filter_map(|option| Some(option.get_long()?.to_owned()))
        .collect();
    let page = page();
    let rows = page.lines().filter_map(|row| row.strip_prefix("| `--"));
    for row in rows {
        let name = row.split([' ', '`']).next().unwrap();
        assert!(known.contains(name), "--{name} is no option of load run");
    }
}
