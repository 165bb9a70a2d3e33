//! Files of the user's: what they change, and how they are refused.

use super::*;

const GOOD: &str = r#"
[[rule]]
name = "busy-there"
codes = "550"
providers = "google"
text = 'come back'
class = "deferred"
action = "throttle_site"
retry_after = "2m"
examples = "550 please come back"
"#;

/// The problems of a file that is one rule, without the name of the file.
fn complaints(rule: &str) -> Vec<String> {
    let text = format!("[[rule]]\n{rule}");
    let error = Classifier::with_file(&text, "mine.toml").expect_err(rule);
    let lines = error.to_string();
    lines
        .lines()
        .map(|line| line.replace("mine.toml:", ""))
        .collect()
}

fn check(rule: &str, expect: &str) {
    let found = complaints(rule);
    assert!(
        found.iter().any(|line| line.starts_with(expect)),
        "{rule}\nexpected {expect}\nfound {found:#?}"
    );
}

#[test]
fn rows_of_a_file_go_before_the_built_in_ones() {
    let classifier = Classifier::with_file(GOOD, "mine.toml").unwrap();
    let trouble = Trouble::refused(Rcpt, reply("550 5.1.1 no such user, come back"));
    let google = classifier.classify(&trouble, &SiteName::of_provider("google"));
    assert_eq!(google.rule.as_str(), "busy-there");
    assert_eq!(google.retry_after, Some(Duration::from_secs(120)));
    let elsewhere = classifier.classify(&trouble, &anywhere());
    assert_eq!(elsewhere.action, Some(Action::Suppress));
}

#[test]
fn an_empty_file_is_the_built_in_table() {
    assert!(Classifier::with_file("", "mine.toml").is_ok());
    assert!(Classifier::with_file("# nothing yet\n", "mine.toml").is_ok());
}

#[test]
fn each_key_is_refused_with_line_rule_and_what_is_expected() {
    let row =
        |line: &str| format!("name = \"x\"\nclass = \"bounced\"\nexamples = \"550 no\"\n{line}\n");
    let check = |line: &str, expect: &str| check(&row(line), expect);
    check(
        "codes = \"6xx\"",
        "5: rule 1 (x): codes: \"6xx\" is not a code of a refusal",
    );
    check(
        "codes = [\"550\", \"250\"]",
        "5: rule 1 (x): codes: \"250\" is not a code",
    );
    check(
        "codes = 550",
        "5: rule 1 (x): codes: is not text in quotes but integer",
    );
    check(
        "codes = []",
        "5: rule 1 (x): codes: needs from 1 to 32 members",
    );
    check(
        "enhanced = \"5.1\"",
        "5: rule 1 (x): enhanced: \"5.1\" is not a pattern",
    );
    check(
        "phases = \"rpct\"",
        "5: rule 1 (x): phases: \"rpct\" is not a phase",
    );
    check(
        "phases = \"quit\"",
        "5: rule 1 (x): phases: \"quit\" concerns no message",
    );
    check(
        "text = 'a('",
        "5: rule 1 (x): text: is not a regular expression",
    );
    check(
        "text = '\\d{900}{900}'",
        "5: rule 1 (x): text: is not a regular expression",
    );
    check("text = ''", "5: rule 1 (x): text: is empty");
    check(
        "providers = \"mx.test\"",
        "5: rule 1 (x): providers: \"mx.test\" is not a provider",
    );
    check(
        "action = \"ban\"",
        "5: rule 1 (x): action: \"ban\" is not known as action",
    );
    check(
        "retry_after = \"5\"",
        "5: rule 1 (x): retry_after: \"5\" is not a time",
    );
    check(
        "retry_after = \"8d\"",
        "5: rule 1 (x): retry_after: \"8d\" is not a time",
    );
    check(
        "colour = \"red\"",
        "5: rule 1 (x): colour: unknown key; expected one of name, ",
    );
}

