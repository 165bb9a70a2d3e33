//! What the service and a worker tell each other beside the store's own matters.
//!
//! A note is one value in postcard. Nothing of it must arrive: a socket that closes takes all of
//! it along, and with it the worker.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use postrider_pipeline::Status;
use postrider_pipeline::places::Wish;
use postrider_pipeline::settings::RouteId;
use postrider_smtp::site::SiteName;
use postrider_types::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Names a place of one worker, from the wish until it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct PlaceId(pub(super) u64);

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// It wants a place for a connection.
    Wish(PlaceId, Wish),
    /// It holds or wants this place no more.
    GiveBack(PlaceId),
    /// What it is doing.
    Status(Box<Status>),
    /// Its core has taken a turn since it was asked.
    Pong,
}

/// To a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// What it works by; always the first note.
    Setup(Box<Setup>),
    /// The place is its own.
    Place(PlaceId),
    /// Somebody else waits for one of its places.
    Yield(RouteId, SiteName),
    /// It is to end within this time.
    Drain(Duration),
    /// Does it still answer?
    Ping,
}

/// What a worker works by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setup {
    /// The configuration as the service read it: a file that was changed since is not looked at.
    pub(super) config_text: String,
    /// What that is called in problems.
    pub(super) config_name: String,
    /// The data directory.
    pub(super) data_dir: PathBuf,
    /// How many workers there are.
    pub(super) of: u8,
    /// When a worker with the same share has died, if one has.
    pub(super) spent_at: Option<Timestamp>,
}

/// A note as it travels.
pub(super) fn written(note: &impl Serialize) -> Bytes {
    let note = postcard::to_stdvec(note);
    Bytes::from(note.expect("a Vec takes whatever is written, and all of these have a length"))
}

/// A note as it was meant; none when it is garbled, which between equal versions is a bug.
pub(super) fn read<T: DeserializeOwned>(note: &[u8]) -> Option<T> {
    let read = postcard::from_bytes(note);
    read.inspect_err(|error| tracing::error!(%error, "a note cannot be read"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_arrives_as_it_was_written() {
        let wish = Wish {
            route: RouteId(2),
            route_max: 20,
            site: SiteName::of_host("mx.example.test"),
            site_max: 5,
        };
        let note = written(&FromWorker::Wish(PlaceId(7), wish.clone()));
        assert!(matches!(read(&note), Some(FromWorker::Wish(PlaceId(7), got)) if got == wish));
    }

    #[test]
    fn what_is_no_note_is_none() {
        assert!(read::<ToWorker>(&[250, 1]).is_none());
    }
}
