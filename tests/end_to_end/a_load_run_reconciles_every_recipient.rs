//! A load run holds every receipt against what the receiver saw, whatever befell the service.
//!
//! The verdict and the figures are read from `run.json`, as a script would.

use std::path::PathBuf;

use postrider_load::Run;
use postrider_load::run::Verdict;
use postrider_tests::Ended;

use crate::house::{House, beside_others};

/// A run with these words; its files lie in the house.
struct Loaded {
    ended: Ended,
    run: Run,
    html: PathBuf,
}

async fn load(house: &House, words: &str) -> Loaded {
    let (out, html) = (house.path("run.json"), house.path("report.html"));
    let mut line: Vec<_> = words.split(' ').collect();
    line.splice(0..0, ["load", "run"]);
    let text = |path: &PathBuf| path.to_str().expect("a temporary path is UTF-8").to_owned();
    let (out_text, html_text) = (text(&out), text(&html));
    line.extend(["--out", &out_text, "--html", &html_text]);
    let ended = house.run(&line).await;
    let text = std::fs::read(&out).unwrap_or_else(|_| panic!("there is no run: {ended}"));
    let run = serde_json::from_slice(&text).expect("run.json is a run");
    Loaded { ended, run, html }
}

#[tokio::test]
async fn a_load_run_reconciles_every_recipient() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 2k --campaigns 2 --attachment-bytes 3k --seed 7 \
                 --assert lost==0 --assert duplicates==0";
    let Loaded { ended, run, html } = load(&house, words).await;
    let ended = ended.with(0);
    assert!(ended.stdout.contains("PASS"), "{ended}");
    let outcome = &run.outcome;
    assert_eq!((outcome.planned, outcome.delivered), (4_000, 4_000));
    assert_eq!((outcome.duplicates, outcome.lost), (0, 0));
    assert_eq!((outcome.false_receipts, outcome.in_doubt), (0, 0));
    assert_eq!((run.bodies_checked, run.bodies_corrupted), (4_000, 0));
    assert!(run.rate_achieved > 0.0 && run.intake_rate > 0.0);
    assert!(run.rss_bytes_max > 1 << 20, "{}", run.rss_bytes_max);
    assert!(run.cpu_us_per_message > 0.0 && run.commits_per_message.is_some());
    let turns = run.round_trips_per_message.expect("messages were sent");
    assert!((1.0..6.0).contains(&turns), "{turns} round trips a message");
    let in_series = run
        .series
        .domains
        .iter()
        .flat_map(|domain| &domain.accepted);
    assert_eq!(in_series.sum::<u64>(), 4_000);
    let html = std::fs::read_to_string(html).unwrap();
    assert!(html.contains("<svg"), "a report has plots");
}

#[tokio::test]
async fn a_load_run_uses_what_the_limits_allow_and_never_more() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 300 --domains a.test=2,b.test=1 --limit 50/s";
    let Loaded { ended, run, .. } = load(&house, words).await;
    ended.with(0);
    let utilisation = run.utilisation.expect("there are limits");
    assert!((0.8..=1.02).contains(&utilisation), "{utilisation}");
    let allowed = run.rate_allowed.expect("there are limits");
    assert!(
        run.rate_achieved <= allowed * 1.05,
        "{} of {allowed}",
        run.rate_achieved
    );
}

#[tokio::test]
async fn a_load_run_keeps_the_caps_of_every_provider_at_its_own_door() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 400 --profile providers-like --seed 7";
    let Loaded { ended, run, .. } = load(&house, words).await;
    let ended = ended.with(0);
    assert_eq!(run.doors.len(), 9, "{:?}", run.doors);
    for door in &run.doors {
        assert!(!door.is_exceeded, "{door:?}");
        assert!(
            Some(door.connections_most) <= door.connections_max,
            "{door:?}"
        );
        assert!(Some(door.messages_most) <= door.messages_max, "{door:?}");
        assert!(door.messages_most > 0, "{door:?}");
    }
    assert!(ended.stdout.contains("megamail"), "{ended}");
}

#[tokio::test]
async fn a_load_run_of_a_service_that_ignores_caps_fails() {
    const PROFILE: &str = "name = 'caps'\n[audience]\n'few.test' = 1\n'short.test' = 1\n\
        [provider.few]\naddress = '127.0.1.1'\nconnections_max = 2\n\
        [provider.short]\naddress = '127.0.1.2'\nmessages_per_connection_max = 5\n\
        [domain.'few.test']\nprovider = 'few'\nlatency = { dot = '10ms' }\n\
        [domain.'short.test']\nprovider = 'short'\n";
    let _turn = beside_others().await;
    let house = House::new();
    let profile = house.write("caps.toml", PROFILE);
    let words = format!("--recipients 300 --profile {}", profile.display());
    load(&House::new(), &words).await.ended.with(0);

    let ignores = "[routes.few]\nconnections = 20\n\
                   [routes.short]\nmessages_per_connection = \"none\"\n";
    let config = house.write("ignore.toml", ignores);
    let words = format!("{words} --config {}", config.display());
    let Loaded { ended, run, .. } = load(&house, &words).await;
    ended.with(1);
    let reasons = run.reasons.join("; ");
    assert!(reasons.contains("provider few saw"), "{reasons}");
    assert!(
        reasons.contains("provider short saw 6 messages"),
        "{reasons}"
    );
    assert!(
        run.doors.iter().all(|door| door.is_exceeded),
        "{:?}",
        run.doors
    );
}

