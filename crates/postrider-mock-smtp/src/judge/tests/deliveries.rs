//! What arrived against what was to arrive, and against what the client says.

use super::*;

#[test]
fn a_message_that_comes_twice_fails_by_its_message_id() {
    let mut case = Case::default();
    case.accept("", "a@x.test");
    case.messages = 0;
    case.accept("", "a@x.test");
    let verdict = case.fails("1 accept was a repetition of the same Message-ID");
    assert_eq!((verdict.duplicates, verdict.duplicates_by_campaign), (1, 0));
}

#[test]
fn a_recipient_who_gets_a_campaign_twice_fails_it_whatever_the_message_ids() {
    let mut case = Case::default();
    case.accept("c1", "a@x.test");
    case.accept("c2", "a@x.test");
    case.accept("c1", "b@x.test");
    case.passes();
    case.accept("c1", "a@x.test");
    let verdict = case.fails("1 accept was a repetition of the same campaign");
    assert_eq!((verdict.duplicates, verdict.duplicates_by_campaign), (0, 1));
    assert_eq!((verdict.accepted, verdict.recipients), (4, 2));
}

#[test]
fn what_is_expected_and_does_not_come_is_lost() {
    let mut case = Case::default();
    case.expect("c", "a@x.test");
    case.expect("c", "b@x.test");
    case.expect("c", "b@x.test");
    case.accept("c", "a@X.test");
    let verdict = case.fails("1 delivery was lost");
    assert_eq!((verdict.expected, verdict.lost), (2, 1));
    case.accept("c", "b@x.test");
    case.passes();
}

#[test]
fn without_receipts_only_a_refusal_for_good_excuses() {
    let mut case = Case::default();
    case.expect("c", "a@x.test");
    case.refuse("a@x.test", 451);
    case.fails("1 delivery was lost");
    case.refuse("a@x.test", 550);
    case.passes();
}

#[test]
fn with_receipts_only_a_receipt_excuses_and_it_must_say_how_it_ended() {
    let check = |state, lost: u64, false_receipts: u64| {
        let mut case = Case::default();
        case.expect("c", "a@x.test");
        case.refuse("a@x.test", 550);
        case.hold("c", "a@x.test", state);
        let verdict = case.ledger.verdict();
        let found = (verdict.lost, verdict.false_receipts);
        assert_eq!(found, (lost, false_receipts), "{state:?}");
    };
    check(State::Pending, 1, 0);
    check(State::Attempting, 1, 0);
    check(State::Deferred, 1, 0);
    check(State::Delivered, 1, 1);
    for end in [
        State::Bounced,
        State::InDoubt,
        State::Suppressed,
        State::Capped,
        State::Expired,
        State::Cancelled,
        State::Failed,
        State::Quarantined,
    ] {
        check(end, 0, 0);
    }
    let mut case = Case::default();
    case.expect("c", "a@x.test");
    case.hold("c", "somebody-else@x.test", State::Bounced);
    case.fails("1 delivery was lost");
}

#[test]
fn a_delivery_that_is_claimed_and_never_came_is_a_false_receipt() {
    let mut case = Case::default();
    case.hold("c", "a@x.test", State::Delivered);
    case.fails("1 receipt was false");
    case.accept("c", "a@x.test");
    case.passes();
}

#[test]
fn an_end_that_denies_what_was_accepted_is_a_false_receipt() {
    for state in [
        State::Bounced,
        State::Expired,
        State::Cancelled,
        State::Failed,
    ] {
        let mut case = Case::default();
        case.accept("c", "a@x.test");
        case.hold("c", "a@x.test", state);
        case.fails("1 receipt was false");
        case.hold("c", "a@x.test", State::Delivered);
        assert_eq!(case.passes().receipts, 1, "the newest word counts");
    }
}

#[test]
fn a_receipt_that_has_not_ended_is_told_and_not_false() {
    let mut case = Case::default();
    case.accept("c", "a@x.test");
    case.hold("c", "a@x.test", State::Attempting);
    assert_eq!(case.passes().open_receipts, 1);
}

#[test]
fn what_nobody_expected_is_unexpected_once_anything_is_expected() {
    let mut case = Case::default();
    case.accept("c", "stranger@x.test");
    case.passes();
    case.expect("c", "a@x.test");
    case.accept("c", "a@x.test");
    let verdict = case.fails("1 delivery was accepted though nobody expected it");
    assert_eq!(verdict.unexpected, 1);
    case.expect("c", "stranger@x.test");
    case.passes();
}

#[test]
fn those_in_doubt_are_listed_with_what_became_of_them() {
    let mut case = Case::default();
    for (recipient, arrives) in [("b@x.test", true), ("a@x.test", false), ("c@x.test", true)] {
        case.expect("c", recipient);
        case.hold("c", recipient, State::InDoubt);
        if arrives {
            case.accept("c", recipient);
        }
    }
    case.hold("c", "c@x.test", State::Delivered);
    let doubt = case.passes().in_doubt;
    assert_eq!((doubt.held, doubt.arrived, doubt.not_arrived), (2, 1, 1));
    let listed: Vec<_> = doubt
        .listed
        .iter()
        .map(|it| (it.recipient.as_str(), it.has_arrived))
        .collect();
    assert_eq!(listed, [("a@x.test", false), ("b@x.test", true)]);
}

#[test]
fn another_content_than_the_expected_one_is_corruption() {
    let mut case = Case::default();
    case.expect_content("c", "a@x.test", Some("hello"));
    case.expect_content("c", "b@x.test", Some("hello"));
    case.expect("c", "c@x.test");
    case.accept("c", "a@x.test");
    case.accept_content("c", "b@x.test", "hello ");
    case.accept_content("c", "c@x.test", "anything");
    let verdict = case.fails("1 message was corrupted: of 2");
    assert_eq!((verdict.bodies.checked, verdict.bodies.corrupted), (2, 1));
    case.expect_content("c", "b@x.test", Some("hello "));
    case.passes();
}

#[test]
fn a_repetition_with_another_content_is_corruption_too() {
    let mut case = Case::default();
    case.expect_content("c", "a@x.test", Some("hello"));
    case.accept("c", "a@x.test");
    case.accept_content("c", "a@x.test", "other");
    let verdict = case.ledger.verdict();
    assert_eq!(
        (verdict.bodies.corrupted, verdict.duplicates_by_campaign),
        (1, 1)
    );
}

#[test]
fn a_content_hash_that_is_none_is_an_error() {
    let mut ledger = Ledger::default();
    for hash in ["", "0123", "0123456789abcdeg", "0123456789abcdef0"] {
        let expectation = Expectation {
            recipient: "a@x.test".to_owned(),
            content_hash: Some(hash.to_owned()),
            ..Expectation::default()
        };
        let error = ledger.expect(&expectation).unwrap_err();
        assert!(
            error.to_string().contains("16 hexadecimal digits"),
            "{error}"
        );
    }
    assert_eq!(ledger.expected(), 0);
}
