//! The policy, cell by cell.

use super::*;
use Phase::{Body, Connect, Data, Dot, Ehlo, Greeting, Mail, Quit, Rcpt, Rset};
use Scope::{Message, Recipient, Session, Site};
use Severity::{Permanent, Transient};

fn refused(phase: Phase, code: u16) -> Trouble {
    Trouble::refused(phase, Reply::new(code, None, "no"))
}

fn check(phases: &[Phase], codes: &[u16], severity: Severity, scope: Scope, closes: bool) {
    for &phase in phases {
        for &code in codes {
            let trouble = refused(phase, code);
            let found = (
                trouble.severity(),
                trouble.scope(),
                trouble.closes_session(),
            );
            assert_eq!(found, (severity, scope, closes), "{phase} {code}");
            assert_eq!(trouble.is_permanent(), severity == Permanent);
        }
    }
}

const ALL: [u16; 14] = [
    250, 354, 421, 450, 451, 452, 501, 503, 521, 530, 550, 552, 554, 599,
];

#[test]
fn before_a_session_stands_only_the_site_is_condemned_and_only_for_now() {
    check(&[Connect, Greeting, Ehlo], &ALL, Transient, Site, true);
}

#[test]
fn mail_data_and_dot_judge_the_message_and_the_session_goes_on() {
    let phases = [Mail, Data, Dot];
    check(
        &phases,
        &[400, 450, 451, 452, 454],
        Transient,
        Message,
        false,
    );
    check(
        &phases,
        &[500, 501, 550, 552, 554, 599],
        Permanent,
        Message,
        false,
    );
}

#[test]
fn rcpt_judges_the_recipient_and_the_session_goes_on() {
    check(&[Rcpt], &[450, 451, 452], Transient, Recipient, false);
    check(
        &[Rcpt],
        &[501, 550, 551, 552, 553, 554],
        Permanent,
        Recipient,
        false,
    );
}

#[test]
fn a_reply_in_mid_body_judges_the_message_and_ends_the_session() {
    check(&[Body], &[450, 451, 452], Transient, Message, true);
    check(&[Body], &[550, 552, 554], Permanent, Message, true);
}

#[test]
fn a_421_ends_the_session_and_the_message_waits() {
    check(
        &[Mail, Rcpt, Data, Body, Dot, Rset],
        &[421],
        Transient,
        Session,
        true,
    );
}

#[test]
fn a_reply_that_does_not_fit_is_never_permanent_and_ends_the_session() {
    let phases = [Mail, Rcpt, Data, Body, Dot, Rset];
    check(&phases, &[250, 354, 399, 503], Transient, Session, true);
}

#[test]
fn a_session_is_out_of_step_when_replies_and_commands_do_not_match() {
    for trouble in [
        refused(Mail, 503),
        refused(Data, 250),
        Trouble::lost(Rcpt, Cause::OutOfPlace),
    ] {
        assert!(trouble.is_out_of_step(), "{trouble}");
    }
    for trouble in [
        refused(Mail, 421),
        refused(Rcpt, 550),
        Trouble::lost(Dot, Cause::Closed),
    ] {
        assert!(!trouble.is_out_of_step(), "{trouble}");
    }
}

#[test]
fn a_demand_for_credentials_or_encryption_never_bounces_the_queue() {
    let phases = [Mail, Rcpt, Data, Body, Dot];
    check(&phases, &[530, 534, 535, 538], Transient, Site, true);
}

#[test]
fn rset_and_quit_end_only_the_session() {
    check(&[Rset, Quit], &ALL, Transient, Session, true);
    assert!(refused(Rset, 550).is_neutral() && refused(Quit, 550).is_neutral());
    assert!(!refused(Mail, 421).is_neutral());
}

#[test]
fn a_lost_session_is_transient_and_condemns_the_site_only_before_it_stood() {
    for phase in [
        Connect, Greeting, Ehlo, Rset, Mail, Rcpt, Data, Body, Dot, Quit,
    ] {
        let trouble = Trouble::lost(phase, Cause::Closed);
        let is_open = !matches!(phase, Connect | Greeting | Ehlo);
        assert_eq!(
            trouble.scope(),
            if is_open { Session } else { Site },
            "{phase}"
        );
        assert!(
            !trouble.is_permanent() && trouble.closes_session(),
            "{phase}"
        );
    }
}

#[test]
fn what_keeps_a_session_from_standing_lasts_unless_it_is_said_or_known_to_pass() {
    let garbage = || Cause::Garbage(ReplyError::NoCode);
    for trouble in [
        refused(Greeting, 554),
        refused(Ehlo, 550),
        refused(Phase::Auth, 535),
        Trouble::lost(Phase::Tls, Cause::Closed),
        Trouble::lost(Greeting, garbage()),
        Trouble::lost(Ehlo, garbage()),
    ] {
        assert!(trouble.is_lasting() && !trouble.is_permanent(), "{trouble}");
    }
    for trouble in [
        refused(Greeting, 421),
        refused(Ehlo, 451),
        refused(Mail, 550),
        Trouble::lost(Connect, Cause::Closed),
        Trouble::lost(Greeting, Cause::Closed),
        Trouble::lost(Mail, garbage()),
    ] {
        assert!(!trouble.is_lasting(), "{trouble}");
    }
}

#[test]
fn only_a_dot_without_a_4xx_or_5xx_is_in_doubt() {
    assert!(Trouble::lost(Dot, Cause::Closed).is_in_doubt());
    assert!(refused(Dot, 354).is_in_doubt());
    assert!(!Trouble::lost(Body, Cause::Closed).is_in_doubt());
    for code in [421, 450, 503, 550] {
        assert!(!refused(Dot, code).is_in_doubt(), "{code}");
    }
}

#[test]
fn trouble_reads_as_a_sentence_and_leaves_its_cause_to_the_chain() {
    let check = |trouble: &Trouble, expect: &str, cause: Option<&str>| {
        assert_eq!(trouble.to_string(), expect);
        let source = std::error::Error::source(trouble).map(ToString::to_string);
        assert_eq!(source.as_deref(), cause, "{expect}");
    };
    check(
        &refused(Rcpt, 550),
        "the server refused at RCPT: 550 no",
        None,
    );
    check(
        &refused(Dot, 451),
        "the server deferred at final dot: 451 no",
        None,
    );
    check(
        &refused(Data, 250),
        "the server answered out of place at DATA: 250 no",
        Some("the reply does not fit what was asked"),
    );
    check(
        &Trouble::lost(Body, Cause::Deadline(Duration::from_secs(180))),
        "the session was lost at body, before the final dot",
        Some("nothing complete came within 180 s"),
    );
    check(
        &Trouble::lost(Dot, Cause::Closed),
        "no reply to the final dot, so the message may or may not have been accepted",
        Some("the server closed the connection"),
    );
}
