//! The promises of the crate's documentation, over many rates and many ways of asking.

use std::time::Duration;

use postrider_types::{Rate, Timestamp};
use proptest::prelude::*;

use crate::gcra::Pace;
use crate::{Cell, Decision, decide, give_back};

const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Rates from one an hour to 2,000 a second, with bursts of 1 to 20.
fn any_rate() -> impl Strategy<Value = Rate> {
    let paces = prop_oneof![
        (1u32..=2_000).prop_map(|count| format!("{count}/s")),
        (1u32..=600).prop_map(|count| format!("{count}/m")),
        (1u32..=60).prop_map(|count| format!("{count}/h")),
    ];
    (paces, prop_oneof![Just(1u32), 1u32..=20])
        .prop_map(|(pace, burst)| format!("{pace} burst {burst}").parse().unwrap())
}

fn pace(rate: Rate) -> Pace {
    Pace::of(rate).unwrap()
}

fn burst(rate: Rate) -> u64 {
    match rate {
        Rate::Paced { burst, .. } => burst.get().into(),
        Rate::Closed => 0,
    }
}

/// `share` of the tolerance, rounded down to microseconds and less one for the rounding of slots.
fn lateness(rate: Rate, share: f64) -> Duration {
    let nanos = Duration::from_nanos(pace(rate).tolerance()).mul_f64(share);
    nanos.saturating_sub(Duration::from_micros(1))
}

/// Fails when any window from one admit to another holds more than the policy says.
fn check_windows(rate: Rate, admits: &[Timestamp]) {
    for (first, from) in admits.iter().enumerate() {
        for (count, to) in (1..).zip(&admits[first..]) {
            let window = to.as_nanos() - from.as_nanos() + pace(rate).tolerance();
            let most = window / pace(rate).interval() + burst(rate);
            assert!(
                count <= most,
                "{rate}: {count} admits from {from} to {to}, at most {most}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_window_holds_more_than_its_rate_lateness_and_burst(
        rate in any_rate(),
        gaps in prop::collection::vec(0.0f64..3.0, 1..150),
    ) {
        let (mut cell, mut now, mut admits) = (Cell::default(), START, Vec::new());
        for gap in gaps {
            now = now.plus(Duration::from_nanos(pace(rate).interval()).mul_f64(gap * gap / 3.0));
            while decide(&mut [(rate, &mut cell)], now) == Decision::Admit {
                admits.push(now);
            }
        }
        check_windows(rate, &admits);
    }

    #[test]
    fn the_plan_does_not_drift_while_sends_are_late_within_the_tolerance(
        rate in any_rate(),
        shares in prop::collection::vec(0.0f64..=1.0, 1_500),
    ) {
        let (mut cell, mut now, mut admits) = (Cell::default(), START, Vec::new());
        for share in shares {
            if let Decision::NotUntil(slot) = decide(&mut [(rate, &mut cell)], now) {
                now = slot.plus(lateness(rate, share));
                prop_assert_eq!(decide(&mut [(rate, &mut cell)], now), Decision::Admit);
            }
            admits.push(now);
        }
        let planned = (admits.len() as u64 - burst(rate)) * pace(rate).interval();
        let took = now.as_nanos() - START.as_nanos();
        prop_assert!(planned as f64 >= 0.999 * took as f64, "{rate}: {planned} in {took} ns");
        check_windows(rate, &admits[admits.len() - 100..]);
    }

    #[test]
    fn not_until_is_the_first_microsecond_that_admits(
        rates in prop::collection::vec(any_rate(), 1..4),
        cells in prop::collection::vec(prop::option::of(-50i64..50), 4),
    ) {
        let mut cells: Vec<_> = rates.iter().zip(cells).map(|(rate, ahead)| {
            let half = pace(*rate).interval().cast_signed() / 2;
            Cell::from_nanos(ahead.map(|n| START.as_nanos().saturating_add_signed(n * half)))
        }).collect();
        let mut ask = |now| {
            let mut quotas: Vec<_> = rates.iter().copied().zip(cells.iter_mut()).collect();
            decide(&mut quotas, now)
        };
        if let Decision::NotUntil(slot) = ask(START) {
            let early = slot.minus(Duration::from_micros(1));
            prop_assert_eq!(ask(early), Decision::NotUntil(slot));
            prop_assert_eq!(ask(slot), Decision::Admit);
        }
    }

    #[test]
    fn giving_back_never_lets_more_be_sent_than_the_window_holds(
        rate in any_rate(),
        turns in prop::collection::vec((0.0f64..1.5, any::<bool>(), any::<u8>()), 1..150),
    ) {
        let (mut cell, mut now) = (Cell::default(), START);
        let (mut sent, mut unused) = (Vec::new(), Vec::new());
        for (gap, is_used, turn) in turns {
            now = now.plus(Duration::from_nanos(pace(rate).interval()).mul_f64(gap * gap));
            if turn % 3 == 0 && !unused.is_empty() {
                let taken = unused.swap_remove(usize::from(turn) % unused.len());
                give_back(rate, &mut cell, taken, now);
            } else if decide(&mut [(rate, &mut cell)], now) == Decision::Admit {
                if is_used { sent.push(now) } else { unused.push(cell) }
            }
        }
        check_windows(rate, &sent);
    }
}
