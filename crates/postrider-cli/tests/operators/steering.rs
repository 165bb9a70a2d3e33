use crate::scene::Scene;

#[test]
fn a_draft_is_given_another_time_or_none() {
    let scene = Scene::new();
    scene.draft("default", "october");
    let shown = scene.done("campaign schedule october --at 2100-01-01T09:00:00+01:00");
    assert!(shown.contains("starts at: 2100-01-01T08:00:00"), "{shown}");
    let said = scene.run("campaign schedule october --clear");
    assert!(!said.stdout.contains("starts at"), "{said:?}");
    assert!(
        said.stderr.contains("postrider campaign start cmp_1"),
        "{said:?}"
    );
    scene.refused("campaign schedule october", 2, &["--at", "--clear"]);
    scene.refused(
        "campaign schedule october --at soon",
        2,
        &["2026-11-21T09:30:00Z"],
    );
    scene.done("campaign start october");
    scene.refused(
        "campaign schedule october --clear",
        4,
        &["running", "pause"],
    );
}

#[test]
fn a_retry_that_fits_nobody_says_so_and_how_to_look() {
    let scene = Scene::new();
    scene.draft("default", "october");
    let said = scene.run("campaign retry october --state bounced,failed --dry-run");
    assert_eq!(said.exit, 0, "{said:?}");
    assert!(said.stdout.contains("nothing was changed"), "{said:?}");
    assert!(
        said.stderr
            .contains("postrider receipt list --campaign cmp_1"),
        "{said:?}"
    );
    scene.refused("campaign retry october --state bounced", 2, &["--reason"]);
    scene.refused(
        "campaign retry october --state delivered --reason again",
        1,
        &["delivered"],
    );
    scene.refused(
        "receipt resolve --campaign october --as lost --dry-run",
        2,
        &["retry"],
    );
}

#[test]
fn what_is_cancelled_by_mistake_is_counted_and_sent_again() {
    let scene = Scene::new();
    scene.draft("default", "october");
    scene.done("campaign start october");
    scene.refused("campaign cancel october", 6, &["2 recipients", "--yes"]);
    scene.done("campaign cancel october --yes");
    let would = scene.done("campaign retry october --state cancelled --dry-run");
    assert!(
        would.starts_with("2 recipients would be pending"),
        "{would}"
    );
    let done = scene.done("campaign retry october --state cancelled --reason mistake");
    assert!(done.starts_with("2 recipients set to pending"), "{done}");
    let shown = scene.done("campaign show october");
    assert!(shown.contains("running"), "{shown}");
}
