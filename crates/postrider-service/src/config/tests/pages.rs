//! The table of keys, the defaults, the default file and the reference say the same.

use toml::de::{DeTable, DeValue};

use super::super::keys::{DOMAIN_KEYS, keys};
use super::super::{Config, default_toml, environment, reference};
use super::{load, rate};

const DEFAULT_FILE: &str = include_str!("../../../../../config/default.toml");
const REFERENCE_FILE: &str = include_str!("../../../../../docs/configuration.md");

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(load(""), Config::default());
}

#[test]
fn the_default_file_parses_to_the_defaults() {
    assert_eq!(load(DEFAULT_FILE), Config::default());
}

#[test]
fn the_default_file_is_what_the_table_of_keys_prints() {
    assert_eq!(
        DEFAULT_FILE,
        default_toml(),
        "run: cargo run -p postrider-service --example configuration -- toml > config/default.toml"
    );
}

#[test]
fn the_reference_is_what_the_table_of_keys_prints() {
    assert_eq!(
        REFERENCE_FILE,
        reference(),
        "run: cargo run -p postrider-service --example configuration > docs/configuration.md"
    );
}

#[test]
fn the_default_file_has_every_key_of_the_table_and_no_other() {
    fn collect(table: &DeTable<'_>, above: &str, found: &mut Vec<String>) {
        for (key, value) in table {
            let path = format!("{above}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(below) => collect(below, &format!("{path}."), found),
                _ => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    collect(
        DeTable::parse(DEFAULT_FILE).unwrap().get_ref(),
        "",
        &mut found,
    );
    let mut known: Vec<_> = keys().map(|key| key.path.to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn the_default_file_explains_every_key_of_a_domain() {
    let start = DEFAULT_FILE.find("#[limits.domain.\"gmail.com\"]").unwrap();
    let example = DEFAULT_FILE[start..].split("\n\n").next().unwrap();
    for key in DOMAIN_KEYS {
        assert!(
            example.contains(&format!("\n#{} = ", key.path)),
            "{}",
            key.path
        );
    }
    let lines = example.lines().filter(|line| !line.starts_with("# "));
    let text: String = lines.map(|line| format!("{}\n", &line[1..])).collect();
    let gmail = load(&text).limits.of(&"gmail.com".parse().unwrap());
    assert_eq!((gmail.rate, gmail.connections), (rate("20/s"), 5));
}

#[test]
fn every_value_reaches_its_own_field_and_no_other() {
    let default = all_shown(&mut Config::default());
    for (number, key) in keys().enumerate() {
        let mut changed = changed_alone(key.path);
        let mut expect = default.clone();
        expect[number] = key.kind.show(&mut changed);
        assert_ne!(expect, default, "{}", key.path);
        assert_eq!(all_shown(&mut changed), expect, "{}", key.path);
    }
}

/// The values of all keys as TOML.
fn all_shown(config: &mut Config) -> Vec<String> {
    keys().map(|key| key.kind.show(config)).collect()
}

/// The defaults with another value at one key: the first of these that the key takes.
fn changed_alone(path: &str) -> Config {
    const VALUES: &[&str] = &[
        "'9m'",
        "'9s'",
        "7",
        "1.5",
        "0.25",
        "'12MB'",
        "'96MB'",
        "'7/s'",
        "'json'",
        "'warn'",
        "'[::1]:7'",
        "'other.test'",
        "'smtp://other'",
        "'{token}@other.test'",
        "'required'",
        "'mx'",
        "'login'",
        "'127.0.0.9'",
        "false",
        "true",
        "['127.0.0.9:53']",
        "['other.test']",
        "['smtp://other']",
        "'16m'",
        "'retry'",
    ];
    // A secret comes from the environment alone. A user needs one, and what proves a user the user.
    let secret = |path: &str| (environment::name_of(path), "secret".to_owned());
    let user = (environment::name_of("route.user"), "me".to_owned());
    let beside = [
        vec![],
        vec![secret("route.password")],
        vec![user.clone()],
        vec![user.clone(), secret("route.password")],
        vec![user, secret(path)],
    ];
    let texts = VALUES.iter().map(|value| format!("{path} = {value}"));
    let texts: Vec<_> = texts.chain([String::new()]).collect();
    let default = Config::default();
    let tries = beside
        .iter()
        .flat_map(|beside| texts.iter().map(move |text| (text, beside)));
    let changed = tries.into_iter().find_map(|(text, beside)| {
        let mut config = Config::load(text, "", beside).ok()?;
        if path != "route.user" {
            config.route.user.clone_from(&default.route.user);
        }
        if path != "route.password" {
            config.route.password = default.route.password.clone();
        }
        (config != default).then_some(config)
    });
    changed.unwrap_or_else(|| panic!("nothing changes {path}"))
}
