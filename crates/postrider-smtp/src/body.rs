//! Writing the body: many slices, one deadline for each block, and an open ear.
//!
//! A server may give up in mid-body, and says why before it closes. So the shell reads whenever
//! it writes; a reply ends the transaction before its terminator, which is always safe.

use std::io::{self, IoSlice};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};

use crate::content::Content;
use crate::dialogue::Dialogue;
use crate::timeouts::Timeouts;
use crate::trouble::{Cause, Trouble};
use crate::wire::{Turn, Wire};

/// Slices given to one vectored write.
const SLICES_MAX: usize = 64;

/// Writes the body, listening all the while.
pub(crate) async fn write_body<S>(
    wire: &mut Wire<S>,
    dialogue: &mut Dialogue,
    content: &Content,
    timeouts: &Timeouts,
) -> Result<(), Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // What came in one piece with the 354 was said before it could judge anything of ours.
    dialogue.step()?;
    let mut stuffed = content.stuffed();
    loop {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(&mut stuffed) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        if count == 0 {
            break;
        }
        write_slices(wire, dialogue, &mut slices[..count], timeouts).await?;
    }
    let block = timeouts.body_block;
    match timeout(block, wire.flush()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(last_words(wire, dialogue, error, timeouts.quit).await),
        Err(_) => Err(dialogue.lost(Cause::Deadline(block))),
    }
}

/// Writes all of these slices; each write must take something within one block's allowance.
async fn write_slices<S>(
    wire: &mut Wire<S>,
    dialogue: &mut Dialogue,
    mut slices: &mut [IoSlice<'_>],
    timeouts: &Timeouts,
) -> Result<(), Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let block = timeouts.body_block;
    let mut deadline = Instant::now() + block;
    while !slices.is_empty() {
        let Ok(turn) = timeout_at(deadline, wire.write_or_read(slices)).await else {
            return Err(dialogue.lost(Cause::Deadline(block)));
        };
        match turn {
            Turn::Wrote(Ok(bytes)) if bytes > 0 => {
                IoSlice::advance_slices(&mut slices, bytes);
                deadline = Instant::now() + block;
            }
            Turn::Wrote(result) => {
                let error = result
                    .err()
                    .unwrap_or_else(|| io::ErrorKind::WriteZero.into());
                return Err(last_words(wire, dialogue, error, timeouts.quit).await);
            }
            // Talking is not taking: the deadline stays.
            Turn::Heard(heard) => hear_early(dialogue, heard)?,
        }
    }
    Ok(())
}

/// Takes what a server says before it was given the whole message. A complete reply is trouble; so
/// is the end of the stream.
pub(crate) fn hear_early(dialogue: &mut Dialogue, heard: io::Result<&[u8]>) -> Result<(), Trouble> {
    match heard {
        Ok([]) => Err(dialogue.lost(Cause::Closed)),
        Ok(bytes) => {
            dialogue.receive(bytes);
            dialogue.step().map(drop)
        }
        Err(error) => Err(dialogue.lost(Cause::from(error))),
    }
}

/// Why the body could not be written: a server that gives up on a message often says why before
/// it closes, and that is worth more than a broken pipe.
async fn last_words<S>(
    wire: &mut Wire<S>,
    dialogue: &mut Dialogue,
    error: io::Error,
    patience: Duration,
) -> Trouble
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let listen = async {
        loop {
            match wire.read().await {
                Ok([]) | Err(_) => return None,
                bytes => {
                    if let Err(trouble) = hear_early(dialogue, bytes) {
                        return Some(trouble);
                    }
                }
            }
        }
    };
    let heard = timeout(patience, listen).await.unwrap_or(None);
    heard.unwrap_or_else(|| dialogue.lost(Cause::from(error)))
}