#[test]
fn what_a_rule_must_not_say_is_refused() {
    let check = |keys: &str, expect: &str| {
        check(
            &format!("name = \"x\"\nexamples = \"550 no\"\n{keys}\n"),
            expect,
        );
    };
    check(
        "class = \"bounced\"",
        "1: rule 1 (x): codes: a rule needs at least one of",
    );
    check(
        "class = \"bounced\"\ncodes = \"550\"\naction = \"suppress\"\nphases = \"rcpt\"",
        "6: rule 1 (x): action: an address is never suppressed by a code alone",
    );
    check(
        "class = \"bounced\"\ntext = 'no'\naction = \"suppress\"",
        "1: rule 1 (x): phases: an address is only suppressed at",
    );
    check(
        "class = \"deferred\"\ntext = 'no'\naction = \"suppress\"\nphases = \"rcpt\"",
        "6: rule 1 (x): action: only what is bounced can be suppressed",
    );
    check(
        "class = \"bounced\"\ntext = 'no'\naction = \"throttle_site\"",
        "6: rule 1 (x): action: goes with class = \"deferred\" only",
    );
    check(
        "class = \"bounced\"\ntext = 'no'\nphases = \"greeting\"",
        "6: rule 1 (x): phases: nothing is bounced before MAIL",
    );
    check(
        "class = \"deferred\"\ntext = 'no'\naction = \"throttle_recipient\"\nretry_after = \"5m\"",
        "7: rule 1 (x): retry_after: is shorter than an hour",
    );
    check(
        "class = \"neutral\"\ntext = 'no'\nretry_after = \"5m\"",
        "6: rule 1 (x): retry_after: there is nothing to wait for",
    );
    check(
        "class = \"delivered\"\ntext = 'no'",
        "4: rule 1 (x): class: \"delivered\" is not known",
    );
}

#[test]
fn what_is_missing_or_taken_is_named() {
    check("codes = \"550\"", "1: rule 1: name: is missing");
    check("name = \"X y\"", "2: rule 1: name: \"X y\" is not a name");
    check(
        "name = \"desync\"",
        "2: rule 1: name: \"desync\" is the name of a general rule",
    );
    let taken =
        "name = \"greylisting\"\nclass = \"bounced\"\ncodes = \"550\"\nexamples = \"550 x\"";
    check(
        taken,
        "1: rule 1 (greylisting): name: \"greylisting\" is the name of another rule",
    );
    let twice = format!("{GOOD}{GOOD}");
    let error = Classifier::with_file(&twice, "mine.toml")
        .unwrap_err()
        .to_string();
    assert!(error.contains("rule 2 (busy-there): name:"), "{error}");
    assert!(
        error.ends_with("another rule in line 2; choose another"),
        "{error}"
    );
}

#[test]
fn an_example_that_another_rule_classifies_is_refused() {
    check(
        "name = \"x\"\nclass = \"bounced\"\ntext = 'yes'\nexamples = \"550 no\"",
        "1: rule 1 (x): examples: \"550 no\" at MAIL is classified by the rule \"permanent\"",
    );
    check(
        "name = \"x\"\nclass = \"bounced\"\ntext = 'no'\nexamples = \"450 no\"",
        "1: rule 1 (x): examples: \"450 no\" at MAIL is classified by the rule \"transient\"",
    );
    check(
        "name = \"x\"\nclass = \"bounced\"\ntext = 'no'\nexamples = \"250 no\"",
        "5: rule 1 (x): examples: \"250 no\" is not a refusal",
    );
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_their_lines() {
    let found = complaints("name = \"x\"\ncodes = \"1\"\ntext = '('\nclass = \"no\"\nx = 1");
    let lines: Vec<&str> = found
        .iter()
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(lines, ["1", "3", "4", "5", "6"], "{found:#?}");
}

#[test]
fn what_is_no_table_of_rules_is_refused() {
    let check = |text: &str, expect: &str| {
        let error = Classifier::with_file(text, "mine.toml")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(expect), "{error}");
    };
    check(
        "[rules]\n",
        "mine.toml:1: \"rules\" is not known here; expected [[rule]]",
    );
    check(
        "rule = 1\n",
        "mine.toml:1: \"rule\" is not known here; expected [[rule]]",
    );
    check(
        "rule = [1]\n",
        "mine.toml:1: rule 1: is not a table; expected [[rule]]",
    );
    check("[[rule]\n", "mine.toml:1: ");
    check(&"#".repeat(2_000_000), "mine.toml:1: is larger than");
    let many = "[[rule]]\n".repeat(1_001);
    check(&many, "mine.toml:1: has 1001 rules; at most 1000 are read");
}
