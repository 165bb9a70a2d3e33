//! Incident 3: what waits for long is not handed out again and again.

use crate::simulation::{LongWait, Options, Schedule, Simulator};

fn wait(wait: LongWait) -> Schedule {
    let schedule = Simulator::new(Options::default()).wait_long(wait, 1);
    let counts = &schedule.counts;
    println!("{counts}");
    assert_eq!(schedule.violation, None);
    assert!(counts.kills > 400, "{counts}");
    schedule
}

#[test]
fn ten_thousand_that_wait_96_hours_under_leases_of_one_get_exactly_one_copy() {
    let schedule = wait(LongWait::NINETY_SIX_HOURS);
    assert_eq!(schedule.counts.accepts, 10_000);
    assert_eq!(schedule.counts.doubts, 0);
}

#[test]
fn whoever_waits_while_workers_die_gets_one_copy_or_is_in_doubt() {
    wait(LongWait {
        recipients: 2_000,
        is_killed: true,
        ..LongWait::NINETY_SIX_HOURS
    });
}
