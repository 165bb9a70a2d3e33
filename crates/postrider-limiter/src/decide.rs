//! One send against all its quotas, and the way back.

use postrider_types::{Rate, Timestamp};

use crate::Cell;
use crate::gcra::{NOW_MAX, Pace};

/// The answer to one send. Of several answers the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Every quota has given a cell.
    Admit,
    /// Nothing was taken. Whoever asks again at this instant is admitted, unless somebody else
    /// took a cell in between; whoever asks a microsecond earlier is refused.
    NotUntil(Timestamp),
    /// Nothing was taken, and nothing will be before somebody changes the rate.
    Closed,
}

/// Takes one cell from each of `quotas`, or none from any.
///
/// No quotas at all admit. A refusal leaves the cells as they were, except that one too far ahead
/// is clamped for good: its "not until" is counted from this very clamp. To learn which quota
/// refused, ask for one alone on a copy of its cell.
pub fn decide(quotas: &mut [(Rate, &mut Cell)], now: Timestamp) -> Decision {
    let now = now.as_nanos().min(NOW_MAX);
    let mut decision = Decision::Admit;
    for (rate, cell) in quotas.iter_mut() {
        let (answer, clamped, _) = ask(*rate, **cell, now);
        **cell = clamped;
        decision = decision.max(answer);
    }
    if decision == Decision::Admit {
        for (rate, cell) in quotas {
            (_, _, **cell) = ask(*rate, **cell, now);
        }
    }
    decision
}

/// The answer of one quota, its cell clamped, and its cell after the answer.
fn ask(rate: Rate, cell: Cell, now: u64) -> (Decision, Cell, Cell) {
    let Some(pace) = Pace::of(rate) else {
        return (Decision::Closed, cell, cell);
    };
    let clamped = pace.clamp(cell, now);
    match pace.take(clamped, now) {
        Ok(taken) => (Decision::Admit, clamped, taken),
        Err(earliest) => {
            let until = Timestamp::from_nanos_ceil(earliest);
            (Decision::NotUntil(until), clamped, clamped)
        }
    }
}

