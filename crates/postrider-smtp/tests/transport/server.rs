//! A server on a socket that is a table for each connection: what it expects, and what it answers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use postrider_smtp::dial::Dialer;
use postrider_smtp::site::{Host, HostSet, SiteName, Target, TlsPolicy};
use postrider_smtp::stream::Stream;
use postrider_smtp::tls::TlsClient;
use postrider_smtp::{Connection, Timeouts, Trouble};
use rustls::HandshakeKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::authority::NAME;

/// Octets expected, without their last CRLF (empty: nothing is waited for), and the reply, without
/// its last CRLF (empty: none).
pub(crate) type Line = (&'static str, &'static str);

/// In place of what is expected: one octet of anything.
pub(crate) const ANYTHING: &str = "<anything>";

/// In place of what is expected: an empty line.
pub(crate) const EMPTY_LINE: &str = "<empty>";

/// In place of a reply: the server closes the connection.
pub(crate) const CLOSE: &str = "<close>";

/// In place of a reply: the server takes the client's handshake.
pub(crate) const TLS: &str = "<tls>";

/// How a session begins.
pub(crate) const GREETING: Line = ("", "220 mx.test");

/// How an encrypted session begins.
pub(crate) const STARTTLS: [Line; 4] = [
    GREETING,
    ("EHLO client.test", "250-mx.test\r\n250 STARTTLS"),
    ("STARTTLS", "220 go"),
    ("", TLS),
];

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the client is told. Nobody here answers QUIT.
pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    opening: PATIENCE,
    quit: Duration::from_millis(20),
    ..Timeouts::STANDARD
};

/// A listening server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

/// One connection, after its end.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Where the client came from.
    pub(crate) peer: IpAddr,
    /// How its handshake went, if there was one.
    pub(crate) handshake: Option<HandshakeKind>,
    /// What it said after the end of the table, or where the table was left.
    pub(crate) rest: String,
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

impl Server {
    /// Plays one table for each connection, and refuses whoever comes after the last.
    pub(crate) async fn start(acceptor: Option<TlsAcceptor>, tables: Vec<Vec<Line>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, seen) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            for table in tables {
                let (stream, peer) = listener.accept().await.unwrap();
                let mut session = Seen {
                    peer: peer.ip(),
                    handshake: None,
                    rest: String::new(),
                };
                session.rest = play(stream, acceptor.as_ref(), table, &mut session).await;
                tell.send(session).unwrap();
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// The next connection that has ended.
    pub(crate) async fn seen(&mut self) -> Seen {
        let seen = timeout(PATIENCE, self.seen.recv()).await;
        seen.expect("the client closes the connection").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(
    stream: TcpStream,
    acceptor: Option<&TlsAcceptor>,
    table: Vec<Line>,
    session: &mut Seen,
) -> String {
    let mut plain = Some(stream);
    let mut encrypted: Option<Box<dyn Io>> = None;
    for (expect, reply) in table {
        if reply == TLS {
            let accepted = acceptor.unwrap().accept(plain.take().unwrap()).await;
            let Ok(stream) = accepted else {
                return "<no handshake>".to_owned();
            };
            session.handshake = stream.get_ref().1.handshake_kind();
            encrypted = Some(Box::new(stream));
            continue;
        }
        let stream: &mut dyn Io = match (&mut encrypted, &mut plain) {
            (Some(stream), _) => stream,
            (None, Some(stream)) => stream,
            (None, None) => unreachable!("one of them is there"),
        };
        if let Err(left) = answer(stream, expect, reply).await {
            return left;
        }
    }
    let mut rest = Vec::new();
    match (&mut encrypted, &mut plain) {
        // Nobody says farewell to TLS here, so the end is an error.
        (Some(stream), _) => drop(stream.read_to_end(&mut rest).await),
        (None, Some(stream)) => drop(stream.read_to_end(&mut rest).await),
        (None, None) => {}
    }
    String::from_utf8_lossy(&rest).into_owned()
}

/// One line of the table; what is left when the session ends with it.
async fn answer(stream: &mut dyn Io, expect: &str, reply: &str) -> Result<(), String> {
    let line = if expect == EMPTY_LINE { "" } else { expect };
    let bytes = match expect {
        "" => 0,
        ANYTHING => 1,
        _ => line.len() + 2,
    };
    let mut heard = vec![0; bytes];
    if stream.read_exact(&mut heard).await.is_err() {
        return Err(format!("<closed before {expect:?}>"));
    }
    let heard = String::from_utf8_lossy(&heard).into_owned();
    if bytes > 1 && heard != format!("{line}\r\n") {
        return Err(format!("<{heard:?} in place of {expect:?}>"));
    }
    if reply == CLOSE {
        return Err(String::new());
    }
    if !reply.is_empty() {
        let said = stream.write_all(format!("{reply}\r\n").as_bytes()).await;
        said.map_err(|_| format!("<closed before the answer to {expect:?}>"))?;
        drop(stream.flush().await);
    }
    Ok(())
}

/// A dialer without credentials.
pub(crate) fn dialer(tls: &TlsClient) -> Dialer {
    Dialer {
        client_name: "client.test".parse().unwrap(),
        credentials: None,
        source: None,
        tls: tls.clone(),
        timeouts: TIMEOUTS,
    }
}

/// These addresses, each as a host of its own; all have the same name.
pub(crate) fn target(addresses: &[SocketAddr], tls: TlsPolicy) -> Target {
    let host = |&address: &SocketAddr| Host {
        name: NAME.to_owned(),
        addresses: vec![address],
    };
    Target {
        site: SiteName::of_host(NAME),
        host_set: HostSet::new([NAME]),
        hosts: addresses.iter().map(host).collect(),
        tls,
    }
}

/// Dials one server.
pub(crate) async fn dial(
    dialer: &Dialer,
    server: &Server,
    tls: TlsPolicy,
) -> Result<Connection<Stream>, Trouble> {
    dialer.dial(&target(&[server.address], tls)).await
}

/// Trouble with all its causes, as a person reads it.
pub(crate) fn sentence(trouble: &Trouble) -> String {
    let mut text = trouble.to_string();
    let mut source = std::error::Error::source(trouble);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Holds that a text says all of these.
pub(crate) fn check_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}