#[tokio::test]
async fn a_load_run_stands_beside_another_client_and_another_store() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 500 --store memory --baseline smtp-source";
    let Loaded { ended, run, .. } = load(&house, words).await;
    let ended = ended.with(0);
    let baseline = run.baseline.expect("a baseline was asked for");
    assert_eq!(baseline.messages, 500);
    assert!(baseline.rate > 0.0 && baseline.ratio > 0.0);
    assert!(ended.stdout.contains("smtp-source"), "{ended}");
    assert_eq!(
        (run.bytes_per_recipient, run.fsyncs_per_message),
        (None, None)
    );
}

#[tokio::test]
async fn a_load_run_under_kills_and_pauses_still_balances() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 2k --domains a.test=1 --limit 400/s --kill-every 1500ms \
                 --pause-every 2500ms --seed 7";
    let Loaded { ended, run, .. } = load(&house, words).await;
    ended.with(0);
    assert!(run.kills >= 1, "{} kills", run.kills);
    let outcome = &run.outcome;
    assert_eq!(outcome.delivered + outcome.in_doubt, 2_000, "{outcome:?}");
    assert_eq!((outcome.duplicates, outcome.lost), (0, 0));
    assert_eq!(run.in_doubt_listed.len() as u64, outcome.in_doubt);
    assert_eq!(run.doubts.unread_max, u64::from(run.kills) * 20);
    assert!(run.balance.looks > 0 && run.balance.broken == 0);
}

#[tokio::test]
async fn a_load_run_lists_who_is_in_doubt_and_who_of_them_got_it() {
    let _turn = beside_others().await;
    let house = House::new();
    // Who does not answer is given up after a second, so that the scene is short.
    let config = house.write("patience.toml", "[timeouts]\ndot = \"1s\"\n");
    let words = "--recipients 1k --profile ambiguous --seed 7 --config";
    let words = format!("{words} {}", config.display());
    let Loaded { ended, run, .. } = load(&house, &words).await;
    ended.with(0);
    let outcome = &run.outcome;
    assert!(outcome.in_doubt > 0, "the profile leaves nobody in doubt");
    assert_eq!(run.in_doubt_listed.len() as u64, outcome.in_doubt);
    let arrived = run.in_doubt_listed.iter().filter(|who| who.has_arrived);
    assert_eq!(arrived.count() as u64, outcome.in_doubt_arrived);
    assert!((1..outcome.in_doubt).contains(&outcome.in_doubt_arrived));
}

#[tokio::test]
async fn a_load_run_judges_doubt_by_what_campaigns_were_told_to_do() {
    let _turn = beside_others().await;
    for policy in ["retry", "assume-delivered"] {
        let house = House::new();
        // A doubt is old enough as soon as the dot's deadline and the lease are over.
        let config = "[timeouts]\ndot = \"1s\"\n[lease]\ntime = \"2s\"\nslice = \"1s\"\n";
        let config = house.write("patience.toml", config);
        let words = format!(
            "--recipients 1k --profile ambiguous --time-scale 10 --seed 7 --config {} \
             --in-doubt {policy} --in-doubt-retry-after 3s",
            config.display()
        );
        let Loaded { ended, run, .. } = load(&house, &words).await;
        ended.with(0);
        let (outcome, doubts) = (&run.outcome, &run.doubts);
        assert_eq!((outcome.delivered, outcome.in_doubt), (1_000, 0));
        assert_eq!((outcome.duplicates, outcome.lost), (0, 0));
        assert!(doubts.replies_missing > 0, "every reply arrived");
        let is_sent_again = policy == "retry";
        let again = if is_sent_again {
            doubts.replies_missing
        } else {
            0
        };
        assert_eq!(doubts.sent_again, again, "{policy}: {doubts:?}");
        assert_eq!(doubts.possible_duplicates > 0, is_sent_again, "{doubts:?}");
        assert_eq!(doubts.assumed_delivered > 0, !is_sent_again, "{doubts:?}");
        assert!(run.balance.looks > 0 && run.balance.broken == 0);
    }
}

#[tokio::test]
async fn a_load_run_says_when_an_expectation_is_missed_and_when_its_time_is_over() {
    let _turn = beside_others().await;
    let house = House::new();
    let words = "--recipients 100 --assert rate_achieved<1";
    load(&house, words).await.ended.with(99);
    let house = House::new();
    let words = "--recipients 100 --domains a.test=1 --limit 1/s --duration 2s";
    let Loaded { ended, run, .. } = load(&house, words).await;
    ended.with(1);
    assert_eq!(run.verdict, Verdict::Fail);
    let reasons = run.reasons.join("; ");
    assert!(reasons.contains("did not end within 2s"), "{reasons}");
}
