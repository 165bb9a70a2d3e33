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

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::bounds::{LOG_GROUPS_PER_WRITE_MAX, LOG_LINE_BYTES_MAX, LOG_QUEUE_MAX};
use crate::error::MockError;
use crate::tally::Record;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// A message was accepted for one recipient.
    Accept(Accept),
    /// A MAIL command came, whatever was said to it.
    Mail(Mail),
}

/// A message was accepted for one recipient; a message to three makes three of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// When the dot was read, in microseconds since the epoch.
    pub at_us: i64,
    /// When the MAIL command of the transaction arrived, in microseconds since the epoch.
    pub mail_at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The recipient's domain in lower case.
    pub domain: String,
    /// The recipient: local part as written, domain in lower case.
    pub recipient: String,
    /// The reverse path; empty for bounces.
    pub sender: String,
    /// The Message-ID field, if there is one.
    pub message_id: Option<String>,
    /// The X-Postrider-Campaign field, if there is one.
    pub campaign: Option<String>,
    /// Bytes of the message without dot-stuffing.
    pub bytes: u64,
    /// [`body_hash`](crate::body_hash) of these bytes.
    pub body_hash: String,
}

/// A MAIL command, known by the first RCPT that named a domain; once per domain and transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When it arrived, in microseconds since the epoch.
    pub at_us: i64,
    /// The number of the connection, from 1.
    pub connection: u64,
    /// The recipient's domain in lower case.
    pub domain: String,
}

/// Reads a log line by line, from the oldest.
///
/// A last line without its end (the mock was killed while it wrote) is left out: no 250 followed it.
///
/// # Errors
/// [`MockError`] when the file cannot be read, or a whole line of it is none of ours.
pub fn read(path: &Path, mut each: impl FnMut(Line)) -> Result<(), MockError> {
    let failed = |source| MockError::Log {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let bounded = &mut (&mut file).take(LOG_LINE_BYTES_MAX as u64);
        bounded.read_until(b'\n', &mut text).map_err(failed)?;
        if text.last() != Some(&b'\n') && text.len() < LOG_LINE_BYTES_MAX {
            break;
        }
        let damaged = |source| MockError::LogLine {
            path: path.to_owned(),
            line,
            source,
        };
        each(serde_json::from_slice(&text).map_err(damaged)?);
    }
    Ok(())
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
    /// Opens or makes the file, and starts the writer, which ends with the last `Log`.
    pub(crate) fn open(path: &Path) -> Result<Self, MockError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|source| MockError::Log {
            path: path.to_owned(),
            source,
        })?;
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
pub(crate) fn lines(records: &[Record], with_mails: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * 512);
    for record in records {
        let is_written = match record {
            Record::Accept(accept) => write_line(&mut out, "accept", accept),
            Record::Mail(mail) if with_mails => write_line(&mut out, "mail", mail),
            _ => continue,
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
