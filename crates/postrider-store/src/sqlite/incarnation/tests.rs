//! Which store is held up, and which is not, after whatever has happened to it.

use super::*;
use crate::sqlite::{FILE, migrations};

/// A store that was opened before, with a campaign in each of some states.
struct Scene {
    dir: tempfile::TempDir,
    connection: Connection,
}

impl Scene {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        migrations::migrate(&connection, Path::new("x")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        Self { dir, connection }
    }

    fn add(&self, number: i64, state: CampaignState, send_at: Option<i64>) {
        add(&self.connection, number, state, send_at);
    }

    /// A start that finds the log of the last life.
    fn begin(&self) -> Option<i64> {
        self.begin_beside(true)
    }

    fn begin_beside(&self, has_log: bool) -> Option<i64> {
        let path = self.path();
        let begun = begin(&self.connection, &path, has_log).unwrap();
        note(&path, begun.count);
        begun.behind_since.map(Timestamp::as_micros)
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join(FILE)
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join(INCARNATION_FILE)
    }

    /// State and reason of a campaign.
    fn shown(&self, number: i64) -> (u8, Option<u8>) {
        let sql = "SELECT state, paused_because FROM campaigns WHERE campaign = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.connection.query_row(sql, [number], read).unwrap()
    }
}

/// A campaign that was created at 500.
pub(super) fn add(
    connection: &Connection,
    number: i64,
    state: CampaignState,
    send_at: Option<i64>,
) {
    let tally = ", 0".repeat(12);
    let sql = format!(
        "INSERT INTO campaigns (campaign, tenant, name, email, state, is_sealed,
            in_doubt_policy, created_at, send_at, pending, attempting, deferred,
            delivered, bounced, in_doubt, suppressed, capped, expired, cancelled, failed,
            quarantined)
        VALUES (?1, 0, ?2, x'00', ?3, 1, 0, 500, ?4{tally})"
    );
    let name = number.to_string();
    connection
        .execute(&sql, params![number, name, state.number(), send_at])
        .unwrap();
}

const RUNNING: (u8, Option<u8>) = (CampaignState::Running as u8, None);
const HELD_UP: (u8, Option<u8>) = (CampaignState::Paused as u8, Some(2));

#[test]
fn start_after_start_of_the_same_store_holds_nothing_up() {
    let scene = Scene::new();
    for start in 1..4 {
        assert_eq!(scene.begin(), None);
        assert_eq!(noted(&scene.path()), Some(start));
        scene.add(start, CampaignState::Running, None);
    }
    assert_eq!(scene.shown(1), RUNNING);
    // A crash between the store and the file.
    note(&scene.path(), 2);
    assert_eq!(scene.begin(), None);
    assert_eq!(scene.shown(1), RUNNING);
}

#[test]
fn a_store_that_is_behind_its_file_or_has_none_begins_with_every_campaign_paused() {
    for is_missing in [false, true] {
        let scene = Scene::new();
        scene.begin();
        scene.add(1, CampaignState::Running, None);
        scene.add(2, CampaignState::Paused, None);
        scene.add(3, CampaignState::Draft, Some(9));
        scene.add(4, CampaignState::Draft, None);
        scene.add(5, CampaignState::Finished, None);
        if is_missing {
            std::fs::remove_file(scene.file()).unwrap();
        } else {
            note(&scene.path(), 7);
        }
        assert_eq!(scene.begin(), Some(500), "since the newest that it knows");
        assert_eq!((scene.shown(1), scene.shown(2)), (HELD_UP, HELD_UP));
        for draft in [3, 4] {
            assert_eq!(scene.shown(draft), (CampaignState::Draft as u8, Some(2)));
        }
        assert_eq!(scene.shown(5), (CampaignState::Finished as u8, None));
        assert_eq!(scene.begin(), Some(500), "as long as one is held up");
        let resumed = "UPDATE campaigns SET paused_because = NULL";
        scene.connection.execute(resumed, []).unwrap();
        assert_eq!(scene.begin(), None);
    }
}

#[test]
fn a_copy_that_says_so_is_held_up_once_although_its_count_is_right() {
    let scene = Scene::new();
    scene.begin();
    scene.add(1, CampaignState::Running, None);
    mark(&scene.connection, Timestamp::from_micros(800)).unwrap();
    assert_eq!(scene.begin(), Some(800));
    assert_eq!(scene.shown(1), HELD_UP);
    let resumed = "UPDATE campaigns SET state = 1, paused_because = NULL";
    scene.connection.execute(resumed, []).unwrap();
    assert_eq!(scene.begin(), None);
    assert_eq!(scene.shown(1), RUNNING);
}

#[test]
fn a_life_of_a_version_that_did_not_say_whether_it_ended_asks_for_no_log() {
    // A store that never said so, and one whose last life with such a version was another.
    for lives_before in [0, 1] {
        let scene = Scene::new();
        for _ in 0..lives_before {
            scene.begin();
        }
        scene.add(1, CampaignState::Running, None);
        let count = lives_before + 1;
        set(&scene.connection, INCARNATION, count).unwrap();
        note(&scene.path(), count);
        assert_eq!(scene.begin_beside(false), None);
        assert_eq!(scene.shown(1), RUNNING);
    }
}

#[test]
fn a_store_that_is_behind_and_knows_of_no_campaign_is_refused_unless_it_is_a_backup() {
    let scene = Scene::new();
    scene.begin();
    note(&scene.path(), 7);
    let refused = begin(&scene.connection, &scene.path(), true).err().unwrap();
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused}");
    mark(&scene.connection, Timestamp::from_micros(800)).unwrap();
    assert_eq!(scene.begin(), None);
    assert_eq!(noted(&scene.path()), Some(8));
}
