//! The policy, class by class, over the built-in table.

use postrider_smtp::classify::Classifier;
use postrider_smtp::site::SiteName;
use postrider_types::{Phase, RecipientId, Variables};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

const BACKOFF: Backoff = Backoff {
    delay_min: Duration::from_secs(100),
    delay_max: Duration::from_secs(1_000),
    factor: 2.0,
    jitter: 0.0,
    give_up_after: Duration::from_secs(48 * 3_600),
};

fn refused(phase: Phase, text: &str) -> Trouble {
    let mut words = text.splitn(3, ' ');
    let code = words.next().unwrap().parse().unwrap();
    let enhanced = words.next().unwrap().parse().unwrap();
    let text = words.next().unwrap_or_default();
    Trouble::refused(phase, Reply::new(code, Some(enhanced), text))
}

/// The judgement of a refusal, after so many losses, at a site that rests until then.
fn judged(trouble: Trouble, losses: u8, rests_until: Option<Timestamp>) -> Judgement {
    let site = SiteName::of_host("mx.example.test");
    let recipient = ChunkRecipient {
        recipient: RecipientId(0),
        address: "a@example.test".parse().unwrap(),
        variables: Variables::default(),
        attempts: 0,
        first_attempt_at: None,
        deaths: 0,
    };
    let circumstances = Circumstances {
        classification: Some(Classifier::built_in().classify(&trouble, &site)),
        rests_until,
        recipient: &recipient,
        losses,
        backoff: &BACKOFF,
        chance: 0.5,
    };
    judge(End::Refused(trouble), &circumstances, NOW)
}

/// How long who is deferred waits; at most a tenth longer than asked, for the bucket.
fn check_wait(judgement: &Judgement, least: Duration) {
    let (until, is_charged) = match judgement {
        Judgement::Record(Outcome::Deferred { next_attempt_at }, _, Attempt::Made) => {
            (*next_attempt_at, true)
        }
        Judgement::Wait(until, _) => (*until, false),
        other => panic!("not deferred: {other:?}"),
    };
    let wait = until.since(NOW);
    assert!(
        least <= wait && wait <= least.mul_f64(1.11),
        "{wait:?}, charged {is_charged}"
    );
}

fn outcome(judgement: &Judgement) -> Option<Outcome> {
    match judgement {
        Judgement::Record(outcome, ..) => Some(*outcome),
        Judgement::Again { .. } | Judgement::Wait(..) => None,
    }
}

#[test]
fn who_does_not_exist_is_bounced_and_the_reply_says_that_he_is_suppressed() {
    let judgement = judged(refused(Phase::Rcpt, "550 5.1.1 no such user"), 0, None);
    let Judgement::Record(Outcome::Bounced, Some(reply), Attempt::Made) = judgement else {
        panic!("{judgement:?}");
    };
    assert_eq!(
        reply.to_string(),
        "550 5.1.1 no such user [suppress: no-such-recipient]"
    );
}

#[test]
fn a_long_reply_keeps_its_note_and_its_bound() {
    let text = format!("550 5.1.1 {}", "ü".repeat(400));
    let judgement = judged(refused(Phase::Rcpt, &text), 0, None);
    let Judgement::Record(_, Some(reply), _) = judgement else {
        panic!("{judgement:?}");
    };
    assert!(
        reply.text.ends_with("ü [suppress: no-such-recipient]"),
        "{reply}"
    );
    assert!(reply.text.len() <= REPLY_TEXT_BYTES_MAX);
}

#[test]
fn a_refusal_that_names_no_recipient_bounces_without_a_note() {
    let judgement = judged(refused(Phase::Rcpt, "550 5.7.1 not from you"), 0, None);
    assert_eq!(outcome(&judgement), Some(Outcome::Bounced));
    let Judgement::Record(_, Some(reply), _) = judgement else {
        panic!("no reply");
    };
    assert_eq!(reply.text, "not from you");
}

#[test]
fn who_gets_too_much_waits_an_hour_and_longer_when_his_turn_is_later() {
    let trouble = refused(Phase::Rcpt, "450 4.2.1 receiving mail too quickly");
    check_wait(&judged(trouble, 0, None), HOUR);
    check_wait(
        &judged(refused(Phase::Rcpt, "450 4.2.0 busy"), 0, None),
        BACKOFF.delay_min,
    );
}

#[test]
fn what_the_site_asks_for_waits_until_it_has_rested_and_is_not_charged() {
    let trouble = || refused(Phase::Dot, "421 4.7.28 unusual rate");
    let judgement = judged(trouble(), 0, Some(NOW.plus(HOUR)));
    assert!(matches!(judgement, Judgement::Wait(..)), "{judgement:?}");
    check_wait(&judgement, HOUR);
    check_wait(&judged(trouble(), 0, None), BACKOFF.delay_min);
}

#[test]
fn what_refuses_us_bounces_nobody_whether_the_route_is_suspended_or_not() {
    let trouble = || refused(Phase::Rcpt, "550 5.7.26 unauthenticated");
    let judgement = judged(trouble(), 0, Some(NOW.plus(HOUR)));
    assert!(matches!(judgement, Judgement::Wait(..)), "{judgement:?}");
    check_wait(&judged(trouble(), 0, None), BACKOFF.delay_min);
}

#[test]
fn a_session_that_is_used_up_costs_a_loss_and_then_a_deferral() {
    let trouble = || refused(Phase::Mail, "452 4.5.3 Too many messages sent");
    assert_eq!(
        judged(trouble(), 0, None),
        Judgement::Again { is_loss: true }
    );
    check_wait(&judged(trouble(), LOSSES_MAX, None), BACKOFF.delay_min);
    let between = Trouble::lost(Phase::Mail, Cause::ClosedIdle);
    assert_eq!(
        judged(between, LOSSES_MAX, None),
        Judgement::Again { is_loss: false }
    );
}

#[test]
fn a_leave_behind_an_accepted_message_costs_more_losses_and_then_a_deferral() {
    let leave = || Trouble::leave(Reply::new(421, None, "closing"));
    for losses in [0, LOSSES_MAX, LEAVES_MAX - 1] {
        let again = Judgement::Again { is_loss: true };
        assert_eq!(judged(leave(), losses, None), again, "{losses}");
    }
    check_wait(&judged(leave(), LEAVES_MAX, None), BACKOFF.delay_min);
}

#[test]
fn a_lost_connection_is_a_loss_and_then_a_deferral() {
    let lost = || Trouble::lost(Phase::Body, Cause::Closed);
    assert_eq!(judged(lost(), 0, None), Judgement::Again { is_loss: true });
    check_wait(&judged(lost(), LOSSES_MAX, None), BACKOFF.delay_min);
}

#[test]
fn a_503_is_deferred_and_never_bounced() {
    let judgement = judged(refused(Phase::Rcpt, "503 5.5.1 bad sequence"), 0, None);
    check_wait(&judgement, BACKOFF.delay_min);
}
