//! The arrival of a connection: a place at its door, or a word and the end.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::bounds::{DOOR_KNOCKS_MAX, DOOR_REST, LINGER_BYTES_MAX, LINGER_MAX};
use crate::connection::stream::Stream;
use crate::connection::within;
use crate::dialogue::reply;
use crate::log::{Close, Open};
use crate::server::shared::Shared;
use crate::tally::Record;
use crate::world::plan::Door;
use crate::world::treatment::Treatment;
use crate::world::{Entry, locked};

/// Who comes in, and where.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The number of the connection, from 1.
    pub(crate) number: u64,
    pub(crate) door: Door,
    /// Whether the first bytes are those of a handshake.
    pub(crate) is_secure: bool,
}

/// A place at a door. Where there is none, it is tried again for a moment: the end of an earlier
/// connection may have been sent before this one was opened, and only not been read yet.
pub(super) async fn come_in(shared: &Shared, door: Door, number: u64) -> (Entry, Treatment) {
    let (mut entry, mut greeting) = shared.world.enter(door, number, shared.clock.now_us());
    for _ in 0..DOOR_KNOCKS_MAX {
        if entry.has_place() {
            return (entry, greeting);
        }
        sleep(DOOR_REST).await;
        greeting = entry.knock(shared.clock.now_us());
    }
    if !entry.has_place() {
        locked(&shared.ledger).count_turned_away();
    }
    (entry, greeting)
}

/// Tells a client that there is no room, and closes.
pub(crate) async fn turn_away<S: Stream>(
    mut stream: S,
    caller: Caller,
    shared: &Shared,
) -> io::Result<()> {
    let now_us = shared.clock.now_us();
    let close = Close {
        at_us: now_us,
        connection: caller.number,
        ..Close::default()
    };
    let open = open(&caller, now_us);
    let mut records = vec![Record::Open(open), Record::Close(close)];
    shared.commit(&mut records).await?;
    stream
        .write_all(&shared.line(&reply::OVER_CONNECTIONS))
        .await?;
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES_MAX as u64);
    let mut sink = tokio::io::sink();
    within(LINGER_MAX, tokio::io::copy(&mut rest, &mut sink)).await?;
    Ok(())
}

pub(super) fn open(caller: &Caller, now_us: i64) -> Open {
    Open {
        at_us: now_us,
        connection: caller.number,
        provider: caller.door.name().to_owned(),
    }
}
