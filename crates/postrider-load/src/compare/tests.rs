use postrider_mock_smtp::Profile;

use crate::plan::tests::options;
use crate::sample;

use super::*;

fn change(base: &Run, new: &Run, name: &str) -> (Option<f64>, Change) {
    let found = compare(base, new, Tolerance::default(), Sameness::Required).unwrap();
    let row = found.rows.into_iter().find(|row| row.name == name).unwrap();
    (row.ratio, row.change)
}

#[test]
fn a_run_is_the_same_as_itself() {
    let run = sample::run();
    let found = compare(&run, &run, Tolerance::default(), Sameness::Required).unwrap();
    assert!(found.is_met());
    assert!(found.rows.iter().all(|row| row.change == Change::Same));
    assert!(found.rows.iter().all(|row| row.ratio == Some(1.0)));
}

#[test]
fn more_is_better_for_a_rate_and_worse_for_a_cost() {
    let base = sample::run();
    let mut new = base.clone();
    new.rate_achieved *= 1.1;
    new.cpu_us_per_message *= 1.1;
    assert_eq!(change(&base, &new, "rate").1, Change::Better);
    assert_eq!(change(&base, &new, "cpu per message").1, Change::Worse);
    assert_eq!(change(&new, &base, "rate").1, Change::Worse);
    assert_eq!(change(&new, &base, "cpu per message").1, Change::Better);
}

#[test]
fn the_tolerance_is_the_last_that_is_the_same() {
    let base = sample::run();
    let check = |factor: f64, tolerance: &str, is_met| {
        let mut new = base.clone();
        new.rate_achieved *= factor;
        let tolerance = tolerance.parse().unwrap();
        let found = compare(&base, &new, tolerance, Sameness::Required).unwrap();
        assert_eq!(found.is_met(), is_met, "{factor} within {tolerance}");
    };
    check(0.951, "5%", true);
    check(0.949, "5%", false);
    check(0.901, "0.1", true);
    check(0.999, "0%", false);
}

#[test]
fn lateness_below_a_millisecond_is_no_news() {
    let with = |p99_us| {
        let mut run = sample::run();
        run.lateness.as_mut().unwrap().p99_us = p99_us;
        run
    };
    let check = |base, new, expected| {
        let found = change(&with(base), &with(new), "lateness p99");
        assert_eq!(found, expected, "{base} to {new}");
    };
    check(0, 900, (Some(1.0), Change::Same));
    check(0, 2_000, (Some(2.0), Change::Worse));
    check(30_000, 15_000, (Some(0.5), Change::Better));
}

#[test]
fn what_was_not_measured_has_no_ratio() {
    let base = sample::run();
    let mut new = base.clone();
    new.lateness = None;
    assert_eq!(change(&base, &new, "lateness p99"), (None, Change::Unknown));
}

#[test]
fn runs_that_did_something_else_are_refused_unless_it_is_waived() {
    let base = sample::run();
    let mut new = base.clone();
    new.options.recipients = 5;
    new.options.limit = None;
    new.machine.cores = 64;
    let refused = compare(&base, &new, Tolerance::default(), Sameness::Required);
    let sentence = refused.unwrap_err().to_string();
    assert!(sentence.contains("recipients 900 and 5"), "{sentence}");
    assert!(sentence.contains("cores 2 and 64"), "{sentence}");
    assert!(sentence.contains("limit 50/s and none"), "{sentence}");
    let waived = compare(&base, &new, Tolerance::default(), Sameness::Waived).unwrap();
    assert_eq!(waived.differences.len(), 3);
}

#[test]
fn a_run_that_failed_is_never_compared() {
    let base = sample::run();
    let mut new = base.clone();
    new.verdict = Verdict::Fail;
    new.reasons = vec!["3 duplicates".to_owned()];
    for (base, new, which) in [(&base, &new, "the new run"), (&new, &base, "the base run")] {
        let refused = compare(base, new, Tolerance::default(), Sameness::Waived);
        let sentence = refused.unwrap_err().to_string();
        assert!(sentence.starts_with(which) && sentence.contains("3 duplicates"));
    }
}

#[test]
fn a_tolerance_is_a_share() {
    let check = |text: &str, expected: Option<f64>| {
        assert_eq!(text.parse().ok().map(Tolerance::share), expected, "{text}");
    };
    check("5%", Some(0.05));
    check("0.2", Some(0.2));
    check("100%", None);
    check("-1%", None);
    check("much", None);
}

#[test]
fn a_run_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    fs::write(&path, serde_json::to_vec_pretty(&sample::run()).unwrap()).unwrap();
    assert_eq!(read_run(&path).unwrap(), sample::run());
    fs::write(&path, "{}").unwrap();
    assert!(matches!(read_run(&path), Err(CompareError::NoRun { .. })));
}

#[test]
fn what_would_not_be_compared_is_known_before_the_run() {
    let plan = Plan::new(options(), Profile::sink()).unwrap();
    let mut base = sample::run();
    base.options = plan.shown("the limits of that run".to_owned());
    base.seed = plan.options.seed;
    assert!(foresee(&base, &plan, Sameness::Required).is_ok());

    base.options.connections += 1;
    let error = foresee(&base, &plan, Sameness::Required).unwrap_err();
    assert!(
        error.to_string().contains("connections 21 and 20"),
        "{error}"
    );
    assert!(foresee(&base, &plan, Sameness::Waived).is_ok());

    base.verdict = Verdict::Fail;
    assert!(foresee(&base, &plan, Sameness::Waived).is_err());
}
