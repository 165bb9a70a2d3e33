//! A server that is a table: what it expects, and what it answers.

use std::time::Duration;

use bytes::Bytes;
use postrider_smtp::{
    AtGate, ClientName, Connection, Content, Envelope, Outgoing, Sent, Timeouts, Trouble,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// Octets expected, without their last CRLF (empty: nothing is waited for), and the reply, without
/// its last CRLF (empty: none).
pub(crate) type Line = (&'static str, &'static str);

/// In place of a reply: the server closes the connection.
pub(crate) const CLOSE: &str = "<close>";

/// In place of a reply: the client gets its turn before the server goes on.
pub(crate) const LATER: &str = "<later>";

/// How a session begins that is about something else.
pub(crate) const OPENING: [Line; 2] = [("", "220 mx.test"), ("EHLO client.test", "250 mx.test")];

/// A transaction up to the go-ahead.
pub(crate) const UP_TO_BODY: [Line; 3] = [
    ("MAIL FROM:<news@example.test>", "250 ok"),
    ("RCPT TO:<ada@example.test>", "250 ok"),
    ("DATA", "354 go ahead"),
];

/// The body of [`content`], without terminator.
pub(crate) const BODY: Line = ("Subject: a\r\n\r\nb", "");

/// The terminator, and its acceptance.
pub(crate) const DOT: Line = (".", "250 2.0.0 queued as 1");

/// Starts a server that plays the table and then listens until the client closes. Its task gives
/// what was left over.
pub(crate) fn serve(table: Vec<Line>) -> (DuplexStream, JoinHandle<String>) {
    let (client, server) = duplex(64 * 1024);
    (client, tokio::spawn(play(server, table)))
}

async fn play(mut stream: DuplexStream, table: Vec<Line>) -> String {
    if let Err(end) = play_table(&mut stream, table).await {
        return end;
    }
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    rest
}

/// Plays the table; an error is its end before the end of the table.
async fn play_table(stream: &mut DuplexStream, table: Vec<Line>) -> Result<(), String> {
    for (expect, reply) in table {
        if !expect.is_empty() {
            let mut heard = vec![0; expect.len() + 2];
            if stream.read_exact(&mut heard).await.is_err() {
                return Err(format!("<closed before {expect:?}>"));
            }
            assert_eq!(String::from_utf8_lossy(&heard), format!("{expect}\r\n"));
        }
        if reply == CLOSE {
            return Err(String::new());
        }
        if reply == LATER {
            tokio::task::yield_now().await;
        } else if !reply.is_empty() {
            let said = stream.write_all(format!("{reply}\r\n").as_bytes()).await;
            if said.is_err() {
                return Err(format!("<closed before the answer to {expect:?}>"));
            }
        }
    }
    Ok(())
}

/// Starts a server that plays the table and then says this in pieces, each of which the client reads
/// before the next comes.
pub(crate) fn serve_in_pieces(table: Vec<Line>, pieces: Vec<String>) -> DuplexStream {
    let (client, mut server) = duplex(64 * 1024);
    tokio::spawn(async move {
        play_table(&mut server, table).await.unwrap();
        for piece in pieces {
            server.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        // It stays until the client leaves.
        drop(server.read(&mut [0; 1]).await);
    });
    client
}

/// What the client said after the end of the table, once it has closed the connection.
pub(crate) async fn rest_of(server: JoinHandle<String>) -> String {
    // Time is paused: this is over as soon as nothing else can happen.
    let closed = tokio::time::timeout(Duration::from_secs(3_600), server).await;
    closed.expect("the client closes the connection").unwrap()
}

/// Joins parts of tables.
pub(crate) fn table(parts: &[&[Line]]) -> Vec<Line> {
    parts.concat()
}

pub(crate) fn name() -> ClientName {
    "client.test".parse().unwrap()
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        reverse_path: Some("news@example.test".parse().unwrap()),
        forward_path: "ada@example.test".parse().unwrap(),
    }
}

pub(crate) fn content() -> Content {
    content_of("Subject: a\r\n\r\nb\r\n")
}

pub(crate) fn content_of(text: &str) -> Content {
    Content::new(vec![Bytes::copy_from_slice(text.as_bytes())]).unwrap()
}

/// Opens a session on a server that plays this table.
pub(crate) async fn open(
    table: Vec<Line>,
) -> (
    Result<Connection<DuplexStream>, Trouble>,
    JoinHandle<String>,
) {
    let (stream, server) = serve(table);
    (
        Connection::open(stream, name(), Timeouts::STANDARD).await,
        server,
    )
}

/// Opens a session that must open.
pub(crate) async fn opened(table: Vec<Line>) -> (Connection<DuplexStream>, JoinHandle<String>) {
    let (connection, server) = open(table).await;
    (connection.unwrap(), server)
}

/// Sends a message up to the gate.
pub(crate) async fn transmit<'a, S: AsyncRead + AsyncWrite + Unpin>(
    connection: &'a mut Connection<S>,
    envelope: &Envelope,
    content: &Content,
) -> Result<AtGate<'a, S>, Trouble> {
    let mail = Outgoing {
        envelope: envelope.clone(),
        content: content.clone(),
    };
    connection.begin(mail).await?.send_body().await
}

/// Sends the usual message through the gate.
pub(crate) async fn send(connection: &mut Connection<DuplexStream>) -> Result<Sent, Trouble> {
    Ok(transmit(connection, &envelope(), &content())
        .await?
        .dot()
        .await)
}

/// The reply with which a message was accepted.
pub(crate) fn accepted(sent: Result<Sent, Trouble>) -> String {
    match sent {
        Ok(Sent::Accepted(reply)) => reply.to_string(),
        other => panic!("not accepted: {other:?}"),
    }
}

/// The trouble of a transaction that did not reach its gate.
pub(crate) fn trouble(sent: Result<Sent, Trouble>) -> Trouble {
    sent.expect_err("the message was not refused before the gate")
}
