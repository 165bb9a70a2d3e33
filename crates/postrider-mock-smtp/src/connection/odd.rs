//! Writing a reply as few or no servers do.
//!
//! A break means that nothing sensible can follow: the connection is then held until the client leaves.

use std::io;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::sleep;

use crate::bounds::{ENDLESS_REPLY_BYTES_MAX, ENDLESS_REPLY_STEP_BYTES, LONG_LINE_BYTES, ODD_REST};
use crate::dialogue::Odd;
use crate::world::treatment::Noise;

/// Writes the normal reply in an odd way, or something odd in its place. `drip_rest` is the rest
/// before each byte of a reply that drips.
pub(super) async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    odd: Odd,
    normal: &[u8],
    drip_rest: Duration,
) -> io::Result<ControlFlow<()>> {
    match odd {
        Odd::Split => write_split(stream, normal).await?,
        Odd::Noise(Noise::SlowLoris) => {
            for byte in normal {
                sleep(drip_rest).await;
                stream.write_all(&[*byte]).await?;
            }
        }
        Odd::Noise(Noise::LongLine) => {
            let mut line = code_of(normal).to_vec();
            line.push(b'-');
            line.resize(LONG_LINE_BYTES - 2, b'x');
            line.extend_from_slice(b"\r\n");
            stream.write_all(&line).await?;
            stream.write_all(normal).await?;
        }
        Odd::Noise(Noise::NoLineEnd) => {
            stream.write_all(normal.trim_ascii_end()).await?;
            return Ok(Break(()));
        }
        Odd::Noise(Noise::EndlessReply) => {
            write_endless(stream, code_of(normal)).await?;
            return Ok(Break(()));
        }
    }
    Ok(Continue(()))
}

/// In three pieces: the first digit, then up to between CR and LF, then the rest.
async fn write_split<S: AsyncWrite + Unpin>(stream: &mut S, normal: &[u8]) -> io::Result<()> {
    let line_feed = memchr::memchr(b'\n', normal).unwrap_or(1).max(1);
    let (first, rest) = normal.split_at(normal.len().min(1));
    let (second, third) = rest.split_at((line_feed - 1).min(rest.len()));
    for piece in [first, second, third] {
        stream.write_all(piece).await?;
        stream.flush().await?;
        sleep(ODD_REST).await;
    }
    Ok(())
}

async fn write_endless<S: AsyncWrite + Unpin>(stream: &mut S, code: &[u8]) -> io::Result<()> {
    let mut line = code.to_vec();
    line.extend_from_slice(b"-and one more thing\r\n");
    let step = line.repeat(ENDLESS_REPLY_STEP_BYTES / line.len());
    for _ in 0..ENDLESS_REPLY_BYTES_MAX / step.len() {
        stream.write_all(&step).await?;
        sleep(ODD_REST).await;
    }
    Ok(())
}

/// The digits of a reply; a code of success where there is none.
fn code_of(normal: &[u8]) -> &[u8] {
    normal.get(..3).unwrap_or(b"250")
}
