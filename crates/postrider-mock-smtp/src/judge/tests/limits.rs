//! Rates.

use super::*;

const FIFTY: &str = "[domain.'x.test']\nrate = '50/s'\nburst = 5";

#[test]
fn an_even_pace_with_its_burst_is_within_every_window() {
    let mut case = Case::under(FIFTY);
    case.mails_ms("", "x.test", [0; 4]);
    case.mails_ms("", "x.test", (0..4000).map(|n| n * 20));
    let limits = case.passes().limits;
    let windows: Vec<_> = limits[0]
        .windows
        .iter()
        .map(|it| (it.seconds, it.most, it.bound))
        .collect();
    assert_eq!(windows, [(1, 54, 55), (10, 504, 505), (60, 3004, 3005)]);
    assert_eq!(
        (limits[0].name.as_str(), limits[0].rate.as_str()),
        ("x.test", "50/s")
    );
}

#[test]
fn a_second_with_one_more_than_its_bound_is_exceeded() {
    let mut case = Case::under(FIFTY);
    case.mails_ms("", "x.test", [500; 55]);
    case.passes();
    case.mails_ms("", "x.test", [1499]);
    let verdict =
        case.fails("the limit of x.test (50/s, burst 5, jitter 0 us) was exceeded: 56 in 1 s");
    assert!(verdict.limits[0].is_exceeded);
}

#[test]
fn a_pace_that_only_a_long_window_shows_is_exceeded_there_alone() {
    let mut case = Case::under(FIFTY);
    // 51 a second: 0.2 % over, and so 510 in ten seconds and 3,060 in a minute.
    case.mails_ms("", "x.test", (0..3060).map(|n| n * 1000 / 51));
    let verdict = case.fails("the limit of x.test");
    let over: Vec<_> = verdict.limits[0]
        .windows
        .iter()
        .map(|it| it.most > it.bound)
        .collect();
    assert_eq!(over, [false, true, true]);
}

#[test]
fn jitter_adds_to_a_window_what_it_may_have_delayed_and_no_more() {
    let mut case = Case::under("[domain.'x.test']\nrate = '1000/s'\nburst = 1");
    case.mails_ms("", "x.test", [0; 1011]);
    case.fails("the limit of x.test");
    case.late(10_000);
    assert_eq!(case.passes().limits[0].jitter_us, 10_000);
    case.mails_ms("", "x.test", [0; 11]);
    case.fails("the limit of x.test");
    // However late the mock was, twenty milliseconds are all that it grants.
    case.late(5_000_000);
    let verdict = case.fails("the limit of x.test (1000/s, burst 1, jitter 20000 us)");
    assert_eq!(verdict.limits[0].windows[0].bound, 1021);
}

#[test]
fn a_provider_counts_all_of_its_domains_together() {
    let profile = "[provider.big]\nrate = '10/s'\nburst = 2\n[domain.'a.test']\nprovider = 'big'\n\
        [domain.'b.test']\nprovider = 'big'\nrate = '10/s'\nburst = 2";
    let mut case = Case::under(profile);
    case.mails_ms("big", "a.test", [0; 6]);
    case.mails_ms("big", "b.test", [0; 6]);
    assert_eq!(
        case.passes().limits.len(),
        2,
        "a.test has no rate of its own"
    );
    case.mails_ms("big", "a.test", [0]);
    case.fails("the limit of provider big (10/s, burst 2, jitter 0 us) was exceeded: 13 in 1 s");
}

#[test]
fn every_domain_without_a_table_has_the_default_rate_for_itself() {
    let mut case = Case::under("[default]\nrate = '10/s'\nburst = 1");
    case.mails_ms("", "a.test", [0; 11]);
    case.mails_ms("", "b.test", [0; 11]);
    assert_eq!(case.passes().limits.len(), 2);
    case.mails_ms("", "b.test", [999]);
    let verdict = case.fails("the limit of b.test");
    assert_eq!(verdict.limits[0].name, "b.test", "the worst comes first");
}

#[test]
fn a_rate_that_is_changed_is_judged_anew_and_the_old_one_stays_told() {
    let mut case = Case::under("[domain.'x.test']\nrate = '100/s'\nburst = 1");
    case.mails_ms("", "x.test", [0; 90]);
    case.serve("[domain.'x.test']\nrate = '10/s'\nburst = 1");
    case.mails_ms("", "x.test", [100; 11]);
    assert_eq!(case.passes().limits.len(), 2);
    case.mails_ms("", "x.test", [200]);
    case.fails("the limit of x.test (10/s");
    case.serve("");
    case.mails_ms("", "x.test", [300; 5000]);
    let verdict = case.fails("the limit of x.test (10/s");
    assert_eq!(verdict.limits.len(), 2);
}

#[test]
fn a_profile_that_says_the_same_again_changes_nothing() {
    let mut case = Case::under(FIFTY);
    case.mails_ms("", "x.test", [0; 30]);
    case.serve(FIFTY);
    case.mails_ms("", "x.test", [1; 30]);
    case.fails("the limit of x.test");
}
