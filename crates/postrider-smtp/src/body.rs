//! The body and its terminator, by DATA or in chunks, and what of the body waits for the gate.
//!
//! The dot waits for the gate, and nothing is gained by a small body that arrives before its dot:
//! where commands leave in groups, body, dot and next envelope are one write, which costs both
//! sides a good part less than two. A larger body goes out before the gate, in the shadow of what
//! the gate waits for.
//!
//! In chunks, the last octets wait for the gate and leave as the chunk that ends the message; what
//! comes before them is a chunk of its own. Chunks deeper than that, several messages under way at
//! once, would leave as many in doubt when the connection dies.

use std::iter::{empty, once};
use std::ops::Range;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::content::Content;
use crate::deadline::Deadline;
use crate::exchange::{Stop, Terminator, Writing};
use crate::session::Session;
use crate::timeouts::Timeouts;
use crate::transfer::Outgoing;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// Largest message that waits for the gate as a whole: what a new TCP connection takes without an
/// acknowledgement (RFC 6928).
const HELD_BYTES_MAX: usize = 14_600;

/// Octets of a chunked message that wait for the gate and leave as its last chunk.
const LAST_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Writes what need not wait for the gate.
pub(crate) async fn write_body<S>(
    wire: &mut Wire<S>,
    session: &mut Session,
    content: &Content,
    timeouts: &Timeouts,
    limit: Deadline,
) -> Result<(), Stop>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limit = limit.min(Deadline::after(timeouts.body(content.bytes())));
    let mut writing = Writing::of_body(timeouts.body_block, limit);
    if is_held(session, content) {
        // Nothing to write; but what the server says already is heard.
        return writing.write(wire, session, empty()).await;
    }
    if !session.is_chunking() {
        return writing.write(wire, session, content.stuffed()).await;
    }
    let early = early_octets(content);
    session.prepare_chunk(early.len());
    let command = session.take_output();
    let slices = once(command.as_slice()).chain(content.slices(early));
    let result = writing.write(wire, session, slices).await;
    session.recycle(command);
    result
}

/// Writes the terminator and what leaves with it: the last chunk, and the next envelope. Beside
/// the result stands why that envelope stayed behind.
pub(crate) async fn write_terminator<S>(
    wire: &mut Wire<S>,
    session: &mut Session,
    content: &Content,
    next: Option<&Outgoing>,
    deadline: Deadline,
) -> (Result<(), Stop>, Option<Trouble>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let is_chunking = session.is_chunking();
    let chunk = if is_chunking {
        early_octets(content).end..content.len()
    } else {
        0..0
    };
    let body = (!is_chunking && is_held(session, content)).then(|| content.stuffed());
    let command_bytes = session.prepare_terminator(chunk.len());
    let unsendable = next.and_then(|next| session.prepare_envelope(next).err());
    let terminator = Terminator {
        // A chunk counts when it is complete; a dot may have been seen from its first octet on.
        octets: match &body {
            _ if is_chunking => command_bytes + chunk.len(),
            Some(body) => body.clone().map(<[u8]>::len).sum::<usize>() + 1,
            None => 1,
        },
        has_envelope: next.is_some() && unsendable.is_none(),
    };
    let output = session.take_output();
    let (before, behind) = output.split_at(if is_chunking { command_bytes } else { 0 });
    let slices = once(before)
        .chain(content.slices(chunk))
        .chain(body.into_iter().flatten())
        .chain(once(behind));
    let mut writing = Writing::of_terminator(deadline, terminator);
    let result = writing.write(wire, session, slices).await;
    session.recycle(output);
    (result, unsendable)
}

/// Whether nothing of the message leaves before the gate.
const fn is_held(session: &Session, content: &Content) -> bool {
    if session.is_chunking() {
        early_octets(content).end == 0
    } else {
        session.is_pipelining() && content.len() <= HELD_BYTES_MAX
    }
}

/// The octets that do not belong to the last chunk.
const fn early_octets(content: &Content) -> Range<usize> {
    0..content.len().saturating_sub(LAST_CHUNK_BYTES_MAX)
}
