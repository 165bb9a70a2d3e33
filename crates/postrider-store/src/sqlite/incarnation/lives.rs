//! Whole lives of a store on a disk, which end in order or on any line, and what a stranger may do
//! to its files before the next one.
//!
//! A process that is killed leaves its files as they are at that moment, so a copy of them, made
//! while the store is open, is what the next start finds.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use postrider_types::{EmailId, TenantId};
use tempfile::TempDir;

use super::tests::add;
use super::*;
use crate::handle::Backend as _;
use crate::read::Reader as _;
use crate::request::{Reply, Request};
use crate::sqlite::connection::log_path;
use crate::sqlite::{FILE, SqliteBackend, backup, checkpoint};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// A data directory.
struct Files(TempDir);

impl Files {
    /// Of a store with a campaign, in its second life.
    fn in_use() -> (Self, SqliteBackend) {
        let files = Self(tempfile::tempdir().unwrap());
        let backend = files.open();
        add(&backend.connection, 1, CampaignState::Running, None);
        drop(backend);
        let mut backend = files.open();
        write(&mut backend, 1);
        (files, backend)
    }

    fn open(&self) -> SqliteBackend {
        SqliteBackend::open(self.0.path()).unwrap().0
    }

    /// What a kill at this moment leaves.
    fn killed(&self) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        Self(copy)
    }

    fn store(&self) -> PathBuf {
        self.0.path().join(FILE)
    }

    fn log(&self) -> PathBuf {
        log_path(&self.store())
    }

    fn log_bytes(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |log| log.len())
    }

    /// From now on the count cannot be noted.
    fn refuse_notes(&self) {
        fs::create_dir(self.0.path().join("incarnation.new")).unwrap();
    }

    fn assert_goes_on(&self, when: &str) {
        assert_eq!(self.open().restored_since, None, "{when}");
    }

    fn assert_held_up(&self, when: &str) {
        assert!(self.open().restored_since.is_some(), "{when}");
    }
}

fn write(backend: &mut SqliteBackend, fill: u8) {
    let content = Bytes::from(vec![fill; 20_000]);
    let put = Request::PutEmail {
        tenant: TenantId::DEFAULT,
        email: EmailId::of(&content),
        content,
    };
    backend.apply(vec![put], NOW).unwrap();
}

fn compact(backend: &mut SqliteBackend) {
    let done = backend.apply(vec![Request::Compact], NOW).unwrap();
    assert_eq!(done, [Reply::Done { more: false }]);
}

