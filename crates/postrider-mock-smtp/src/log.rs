//! The accept log: one JSON object per line, appended and never changed.
//!
//! **Invariant: the line of an accept is in the file before its 250 is written.** A connection
//! hands its lines to the one writer and waits; the writer takes all that wait and writes them in
//! one call. The page cache survives a kill of the process, so there is no fsync.
//!
//! The writer is a Tokio task, not a thread: an append to the page cache takes about a microsecond,
//! a hand-over between threads ten, and paused time stands still while it writes. It gives way once
//! before it writes, so that every connection that is ready joins the same call.
//!
//! After a failed write the log is closed: what was to be answered with 250 is not answered.

pub(crate) mod lines;

mod line;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::bounds::{LOG_GROUPS_PER_WRITE_MAX, LOG_QUEUE_MAX};
use crate::error::MockError;
use crate::log::lines::Last;
use crate::tally::Record;

pub use line::{
    Accept, Close, Fault, FaultKind, Lateness, Line, Mail, Open, Refuse, Reset, Served, Unanswered,
};

/// Reads a log line by line, from the oldest.
///
/// A last line without its end (the mock was killed while it wrote) is left out: no 250 followed it.
///
/// # Errors
/// [`MockError`] when the file cannot be read, or a whole line of it is none of ours.
pub fn read(path: &Path, mut each: impl FnMut(Line)) -> Result<(), MockError> {
    lines::read(path, Last::Torn, |line| {
        each(line);
        Ok(())
    })
}

/// The end of the log that connections hold.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    queue: mpsc::Sender<Group>,
}

/// The log could not be written; nothing more may be accepted.
#[derive(Debug)]
pub(crate) struct LogClosed;

struct Group {
    lines: Vec<u8>,
    written: oneshot::Sender<()>,
}

impl Log {
    /// Opens or makes the file, writes its first lines, and starts the writer, which ends with the
    /// last `Log`.
    pub(crate) fn open(path: &Path, first: &[u8]) -> Result<Self, MockError> {
        let failed = |source| MockError::Log {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut file = file.map_err(failed)?;
        file.write_all(first).map_err(failed)?;
        let (queue, groups) = mpsc::channel(LOG_QUEUE_MAX);
        tokio::spawn(write_groups(file, path.to_owned(), groups));
        Ok(Self { queue })
    }

    /// Returns when the lines are in the file.
    pub(crate) async fn append(&self, lines: Vec<u8>) -> Result<(), LogClosed> {
        let (written, is_written) = oneshot::channel();
        self.queue
            .send(Group { lines, written })
            .await
            .map_err(|_| LogClosed)?;
        is_written.await.map_err(|_| LogClosed)
    }
}

/// The lines for some records; MAIL commands only if asked for.
pub(crate) fn text(records: &[Record], with_mails: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * 512);
    for record in records {
        let is_written = match record {
            Record::Accept(accept) => write_line(&mut out, "accept", accept),
            Record::Mail(mail) if with_mails => write_line(&mut out, "mail", mail),
            Record::Open(open) => write_line(&mut out, "open", open),
            Record::Close(close) => write_line(&mut out, "close", close),
            Record::Refuse(refuse) => write_line(&mut out, "refuse", refuse),
            Record::Unanswered(line) => write_line(&mut out, "unanswered", line),
            Record::Fault(fault) => write_line(&mut out, "fault", fault),
            Record::Profile(served) => write_line(&mut out, "profile", served),
            Record::Lateness(lateness) => write_line(&mut out, "lateness", lateness),
            Record::Reset(reset) => write_line(&mut out, "reset", reset),
            Record::Mail(_) | Record::Count(..) | Record::BareLineEnds(_) => continue,
        };
        is_written.expect("strings and numbers become JSON, and memory takes it");
    }
    out
}

/// As [`Line`] reads it, without building one.
fn write_line(out: &mut Vec<u8>, kind: &str, value: &impl Serialize) -> serde_json::Result<()> {
    #[derive(Serialize)]
    struct Tagged<'a, T> {
        kind: &'a str,
        #[serde(flatten)]
        value: &'a T,
    }
    serde_json::to_writer(&mut *out, &Tagged { kind, value })?;
    out.push(b'\n');
    Ok(())
}

async fn write_groups(mut file: File, path: PathBuf, mut groups: mpsc::Receiver<Group>) {
    let mut waiting = Vec::new();
    let mut lines = Vec::new();
    while groups
        .recv_many(&mut waiting, LOG_GROUPS_PER_WRITE_MAX)
        .await
        > 0
    {
        tokio::task::yield_now().await;
        while waiting.len() < LOG_GROUPS_PER_WRITE_MAX
            && let Ok(group) = groups.try_recv()
        {
            waiting.push(group);
        }
        if let Err(error) = write_once(&mut file, &mut lines, &waiting) {
            tracing::error!(%error, path = %path.display(), "the accept log cannot be written");
            return;
        }
        for group in waiting.drain(..) {
            // A connection that is gone does not wait for the news.
            let _ = group.written.send(());
        }
    }
}

fn write_once(file: &mut File, lines: &mut Vec<u8>, waiting: &[Group]) -> io::Result<()> {
    if let [group] = waiting {
        return file.write_all(&group.lines);
    }
    lines.clear();
    for group in waiting {
        lines.extend_from_slice(&group.lines);
    }
    file.write_all(lines)
}
