//! Who signs, and where bounces go.

use std::path::Path;

use super::{check, load, problems};

const ONE: &str = "[[dkim]]\ndomain = \"Example.test\"\nselector = \"s1\"\nkey_file = \"a.pem\"\n";

#[test]
fn every_table_is_read_in_its_order() {
    let text = format!("{ONE}{}", ONE.replace("s1", "e1"));
    let config = load(&text);
    let selectors: Vec<_> = config
        .dkim
        .iter()
        .map(|dkim| dkim.selector.as_str())
        .collect();
    assert_eq!(selectors, ["s1", "e1"]);
    assert_eq!(config.dkim[0].domain.as_str(), "example.test");
    assert_eq!(config.dkim[0].key_file, Path::new("a.pem"));
    assert_eq!(load("").dkim, []);
    assert_eq!(
        load("[message]\nreturn_path = \"\"").message.return_path,
        None
    );
    let bounces = "[message]\nreturn_path = \"b+{token}@b.test\"";
    let path = load(bounces).message.return_path.unwrap();
    assert_eq!(path.to_string(), "b+{token}@b.test");
}

#[test]
fn every_problem_of_a_table_is_told_with_its_line() {
    let text = "[[dkim]]\ndomain = \"a b\"\nselektor = \"s1\"\n\n[[dkim]]\nselector = \"a b\"\n";
    let domain = "expected a host name, such as \"mail.example.com\"";
    let selector = "expected letters, digits and hyphens, such as \"s1\" or \"2026-11\"";
    let file = "expected a path in quotes";
    assert_eq!(
        problems(text, &[]),
        [
            format!("postrider.toml:1:1: dkim.key_file: is missing; {file}"),
            format!("postrider.toml:1:1: dkim.selector: is missing; {selector}"),
            format!("postrider.toml:2:10: dkim.domain: \"a b\" is not valid; {domain}"),
            "postrider.toml:3:1: dkim.selektor: unknown key; did you mean dkim.selector?"
                .to_owned(),
            format!("postrider.toml:5:1: dkim.domain: is missing; {domain}"),
            format!("postrider.toml:5:1: dkim.key_file: is missing; {file}"),
            format!("postrider.toml:6:12: dkim.selector: \"a b\" is not valid; {selector}"),
        ]
    );
}

#[test]
fn what_is_not_a_list_of_tables_is_told_how_to_be_one() {
    let expect = "dkim: is a list of tables; expected [[dkim]] and its keys below it";
    check(
        "[dkim]\ndomain = \"a.test\"",
        &format!("postrider.toml:1:2: {expect}"),
    );
    check("dkim = 7", &format!("postrider.toml:1:1: {expect}"));
    let expect = "dkim: is not a table; expected [[dkim]] and its keys below it";
    check("dkim = [7]", &format!("postrider.toml:1:9: {expect}"));
    check(
        "[[dkmi]]",
        "postrider.toml:1:3: dkmi: unknown key; did you mean dkim?",
    );
    let many = ONE.repeat(1_001);
    let expect = "dkim: has 1001 tables; expected at most 1000";
    check(&many, &format!("postrider.toml:1:3: {expect}"));
}

#[test]
fn a_return_path_without_a_place_for_the_token_is_refused() {
    for bad in [
        "bounce@b.test",
        "{token}",
        "a-local-part-of-25-octets-{token}@b.test",
        "b\\r\\n{token}@b.test",
    ] {
        let text = format!("[message]\nreturn_path = \"{bad}\"");
        let problems = problems(&text, &[]);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].contains("an address with {token} before the @"),
            "{problems:?}"
        );
    }
}
