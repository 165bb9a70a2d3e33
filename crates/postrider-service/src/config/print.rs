//! The two pages that are printed from the table of keys.

use super::dkim::{self, Dkim};
use super::environment::OTHERS;
use super::keys::{
    DOMAIN_KEYS, DOMAIN_TABLE, DOMAINS_KEY, Key, ROUTE_TABLE, ROUTES_TABLE, TABLES, keys,
};
use super::values::Config;

/// A file that has every key with its default, its meaning and its range: the text of
/// `config/default.toml`.
pub fn default_toml() -> String {
    let mut page = comment(
        "Every key of Postrider with its meaning, what is allowed, and its default as the value. \
         A file of yours needs only what differs. Units are always written. A relative path starts \
         at the working directory.",
    );
    page += &comment(
        "Printed by `cargo run -p postrider-service --example configuration -- toml`; a test \
         compares.",
    );
    let mut defaults = Config::default();
    for (table, meaning) in TABLES {
        page += &format!("\n{}[{table}]\n", comment(meaning));
        for key in keys_of(table) {
            let (name, value) = (last(key.path), key.kind.show(&mut defaults));
            page += &format!("{}{name} = {value}\n", comment(&described(key)));
        }
        if *table == ROUTE_TABLE {
            page += &routes_comment();
        }
        if *table == "limits.default" {
            page += &domain_comment();
        }
        if *table == BEFORE_DKIM {
            page += &dkim_comment();
        }
    }
    page
}

/// The reference page: the text of `docs/configuration.md`.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut defaults = Config::default();
    for (table, meaning) in TABLES {
        let keys = keys_of(table).map(|key| row(key, &code(&key.kind.show(&mut defaults))));
        page += &section(table, meaning, keys);
        if *table == ROUTE_TABLE {
            let keys = std::iter::once(row(&DOMAINS_KEY, "none"));
            page += &section(
                &format!("{ROUTES_TABLE}.{ROUTE_EXAMPLE}"),
                ROUTES_MEANING,
                keys,
            );
        }
        if *table == "limits.default" {
            let table = format!("{}.\"{}\"", domain_table(), DOMAIN_EXAMPLE.0);
            let keys = DOMAIN_KEYS
                .iter()
                .map(|key| row(key, "as in `[limits.default]`"));
            page += &section(&table, DOMAIN_MEANING, keys);
        }
        if *table == BEFORE_DKIM {
            let table = format!("[{}]", dkim::TABLE);
            let keys = dkim::KEYS.iter().map(|key| row(key, "must be given"));
            page += &section(&table, dkim::MEANING, keys);
        }
    }
    page += ENVIRONMENT;
    for (name, meaning) in OTHERS {
        page += &format!("| `{name}` | {meaning} |\n");
    }
    page
}

const INTRODUCTION: &str = r#"# Configuration

Postrider reads one TOML file, given with `--config` or `POSTRIDER_CONFIG`; without one, the defaults hold.
`postrider config default` prints a file with every key, and `postrider config check FILE` says what is wrong with yours: all problems at once, each with line and column.
It opens the files that yours names too, such as keys and certificates, and says which of them cannot be used, and why.
A key that is not listed here is an error, and so is a variable.
A relative path starts at the working directory of the process, wherever the file is.

Units are always written, and a bare number is refused where a unit is meant:

- a rate as `"20/s"`, `"1000/h"` or `"1/10m"`, with a burst as `"50/s burst 10"`; `"0"` sends nothing, `"none"` is no limit;
- a time in `ms`, `s`, `m`, `h` or `d`;
- a size in `B`, `kB`, `MB`, `GB` (decimal) or `KiB`, `MiB`, `GiB` (binary).

This page is printed from the table of keys by `cargo run -p postrider-service --example configuration > docs/configuration.md`; a test compares.
"#;

const DOMAIN_MEANING: &str = "What holds for one domain; any number of such tables, each with the \
                              domain in quotes. What is not said here is copied from \
                              `[limits.default]`.";

