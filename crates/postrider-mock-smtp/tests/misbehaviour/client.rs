//! A client that reads what comes, however it comes.

use std::io::ErrorKind;
use std::time::Duration;

use postrider_mock_smtp::MockServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::WAIT_MAX;

/// How a connection ended, after all that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    /// Nothing came for a while.
    Silence,
}

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn connect(mock: &MockServer) -> Self {
        let stream = TcpStream::connect(mock.local_addr()).await;
        Self(stream.expect("the mock listens"))
    }

    /// A client that has sent MAIL, one command at a time, and had every answer.
    pub(crate) async fn at_rcpt(mock: &MockServer) -> Self {
        let mut client = Self::connect(mock).await;
        client.line().await;
        for command in ["HELO me\r\n", "MAIL FROM:<n@x.test>\r\n"] {
            client.say(command).await;
            client.line().await;
        }
        client
    }

    /// A client that has sent everything up to and with DATA, or as far as the mock let it.
    pub(crate) async fn at_data(mock: &MockServer, local_part: &str) -> Self {
        let mut client = Self::at_rcpt(mock).await;
        for command in [&format!("RCPT TO:<{local_part}@x.test>\r\n"), "DATA\r\n"] {
            client.say(command).await;
            client.line().await;
        }
        client
    }

    pub(crate) async fn say(&mut self, text: &str) {
        // A mock that has closed already takes nothing, and its end is what the test looks at.
        drop(self.0.write_all(text.as_bytes()).await);
    }

    /// The next line; what there is of it at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            match timeout(WAIT_MAX, self.0.read_u8())
                .await
                .expect("the mock answers")
            {
                Ok(byte) => line.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(line).expect("the mock speaks ASCII")
    }

    /// All that comes, and how it ends.
    pub(crate) async fn rest(&mut self, silence_after: Duration) -> (String, End) {
        let mut rest = Vec::new();
        loop {
            let end = match timeout(silence_after, self.0.read_buf(&mut rest)).await {
                Ok(Ok(0)) => End::Fin,
                Ok(Ok(_)) => continue,
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
                Ok(Err(error)) => panic!("{error}"),
                Err(_) => End::Silence,
            };
            return (String::from_utf8(rest).expect("the mock speaks ASCII"), end);
        }
    }
}
