//! Who is in hand: what a process is about to render or to prepare, noted so that the note outlives
//! the process.
//!
//! A message that cannot be built is an error; one that kills its process is a crash, and a crash
//! says nothing of whom it was about. So the process notes whom it is about to render in a slot of
//! a small file, and clears the slot right after. Whoever looks after the process reads the file
//! when it is gone, and knows exactly who may have killed it.
//!
//! The file has one slot for each connection, because a connection renders one message at a time,
//! and some for bodies that are being loaded. A note is one write of 128 bytes into the
//! page cache, about a microsecond: it outlives the process, not the machine, and is not meant
//! to. The file says in which boot it was made, and after another nobody is suspected: what ended
//! was the machine.
//!
//! Invariant: a process that dies while it renders or prepares leaves a note of it. What is noted
//! may be harmless: everybody who was in hand at that moment is.

mod record;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postrider_types::{ChunkId, DeliveryId, EmailId, TenantId, WorkerId};

use crate::bounds::{IN_HAND_BYTES_MAX, LOADS_MAX};
use crate::core::ConnectionId;
use record::Header;

/// What a process was about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// The message of one recipient was being rendered.
    Rendering {
        /// Whose.
        delivery: DeliveryId,
        /// Where his variables are.
        chunk: ChunkId,
        /// What was rendered.
        email: EmailId,
    },
    /// A body was being loaded and prepared.
    Loading {
        /// The owner of the email.
        tenant: TenantId,
        /// Which email.
        email: EmailId,
    },
}

/// What the file of a process that is gone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is no file, or it was made in another boot of the machine: nobody is suspected.
    Nobody,
    /// What was in hand when the process ended; none when it had nothing in hand.
    Notes(Vec<Note>),
    /// It cannot be read, or is not whole: anything may have been in hand.
    Unknown,
}

/// The file of this process.
#[derive(Debug)]
pub struct InHand {
    worker: WorkerId,
    file: File,
    connections: usize,
    /// Slots for loads that are free.
    free: Mutex<Vec<usize>>,
    /// A note could not be written, and that was told.
    has_failed: AtomicBool,
}

impl InHand {
    /// Makes the file anew, for a process that claims under this name and has so many connections
    /// over all its routes. Whoever wants to know what an earlier process had in hand reads the
    /// file before.
    ///
    /// Where the machine does not say which boot this is, every boot counts as the same one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, worker: WorkerId, connections: usize) -> io::Result<Arc<Self>> {
        let slots = connections + LOADS_MAX;
        let mut bytes = Header::of_this_boot(slots, worker).encode().to_vec();
        // Written in full, so that a full disk is met here and not by a note.
        bytes.resize(record::BYTES * (slots + 1), 0);
        // It gets its name when it is whole, so that nobody reads half of a header.
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&bytes)?;
        std::fs::rename(&new, path)?;
        Ok(Arc::new(Self {
            worker,
            file,
            connections,
            free: Mutex::new((connections..slots).collect()),
            has_failed: AtomicBool::new(false),
        }))
    }

    /// The name under which the process claims.
    pub const fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Notes that the message of a delivery is about to be rendered for a connection, until the
    /// guard is dropped.
    pub fn rendering(
        self: &Arc<Self>,
        connection: ConnectionId,
        delivery: DeliveryId,
        chunk: ChunkId,
        email: EmailId,
    ) -> Noted {
        let is_known = connection.0 < self.connections;
        debug_assert!(is_known, "a connection beyond what the routes allow");
        let note = Note::Rendering {
            delivery,
            chunk,
            email,
        };
        self.note(is_known.then_some(connection.0), note)
    }

    /// Notes that a body is about to be loaded and prepared, until the guard is dropped. Of more
    /// than [`LOADS_MAX`] at once, the others are not noted.
    pub fn loading(self: &Arc<Self>, tenant: TenantId, email: EmailId) -> Noted {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = free.pop();
        drop(free);
        debug_assert!(slot.is_some(), "whoever loads keeps to the bound");
        self.note(slot, Note::Loading { tenant, email })
    }

    fn note(self: &Arc<Self>, slot: Option<usize>, note: Note) -> Noted {
        if let Some(slot) = slot {
            self.write(slot, &record::encode(slot, Some(&note)));
        }
        Noted {
            in_hand: Arc::clone(self),
            slot,
        }
    }

    /// What cannot be noted is rendered all the same: without a note a death is nobody's, which
    /// is what it was before there were notes.
    fn write(&self, slot: usize, record: &[u8; record::BYTES]) {
        let written = self.file.write_all_at(record, offset(slot));
        if let Err(error) = written
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(error = %error, "what is in hand cannot be noted");
        }
    }

    fn clear(&self, slot: usize) {
        self.write(slot, &record::encode(slot, None));
        if slot >= self.connections {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(slot);
        }
    }
}

/// A note; dropping it clears it.
#[derive(Debug)]
#[must_use = "a note that is dropped at once says nothing"]
pub struct Noted {
    in_hand: Arc<InHand>,
    slot: Option<usize>,
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.in_hand.clear(slot);
        }
    }
}

/// Where a slot begins: the header takes the first place.
fn offset(slot: usize) -> u64 {
    let place = (slot + 1) * record::BYTES;
    u64::try_from(place).expect("a file of a few kilobytes")
}

/// Reads the file of a process that is gone.
pub fn read(path: &Path) -> Found {
    let bytes = match read_bounded(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nobody,
        Err(_) => return Found::Unknown,
    };
    let records: Vec<_> = bytes.chunks(record::BYTES).collect();
    let Some((header, slots)) = records.split_first() else {
        return Found::Unknown;
    };
    let Some(header) = Header::decode(header) else {
        return Found::Unknown;
    };
    if header.boot != Header::of_this_boot(header.slots, header.worker).boot {
        return Found::Nobody;
    }
    if header.slots != slots.len() {
        return Found::Unknown;
    }
    let notes = slots.iter().enumerate();
    let notes: Option<Vec<_>> = notes
        .map(|(slot, bytes)| record::decode(slot, bytes))
        .collect();
    match notes {
        Some(notes) => Found::Notes(notes.into_iter().flatten().collect()),
        None => Found::Unknown,
    }
}

/// Under which name the process claimed that made the file; none where it cannot be read.
pub fn worker_of(path: &Path) -> Option<WorkerId> {
    let bytes = read_bounded(path).ok()?;
    let header = Header::decode(bytes.get(..record::BYTES)?)?;
    Some(header.worker)
}

/// The whole file; one that is larger than any of ours is none of ours.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let bytes_max = u64::try_from(IN_HAND_BYTES_MAX).unwrap_or(u64::MAX);
    if std::fs::metadata(path)?.len() > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests;
