use crate::scene::Scene;

#[test]
fn a_purge_counts_and_asks_before_it_ends_anything() {
    let scene = Scene::new();
    scene.done("tenant create acme");
    scene.draft("acme", "october");
    let email = scene.email("acme");
    for what in [
        "--campaign october --tenant acme".to_owned(),
        format!("--email {email} --tenant acme"),
        "--tenant acme".to_owned(),
        "--campaign cmp_1".to_owned(),
    ] {
        let would = scene.done(&format!("purge {what} --dry-run"));
        let expect = "2 recipients would end cancelled; nothing was changed\n";
        assert_eq!(would, expect, "{what}");
        scene.refused(&format!("purge {what}"), 6, &["2 recipients", "--yes"]);
    }
    let nowhere = "purge --lane nowhere.test --dry-run";
    scene.refused(nowhere, 3, &["nothing waits for nowhere.test"]);
    let done = scene.done("purge --tenant acme --yes");
    assert_eq!(done, "2 recipients ended cancelled\n");
    scene.refused("purge --dry-run", 2, &["--campaign", "--lane"]);
    scene.refused("purge --campaign october --lane a.test", 2, &["--lane"]);
}

#[test]
fn a_tenant_is_deleted_with_a_count_of_what_waits() {
    let scene = Scene::new();
    scene.done("tenant create acme");
    scene.draft("acme", "october");
    scene.refused("tenant delete acme", 6, &["2 recipients", "--yes"]);
    let done = scene.done("tenant delete acme --yes");
    assert_eq!(
        done,
        "tenant acme is deleted; 2 recipients ended cancelled\n"
    );
    let again = scene.done("tenant delete acme --yes");
    assert!(again.contains("0 recipients"), "{again}");
    scene.refused(
        "tenant delete nobody --yes",
        3,
        &["`postrider tenant list`"],
    );
    scene.refused("tenant delete default --yes", 1, &["stays"]);
}

#[test]
fn erasing_whom_nobody_knows_does_no_harm_and_says_so() {
    let scene = Scene::new();
    scene.draft("default", "october");
    scene.refused("recipient erase ada@a.test", 6, &["--yes"]);
    let done = scene.done("recipient erase ada@a.test --yes");
    assert_eq!(done, "erased in 1 place\n");
    let again = scene.run("recipient erase ada@a.test --yes");
    assert_eq!(
        (again.exit, again.stdout.as_str()),
        (0, "erased in 0 places\n")
    );
    assert!(again.stderr.contains("nothing is known"), "{again:?}");
    scene.refused("recipient erase ada --yes", 1, &["no @"]);
}

#[test]
fn what_is_not_in_quarantine_is_neither_shown_nor_discarded() {
    let scene = Scene::new();
    scene.draft("default", "october");
    let email = scene.email("default");
    let said = scene.run("quarantine list");
    assert_eq!(said.stderr, "nothing is in quarantine\n");
    let list = ["`postrider quarantine list`"];
    scene.refused(&format!("quarantine show --email {email}"), 3, &list);
    scene.refused("quarantine show --chunk 1", 3, &list);
    scene.refused("quarantine release --chunk 1", 3, &list);
    let find = ["ada@a.test", "`postrider receipt find ADDRESS`"];
    scene.refused(
        "quarantine show --campaign october --address ada@a.test",
        3,
        &find,
    );
    let free = ["not in quarantine"];
    scene.refused(
        &format!("quarantine discard --email {email} --yes"),
        4,
        &free,
    );
    let would = scene.done("quarantine release --campaign october --dry-run");
    assert_eq!(
        would,
        "0 recipients would leave the quarantine; nothing was changed\n"
    );
    scene.refused("quarantine release --campaign october", 2, &["--reason"]);
    scene.refused("quarantine show", 2, &["--campaign", "--email", "--chunk"]);
}
