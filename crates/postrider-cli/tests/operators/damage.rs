//! A chunk that cannot be read, from its first sight to its end.

use crate::scene::Scene;

/// A campaign of which one chunk was torn on the disk, which a purge met.
fn torn() -> Scene {
    let scene = Scene::new();
    scene.draft("default", "october");
    scene.done("campaign start october");
    scene.damage("UPDATE chunks SET recipients = x'02ff' WHERE chunk = 1");
    scene.done("purge --campaign october --yes");
    scene
}

#[test]
fn a_chunk_that_cannot_be_read_is_listed_shown_and_discarded() {
    let scene = torn();
    let list = scene.done("quarantine list");
    assert!(list.contains("1 of cmp_1"), "{list}");
    assert!(list.contains("cmp_1 (october)"), "{list}");
    let shown = scene.done("quarantine show --chunk 1");
    assert!(
        shown.starts_with("chunk 1 of cmp_1 is in quarantine since"),
        "{shown}"
    );

    let would = scene.done("quarantine discard --chunk 1 --dry-run");
    assert_eq!(
        would,
        "1 recipient would end cancelled; nothing was changed\n"
    );
    scene.refused("quarantine discard --chunk 1", 6, &["1 recipient", "--yes"]);
    let done = scene.done("quarantine discard --chunk 1 --yes");
    assert_eq!(done, "1 recipient ended cancelled\n");
    let said = scene.run("quarantine list");
    assert_eq!(said.stderr, "nothing is in quarantine\n", "{said:?}");
}

#[test]
fn who_was_in_a_chunk_that_cannot_be_read_stays_when_nobody_knows_what_was_to_be_sent() {
    let scene = torn();
    let done = scene.done("quarantine release --chunk 1");
    assert_eq!(done, "0 recipients left the quarantine\n");
    let list = scene.done("quarantine list");
    assert!(list.contains("1 of cmp_1"), "{list}");
}