/// Gives one cell back that was taken and not used; `taken` is the quota's cell as [`decide`]
/// left it.
///
/// When the slot has not passed yet, this undoes the decision: the cell moves back by one
/// interval, whoever else took one since. What has passed of the slot is lost, as it would be
/// had nobody asked, because an unused slot is no credit: after a whole interval nothing is given
/// back. Moving back by a whole interval regardless would let two cells go at once at burst 1,
/// when somebody took the slot after this one.
///
/// Under a rate that has changed since, at most one interval of the new rate is given back, and
/// nothing under a closed one.
pub fn give_back(rate: Rate, cell: &mut Cell, taken: Cell, now: Timestamp) {
    let (Some(pace), Some(tat), Some(taken)) = (Pace::of(rate), cell.as_nanos(), taken.as_nanos())
    else {
        return;
    };
    let slot = taken.saturating_sub(pace.interval());
    let passed = now.as_nanos().saturating_sub(slot);
    let back = if passed <= pace.tolerance() {
        pace.interval()
    } else {
        pace.interval().saturating_sub(passed)
    };
    *cell = Cell::from_nanos(Some(tat.saturating_sub(back)));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// An instant `millis` after some round one.
    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(Duration::from_millis(millis))
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    /// One send against one quota.
    fn ask_one(text: &str, cell: &mut Cell, now: Timestamp) -> Decision {
        decide(&mut [(rate(text), cell)], now)
    }

    /// How many of `asks` sends at one instant are admitted.
    fn admitted(text: &str, cell: &mut Cell, asks: usize, now: Timestamp) -> usize {
        let admits = (0..asks).filter(|_| ask_one(text, cell, now) == Decision::Admit);
        admits.count()
    }

    #[test]
    fn without_a_quota_everything_is_admitted() {
        assert_eq!(decide(&mut [], at(0)), Decision::Admit);
    }

    #[test]
    fn slots_come_one_interval_apart() {
        let mut cell = Cell::default();
        assert_eq!(ask_one("50/s", &mut cell, at(0)), Decision::Admit);
        let next = Decision::NotUntil(at(20));
        assert_eq!(ask_one("50/s", &mut cell, at(0)), next);
        assert_eq!(ask_one("50/s", &mut cell, at(20)), Decision::Admit);
    }

    #[test]
    fn lateness_within_the_tolerance_leaves_the_plan() {
        let mut cell = Cell::default();
        ask_one("50/s", &mut cell, at(0));
        assert_eq!(ask_one("50/s", &mut cell, at(30)), Decision::Admit);
        let next = Decision::NotUntil(at(40));
        assert_eq!(ask_one("50/s", &mut cell, at(30)), next);
    }

    #[test]
    fn lateness_above_the_tolerance_moves_the_plan() {
        let mut cell = Cell::default();
        ask_one("50/s", &mut cell, at(0));
        assert_eq!(ask_one("50/s", &mut cell, at(31)), Decision::Admit);
        let next = Decision::NotUntil(at(51));
        assert_eq!(ask_one("50/s", &mut cell, at(31)), next);
    }

    #[test]
    fn after_a_pause_exactly_the_burst_comes_at_once() {
        let mut cell = Cell::default();
        assert_eq!(admitted("50/s burst 10", &mut cell, 20, at(0)), 10);
        assert_eq!(admitted("50/s burst 10", &mut cell, 20, at(5_000)), 10);
        // Two intervals later two have come back.
        assert_eq!(admitted("50/s burst 10", &mut cell, 20, at(5_040)), 2);
    }

    #[test]
    fn one_refusal_takes_from_none() {
        let (mut free, mut used) = (Cell::default(), Cell::default());
        ask_one("1/m", &mut used, at(0));
        let before = (free, used);
        let mut quotas = [(rate("50/s"), &mut free), (rate("1/m"), &mut used)];
        assert_eq!(decide(&mut quotas, at(1)), Decision::NotUntil(at(60_000)));
        assert_eq!((free, used), before);
    }

    #[test]
    fn of_several_refusals_the_latest_counts() {
        let (mut domain, mut recipient) = (Cell::default(), Cell::default());
        let mut both = |now| {
            let domain = (rate("1/s"), &mut domain);
            decide(&mut [(rate("1/m"), &mut recipient), domain], now)
        };
        assert_eq!(both(at(0)), Decision::Admit);
        assert_eq!(both(at(0)), Decision::NotUntil(at(60_000)));
        assert_eq!(both(at(60_000)), Decision::Admit);
    }

    #[test]
    fn closed_outweighs_every_other_answer_and_takes_nothing() {
        let (mut free, mut used, mut closed) = (Cell::default(), Cell::default(), Cell::default());
        ask_one("1/m", &mut used, at(0));
        let mut quotas = [
            (rate("50/s"), &mut free),
            (rate("0"), &mut closed),
            (rate("1/m"), &mut used),
        ];
        assert_eq!(decide(&mut quotas, at(1)), Decision::Closed);
        assert_eq!((free, closed), (Cell::default(), Cell::default()));
    }

    #[test]
    fn a_cell_too_far_ahead_is_clamped_for_good() {
        let mut cell = Cell::from_nanos(Some(u64::MAX));
        // Ten cells are used up, so the first is back one interval from now.
        let next = Decision::NotUntil(at(20));
        assert_eq!(ask_one("50/s burst 10", &mut cell, at(0)), next);
        assert_eq!(ask_one("50/s burst 10", &mut cell, at(20)), Decision::Admit);
    }

    #[test]
    fn a_faster_rate_does_not_wait_for_the_slower_one() {
        let mut cell = Cell::default();
        ask_one("1/h", &mut cell, at(0));
        let next = Decision::NotUntil(at(120));
        assert_eq!(ask_one("50/s", &mut cell, at(100)), next);
    }

    #[test]
    fn a_slower_rate_keeps_what_was_taken_under_the_faster_one() {
        let mut cell = Cell::default();
        ask_one("50/s", &mut cell, at(0));
        assert_eq!(
            ask_one("1/h", &mut cell, at(10)),
            Decision::NotUntil(at(20))
        );
        assert_eq!(ask_one("1/h", &mut cell, at(20)), Decision::Admit);
        let next = Decision::NotUntil(at(3_600_020));
        assert_eq!(ask_one("1/h", &mut cell, at(20)), next);
    }

    #[test]
    fn a_cell_survives_a_closed_time() {
        let mut cell = Cell::default();
        ask_one("1/s", &mut cell, at(0));
        assert_eq!(ask_one("0", &mut cell, at(1)), Decision::Closed);
        let next = Decision::NotUntil(at(1_000));
        assert_eq!(ask_one("1/s", &mut cell, at(2)), next);
    }

    #[test]
    fn the_ends_of_time_are_decided_without_overflow() {
        let mut cell = Cell::default();
        let before_epoch = Timestamp::from_micros(i64::MIN);
        assert_eq!(ask_one("1/s", &mut cell, before_epoch), Decision::Admit);
        assert_eq!(ask_one("1/s", &mut cell, Timestamp::NEVER), Decision::Admit);
    }

    #[test]
    fn what_is_given_back_at_once_was_never_taken() {
        let mut cell = Cell::default();
        ask_one("50/s", &mut cell, at(0));
        let before = cell;
        ask_one("50/s", &mut cell, at(25));
        let taken = cell;
        give_back(rate("50/s"), &mut cell, taken, at(25));
        assert_eq!(cell, before);
    }

    #[test]
    fn a_slot_given_back_after_it_has_passed_leaves_the_burst_whole_and_no_more() {
        let mut cell = Cell::default();
        ask_one("1/s burst 2", &mut cell, at(0));
        let taken = cell;
        give_back(rate("1/s burst 2"), &mut cell, taken, at(700));
        assert_eq!(admitted("1/s burst 2", &mut cell, 5, at(700)), 2);
    }

    #[test]
    fn inside_a_burst_a_cell_comes_back_whoever_took_one_since() {
        let mut cell = Cell::default();
        ask_one("1/s burst 3", &mut cell, at(0));
        let taken = cell;
        assert_eq!(admitted("1/s burst 3", &mut cell, 5, at(0)), 2);
        give_back(rate("1/s burst 3"), &mut cell, taken, at(0));
        assert_eq!(admitted("1/s burst 3", &mut cell, 5, at(0)), 1);
    }

    #[test]
    fn a_slot_given_back_after_the_next_one_was_taken_is_no_credit() {
        let mut cell = Cell::default();
        ask_one("1/s", &mut cell, at(0));
        let taken = cell;
        assert_eq!(ask_one("1/s", &mut cell, at(1_000)), Decision::Admit);
        give_back(rate("1/s"), &mut cell, taken, at(1_000));
        let next = Decision::NotUntil(at(2_000));
        assert_eq!(ask_one("1/s", &mut cell, at(1_000)), next);
    }

    #[test]
    fn a_closed_rate_and_an_empty_cell_take_nothing_back() {
        let mut cell = Cell::default();
        give_back(rate("1/s"), &mut cell, Cell::default(), at(0));
        assert_eq!(cell, Cell::default());
        ask_one("1/s", &mut cell, at(0));
        let taken = cell;
        give_back(rate("0"), &mut cell, taken, at(0));
        assert_eq!(cell, taken);
    }
}
