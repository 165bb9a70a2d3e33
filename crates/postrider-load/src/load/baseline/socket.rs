//! The bytes of a message written to a socket and nothing else: prebuilt, each message a lock-step
//! transaction. What the kernel takes for the bytes; a client cannot be cheaper.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;

use super::Work;
use super::content::content;
use crate::bounds::BASELINE_BYTES_MAX;

/// Sends; says what was done and how many messages there were.
pub(super) async fn send(
    mock: SocketAddr,
    work: Work,
    within: Duration,
) -> anyhow::Result<(String, u64)> {
    let affordable = (BASELINE_BYTES_MAX / work.body_bytes.max(1)).max(1);
    let messages = work.messages.min(affordable);
    let content: Arc<[u8]> = content(work.body_bytes).into();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..work.connections {
        let (content, next) = (Arc::clone(&content), Arc::clone(&next));
        tasks.spawn_blocking(move || Session::open(mock, within)?.send(&content, &next, messages));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let command = format!("plain sockets, {} threads", work.connections);
    Ok((command, messages))
}

/// A connection that knows as much of SMTP as it takes.
struct Session {
    stream: BufReader<TcpStream>,
    line: String,
}

impl Session {
    fn open(mock: SocketAddr, within: Duration) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(mock)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(within))?;
        stream.set_write_timeout(Some(within))?;
        let mut session = Self {
            stream: BufReader::new(stream),
            line: String::new(),
        };
        session.expect(b'2')?;
        session.ask(b"EHLO load.test\r\n", b'2')?;
        Ok(session)
    }

    fn send(mut self, content: &[u8], next: &AtomicU64, messages: u64) -> anyhow::Result<()> {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && number < messages
        {
            self.ask(b"MAIL FROM:<news@load.test>\r\n", b'2')?;
            self.ask(
                format!("RCPT TO:<u{number}@sink.test>\r\n").as_bytes(),
                b'2',
            )?;
            self.ask(b"DATA\r\n", b'3')?;
            self.stream.get_mut().write_all(content)?;
            self.ask(b".\r\n", b'2')?;
        }
        self.ask(b"QUIT\r\n", b'2')
    }

    fn ask(&mut self, command: &[u8], wanted: u8) -> anyhow::Result<()> {
        self.stream.get_mut().write_all(command)?;
        self.expect(wanted)
    }

    /// Reads a reply to its last line; its code has to begin with this digit.
    fn expect(&mut self, wanted: u8) -> anyhow::Result<()> {
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line)?;
            let code = self.line.as_bytes();
            anyhow::ensure!(
                code.first() == Some(&wanted),
                "the mock answered {:?}",
                self.line
            );
            if code.get(3).context("the mock's reply is too short")? != &b'-' {
                return Ok(());
            }
        }
    }
}
