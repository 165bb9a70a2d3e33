//! A client that is written here, byte by byte.

use std::net::SocketAddr;

use postrider_mock_smtp::MockServer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::WAIT_MAX;

/// A connection, over TLS or not.
pub(crate) struct Client<S = TcpStream>(pub(crate) BufReader<S>);

impl Client {
    pub(crate) async fn connect(mock: &MockServer) -> Self {
        Self::connect_to(mock.local_addr()).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = stream.expect("the mock listens");
        stream
            .set_nodelay(true)
            .expect("a fresh socket takes options");
        Self(BufReader::new(stream))
    }

    /// After the greeting and EHLO.
    pub(crate) async fn greeted(mock: &MockServer) -> Self {
        let mut client = Self::connect(mock).await;
        client.reply_to_be("220").await;
        client.hello().await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Says EHLO, and answers with the lines of the reply.
    pub(crate) async fn hello(&mut self) -> Vec<String> {
        self.say("EHLO me\r\n").await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            assert!(line.starts_with("250"), "{line:?} instead of 250");
            lines.push(line[4..].trim_end().to_owned());
            if line.starts_with("250 ") {
                return lines;
            }
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        let stream = self.0.get_mut();
        stream
            .write_all(text.as_bytes())
            .await
            .expect("the mock reads");
        stream.flush().await.expect("the mock reads");
    }

    /// The next line; empty at the end of the connection, however it ended.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(WAIT_MAX, self.0.read_line(&mut line)).await;
        match read.expect("the mock answers or closes") {
            Ok(_) => line,
            Err(_) => String::new(),
        }
    }

    /// All that comes until the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let end = timeout(WAIT_MAX, self.0.read_to_end(&mut rest)).await;
        drop(end.expect("the connection ends"));
        rest
    }

    pub(crate) async fn reply_to_be(&mut self, start: &str) {
        let mut line = self.line().await;
        while line.starts_with("250-") {
            line = self.line().await;
        }
        assert!(line.starts_with(start), "{line:?} instead of {start}");
    }

    /// Brings one message, and answers with the last line that came.
    pub(crate) async fn deliver(&mut self, recipient: &str, message_id: &str) -> String {
        self.say(&format!(
            "MAIL FROM:<news@example.test>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"
        ))
        .await;
        for expected in ["250", "250", "354"] {
            let line = self.line().await;
            if !line.starts_with(expected) {
                return line;
            }
        }
        self.say(&format!("Message-ID: {message_id}\r\n\r\n..hello\r\n.\r\n"))
            .await;
        self.line().await
    }
}
