//! A client that sends messages over one connection and keeps what it was told of each.

use bytes::Bytes;
use postrider_smtp::{
    AtGate, Connection, Content, Envelope, Extensions, Outgoing, Sent, Timeouts, Transfer, Trouble,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};

/// What the client does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its dot takes the envelope of the next message along.
    Go,
    /// Its dot goes alone.
    GoAlone,
    /// It is given up at the gate.
    Abandon,
    /// It is given up before its body.
    Drop,
}

/// One message of a session.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) segments: Vec<Vec<u8>>,
    pub(crate) fate: Fate,
}

/// What the client was told of a message.
#[derive(Debug)]
pub(crate) enum Told {
    Accepted,
    InDoubt,
    /// Known not to have been accepted, and why.
    NotSent(Option<Trouble>),
}

impl Message {
    /// The message with this number, to its own recipient.
    pub(crate) fn outgoing(&self, number: usize) -> Outgoing {
        let segments = self.segments.iter().cloned().map(Bytes::from).collect();
        Outgoing {
            envelope: Envelope {
                reverse_path: Some(format!("bounce-{number}@example.test").parse().unwrap()),
                forward_path: format!("user{number}@example.test").parse().unwrap(),
            },
            content: Content::new(segments).unwrap(),
        }
    }

    /// Its octets.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.segments.concat()
    }
}

/// Sends the messages over one connection, for as long as it is of use; what was told of each.
pub(crate) async fn send_all<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    extensions: Extensions,
    messages: &[Message],
) -> Vec<Told> {
    let mut told = Vec::new();
    let name = "client.test".parse().unwrap();
    let Ok(connection) = Connection::open(stream, name, Timeouts::STANDARD).await else {
        return told;
    };
    let mut connection = connection.with_extensions(extensions);
    while told.len() < messages.len() && connection.is_reusable() {
        send_some(&mut connection, messages, &mut told).await;
    }
    connection.quit().await;
    told
}

/// Sends messages from the first that nothing is told of, as long as each takes the next along.
async fn send_some<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    messages: &[Message],
    told: &mut Vec<Told>,
) {
    let mail = messages[told.len()].outgoing(told.len());
    let mut begun = connection.begin(mail).await;
    loop {
        let message = &messages[told.len()];
        let gate = match to_gate(begun, message.fate).await {
            Ok(gate) => gate,
            Err(trouble) => return told.push(Told::NotSent(trouble)),
        };
        let next = messages.get(told.len() + 1);
        let (Fate::Go, Some(next)) = (message.fate, next) else {
            return told.push(what(gate.dot().await));
        };
        let (sent, following) = gate.dot_with(next.outgoing(told.len() + 1)).await;
        told.push(what(sent));
        begun = following.open().await;
    }
}

/// The message at its gate, or why it does not get there: `None` when that is its fate.
async fn to_gate<S: AsyncRead + AsyncWrite + Unpin>(
    begun: Result<Transfer<'_, S>, Trouble>,
    fate: Fate,
) -> Result<AtGate<'_, S>, Option<Trouble>> {
    let transfer = begun?;
    if fate == Fate::Drop {
        return Err(None);
    }
    let gate = transfer.send_body().await?;
    if fate == Fate::Abandon {
        gate.abandon();
        return Err(None);
    }
    Ok(gate)
}

/// A runtime whose clock stands still while anything can happen.
pub(crate) fn paused() -> Runtime {
    let mut runtime = Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap()
}

fn what(sent: Sent) -> Told {
    match sent {
        Sent::Accepted(_) => Told::Accepted,
        Sent::InDoubt(_) => Told::InDoubt,
        Sent::Refused(trouble) | Sent::Unsent(trouble) => Told::NotSent(Some(trouble)),
    }
}
