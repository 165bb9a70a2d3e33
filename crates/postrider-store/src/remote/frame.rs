//! Frames: a length, a value in postcard, a tail.
//!
//! One task owns both directions. What is to be sent is collected and written whenever the socket
//! takes it, while the next frame is awaited: so whatever comes up together leaves together, and
//! neither side waits for the other to read first.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::RemoteError;
use crate::bounds::{FRAME_BYTES_MAX, SOCKET_READ_BYTES};

/// The length of a frame and the length of its value, four octets each, least significant first.
const HEADER_BYTES: usize = 8;

/// Both directions of one socket.
#[derive(Debug)]
pub(super) struct Link<R, W> {
    from: R,
    to: W,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Link<R, W> {
    pub(super) fn new(from: R, to: W) -> Self {
        Self {
            from,
            to,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
        }
    }

    /// Puts a frame behind what is to be written.
    ///
    /// # Errors
    /// [`RemoteError::Garbled`] for what no frame can hold; nothing is written of it.
    pub(super) fn send(&mut self, value: &impl Serialize, tail: &[u8]) -> Result<(), RemoteError> {
        let value = postcard::to_stdvec(value).map_err(garbled)?;
        let length = HEADER_BYTES - 4 + value.len() + tail.len();
        if length > FRAME_BYTES_MAX {
            let text = format!("a frame of {length} octets, and {FRAME_BYTES_MAX} are the most");
            return Err(RemoteError::Garbled(text));
        }
        let number = |length| u32::try_from(length).unwrap_or(u32::MAX);
        self.outgoing.reserve(4 + length);
        self.outgoing.put_u32_le(number(length));
        self.outgoing.put_u32_le(number(value.len()));
        self.outgoing.put_slice(&value);
        self.outgoing.put_slice(tail);
        Ok(())
    }

    /// Octets that wait to be written.
    pub(super) fn unsent(&self) -> usize {
        self.outgoing.len()
    }

    /// The next frame, while what waits is written. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`RemoteError`]; the socket is of no more use.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<(T, Bytes), RemoteError> {
        loop {
            if let Some(frame) = self.take_frame()? {
                return value_of(frame);
            }
            self.incoming.reserve(SOCKET_READ_BYTES);
            tokio::select! {
                count = self.from.read_buf(&mut self.incoming) => {
                    if count? == 0 {
                        return Err(RemoteError::Closed);
                    }
                }
                written = self.to.write_buf(&mut self.outgoing), if !self.outgoing.is_empty() => {
                    written?;
                }
            }
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`RemoteError`]; the socket is of no more use.
    pub(super) async fn flush(&mut self) -> Result<(), RemoteError> {
        self.to.write_all_buf(&mut self.outgoing).await?;
        Ok(self.to.flush().await?)
    }

    /// The first frame of what came, without its length, once it is whole.
    fn take_frame(&mut self) -> Result<Option<Bytes>, RemoteError> {
        let Some(mut header) = self.incoming.get(..4) else {
            return Ok(None);
        };
        let length = header.get_u32_le() as usize;
        if !(HEADER_BYTES - 4..=FRAME_BYTES_MAX).contains(&length) {
            return Err(RemoteError::Garbled(format!("a frame of {length} octets")));
        }
        let missing = (4 + length).saturating_sub(self.incoming.len());
        if missing > 0 {
            self.incoming.reserve(missing);
            return Ok(None);
        }
        self.incoming.advance(4);
        Ok(Some(self.incoming.split_to(length).freeze()))
    }
}

fn value_of<T: DeserializeOwned>(mut frame: Bytes) -> Result<(T, Bytes), RemoteError> {
    let length = frame.get_u32_le() as usize;
    if length > frame.len() {
        let text = format!("a value of {length} octets in a shorter frame");
        return Err(RemoteError::Garbled(text));
    }
    let value = frame.split_to(length);
    let value = postcard::from_bytes(&value).map_err(garbled)?;
    Ok((value, frame))
}

fn garbled(error: postcard::Error) -> RemoteError {
    RemoteError::Garbled(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{ReadHalf, SimplexStream, WriteHalf, simplex};

    use super::*;

    type Plain = Link<ReadHalf<SimplexStream>, WriteHalf<SimplexStream>>;

    /// Two ends whose pipes hold so many octets.
    fn pair(octets: usize) -> (Plain, Plain) {
        let ((a_from, b_to), (b_from, a_to)) = (simplex(octets), simplex(octets));
        (Link::new(a_from, a_to), Link::new(b_from, b_to))
    }

    #[tokio::test]
    async fn frames_arrive_in_order_however_small_the_pipe_is() {
        let (mut near, mut far) = pair(3);
        let tail = vec![7; 1_000];
        near.send(&(1_u64, "one"), b"").unwrap();
        near.send(&(2_u64, "two"), &tail).unwrap();
        let sent = tokio::spawn(async move { near.flush().await.map(|()| near) });
        let (first, none): ((u64, String), _) = far.next().await.unwrap();
        assert_eq!((first, none.len()), ((1, "one".to_owned()), 0));
        let (second, got): ((u64, String), _) = far.next().await.unwrap();
        assert_eq!((second, got), ((2, "two".to_owned()), Bytes::from(tail)));
        sent.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn two_ends_that_both_write_much_do_not_wait_for_each_other() {
        let (mut near, mut far) = pair(64);
        let tail = vec![1; 100_000];
        near.send(&0_u8, &tail).unwrap();
        far.send(&0_u8, &tail).unwrap();
        // An end that has its frame may still owe the rest of its own.
        let exchange = async |link: &mut Plain| {
            let (_, tail) = link.next::<u8>().await.unwrap();
            link.flush().await.unwrap();
            tail.len()
        };
        let both = async { tokio::join!(exchange(&mut near), exchange(&mut far)) };
        let span = std::time::Duration::from_secs(10);
        let got = tokio::time::timeout(span, both).await.unwrap();
        assert_eq!(got, (100_000, 100_000));
    }

    #[tokio::test]
    async fn what_is_no_frame_is_told_from_a_closed_socket() {
        let (from, mut to) = simplex(64);
        let mut link = Link::new(from, tokio::io::sink());
        to.write_all(&[0xff; 8]).await.unwrap();
        let error = link.next::<u8>().await.unwrap_err();
        assert!(matches!(error, RemoteError::Garbled(_)), "{error}");

        let (from, mut to) = simplex(64);
        to.shutdown().await.unwrap();
        let mut link = Link::new(from, tokio::io::sink());
        let error = link.next::<u8>().await.unwrap_err();
        assert!(matches!(error, RemoteError::Closed), "{error}");
    }

    #[test]
    fn a_frame_over_the_bound_is_not_begun() {
        let (mut near, _far) = pair(64);
        let tail = vec![0; FRAME_BYTES_MAX];
        assert!(near.send(&1_u8, &tail).is_err());
        assert_eq!(near.unsent(), 0);
    }
}
