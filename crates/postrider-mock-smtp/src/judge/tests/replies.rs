//! Replies that do not arrive, and what the client may make of them.

use super::*;
use crate::control::wire::Unanswered;
use crate::log;

const RETRY: &str = "in_doubt = 'retry'";
const ASSUME: &str = "in_doubt = 'assume_delivered'";

impl Case {
    /// No whole reply is given to the last message to a recipient.
    fn drop_reply(&mut self, recipient: &str, is_accepted: bool) {
        self.see(Record::Unanswered(log::Unanswered {
            recipient: recipient.to_owned(),
            campaign: Some("c".to_owned()),
            is_accepted,
            is_doubtless: true,
            ..log::Unanswered::default()
        }));
    }

    /// The same message once more.
    fn accept_again(&mut self, recipient: &str) {
        self.messages -= 1;
        self.accept("c", recipient);
    }

    /// A message that was accepted without a reply.
    fn accept_unanswered(&mut self, recipient: &str) {
        self.expect("c", recipient);
        self.accept("c", recipient);
        self.drop_reply(recipient, true);
    }

    fn cut(&mut self, recipient: &str) {
        self.see(Record::Unanswered(log::Unanswered {
            recipient: recipient.to_owned(),
            ..log::Unanswered::default()
        }));
    }
}

#[test]
fn what_is_held_in_doubt_is_told_apart_by_whether_its_reply_was_given() {
    let mut case = Case::default();
    case.accept_unanswered("a@x.test");
    case.expect("c", "b@x.test");
    case.drop_reply("b@X.test", false);
    case.cut("cut@x.test");
    case.expect("c", "cut@x.test");
    case.accept("c", "told@x.test");
    case.expect("c", "told@x.test");
    for recipient in ["a@x.test", "b@x.test", "cut@x.test", "told@x.test"] {
        case.hold("c", recipient, State::InDoubt);
    }
    let expected = Unanswered {
        deliveries: 2,
        in_doubt: 2,
        cut: 1,
        doubts_without: 1,
        ..Unanswered::default()
    };
    assert_eq!(case.passes().unanswered, expected);
    case.hold("c", "a@x.test", State::Delivered);
    assert_eq!(case.passes().unanswered.in_doubt, 1);
}

#[test]
fn one_more_copy_for_each_missing_reply_is_forgiven_who_was_told_to_retry_and_nobody_else() {
    let check = |policy: &str, accepts: usize, replies: usize, is_right: bool| {
        let mut case = Case::under(policy);
        case.accept_unanswered("a@x.test");
        for number in 1..accepts {
            case.accept_again("a@x.test");
            if number < replies {
                case.drop_reply("a@x.test", true);
            }
        }
        let verdict = case.ledger.verdict();
        let name = format!("{policy} {accepts} {replies}: {:?}", verdict.reasons);
        assert_eq!(verdict.is_pass(), is_right, "{name}");
        let copies = if policy == RETRY {
            replies.min(accepts - 1)
        } else {
            0
        } as u64;
        assert_eq!(verdict.unanswered.copies, copies, "{name}");
        assert_eq!(verdict.duplicates, accepts as u64 - 1 - copies, "{name}");
    };
    check(RETRY, 1, 1, true);
    check(RETRY, 2, 1, true);
    check(RETRY, 3, 1, false);
    check(RETRY, 3, 2, true);
    check("", 2, 1, false);
    check(ASSUME, 2, 1, false);
}

#[test]
fn a_copy_under_another_message_id_is_another_message() {
    let mut case = Case::under(RETRY);
    case.accept_unanswered("a@x.test");
    case.accept("c", "a@x.test");
    case.fails("1 accept was a repetition of the same campaign");
}

#[test]
fn a_copy_of_what_was_answered_is_a_duplicate_under_every_policy() {
    let mut case = Case::under(RETRY);
    case.accept_unanswered("b@x.test");
    case.expect("c", "a@x.test");
    case.accept("c", "a@x.test");
    case.accept_again("a@x.test");
    assert_eq!(case.ledger.verdict().duplicates, 1);
}

#[test]
fn whoever_was_told_to_assume_may_say_delivered_of_what_was_not_accepted() {
    let of = |policy: &str| {
        let mut case = Case::under(policy);
        for recipient in ["a@x.test", "cut@x.test"] {
            case.expect("c", recipient);
            case.hold("c", recipient, State::Delivered);
        }
        case.drop_reply("a@x.test", false);
        case.cut("cut@x.test");
        case
    };
    assert_eq!(of(ASSUME).passes().unanswered.assumed, 2);
    assert_eq!(of("").ledger.verdict().false_receipts, 2);
    let mut case = of(ASSUME);
    case.expect("c", "told@x.test");
    case.hold("c", "told@x.test", State::Delivered);
    assert_eq!(case.ledger.verdict().false_receipts, 1);
    assert_eq!(case.ledger.verdict().lost, 1);
}

#[test]
fn what_comes_after_a_missing_reply_was_sent_again() {
    let mut case = Case::under(RETRY);
    case.expect("c", "a@x.test");
    case.drop_reply("a@x.test", false);
    assert_eq!(case.ledger.verdict().unanswered.sent_again, 0);
    case.accept("c", "a@x.test");
    case.accept_unanswered("b@x.test");
    assert_eq!(case.passes().unanswered.sent_again, 1);
    case.accept_again("b@x.test");
    assert_eq!(case.passes().unanswered.sent_again, 2);
}