const ROUTES_MEANING: &str = "Another route, for the domains that it names; any number of such \
                              tables, each with a name of lower-case letters, digits and hyphens. \
                              Beside `domains`, the keys are those of `[route]`, and what \
                              is not said here is copied from there.";

const ENVIRONMENT: &str = r#"
## Environment

A variable outweighs the file: `POSTRIDER_` and the path of the key in upper case, with two underscores for a dot, as in `POSTRIDER_LIMITS__DEFAULT__RATE=20/s`.
So `POSTRIDER_ROUTE__PASSWORD` is the password of `[route]`, and `POSTRIDER_ROUTES__GOOGLE__PASSWORD` that of `[routes.google]`.
A list is written with commas.
The domain of a limit is written with its dots, as in `env 'POSTRIDER_LIMITS__DOMAIN__GMAIL.COM__RATE=20/s'`; most shells cannot export such a name.

These variables are not part of the configuration:

| Variable | Meaning |
|---|---|
"#;

/// The route that stands as an example.
const ROUTE_EXAMPLE: &str = "google";

/// The example of a route, commented out because it would hold.
fn routes_comment() -> String {
    format!(
        "\n{}#[{ROUTES_TABLE}.{ROUTE_EXAMPLE}]\n{}#domains = [\"gmail.com\", \"googlemail.com\"]\n",
        comment(ROUTES_MEANING),
        comment(&described(&DOMAINS_KEY)),
    )
}

/// The domain and the values that stand as an example.
const DOMAIN_EXAMPLE: (&str, &[&str]) = ("gmail.com", &["\"20/s\"", "5"]);

/// The example of a domain, commented out because its limits would hold.
fn domain_comment() -> String {
    let (domain, values) = DOMAIN_EXAMPLE;
    let table = domain_table();
    let mut page = format!("\n{}#[{table}.\"{domain}\"]\n", comment(DOMAIN_MEANING));
    for (key, value) in DOMAIN_KEYS.iter().zip(values) {
        page += &format!("{}#{} = {value}\n", comment(&described(key)), key.path);
    }
    page
}

/// The table behind which the list of those who sign stands.
const BEFORE_DKIM: &str = "message";

/// The example of one who signs, commented out because its key is not there.
fn dkim_comment() -> String {
    let mut example = Dkim::example();
    let mut page = format!("\n{}#[[{}]]\n", comment(dkim::MEANING), dkim::TABLE);
    for key in dkim::KEYS {
        let value = key.kind.show(&mut example);
        page += &format!("{}#{} = {value}\n", comment(&described(key)), key.path);
    }
    page
}

fn domain_table() -> String {
    DOMAIN_TABLE.join(".")
}

/// The keys that stand directly in a table.
fn keys_of(table: &str) -> impl Iterator<Item = &'static Key<Config>> {
    keys().filter(move |key| {
        key.path
            .rsplit_once('.')
            .is_some_and(|(above, _)| above == table)
    })
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The meaning of a key and what it allows.
fn described<C>(key: &Key<C>) -> String {
    format!("{} Allowed: {}.", key.text, key.kind.allowed())
}

/// The text as comment lines of a width that can be read.
fn comment(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), "#".to_owned());
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > COMMENT_COLUMNS {
            lines += &(std::mem::replace(&mut line, "#".to_owned()) + "\n");
        }
        line += " ";
        line += word;
    }
    lines + &line + "\n"
}

/// A table of the reference; its meaning has one sentence per line, as all our Markdown.
fn section(table: &str, meaning: &str, rows: impl Iterator<Item = String>) -> String {
    let meaning = meaning.replace(". ", ".\n");
    let head = "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n";
    format!(
        "\n## `[{table}]`\n\n{meaning}\n\n{head}{}",
        rows.collect::<String>()
    )
}

fn row<C>(key: &Key<C>, default: &str) -> String {
    let (name, allowed) = (last(key.path), key.kind.allowed());
    format!("| `{name}` | {default} | {allowed} | {} |\n", key.text)
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

const COMMENT_COLUMNS: usize = 96;
