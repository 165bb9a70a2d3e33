//! What is said of a bad file: each problem with its place, key and remedy.

use super::{check, problems};

#[test]
fn five_mistakes_in_one_file_are_five_problems_with_their_lines() {
    let text = r#"# A file of somebody in a hurry.
[server]
listen = "localhost"

[limits.defualt]
rate = "20/s"

[limits.domain."gmail.com"]
rate = 20
connections = 0

[lease]
time = "30"
"#;
    assert_eq!(
        problems(text, &[]),
        [
            r#"postrider.toml:3:10: server.listen: "localhost" is not valid; expected an IP address and a port, such as "127.0.0.1:8420""#,
            "postrider.toml:5:9: limits.defualt: unknown key; did you mean limits.default?",
            r#"postrider.toml:9:8: limits.domain."gmail.com".rate: 20 has no unit; expected a rate, such as "20/s", "1/10m" or "50/s burst 10", "0" to send nothing, or "none" for no limit"#,
            r#"postrider.toml:10:15: limits.domain."gmail.com".connections: 0 is out of range; expected a whole number from 1 to 1000"#,
            r#"postrider.toml:13:8: lease.time: "30" has no unit; expected a time from "2s" to "1h""#,
        ]
    );
}

#[test]
fn what_is_not_toml_is_told_beside_all_other_problems() {
    let text =
        "[route]\nconnections = 5\nconnections = 6\nhostname = mail.test\n[lease]\ntme = 1\n";
    let found = problems(text, &[]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(found[0], "postrider.toml:3:1: duplicate key: `connections`");
    assert!(
        found[1].starts_with("postrider.toml:4:12: string values must be quoted"),
        "{found:?}"
    );
    assert_eq!(
        found[2],
        "postrider.toml:6:1: lease.tme: unknown key; did you mean lease.time?"
    );
}

#[test]
fn no_problem_shows_what_may_be_a_secret() {
    for text in [
        "[route]\npassword = correct horse\n",
        "[route]\npassword = \"correct horse\n",
        "[route]\npassword = 'correct horse'\n",
        "[route]\npassword = [\"correct horse\"]\n",
        "[route]\nrelay = 'smtp://me:correct@relay.test'\n",
        "[route]\nrelay = 'smtp://me:correct horse@relay.test'\n",
        "[route]\nfallback_relays = 'smtp://me:correct@relay.test'\n",
        "[route]\nfallback_relays = ['smtp://me:correct@relay.test']\n",
        "[[dkim]]\nkey_file = \"\"\"-----BEGIN PRIVATE KEY-----\ncorrect\n\"\"\"\n",
        "[[dkim]]\nkey_file = -----BEGIN PRIVATE KEY-----\ncorrect\n-----END PRIVATE KEY-----\n",
    ] {
        let found = problems(text, &[]).join("\n");
        assert!(!found.contains("correct"), "{text}{found}");
    }
    let environment = [("POSTRIDER_ROUTE__RELAY", "smtp://me:correct@relay.test")];
    let found = problems("", &environment).join("\n");
    assert!(!found.contains("correct"), "{found}");
}

#[test]
fn a_relay_with_a_user_in_it_is_told_where_the_user_belongs() {
    check(
        "[route]\nrelay = 'smtp://me:secret@relay.test'",
        "postrider.toml:2:9: route.relay: has a user or a password in it; the keys user and \
         password_file are for them; expected a URL, such as \"smtp://127.0.0.1:2525\"",
    );
}

#[test]
fn an_unknown_key_names_the_nearest_or_all_beside_it() {
    check(
        "relay = 'x'",
        "postrider.toml:1:1: relay: unknown key; did you mean route.relay?",
    );
    check(
        "[log]\ncolour = true",
        "postrider.toml:2:1: log.colour: unknown key; expected one of filter, format",
    );
    let everything = "server, route, mx, tables, limits, retry, email, message, cache, intake, \
                      lease, in_doubt, retention, workers, trial, timeouts, log, routes, dkim";
    check(
        "[webhooks]\nretries = 3",
        &format!("postrider.toml:1:2: webhooks: unknown key; expected one of {everything}"),
    );
}

#[test]
fn a_domain_without_quotes_is_told_to_take_them() {
    check(
        "[limits.domain.gmail.com]\nrate = '20/s'",
        "postrider.toml:1:22: limits.domain.gmail.com: unknown key; a domain stands in quotes, as \
         in [limits.domain.\"gmail.com\"]",
    );
}

#[test]
fn what_is_no_domain_has_no_limits() {
    check(
        "[limits.domain.\"gmail..com\"]\nrate = '20/s'\nanything = 1",
        "postrider.toml:1:16: limits.domain.\"gmail..com\": is not a domain; expected one in \
         quotes, such as \"gmail.com\"",
    );
}

#[test]
fn two_spellings_of_a_domain_are_one_domain() {
    let text =
        "[limits.domain.'gmail.com']\nrate = '1/s'\n[limits.domain.'Gmail.COM']\nrate = '2/s'";
    let found = problems(text, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("limits.domain.\"gmail.com\".rate: is given twice"),
        "{found:?}"
    );
}

#[test]
fn a_value_of_another_type_is_refused_with_what_is_expected() {
    check(
        "[route]\nconnections = '5'",
        "postrider.toml:2:15: route.connections: \"5\" is text, not a number: leave out the \
         quotes; expected a whole number from 1 to 1000",
    );
    check(
        "route = 5",
        "postrider.toml:1:1: route: is a table; expected [route] and its keys below it",
    );
    check(
        "[server.data_dir]\nx = 1",
        "postrider.toml:1:1: server.data_dir: a table is not text in quotes; expected a path in \
         quotes",
    );
}

#[test]
fn what_must_be_true_between_two_keys_is_told_at_the_key_that_was_written() {
    check(
        "[retry]\ndelay_max = '1m'",
        "postrider.toml:2:13: retry.delay_min: is longer than retry.delay_max",
    );
    check(
        "[lease]\ntime = '2s'\nslice = '2s'",
        "postrider.toml:3:9: lease.slice: is not shorter than lease.time",
    );
    check(
        "[email]\nsize_max = '100MB'\n[cache]\nin_use_bytes_max = '1GB'",
        "postrider.toml:2:12: cache.load_bytes_max: is smaller than email.size_max, so that the \
         largest email could never be loaded",
    );
    check(
        "[email]\nsize_max = '20MB'\n[cache]\nin_use_bytes_max = '32MB'",
        "postrider.toml:4:20: cache.in_use_bytes_max: is smaller than twice email.size_max, so \
         that the largest email could never be sent",
    );
    // A value that is bad by itself is not blamed twice.
    assert_eq!(problems("[lease]\ntime = '1'\nslice = '1m'", &[]).len(), 1);
}
