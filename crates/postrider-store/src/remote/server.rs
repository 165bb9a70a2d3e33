//! The service's end: takes requests from one worker, in order, and answers when they are durable.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::frame::Link;
use super::{Call, Hello, Read, RemoteError, Welcome, Word};
use crate::bounds::{READS_PER_WORKER_MAX, SOCKET_UNSENT_BYTES_MAX};
use crate::error::StoreError;
use crate::handle::Store;
use crate::request::{Reply, Request};

/// A worker that has said hello.
pub struct Visitor<R, W> {
    link: Link<R, W>,
    hello: Hello,
}

/// What the service learns of a worker while it serves it.
#[derive(Debug)]
pub enum Heard<'a> {
    /// It asks for these.
    Asked(&'a [Request]),
    /// It was told these.
    Answered(&'a [Reply]),
    /// It sent a note.
    Note(Bytes),
}

/// Reads the hello of whoever has connected.
///
/// # Errors
/// [`RemoteError`] when it is none, or comes from another version, which is told so.
pub async fn meet<R, W>(from: R, to: W) -> Result<Visitor<R, W>, RemoteError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut link = Link::new(from, to);
    let (hello, _): (Hello, _) = link.next().await?;
    let visitor = Visitor { link, hello };
    match visitor.hello.strangeness() {
        None => Ok(visitor),
        Some(why) => {
            visitor.refuse(&why).await?;
            Err(RemoteError::Refused(why))
        }
    }
}

/// An answer that is on its way out of the store.
enum Answer {
    Submitted(u64, Result<Vec<Reply>, StoreError>),
    Email(u64, Result<Option<Bytes>, StoreError>),
    EmailBytes(u64, Result<Option<u64>, StoreError>),
}

impl<R, W> Visitor<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    /// Who it says that it is.
    pub const fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Sends it away.
    ///
    /// # Errors
    /// [`RemoteError`] when it is gone already.
    pub async fn refuse(mut self, why: &str) -> Result<(), RemoteError> {
        self.link.send(&Err::<Welcome, _>(why), b"")?;
        self.link.flush().await
    }

    /// Serves it until its socket closes; then everything that it asked for is done, and its
    /// notes are told. `notes` go to it; when there can be no more, it is served all the same.
    ///
    /// The end of a worker is never a success: the error says how it came.
    pub async fn admit(
        mut self,
        welcome: &Welcome,
        store: &Store,
        mut notes: mpsc::Receiver<Bytes>,
        mut heard: impl FnMut(Heard<'_>),
    ) -> RemoteError {
        if let Err(error) = self.link.send(&Ok::<_, String>(welcome), b"") {
            return error;
        }
        let mut service = Serving {
            store,
            answers: FuturesUnordered::new(),
            reads: 0,
        };
        let error = service.serve(&mut self.link, &mut notes, &mut heard).await;
        // Whoever reaps now must find what these leave.
        while let Some(answer) = service.answers.next().await {
            if let Answer::Submitted(_, Ok(replies)) = answer {
                heard(Heard::Answered(&replies));
            }
        }
        error
    }
}

/// One worker being served.
struct Serving<'a> {
    store: &'a Store,
    answers: FuturesUnordered<BoxFuture<'a, Answer>>,
    /// Reads among them.
    reads: usize,
}

impl Serving<'_> {
    async fn serve<R, W>(
        &mut self,
        link: &mut Link<R, W>,
        notes: &mut mpsc::Receiver<Bytes>,
        heard: &mut impl FnMut(Heard<'_>),
    ) -> RemoteError
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut work = self.store.work();
        let mut has_notes = true;
        loop {
            // A worker that does not read is not answered, and not asked for more either.
            let has_room = link.unsent() < SOCKET_UNSENT_BYTES_MAX;
            let is_listening = has_room && self.reads < READS_PER_WORKER_MAX;
            let has_unsent = link.unsent() > 0;
            let done = tokio::select! {
                Some(answer) = self.answers.next(), if has_room => {
                    if let Answer::Submitted(_, Ok(replies)) = &answer {
                        heard(Heard::Answered(replies));
                    }
                    self.reply(link, answer)
                }
                call = next_if(link, is_listening), if is_listening || has_unsent => match call {
                    Ok(Some((call, tail))) => self.take(call, tail, heard).await,
                    Ok(None) => Ok(()),
                    Err(error) => return error,
                },
                note = notes.recv(), if has_notes && has_room => match note {
                    Some(note) => link.send(&Word::Note, &note),
                    None => {
                        has_notes = false;
                        Ok(())
                    }
                },
                () = work.came(), if has_room => link.send(&Word::Work, b""),
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Takes one call of the worker.
    async fn take(
        &mut self,
        call: Call,
        tail: Bytes,
        heard: &mut impl FnMut(Heard<'_>),
    ) -> Result<(), RemoteError> {
        match call {
            Call::Submit { call, requests } => {
                heard(Heard::Asked(&requests));
                match self.store.hand_over(requests).await {
                    Ok(handed) => self.answers.push(Box::pin(async move {
                        Answer::Submitted(call, handed.answer().await)
                    })),
                    Err(error) => self
                        .answers
                        .push(Box::pin(async move { Answer::Submitted(call, Err(error)) })),
                }
            }
            Call::Read { call, read } => {
                self.reads += 1;
                let store = self.store;
                self.answers.push(match read {
                    Read::Email(tenant, email) => Box::pin(async move {
                        let read = store.read(move |reader| reader.email(tenant, email));
                        Answer::Email(call, read.await)
                    }),
                    Read::EmailBytes(tenant, email) => Box::pin(async move {
                        let read = store.read(move |reader| reader.email_bytes(tenant, email));
                        Answer::EmailBytes(call, read.await)
                    }),
                });
            }
            Call::Note => heard(Heard::Note(tail)),
        }
        Ok(())
    }

    fn reply<R, W>(&mut self, link: &mut Link<R, W>, answer: Answer) -> Result<(), RemoteError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        match answer {
            Answer::Submitted(call, replies) => link.send(&Word::Submitted { call, replies }, b""),
            Answer::EmailBytes(call, bytes) => {
                self.reads -= 1;
                link.send(&Word::EmailBytes { call, bytes }, b"")
            }
            Answer::Email(call, content) => {
                self.reads -= 1;
                let (found, content) = match content {
                    Ok(Some(content)) => (Ok(true), content),
                    Ok(None) => (Ok(false), Bytes::new()),
                    Err(error) => (Err(error), Bytes::new()),
                };
                link.send(&Word::Email { call, found }, &content)
            }
        }
    }
}

/// The next call, or none once everything is written, when no call is to be taken now.
async fn next_if<R, W>(
    link: &mut Link<R, W>,
    is_listening: bool,
) -> Result<Option<(Call, Bytes)>, RemoteError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if is_listening {
        link.next().await.map(Some)
    } else {
        link.flush().await.map(|()| None)
    }
}