/// Does something with a store, and says what.
type Moment = (&'static str, fn(&mut SqliteBackend));

/// What a life has just done when it is killed.
const MOMENTS: &[Moment] = &[
    ("after a commit", |_| ()),
    ("after a checkpoint", |backend| {
        checkpoint::pass(&backend.connection).unwrap();
    }),
    ("after a commit behind a checkpoint", |backend| {
        checkpoint::pass(&backend.connection).unwrap();
        write(backend, 2);
    }),
    ("after the file was written anew", compact),
    ("after a commit behind that", |backend| {
        compact(backend);
        write(backend, 2);
    }),
];

#[test]
fn a_killed_store_goes_on_and_one_without_its_log_is_held_up() {
    for (when, happens) in MOMENTS {
        let (files, mut backend) = Files::in_use();
        happens(&mut backend);
        files.killed().assert_goes_on(when);
        let gone = files.killed();
        fs::remove_file(gone.log()).unwrap();
        gone.assert_held_up(when);
        let emptied = files.killed();
        fs::write(emptied.log(), "").unwrap();
        emptied.assert_held_up(when);
    }
}

#[test]
fn a_start_that_is_killed_at_once_is_an_unclean_end_too() {
    let (files, backend) = Files::in_use();
    drop(backend);
    // Kill after kill, with nothing between.
    let mut files = files;
    for _ in 0..3 {
        let backend = files.open();
        assert_eq!(backend.restored_since, None);
        files = files.killed();
    }
    fs::remove_file(files.log()).unwrap();
    files.assert_held_up("without the log of a start");
}

#[test]
fn a_log_that_held_every_campaign_is_a_store_that_is_gone() {
    let files = Files(tempfile::tempdir().unwrap());
    let backend = files.open();
    add(&backend.connection, 1, CampaignState::Running, None);
    let gone = files.killed();
    drop(backend);
    fs::remove_file(gone.log()).unwrap();
    for _ in 0..2 {
        let refused = SqliteBackend::open(gone.0.path()).err().unwrap();
        let missing = format!("{} is empty or missing, but", gone.log().display());
        assert!(refused.to_string().starts_with(&missing), "{refused}");
    }
    fs::remove_file(gone.0.path().join(INCARNATION_FILE)).unwrap();
    gone.assert_goes_on("begun anew on purpose");
}

#[test]
fn a_store_that_was_closed_in_order_needs_no_log() {
    let (files, backend) = Files::in_use();
    drop(backend);
    assert!(!files.log().exists(), "the last that closes removes it");
    files.assert_goes_on("after a clean end");
}

#[test]
fn the_log_is_empty_after_a_clean_end_although_somebody_has_the_file_open() {
    let files = Files(tempfile::tempdir().unwrap());
    let (mut backend, reader) = SqliteBackend::open(files.0.path()).unwrap();
    reader.campaigns(TenantId::DEFAULT, None, 1).unwrap();
    write(&mut backend, 1);
    assert!(files.log_bytes() > 0);
    drop(backend);
    assert_eq!(files.log_bytes(), 0);
    drop(reader);
    files.assert_goes_on("after a clean end beside a reader");
}

#[test]
fn a_kill_on_any_line_of_a_clean_end_holds_nothing_up() {
    let (files, mut backend) = Files::in_use();
    let count = end(&mut backend.connection).unwrap();
    files.killed().assert_goes_on("before the log is moved");
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    backend.connection.query_row(sql, [], |_| Ok(())).unwrap();
    assert_eq!(files.log_bytes(), 0);
    files.killed().assert_goes_on("before the count is noted");
    note(&files.store(), count);
    files.killed().assert_goes_on("after it");
}

#[test]
fn an_end_that_cannot_be_counted_leaves_the_log_for_the_next_start() {
    let files = Files(tempfile::tempdir().unwrap());
    let (mut backend, reader) = SqliteBackend::open(files.0.path()).unwrap();
    add(&backend.connection, 1, CampaignState::Running, None);
    write(&mut backend, 1);
    reader.campaigns(TenantId::DEFAULT, None, 1).unwrap();
    connection::set(&backend.connection, "query_only", "ON").unwrap();
    drop(backend);
    drop(reader);
    assert!(files.log_bytes() > 0, "nobody takes it away");
    files.assert_goes_on("after an end that was not counted");
}

#[test]
fn a_count_that_cannot_be_noted_holds_nothing_up_and_hides_no_lost_log() {
    let (files, backend) = Files::in_use();
    drop(backend);
    files.refuse_notes();
    for _ in 0..3 {
        files.assert_goes_on("start after start");
    }
    let backend = files.open();
    let noted = fs::read_to_string(files.0.path().join(INCARNATION_FILE)).unwrap();
    let kept = get(&backend.connection, INCARNATION).unwrap();
    assert!(noted.trim().parse::<i64>().unwrap() < kept.unwrap());
    fs::remove_dir(files.0.path().join("incarnation.new")).unwrap();
    let gone = files.killed();
    gone.assert_goes_on("after a kill");
    let gone = files.killed();
    fs::remove_file(gone.log()).unwrap();
    gone.assert_held_up("without its log");
}

#[test]
fn an_older_copy_of_the_file_that_is_put_back_before_the_next_start_is_held_up() {
    for (when, happens) in MOMENTS {
        let (files, mut backend) = Files::in_use();
        let copy = files.killed();
        happens(&mut backend);
        let killed = files.killed();
        fs::copy(copy.store(), killed.store()).unwrap();
        fs::remove_file(killed.log()).unwrap();
        killed.assert_held_up(when);
        drop(backend);
        // With the log of the copy, and without.
        for is_with_log in [true, false] {
            let ended = files.killed();
            fs::copy(copy.store(), ended.store()).unwrap();
            if is_with_log {
                fs::copy(copy.log(), ended.log()).unwrap();
            }
            ended.assert_held_up(when);
        }
    }
}

#[test]
fn a_backup_of_a_store_that_was_killed_leaves_it_its_log() {
    let (files, backend) = Files::in_use();
    let killed = files.killed();
    drop(backend);
    let to = files.0.path().join("backup");
    backup(killed.0.path(), &to, NOW).unwrap();
    killed.assert_goes_on("after a backup");
    fs::copy(&to, files.store()).unwrap();
    files.assert_held_up("the backup");
}

#[test]
fn a_backup_beside_the_log_of_the_store_that_it_replaces_is_refused() {
    let (files, backend) = Files::in_use();
    let safe = files.0.path().join("backup");
    backup(files.0.path(), &safe, NOW).unwrap();
    let killed = files.killed();
    drop(backend);
    fs::copy(&safe, killed.store()).unwrap();
    for _ in 0..2 {
        let refused = SqliteBackend::open(killed.0.path()).err();
        let log = killed.log();
        assert_eq!(refused, Some(StoreError::StrayLog { log }));
    }
    fs::remove_file(killed.log()).unwrap();
    killed.assert_held_up("without the log");
    // Killed again, it has a log of its own.
    let again = {
        let _open = killed.open();
        killed.killed()
    };
    again.assert_held_up("with a log of its own");
}

#[test]
fn what_is_held_up_again_keeps_the_first_instant_since_when_nothing_is_known() {
    let (files, backend) = Files::in_use();
    let safe = files.0.path().join("backup");
    backup(files.0.path(), &safe, Timestamp::from_micros(7)).unwrap();
    drop(backend);
    fs::rename(&safe, files.store()).unwrap();
    let backend = files.open();
    assert_eq!(backend.restored_since, Some(Timestamp::from_micros(7)));
    let gone = files.killed();
    drop(backend);
    fs::remove_file(gone.log()).unwrap();
    assert_eq!(gone.open().restored_since, Some(Timestamp::from_micros(7)));
}

/// Does something to a store that is closed, and says what.
type Harm = (&'static str, fn(&Files));

#[test]
fn a_directory_whose_store_is_gone_or_empty_is_refused_until_somebody_decides() {
    let strip: [Harm; 3] = [
        ("removed", |files| fs::remove_file(files.store()).unwrap()),
        ("emptied", |files| fs::write(files.store(), "").unwrap()),
        ("without a table", |files| {
            fs::remove_file(files.store()).unwrap();
            let new = Connection::open(files.store()).unwrap();
            new.execute_batch("PRAGMA user_version = 0; VACUUM")
                .unwrap();
        }),
    ];
    for (how, strip) in strip {
        let (files, backend) = Files::in_use();
        let safe = files.0.path().join("backup");
        backup(files.0.path(), &safe, NOW).unwrap();
        drop(backend);
        strip(&files);
        let bytes = || fs::metadata(files.store()).ok().map(|file| file.len());
        let before = bytes();
        let refused = SqliteBackend::open(files.0.path()).err().unwrap();
        let missing = format!("{} is empty or missing, but", files.store().display());
        assert!(
            refused.to_string().starts_with(&missing),
            "{how}: {refused}"
        );
        assert_eq!(bytes(), before, "{how}");
        assert_eq!(files.log_bytes(), 0, "{how}");

        let anew = files.killed();
        fs::remove_file(anew.0.path().join(INCARNATION_FILE)).unwrap();
        anew.assert_goes_on(how);
        fs::rename(&safe, files.store()).unwrap();
        files.assert_held_up(how);
    }
}
