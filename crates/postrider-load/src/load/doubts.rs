//! What became of those of whom nobody could know, held against what campaigns were told to do.
//!
//! Only the mock knows of which messages the client got no whole reply. So under `hold` exactly
//! those must be in doubt; under `retry` each must have been sent again; under `assume_delivered`
//! none of them.
//!
//! A service that is killed may also leave in doubt what the mock did reply to: of each connection
//! one message at most. Which replies it did not read only the dead know, so only `hold`, under
//! which that shows, can be judged under kills.

use postrider_mock_smtp::control::wire::Verdict;
use postrider_types::InDoubtPolicy;

use crate::figures;
use crate::outcome::Doubts;
use crate::plan::Plan;

/// Nothing that could be wrong.
const NOTHING: (u64, &str) = (0, "");

/// What a run was asked for, and what befell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// What campaigns were told to do.
    pub(crate) policy: InDoubtPolicy,
    /// Most connections at once.
    pub(crate) connections: u64,
    /// How often the service or one of its workers was killed.
    pub(crate) kills: u64,
}

impl Circumstances {
    /// Those of a plan that was carried out under so many kills.
    pub(crate) fn of(plan: &Plan, kills: u64) -> Self {
        Self {
            policy: plan.options.in_doubt,
            connections: plan.connections_max().into(),
            kills,
        }
    }
}

/// The figures, and why they fail the run.
pub(crate) fn judge(verdict: &Verdict, around: Circumstances) -> (Doubts, Vec<String>) {
    let (seen, held) = (verdict.unanswered, verdict.in_doubt.held);
    let doubts = Doubts {
        replies_missing: seen.deliveries,
        replies_missing_in_doubt: seen.in_doubt,
        sent_again: seen.sent_again,
        possible_duplicates: seen.copies,
        assumed_delivered: seen.assumed,
        unread: seen.doubts_without,
        unread_max: around.connections * around.kills,
    };
    // How many are as they must not be, and how.
    let wrong = match around.policy {
        InDoubtPolicy::Hold => [
            (
                seen.deliveries - seen.in_doubt,
                "not held in doubt without a reply, under hold",
            ),
            (seen.sent_again, "sent again without a reply, under hold"),
            (
                doubts.unread.saturating_sub(doubts.unread_max),
                "put in doubt although the mock replied, beyond one for each connection and kill",
            ),
        ],
        InDoubtPolicy::Retry => [
            (held, "left in doubt, under retry"),
            (
                seen.deliveries - seen.sent_again,
                "not sent again without a reply, under retry",
            ),
            NOTHING,
        ],
        InDoubtPolicy::AssumeDelivered => [
            (held, "left in doubt, under assume_delivered"),
            (
                seen.sent_again,
                "sent again without a reply, under assume_delivered",
            ),
            NOTHING,
        ],
    };
    let some = wrong.into_iter().filter(|(count, _)| *count > 0);
    let reasons = some.map(|(count, how)| match count {
        1 => format!("1 delivery was {how}"),
        many => format!("{} deliveries were {how}", figures::count(many)),
    });
    (doubts, reasons.collect())
}

#[cfg(test)]
mod tests {
    use postrider_mock_smtp::control::wire::{InDoubt, Unanswered};

    use super::*;

    /// Ten replies were missing, and nothing is wrong.
    fn right(policy: InDoubtPolicy) -> Verdict {
        let unanswered = Unanswered {
            deliveries: 10,
            ..Unanswered::default()
        };
        let (held, unanswered) = match policy {
            InDoubtPolicy::Hold => (
                10,
                Unanswered {
                    in_doubt: 10,
                    ..unanswered
                },
            ),
            InDoubtPolicy::Retry => (
                0,
                Unanswered {
                    sent_again: 10,
                    copies: 4,
                    ..unanswered
                },
            ),
            InDoubtPolicy::AssumeDelivered => (
                0,
                Unanswered {
                    assumed: 6,
                    ..unanswered
                },
            ),
        };
        Verdict {
            in_doubt: InDoubt {
                held,
                ..InDoubt::default()
            },
            unanswered,
            ..Verdict::default()
        }
    }

    /// One change to what is right, and how the reason begins.
    fn check(policy: InDoubtPolicy, change: impl FnOnce(&mut Verdict), expect: Option<&str>) {
        let mut verdict = right(policy);
        change(&mut verdict);
        let around = Circumstances {
            policy,
            connections: 20,
            kills: 2,
        };
        let (_, reasons) = judge(&verdict, around);
        let begins = |reason: &String| expect.is_some_and(|expect| reason.starts_with(expect));
        assert_eq!(reasons.len(), usize::from(expect.is_some()), "{reasons:?}");
        assert!(reasons.iter().all(begins), "{reasons:?}");
    }

    #[test]
    fn each_policy_is_judged_by_what_it_says() {
        use InDoubtPolicy::{AssumeDelivered, Hold, Retry};
        for policy in InDoubtPolicy::ALL {
            check(policy, |_| {}, None);
        }
        let fewer = |verdict: &mut Verdict| verdict.unanswered.in_doubt = 9;
        check(Hold, fewer, Some("1 delivery was not held in doubt"));
        let again = |verdict: &mut Verdict| verdict.unanswered.sent_again = 2;
        check(Hold, again, Some("2 deliveries were sent again"));
        check(AssumeDelivered, again, Some("2 deliveries were sent again"));
        check(Retry, again, Some("8 deliveries were not sent again"));
        let held = |verdict: &mut Verdict| verdict.in_doubt.held = 1;
        check(Retry, held, Some("1 delivery was left in doubt"));
        check(AssumeDelivered, held, Some("1 delivery was left in doubt"));
    }

    #[test]
    fn a_kill_explains_one_doubt_for_each_connection_and_no_more() {
        let unread =
            |unread| move |verdict: &mut Verdict| verdict.unanswered.doubts_without = unread;
        check(InDoubtPolicy::Hold, unread(40), None);
        let wrong = "1 delivery was put in doubt although the mock replied";
        check(InDoubtPolicy::Hold, unread(41), Some(wrong));
    }
}
