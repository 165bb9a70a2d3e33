use crate::assertion;
use crate::compare::{Sameness, Tolerance, compare};
use crate::sample;

use super::*;

fn report(run: &Run) -> String {
    text(run, &Findings::default())
}

fn line<'a>(report: &'a str, start: &str) -> &'a str {
    let mut lines = report.lines();
    lines.find(|line| line.starts_with(start)).expect(start)
}

#[test]
fn what_became_of_everyone_stands_first() {
    let report = report(&sample::run());
    let first = report.lines().next().unwrap();
    assert_eq!(
        first,
        "planned 900 · delivered 890 · bounced 6 · in doubt 2 (1 had arrived) · duplicates 0 \
         · lost 0 · false receipts 0 · took 6 s"
    );
    assert_eq!(line(&report, "also"), "also        deferred 1 · expired 1");
    let in_doubt = line(&report, "in doubt");
    assert_eq!(in_doubt, "in doubt    cmp_1  user7@free.test  had arrived");
    assert!(report.contains("in doubt    and 1 more"));
}

#[test]
fn target_achieved_and_allowed_stand_apart() {
    let report = report(&sample::run());
    assert!(line(&report, "rate").ends_with("target    50/s a domain"));
    assert!(line(&report, "            achieved").ends_with("150/s"));
    assert!(line(&report, "            allowed").contains("152/s, 98.6% used"));
}

#[test]
fn without_limits_nothing_is_claimed_of_them() {
    let run = Run {
        rate_allowed: None,
        utilisation: None,
        lateness: None,
        ..sample::run()
    };
    let report = report(&run);
    assert!(line(&report, "            allowed").ends_with("no limits"));
    assert!(line(&report, "lateness").ends_with("not measured"));
}

#[test]
fn one_message_has_no_rate() {
    let mut run = sample::run();
    run.domains.truncate(1);
    run.domains[0].mails = 1;
    let cells: Vec<_> = phrases::domain_cells(&run.domains[0]).to_vec();
    assert_eq!(cells[6], "–");
}

#[test]
fn the_bottleneck_is_always_named() {
    let report = report(&sample::run());
    assert!(
        line(&report, "bottleneck")
            .starts_with("bottleneck  limits, beside 1 kill and 1 pause (service 0.12")
    );
    let mut run = sample::run();
    run.bottleneck = crate::run::Bottleneck::MockCpu;
    (run.kills, run.pauses) = (0, 0);
    assert!(text(&run, &Findings::default()).contains("says little of the service (service"));
}

#[test]
fn domains_are_listed_to_a_bound_and_the_others_are_counted() {
    let mut run = sample::run();
    run.limits.clear();
    let one = run.domains[0].clone();
    run.domains = vec![one; REPORT_ROWS_MAX + 7];
    let report = report(&run);
    assert_eq!(report.matches("\nlimited.test").count(), REPORT_ROWS_MAX);
    assert!(report.contains("and 10 domains more"));
}

#[test]
fn every_limit_is_shown_with_its_fullest_windows() {
    let mut run = sample::run();
    let held = report(&run);
    assert!(
        held.contains("51 of 60  501 of 510  451 of 3,010  held"),
        "{held}"
    );
    run.limits[0].is_exceeded = true;
    run.limits[0].windows.pop();
    assert!(report(&run).contains("501 of 510  not measured  EXCEEDED"));
    run.limits.clear();
    assert!(!report(&run).contains("most in 1 s"));
}

#[test]
fn every_door_is_shown_with_what_was_seen_of_its_caps() {
    let mut run = sample::run();
    let held = report(&run);
    assert!(
        line(&held, "big").ends_with("5 of 5         48 of 50  held"),
        "{held}"
    );
    run.doors[0].messages_max = None;
    run.doors[0].is_exceeded = true;
    assert!(report(&run).contains("48 of any  EXCEEDED"));
    run.doors.clear();
    assert!(!report(&run).contains("messages on one"));
}

#[test]
fn the_verdict_is_last_and_a_failed_run_is_no_result() {
    let mut run = sample::run();
    assert!(
        report(&run)
            .lines()
            .last()
            .unwrap()
            .starts_with("VERDICT  PASS")
    );
    run.verdict = Verdict::Fail;
    run.reasons = vec!["2 duplicates".to_owned()];
    assert!(report(&run).ends_with("VERDICT  FAIL: this run is no result\n  2 duplicates"));
}

#[test]
fn assertions_comparison_and_files_are_shown_when_there_are_any() {
    let run = sample::run();
    let mut new = run.clone();
    new.cpu_us_per_message *= 2.0;
    let compared = compare(&run, &new, Tolerance::default(), Sameness::Required).unwrap();
    let expected = ["lost==0", "seconds<=5s"].map(|text| text.parse().unwrap());
    let findings = Findings {
        checks: assertion::check(&run, &expected),
        comparison: Some(compared),
        files: vec![PathBuf::from("run.json"), PathBuf::from("run.hgrm")],
    };
    assert!(!findings.are_met());
    assert!(Findings::default().are_met());
    let report = text(&run, &findings);
    assert_eq!(line(&report, "files"), "files       run.json · run.hgrm");
    assert_eq!(line(&report, "ASSERTIONS"), "ASSERTIONS  1 met, 1 missed");
    assert!(report.contains("missed: expected seconds <= 5s, found 6 s"));
    assert!(report.contains("1 figure is worse by more than 5%"));
    assert!(line(&report, "cpu per message").ends_with("2.000  WORSE"));
}

#[test]
fn no_line_ends_in_spaces() {
    for line in report(&sample::run()).lines() {
        assert_eq!(line, line.trim_end());
    }
}
