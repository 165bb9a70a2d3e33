use crate::assertion;
use crate::compare::{Sameness, Tolerance, compare};
use crate::sample;

use super::*;

fn page_of(run: &Run) -> String {
    page(run, &Findings::default()).unwrap()
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = page_of(&sample::run());
    for outside in [
        "<script", "<link", "<img", "<iframe", "@import", "url(", "href=", "src=",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.matches("http").count();
    let namespaces = page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count();
    assert_eq!(addresses, namespaces);
}

#[test]
fn every_element_that_opens_closes() {
    let page = page_of(&sample::run());
    let paired = [
        "html",
        "head",
        "body",
        "main",
        "section",
        "header",
        "figure",
        "figcaption",
        "table",
        "thead",
        "tbody",
        "tr",
        "td",
        "th",
        "dl",
        "dt",
        "dd",
        "div",
        "ul",
        "li",
        "svg",
        "text",
        "style",
        "title",
        "small",
        "span",
        "p",
        "b",
        "h1",
        "h2",
    ];
    for name in paired {
        let opened =
            page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{name}>")).count(),
            "{name}"
        );
    }
}

#[test]
fn what_was_missed_stands_out() {
    let run = sample::run();
    let expected = ["lost==0", "seconds<=5s"].map(|text| text.parse().unwrap());
    let checks = assertion::check(&run, &expected);
    let findings = Findings {
        checks,
        ..Findings::default()
    };
    let page = page(&run, &findings).unwrap();
    assert!(page.contains("<tr class=\"trouble\"><td>seconds &lt;= 5s</td>"));
    assert_eq!(page.matches("<tr class=\"trouble\">").count(), 1);
    assert!(page.contains("It missed what was expected of it."));
    assert!(!page_of(&run).contains("It missed"));
}

#[test]
fn a_run_that_failed_says_why_at_the_top() {
    let mut run = sample::run();
    run.verdict = Verdict::Fail;
    run.reasons = vec!["2 duplicates at <big>.test".to_owned()];
    let page = page_of(&run);
    let (top, _) = page.split_once("<section").unwrap();
    assert!(top.contains("This run is no result."));
    assert!(top.contains("2 duplicates at &lt;big&gt;.test"));
}

#[test]
fn what_must_not_happen_is_marked_only_when_it_happened() {
    let mut run = sample::run();
    assert!(!page_of(&run).contains("class=\"trouble\""));
    run.outcome.lost = 3;
    assert_eq!(page_of(&run).matches("class=\"trouble\"").count(), 1);
}

#[test]
fn everybody_in_doubt_is_listed_with_what_the_receiver_knows() {
    let page = page_of(&sample::run());
    assert!(page.contains("<td>user7@free.test</td><td>cmp_1</td><td>had arrived</td>"));
    assert!(page.contains("1 more are not listed."));
}

#[test]
fn colours_are_explained_where_they_are_used() {
    let mut run = sample::run();
    let page = page_of(&run);
    assert!(page.contains("key kill") && page.contains("key limit"));
    run.series.kills.clear();
    run.series.domains.remove(0);
    let page = page_of(&run);
    assert!(!page.contains("key kill") && !page.contains("key limit"));
}

#[test]
fn what_was_not_measured_says_so() {
    let mut run = sample::run();
    run.lateness = None;
    run.fsyncs_per_message = None;
    run.series = crate::run::Series::default();
    let page = page_of(&run);
    assert!(page.contains("<dt>fsyncs per message</dt><dd>not measured</dd>"));
    assert!(page.contains("<td>lateness</td><td>not measured</td>"));
    assert!(page.contains("Memory was not measured."));
}

#[test]
fn findings_have_their_sections() {
    let run = sample::run();
    let compared = compare(&run, &run, Tolerance::default(), Sameness::Required);
    let expected = ["lost==0", "seconds<=5s"].map(|text| text.parse().unwrap());
    let findings = Findings {
        checks: assertion::check(&run, &expected),
        comparison: Some(compared.unwrap()),
        files: Vec::new(),
    };
    let page = page(&run, &findings).unwrap();
    assert!(page.contains("<td>seconds &lt;= 5s</td><td>6 s</td><td>missed</td>"));
    assert!(page.contains("<h2>Compared</h2>"));
    assert!(!page_of(&run).contains("<h2>Compared</h2>"));
}
