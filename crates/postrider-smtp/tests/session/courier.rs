//! What a caller does with a connection: one message after the other, the next envelope with each
//! dot where it may go along.

use postrider_smtp::{Connection, Envelope, Extensions, Outgoing, Sent, Timeouts, Trouble};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::line::Stream;
use crate::script::{content_of, name};

pub(crate) const LOCK_STEP: Extensions = Extensions {
    pipelining: false,
    ..Extensions::STANDARD
};

pub(crate) const GROUPS: Extensions = Extensions::STANDARD;

pub(crate) const CHUNKS: Extensions = Extensions {
    chunking: true,
    ..Extensions::STANDARD
};

pub(crate) const CHUNKS_IN_LOCK_STEP: Extensions = Extensions {
    chunking: true,
    ..LOCK_STEP
};

/// What is known about one message at the end.
#[derive(Debug)]
pub(crate) enum Known {
    Accepted,
    InDoubt,
    /// Not accepted, and why.
    Not(Trouble),
    /// Nothing was tried.
    Untried,
}

impl From<Sent> for Known {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Accepted(reply) => {
                assert!(reply.is_positive(), "{reply}");
                Self::Accepted
            }
            Sent::InDoubt(_) => Self::InDoubt,
            Sent::Refused(trouble) => {
                assert!(trouble.reply().is_some_and(|reply| reply.code >= 400));
                Self::Not(trouble)
            }
            Sent::Unsent(trouble) => {
                assert!(!trouble.is_permanent() && !trouble.is_in_doubt());
                Self::Not(trouble)
            }
        }
    }
}

/// A message to this local part.
pub(crate) fn mail(local: &str, body: &str) -> Outgoing {
    Outgoing {
        envelope: Envelope {
            reverse_path: Some(format!("bounce-{local}@example.test").parse().unwrap()),
            forward_path: format!("{local}@example.test").parse().unwrap(),
        },
        content: content_of(body),
    }
}

/// Opens a session and sends these messages over it, as long as it lasts.
pub(crate) async fn carry(
    stream: Stream,
    extensions: Extensions,
    mails: &[Outgoing],
) -> Vec<Known> {
    match Connection::open(stream, name(), Timeouts::STANDARD).await {
        Ok(connection) => carry_over(connection.with_extensions(extensions), mails).await,
        Err(_) => mails.iter().map(|_| Known::Untried).collect(),
    }
}

/// Sends these messages over a session as long as it lasts.
pub(crate) async fn carry_over<S: AsyncRead + AsyncWrite + Unpin>(
    mut connection: Connection<S>,
    mails: &[Outgoing],
) -> Vec<Known> {
    let mut known: Vec<Known> = mails.iter().map(|_| Known::Untried).collect();
    let mut at = 0;
    while at < mails.len() && connection.is_reusable() {
        at = carry_on(&mut connection, mails, &mut known, at).await;
    }
    connection.quit().await;
    known
}

/// Sends messages from this one on, until one does not get to its gate.
async fn carry_on<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    mails: &[Outgoing],
    known: &mut [Known],
    mut at: usize,
) -> usize {
    let mut transfer = connection.begin(mails[at].clone()).await;
    loop {
        let gate = match transfer {
            Ok(transfer) => transfer.send_body().await,
            Err(trouble) => Err(trouble),
        };
        let gate = match gate {
            Ok(gate) => gate,
            Err(trouble) => {
                known[at] = Known::Not(trouble);
                return at + 1;
            }
        };
        let Some(next) = mails.get(at + 1) else {
            known[at] = gate.dot().await.into();
            return at + 1;
        };
        let (sent, following) = gate.dot_with(next.clone()).await;
        known[at] = sent.into();
        at += 1;
        transfer = following.open().await;
    }
}
