//! How a restored backup is known for what it is.
//!
//! A backup does not know what was sent after it was made, so whatever it calls pending may have
//! arrived long ago. Every start therefore counts: in the store, and in a file beside it. A store
//! that is put in place of a newer one is behind that file, one that is put into an empty
//! directory has none, and one that `backup` wrote says so itself. Each of them begins with every
//! campaign paused, in the same transaction in which it takes up the count; a person resumes.
//!
//! Not seen is a copy of the whole directory, file included, and a copy made by other means than
//! `backup` that is put back before the next start: nothing on this machine tells them from the
//! store itself.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use postrider_types::{CampaignState, PauseReason, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::fault;
use crate::error::StoreError;

/// The name of the file with the count in the data directory.
pub const INCARNATION_FILE: &str = "incarnation";

/// How many starts there were.
const INCARNATION: &str = "incarnation";

/// When a backup was made; only in a file that `backup` wrote and that was not opened since.
const TAKEN_AT: &str = "backup_taken_at";

/// Since when deliveries may have gone out that this store does not know of.
const RESTORED_SINCE: &str = "restored_since";

/// Counts a start. Of a restored backup, and as long as one of its campaigns is held up, gives the
/// instant from which on deliveries may have gone out that it does not know of.
pub(super) fn begin(
    connection: &mut Connection,
    data_dir: &Path,
) -> Result<Option<Timestamp>, StoreError> {
    let path = data_dir.join(INCARNATION_FILE);
    let noted = noted(&path);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let kept = get(&transaction, INCARNATION)?;
    let taken_at = get(&transaction, TAKEN_AT)?.map(Timestamp::from_micros);
    let has_campaigns = "SELECT EXISTS (SELECT 1 FROM campaigns)";
    let has_campaigns: bool = transaction.query_row(has_campaigns, [], |row| row.get(0))?;
    // A store from before there was a count has neither.
    let is_behind = match (kept, noted) {
        (Some(_), None) => true,
        (kept, Some(noted)) => kept.unwrap_or(0) < noted,
        (None, None) => false,
    };
    if has_campaigns && (is_behind || taken_at.is_some()) {
        let since = match taken_at {
            Some(taken_at) => taken_at,
            None => newest(&transaction)?,
        };
        hold_up(&transaction)?;
        set(&transaction, RESTORED_SINCE, since.as_micros())?;
    }
    forget(&transaction, TAKEN_AT)?;
    let next = kept.max(noted).unwrap_or(0).saturating_add(1);
    set(&transaction, INCARNATION, next)?;
    let since = still_held_up(&transaction)?;
    transaction.commit()?;
    // A crash before this leaves the file behind the store, which is harmless.
    if let Err(error) = note(&path, next) {
        tracing::warn!(%error, path = %path.display(), "the count of starts cannot be noted");
    }
    Ok(since)
}

/// Says in a copy of a store that it is one.
pub(super) fn mark(copy: &Connection, taken_at: Timestamp) -> Result<(), StoreError> {
    set(copy, TAKEN_AT, taken_at.as_micros())
}

/// Whatever may begin something by itself waits for a person.
fn hold_up(connection: &Connection) -> Result<(), StoreError> {
    let (running, paused) = (CampaignState::Running, CampaignState::Paused);
    let restored = PauseReason::Restored.number();
    connection.execute(
        "UPDATE campaigns SET state = ?2, paused_because = ?3 WHERE state IN (?1, ?2)",
        params![running.number(), paused.number(), restored],
    )?;
    connection.execute(
        "UPDATE campaigns SET paused_because = ?2 WHERE state = ?1 AND send_at IS NOT NULL",
        params![CampaignState::Draft.number(), restored],
    )?;
    Ok(())
}

/// The instant of the newest thing that the store knows.
fn newest(connection: &Connection) -> Result<Timestamp, StoreError> {
    let sql = "SELECT max(
        coalesce((SELECT at FROM log ORDER BY number DESC LIMIT 1), 0),
        (SELECT max(max(created_at, coalesce(started_at, 0), coalesce(ended_at, 0)))
         FROM campaigns))";
    let micros = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(Timestamp::from_micros(micros))
}

fn still_held_up(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM campaigns WHERE paused_because = ?1)";
    let restored = PauseReason::Restored.number();
    if connection.query_row(sql, [restored], |row| row.get(0))? {
        return Ok(get(connection, RESTORED_SINCE)?.map(Timestamp::from_micros));
    }
    forget(connection, RESTORED_SINCE)?;
    Ok(None)
}

