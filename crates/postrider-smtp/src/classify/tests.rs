//! The table row by row, and what no row can change.

mod any;
mod files;
mod lines;

use std::time::Duration;

use postrider_types::Phase;

use super::*;
use crate::full_reply::FullReply;
use crate::mx::{NoRoute, Reason};
use Phase::{Auth, Body, Connect, Data, Dot, Ehlo, Greeting, Mail, Quit, Rcpt, Rset, Tls};

static BUILT_IN_TABLE: LazyLock<Arc<Classifier>> = LazyLock::new(Classifier::built_in);

const PHASES: [Phase; 12] = [
    Connect, Greeting, Ehlo, Tls, Auth, Rset, Mail, Rcpt, Data, Body, Dot, Quit,
];

fn anywhere() -> SiteName {
    SiteName::of_host("mx.example.test")
}

/// A reply as a server writes it on one line.
fn reply(text: &str) -> Reply {
    let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
    let lines = vec![rest.to_owned()];
    let code = code.parse().unwrap();
    FullReply { code, lines }.condense()
}

fn classify(phase: Phase, text: &str) -> Classification {
    BUILT_IN_TABLE.classify(&Trouble::refused(phase, reply(text)), &anywhere())
}

#[test]
fn every_example_is_classified_by_its_own_row_at_every_phase_of_it() {
    let complaints: Vec<String> = built_in_rows()
        .iter()
        .flat_map(Row::examples)
        .filter_map(|example| example.complaint(&BUILT_IN_TABLE, "classification.toml"))
        .map(|problem| problem.to_string())
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_row_says_where_it_comes_from() {
    let table: toml::Table = BUILT_IN.parse().unwrap();
    for row in table["rule"].as_array().unwrap() {
        let source = row.get("source").and_then(toml::Value::as_str);
        assert!(source.is_some_and(|source| source.len() > 5), "{row}");
    }
}

#[test]
fn every_provider_of_the_table_is_one_of_the_providers() {
    let providers: toml::Table = include_str!("../../../../config/providers.toml")
        .parse()
        .unwrap();
    let known = providers["provider"].as_table().unwrap();
    for row in built_in_rows() {
        for provider in &row.rule.providers {
            assert!(known.contains_key(provider), "{}: {provider}", row.title);
        }
    }
}

#[test]
fn a_rule_of_one_provider_says_nothing_elsewhere() {
    let text = "550 Requested action not taken: mailbox unavailable";
    let trouble = Trouble::refused(Rcpt, reply(text));
    let there = BUILT_IN_TABLE.classify(&trouble, &SiteName::of_provider("gmx"));
    assert_eq!(there.action, Some(Action::Suppress));
    let elsewhere = BUILT_IN_TABLE.classify(&trouble, &anywhere());
    assert_eq!((elsewhere.class, elsewhere.action), (Class::Bounced, None));
}

#[test]
fn without_a_row_the_first_digit_decides_and_lost_step_is_never_a_bounce() {
    let no_rows = Classifier::new(Vec::new()).unwrap();
    let check = |phases: &[Phase], codes: &[u16], class: Class, rule: &str| {
        for &phase in phases {
            for &code in codes {
                let trouble = Trouble::refused(phase, Reply::new(code, None, "no"));
                let found = no_rows.classify(&trouble, &anywhere());
                assert_eq!(found, Classification::plain(class, rule), "{phase} {code}");
            }
        }
    };
    let transaction = [Mail, Rcpt, Data, Body, Dot];
    let before = [Connect, Greeting, Ehlo, Tls, Auth];
    check(
        &transaction,
        &[400, 421, 450, 452, 499],
        Class::Deferred,
        "transient",
    );
    check(
        &transaction,
        &[530, 534, 535, 538],
        Class::Deferred,
        "transient",
    );
    check(
        &transaction,
        &[500, 521, 550, 552, 554, 599],
        Class::Bounced,
        "permanent",
    );
    check(&transaction, &[503], Class::Deferred, "desync");
    check(
        &[Mail, Rcpt, Data, Body],
        &[200, 250, 300, 354],
        Class::Deferred,
        "desync",
    );
    check(&[Dot], &[300, 354, 399], Class::InDoubt, "in-doubt");
    check(&before, &[421, 450, 521, 554], Class::Deferred, "transient");
    check(&before, &[200, 354], Class::Deferred, "desync");
    check(
        &[Rset, Quit],
        &[250, 421, 550, 503],
        Class::Neutral,
        "between-messages",
    );
}

#[test]
fn lost_step_in_words_and_chunks_that_are_not_known_are_never_a_bounce() {
    let desync = Classification::plain(Class::Deferred, "desync");
    let words = "554 5.5.0 Error: SMTP protocol synchronization";
    for phase in [Mail, Rcpt, Data, Body, Dot] {
        assert_eq!(classify(phase, words), desync, "{phase}");
    }
    for cause in [Cause::OutOfPlace, Cause::NoChunks] {
        let trouble = Trouble::unjudged(Dot, reply("500 5.5.1 what?"), cause);
        assert_eq!(BUILT_IN_TABLE.classify(&trouble, &anywhere()), desync);
    }
}

#[test]
fn a_leave_behind_a_message_is_neutral_unless_a_rule_says_more() {
    let leave = |text| BUILT_IN_TABLE.classify(&Trouble::leave(reply(text)), &anywhere());
    let neutral = Classification::plain(Class::Neutral, "between-messages");
    assert_eq!(leave("421 closing"), neutral);
    // A rule fits this one too, and only defers it.
    assert_eq!(leave("421 4.3.2 closing"), neutral);
    assert_eq!(classify(Mail, "421 4.3.2 closing").class, Class::Deferred);
    let throttled = leave("421 4.7.0 Try again later, closing connection. (MAIL)");
    assert_eq!(throttled.action, Some(Action::ThrottleSite));
}

#[test]
fn a_session_that_ends_without_a_reply_is_judged_by_where_it_ended() {
    let check = |phase, cause, class, rule: &str| {
        let found = BUILT_IN_TABLE.classify(&Trouble::lost(phase, cause), &anywhere());
        assert_eq!(found, Classification::plain(class, rule), "{phase}");
    };
    let lost = || Cause::Deadline(Duration::from_secs(1));
    check(Connect, lost(), Class::Deferred, "unreachable");
    check(Greeting, Cause::Closed, Class::Deferred, "unreachable");
    check(Mail, Cause::Closed, Class::Deferred, "lost");
    check(Body, lost(), Class::Deferred, "lost");
    check(Dot, lost(), Class::InDoubt, "in-doubt");
    check(
        Dot,
        Cause::Garbage(crate::ReplyError::NoCode),
        Class::InDoubt,
        "in-doubt",
    );
    check(
        Rcpt,
        Cause::Garbage(crate::ReplyError::NoCode),
        Class::Deferred,
        "desync",
    );
    check(Mail, Cause::ClosedIdle, Class::Neutral, "between-messages");
}

#[test]
fn a_null_mx_suppresses_and_a_domain_that_is_gone_only_bounces() {
    let check = |reason, expect: (Class, Option<Action>)| {
        let domain = "example.test".parse().unwrap();
        let valid_until = postrider_types::Timestamp::NEVER;
        let trouble = Trouble::from(NoRoute {
            domain,
            reason,
            valid_until,
        });
        let found = BUILT_IN_TABLE.classify(&trouble, &anywhere());
        assert_eq!((found.class, found.action), expect, "{trouble}");
    };
    let words = || "SERVFAIL".into();
    check(Reason::NullMx, (Class::Bounced, Some(Action::Suppress)));
    check(Reason::NoDomain, (Class::Bounced, None));
    check(Reason::NoMailHost, (Class::Bounced, None));
    check(Reason::Unanswered(words()), (Class::Deferred, None));
}

#[test]
fn what_we_refuse_ourselves_has_failed_whatever_words_we_use() {
    let text = "5.1.1 no such user";
    let trouble = Trouble::unsendable(Rcpt, postrider_types::Scope::Recipient, 553, (1, 1), text);
    let found = BUILT_IN_TABLE.classify(&trouble, &anywhere());
    assert_eq!(found.class, Class::Failed);
}

#[test]
fn a_bare_550_or_words_that_say_nothing_suppress_nobody() {
    for text in [
        "550",
        "550 no",
        "550 Requested action not taken: mailbox unavailable",
        "550 Access denied",
        "554 Transaction failed",
        "550 5.0.0 rejected",
        "550 5.1.0 Address rejected",
        "554 5.5.0 refused",
    ] {
        let found = classify(Rcpt, text);
        assert_eq!(
            (found.class, found.action),
            (Class::Bounced, None),
            "{text}"
        );
    }
}

#[test]
fn a_policy_code_suppresses_nobody_whatever_the_words() {
    for text in [
        "550 5.7.1 User unknown",
        "550 5.7.1 <a@example.test>: no such user here",
        "550 no such user (#5.7.1)",
        "554 5.7.504 Recipient address rejected: account disabled",
    ] {
        assert_eq!(classify(Rcpt, text).action, None, "{text}");
    }
}

#[test]
fn what_says_unknown_of_the_sender_suppresses_no_recipient() {
    for text in [
        "550 5.1.1 <news@example.test>: Sender address rejected: User unknown",
        "550 Sender unknown",
        "553 5.1.8 <news@example.test>: no such user",
    ] {
        assert_eq!(
            classify(Rcpt, text).action,
            Some(Action::SuspendRoute),
            "{text}"
        );
    }
}

#[test]
fn the_same_code_means_what_its_words_say() {
    let check = |text: &str, class, action| {
        let found = classify(Rcpt, text);
        assert_eq!((found.class, found.action), (class, action), "{text}");
    };
    let (bounced, deferred) = (Class::Bounced, Class::Deferred);
    check(
        "550 5.2.1 account is inactive",
        bounced,
        Some(Action::Suppress),
    );
    check(
        "550 5.2.1 user is receiving email at a rate that",
        bounced,
        None,
    );
    check("550 5.1.1 user unknown", bounced, Some(Action::Suppress));
    check("552 5.1.1 Boite du destinataire pleine", bounced, None);
    check("450 5.1.1 user unknown", deferred, None);
    check(
        "550 Sender frequency limited",
        deferred,
        Some(Action::ThrottleSite),
    );
    check("452 4.2.2 mailbox full", deferred, None);
}

#[test]
fn rows_wait_as_long_as_receivers_ask() {
    let check = |text: &str, seconds| {
        let found = classify(Dot, text);
        assert_eq!(
            found.retry_after,
            Some(Duration::from_secs(seconds)),
            "{text}"
        );
    };
    check("421 4.7.28 unusual rate", 600);
    check("450 4.2.1 is receiving email too quickly", 3_600);
    check("421 too many connections", 10);
    check("421 4.7.0 try again later", THROTTLE_SITE_FOR.as_secs());
    check("550 5.7.26 unauthenticated", SUSPEND_ROUTE_FOR.as_secs());
}
