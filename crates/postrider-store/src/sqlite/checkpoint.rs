//! Checkpoints: what the log (the WAL) holds is moved into the file, out of the way of commits.
//!
//! A checkpoint writes pages all over the file and waits for the disk, which takes up to seconds.
//! So it has a thread and a connection of its own, and SQLite's mode PASSIVE, which waits for
//! nobody and holds nobody up. What is committed meanwhile is left over; each pass leaves less.
//!
//! SQLite begins the log anew only when a transaction begins at a moment when all of it is moved.
//! While nothing waits, a pass brings that about. Under steady commits none ever would; so when
//! next to nothing is left of a long log ([`Lengths::rest`]), the writer moves this rest itself,
//! between two commits: about what a few commits write, once for each [`Lengths::long`].
//!
//! **Invariants.** A commit waits for a pass only when the log is at its bound, because the disk
//! cannot follow ([`Lengths::most`]). What fails here harms nothing: the log stays as it is, and
//! the next commit says what is wrong. While somebody reads an old state (a backup), what is newer
//! cannot be moved; that is tried again when the log has grown by [`Lengths::short`], and nobody
//! waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::connection;
use crate::bounds::{
    WAL_PAGES_IDLE_MAX, WAL_PAGES_LONG, WAL_PAGES_MAX, WAL_PASSES_MAX, WAL_REST_PAGES_MAX,
};
use crate::error::StoreError;

/// Lengths of the log, in pages of 4 KiB, at which something is done about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    /// More than this is moved when nothing waits.
    short: u32,
    /// More than this is moved although something does.
    long: u32,
    /// What the writer moves itself at the end.
    rest: u32,
    /// With more than this that was not moved, a commit waits.
    most: u32,
}

impl Lengths {
    /// Those of a store.
    pub(super) const STORE: Self = Self {
        short: WAL_PAGES_IDLE_MAX,
        long: WAL_PAGES_LONG,
        rest: WAL_REST_PAGES_MAX,
        most: WAL_PAGES_MAX,
    };
}

/// The writer's side: it says when it has committed and when it rests.
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    lengths: Lengths,
    /// Pages of the log after the newest commit.
    pages: AtomicU32,
    /// Held by whoever makes a checkpoint.
    connection: Mutex<Connection>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// From when the thread is asked for a pass until it has made it.
    is_asked: bool,
    /// The store is being closed.
    is_over: bool,
    /// Pages of the log at the last pass since it began anew, whatever came of that.
    passed: u32,
    /// Of a long log only a rest is left, for the writer.
    has_rest: bool,
}

impl Checkpoints {
    /// Watches what `writer` commits to the file at `path`, and starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] when no thread can be started, or as of any connection.
    pub(super) fn start(
        path: &Path,
        writer: &mut Connection,
        lengths: Lengths,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            lengths,
            pages: AtomicU32::new(0),
            connection: Mutex::new(connection::checkpointer(path)?),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let seen = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            let pages = u32::try_from(pages).unwrap_or(0);
            seen.pages.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let working = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned());
        let thread = thread.spawn(move || working.run());
        let thread = thread.map_err(|error| StoreError::Unwritable {
            reason: error.to_string(),
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// A transaction is about to begin: with all of the log moved, it begins the log anew.
    pub(super) fn before_commit(&self) {
        if self.shared.is_for_writer() {
            self.shared.move_rest();
        }
    }

    /// A transaction was committed.
    pub(super) fn after_commit(&self) {
        let lengths = &self.shared.lengths;
        self.shared.ask_above(lengths.long);
    }

    /// Nothing waits to be committed.
    pub(super) fn idle(&self) {
        let lengths = &self.shared.lengths;
        self.shared.ask_above(lengths.short);
    }

    /// Does `work` while no pass is made; afterwards the log counts as moved.
    pub(super) fn without<T>(&self, work: impl FnOnce() -> T) -> T {
        let _connection = whole(self.shared.connection.lock());
        let done = work();
        self.shared.passed(false);
        done
    }
}

impl Drop for Checkpoints {
    /// Waits for the pass that is under way: the last connection that closes tidies the log up.
    fn drop(&mut self) {
        whole(self.shared.state.lock()).is_over = true;
        self.shared.changed.notify_all();
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::error!("the thread for checkpoints panicked");
        }
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let waiting = whole(self.state.lock());
            let is_idle = |state: &mut State| !state.is_asked && !state.is_over;
            let woken = whole(self.changed.wait_while(waiting, is_idle));
            if woken.is_over {
                return;
            }
            drop(woken);
            let connection = whole(self.connection.lock());
            let has_rest = self.move_most(&connection);
            self.passed(has_rest);
        }
    }

    /// Passes until next to nothing is left; says whether the writer should move that.
    fn move_most(&self, connection: &Connection) -> bool {
        let mut moved_before = 0;
        for _ in 0..WAL_PASSES_MAX {
            let Some(moved) = pass(connection) else {
                return false;
            };
            let pages = self.pages.load(Ordering::Relaxed);
            if pages.saturating_sub(moved) <= self.lengths.rest {
                return pages > self.lengths.long;
            }
            if moved <= moved_before {
                // Somebody reads an old state.
                return false;
            }
            moved_before = moved;
        }
        // As much is committed during a pass as a pass moves.
        true
    }

    /// The writer's own pass, unless the thread's has done it meanwhile.
    fn move_rest(&self) {
        let connection = whole(self.connection.lock());
        if self.is_for_writer() {
            pass(&connection);
            self.passed(false);
        }
    }

    /// Whether the writer should make a pass itself.
    fn is_for_writer(&self) -> bool {
        let pages = self.pages.load(Ordering::Relaxed);
        let state = whole(self.state.lock());
        state.has_rest || pages.saturating_sub(state.passed) > self.lengths.most
    }

    /// Asks the thread for a pass when the log has more pages than `pages_max`; when a pass was
    /// made since it began anew, only when it has grown by some since then.
    fn ask_above(&self, pages_max: u32) {
        let pages = self.pages.load(Ordering::Relaxed);
        let mut state = whole(self.state.lock());
        if pages < state.passed {
            // It began anew.
            state.passed = 0;
        }
        let pages_max = match state.passed {
            0 => pages_max,
            _ => self.lengths.short,
        };
        if !state.is_asked && pages - state.passed > pages_max {
            state.is_asked = true;
            self.changed.notify_all();
        }
    }

    /// A pass was made.
    fn passed(&self, has_rest: bool) {
        let mut state = whole(self.state.lock());
        state.is_asked = false;
        state.has_rest = has_rest;
        state.passed = self.pages.load(Ordering::Relaxed);
        self.changed.notify_all();
    }
}

/// Moves what can be moved without waiting for anybody; how many pages of the log are moved in all.
pub(super) fn pass(connection: &Connection) -> Option<u32> {
    let sql = "PRAGMA wal_checkpoint(PASSIVE)";
    match connection.query_row(sql, [], |row| row.get::<_, i64>(2)) {
        Ok(moved) => Some(u32::try_from(moved).unwrap_or(0)),
        Err(error) => {
            tracing::warn!(%error, "the checkpoint failed");
            None
        }
    }
}

/// What a lock holds is whole after a panic too: a connection, and plain values.
fn whole<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
