//! Who waits for whom, and what becomes of the log.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use postrider_types::{EmailId, TenantId, Timestamp};

use super::*;
use crate::handle::Backend as _;
use crate::request::Request;
use crate::sqlite::{FILE, SqliteBackend};

const SOON: Duration = Duration::from_secs(60);
const NEVER: u32 = u32::MAX;
const PAGE_BYTES: u64 = 4_096;

impl Shared {
    /// Waits until the thread has made the pass that it was asked for.
    fn until_passed(&self) {
        let state = whole(self.state.lock());
        let is_asked = |state: &mut State| state.is_asked;
        let (state, _) = whole(self.changed.wait_timeout_while(state, SOON, is_asked));
        assert!(!state.is_asked, "the thread makes no pass");
    }
}

/// A file with one table, and somebody who commits to it.
struct Scene {
    dir: tempfile::TempDir,
    checkpoints: Checkpoints,
    writer: Connection,
}

impl Scene {
    fn new(short: u32, long: u32, rest: u32, most: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut writer = connection::writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (bytes)").unwrap();
        let lengths = Lengths {
            short,
            long,
            rest,
            most,
        };
        Self {
            checkpoints: Checkpoints::start(&path, &mut writer, lengths).unwrap(),
            dir,
            writer,
        }
    }

    /// Commits as the backend does: some more than 20 pages.
    fn commit(&self) {
        self.checkpoints.before_commit();
        let bytes = 20 * PAGE_BYTES;
        let insert = format!("INSERT INTO t VALUES (zeroblob({bytes}))");
        self.writer.execute_batch(&insert).unwrap();
        self.checkpoints.after_commit();
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }

    fn file_pages(&self) -> u64 {
        std::fs::metadata(self.path()).unwrap().len() / PAGE_BYTES
    }

    fn log_pages(&self) -> u32 {
        self.checkpoints.shared.pages.load(Ordering::Relaxed)
    }
}

#[test]
fn a_commit_does_not_wait_for_a_checkpoint_that_is_under_way() {
    let scene = Scene::new(10, 50, 10, 10_000);
    let shared = Arc::clone(&scene.checkpoints.shared);
    let under_way = whole(shared.connection.lock());
    let (done, is_done) = mpsc::channel();
    let committing = std::thread::spawn(move || {
        (0..20).for_each(|_| scene.commit());
        done.send(()).unwrap();
        scene
    });
    is_done.recv_timeout(SOON).expect("the commits wait");
    let scene = committing.join().unwrap();
    assert!(scene.log_pages() > 400 && scene.file_pages() < 20);
    drop(under_way);
    shared.until_passed();
    assert!(scene.file_pages() > 400);
}

#[test]
fn of_a_long_log_the_writer_moves_the_rest_and_begins_it_anew() {
    let scene = Scene::new(1_000, 50, 30, NEVER);
    (0..2).for_each(|_| scene.commit());
    // Whoever reads the state of now keeps a pass from what comes after it.
    let reader = connection::reader(&scene.path()).unwrap();
    let count = "SELECT count(*) FROM t";
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row(count, [], |_| Ok(())).unwrap();
    scene.commit();
    assert!(scene.log_pages() > 50, "{}", scene.log_pages());
    scene.checkpoints.shared.until_passed();
    reader.execute_batch("COMMIT").unwrap();
    scene.commit();
    assert!(scene.log_pages() < 50, "{}", scene.log_pages());
}

#[test]
fn a_log_that_nobody_else_moves_is_moved_at_its_bound() {
    let scene = Scene::new(NEVER, NEVER, 0, 100);
    let mut longest = 0;
    for _ in 0..50 {
        scene.commit();
        longest = longest.max(scene.log_pages());
    }
    assert!((100..150).contains(&longest), "{longest}");
}

#[test]
fn what_somebody_still_reads_is_left_and_nobody_waits_for_it() {
    let scene = Scene::new(10, 50, 10, 200);
    scene.commit();
    let reader = connection::reader(&scene.path()).unwrap();
    let count = "SELECT count(*) FROM t";
    reader.execute_batch("BEGIN").unwrap();
    let seen: u32 = reader.query_row(count, [], |row| row.get(0)).unwrap();
    for _ in 0..50 {
        scene.commit();
        scene.checkpoints.shared.until_passed();
    }
    assert!(scene.log_pages() > 1_000 && scene.file_pages() < 100);
    let still: u32 = reader.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!((seen, still), (1, 1));
    reader.execute_batch("COMMIT").unwrap();
    (0..2).for_each(|_| scene.commit());
    scene.checkpoints.shared.until_passed();
    assert!(scene.file_pages() > 1_000);
    scene.commit();
    assert!(scene.log_pages() < 50, "{}", scene.log_pages());
}

#[test]
fn the_log_is_moved_into_the_file_when_nothing_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (mut backend, _) = SqliteBackend::open(dir.path()).unwrap();
    let file = || std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    let content = Bytes::from(vec![1; 6_000_000]);
    let put = Request::PutEmail {
        tenant: TenantId::DEFAULT,
        email: EmailId::of(&content),
        content,
    };
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    backend.apply(vec![put], now).unwrap();
    assert!(file() < 1_000_000, "a commit makes no checkpoint");
    backend.idle();
    backend.checkpoints.shared.until_passed();
    assert!(file() > 6_000_000);
}