fn get(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let value: Option<[u8; 8]> = connection
        .query_row(sql, [name], |row| row.get(0))
        .optional()?;
    Ok(value.map(i64::from_be_bytes))
}

fn set(connection: &Connection, name: &str, value: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2)
        ON CONFLICT DO UPDATE SET value = excluded.value";
    connection.execute(sql, params![name, value.to_be_bytes()])?;
    Ok(())
}

fn forget(connection: &Connection, name: &str) -> Result<(), StoreError> {
    connection.execute("DELETE FROM meta WHERE name = ?1", [name])?;
    Ok(())
}

/// The count in the file; one that cannot be read is none.
fn noted(path: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.trim().parse().ok().filter(|count| *count >= 0)
}

/// Written beside it and put in its place, so that there is always a whole one.
fn note(path: &Path, count: i64) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    writeln!(file, "{count}")?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    fault::sync_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::migrations;

    /// A store that was opened before, with a campaign in each of some states.
    struct Scene {
        dir: tempfile::TempDir,
        connection: Connection,
    }

    impl Scene {
        fn new() -> Self {
            let mut connection = Connection::open_in_memory().unwrap();
            migrations::migrate(&mut connection, Path::new("x")).unwrap();
            let dir = tempfile::tempdir().unwrap();
            Self { dir, connection }
        }

        fn add(&self, number: i64, state: CampaignState, send_at: Option<i64>) {
            let tally = ", 0".repeat(12);
            let sql = format!(
                "INSERT INTO campaigns (campaign, tenant, name, email, state, is_sealed,
                    in_doubt_policy, created_at, send_at, pending, attempting, deferred,
                    delivered, bounced, in_doubt, suppressed, capped, expired, cancelled, failed,
                    quarantined)
                VALUES (?1, 0, ?2, x'00', ?3, 1, 0, 500, ?4{tally})"
            );
            let name = number.to_string();
            self.connection
                .execute(&sql, params![number, name, state.number(), send_at])
                .unwrap();
        }

        fn begin(&mut self) -> Option<i64> {
            let since = begin(&mut self.connection, self.dir.path()).unwrap();
            since.map(Timestamp::as_micros)
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

    const RUNNING: (u8, Option<u8>) = (CampaignState::Running as u8, None);
    const HELD_UP: (u8, Option<u8>) = (CampaignState::Paused as u8, Some(2));

    #[test]
    fn start_after_start_of_the_same_store_holds_nothing_up() {
        let mut scene = Scene::new();
        for start in 1..4 {
            assert_eq!(scene.begin(), None);
            assert_eq!(noted(&scene.file()), Some(start));
            scene.add(start, CampaignState::Running, None);
        }
        assert_eq!(scene.shown(1), RUNNING);
        // A crash between the store and the file.
        note(&scene.file(), 2).unwrap();
        assert_eq!(scene.begin(), None);
        assert_eq!(scene.shown(1), RUNNING);
    }

    #[test]
    fn a_store_that_is_behind_its_file_or_has_none_begins_with_every_campaign_paused() {
        for is_missing in [false, true] {
            let mut scene = Scene::new();
            scene.begin();
            scene.add(1, CampaignState::Running, None);
            scene.add(2, CampaignState::Paused, None);
            scene.add(3, CampaignState::Draft, Some(9));
            scene.add(4, CampaignState::Draft, None);
            scene.add(5, CampaignState::Finished, None);
            if is_missing {
                std::fs::remove_file(scene.file()).unwrap();
            } else {
                note(&scene.file(), 7).unwrap();
            }
            assert_eq!(scene.begin(), Some(500), "since the newest that it knows");
            assert_eq!((scene.shown(1), scene.shown(2)), (HELD_UP, HELD_UP));
            assert_eq!(scene.shown(3), (CampaignState::Draft as u8, Some(2)));
            assert_eq!(scene.shown(4), (CampaignState::Draft as u8, None));
            assert_eq!(scene.shown(5), (CampaignState::Finished as u8, None));
            assert_eq!(scene.begin(), Some(500), "as long as one is held up");
            let resumed = "UPDATE campaigns SET paused_because = NULL";
            scene.connection.execute(resumed, []).unwrap();
            assert_eq!(scene.begin(), None);
        }
    }

    #[test]
    fn a_copy_that_says_so_is_held_up_once_although_its_count_is_right() {
        let mut scene = Scene::new();
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
    fn a_file_without_a_store_holds_nothing_up() {
        let mut scene = Scene::new();
        note(&scene.file(), 7).unwrap();
        assert_eq!(scene.begin(), None);
        assert_eq!(noted(&scene.file()), Some(8));
    }
}
