//! The worker's end: calls go out with numbers, and whoever called is told the answer.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use postrider_types::{EmailId, TenantId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};

use super::frame::Link;
use super::reader::RemoteReader;
use super::{Call, Hello, Read, RemoteError, Welcome, Word};
use crate::bounds::{NOTES_WAITING_MAX, REQUESTS_WAITING_MAX, SOCKET_UNSENT_BYTES_MAX};
use crate::error::StoreError;
use crate::read::Reader;
use crate::request::{Reply, Request};

/// A worker's way to its service: cheap to clone, and what a remote store is made of.
#[derive(Debug, Clone)]
pub struct Connected {
    calls: mpsc::Sender<Outgoing>,
    work: watch::Sender<u64>,
    is_over: watch::Receiver<bool>,
    message_key: [u8; 32],
}

/// What comes from the service beside answers.
pub type Notes = mpsc::Receiver<Bytes>;

/// Something to be sent.
#[derive(Debug)]
pub(super) enum Outgoing {
    Submit(
        Vec<Request>,
        oneshot::Sender<Result<Vec<Reply>, StoreError>>,
    ),
    Email(
        TenantId,
        EmailId,
        oneshot::Sender<Result<Option<Bytes>, StoreError>>,
    ),
    EmailBytes(
        TenantId,
        EmailId,
        oneshot::Sender<Result<Option<u64>, StoreError>>,
    ),
    Note(Bytes),
}

/// Says hello, and waits for the welcome; a task of its own keeps the socket from then on.
///
/// # Errors
/// [`RemoteError`]: the service does not want this worker, or is gone.
pub async fn connect<R, W>(
    from: R,
    to: W,
    hello: &Hello,
) -> Result<(Connected, Welcome, Notes), RemoteError>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let mut link = Link::new(from, to);
    link.send(hello, b"")?;
    let (answer, _): (Result<Welcome, String>, _) = link.next().await?;
    let welcome = answer.map_err(RemoteError::Refused)?;
    let (calls, outgoing) = mpsc::channel(REQUESTS_WAITING_MAX);
    let (notes_tx, notes) = mpsc::channel(NOTES_WAITING_MAX);
    let (over, is_over) = watch::channel(false);
    let work = watch::Sender::default();
    let connected = Connected {
        calls,
        work: work.clone(),
        is_over,
        message_key: welcome.message_key,
    };
    let waiting = Waiting {
        last: 0,
        submits: HashMap::new(),
        reads: HashMap::new(),
        measures: HashMap::new(),
        work,
        notes: notes_tx,
    };
    tokio::spawn(async move {
        let error = waiting.run(link, outgoing).await;
        tracing::debug!(%error, "the socket to the service is closed");
        over.send_replace(true);
    });
    Ok((connected, welcome, notes))
}

impl Connected {
    /// Waits until the socket is closed. Whatever waited for an answer has failed by then.
    pub async fn over(&self) {
        let mut is_over = self.is_over.clone();
        drop(is_over.wait_for(|is_over| *is_over).await);
    }

    /// Sends a note. One that finds the socket closed is lost like everything else.
    pub async fn note(&self, note: Bytes) {
        drop(self.calls.send(Outgoing::Note(note)).await);
    }

    pub(crate) async fn submit(
        &self,
        requests: Vec<Request>,
        answer: oneshot::Sender<Result<Vec<Reply>, StoreError>>,
    ) -> Result<(), StoreError> {
        let sent = self.calls.send(Outgoing::Submit(requests, answer)).await;
        sent.map_err(|_| StoreError::Closed)
    }

    pub(crate) fn work(&self) -> watch::Sender<u64> {
        self.work.clone()
    }

    pub(crate) fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(RemoteReader::new(self.calls.clone(), self.message_key))
    }
}

/// What the task of the socket keeps.
struct Waiting {
    /// The number of the last call.
    last: u64,
    submits: HashMap<u64, oneshot::Sender<Result<Vec<Reply>, StoreError>>>,
    reads: HashMap<u64, oneshot::Sender<Result<Option<Bytes>, StoreError>>>,
    measures: HashMap<u64, oneshot::Sender<Result<Option<u64>, StoreError>>>,
    work: watch::Sender<u64>,
    notes: mpsc::Sender<Bytes>,
}

impl Waiting {
    /// Works until the socket fails, or nobody is left who could ask; whoever waits is told when
    /// this is dropped.
    async fn run<R, W>(
        mut self,
        mut link: Link<R, W>,
        mut outgoing: mpsc::Receiver<Outgoing>,
    ) -> RemoteError
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let has_room = link.unsent() < SOCKET_UNSENT_BYTES_MAX;
            let done = tokio::select! {
                next = outgoing.recv(), if has_room => match next {
                    Some(next) => self.send(&mut link, next),
                    None => return RemoteError::Closed,
                },
                word = link.next() => match word {
                    Ok((word, tail)) => self.hear(word, tail).await,
                    Err(error) => return error,
                },
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    fn send<R, W>(&mut self, link: &mut Link<R, W>, next: Outgoing) -> Result<(), RemoteError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        self.last += 1;
        let call = self.last;
        match next {
            Outgoing::Submit(requests, answer) => {
                self.submits.insert(call, answer);
                link.send(&Call::Submit { call, requests }, b"")
            }
            Outgoing::Email(tenant, email, answer) => {
                self.reads.insert(call, answer);
                let read = Read::Email(tenant, email);
                link.send(&Call::Read { call, read }, b"")
            }
            Outgoing::EmailBytes(tenant, email, answer) => {
                self.measures.insert(call, answer);
                let read = Read::EmailBytes(tenant, email);
                link.send(&Call::Read { call, read }, b"")
            }
            Outgoing::Note(note) => link.send(&Call::Note, &note),
        }
    }

    async fn hear(&mut self, word: Word, tail: Bytes) -> Result<(), RemoteError> {
        let unknown = |call| RemoteError::Garbled(format!("an answer to call {call}"));
        match word {
            Word::Submitted { call, replies } => {
                let answer = self.submits.remove(&call).ok_or_else(|| unknown(call))?;
                // Whoever asked may have gone away.
                drop(answer.send(replies));
            }
            Word::Email { call, found } => {
                let answer = self.reads.remove(&call).ok_or_else(|| unknown(call))?;
                let content = found.map(|is_found| is_found.then_some(tail));
                drop(answer.send(content));
            }
            Word::EmailBytes { call, bytes } => {
                let answer = self.measures.remove(&call).ok_or_else(|| unknown(call))?;
                drop(answer.send(bytes));
            }
            Word::Work => self.work.send_modify(|count| *count += 1),
            Word::Note => drop(self.notes.send(tail).await),
        }
        Ok(())
    }
}
