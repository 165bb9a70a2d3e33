//! Python's aiosmtpd as a server: strict about line length, without PIPELINING.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use super::{READY_WITHIN, python};

/// A running aiosmtpd that accepts everything and keeps it.
#[derive(Debug)]
pub struct AiosmtpdSink {
    address: SocketAddr,
    folder: TempDir,
    /// Killed when dropped; it also ends by itself when this process dies, at the end of its input.
    _child: Child,
}

/// One message that aiosmtpd accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The reverse path, without angle brackets.
    pub mail_from: String,
    /// The forward paths that it accepted, in order, without angle brackets.
    pub rcpt_tos: Vec<String>,
    /// The message with its CRLFs, without dot-stuffing.
    pub data: Vec<u8>,
}

impl AiosmtpdSink {
    /// Starts the server and returns when it listens.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder for the journal");
        let mut child = python("aiosmtpd_sink.py")
            .arg(folder.path().join("journal"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let stdout = child.stdout.take().expect("stdout was piped");
        let mut line = String::new();
        timeout(READY_WITHIN, BufReader::new(stdout).read_line(&mut line))
            .await
            .expect("aiosmtpd prints its port in time")
            .expect("its output can be read");
        let port = line
            .trim()
            .parse()
            .expect("the first line of aiosmtpd_sink.py is its port");
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            folder,
            _child: child,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message that it has answered with 250, in that order.
    pub fn accepted(&self) -> Vec<Accepted> {
        #[derive(Deserialize)]
        struct Entry {
            mail_from: String,
            rcpt_tos: Vec<String>,
            data_base64: String,
        }
        let journal = std::fs::read_to_string(self.folder.path().join("journal"))
            .expect("the journal can be read");
        journal
            .lines()
            .map(|line| {
                let entry: Entry = serde_json::from_str(line).expect("a whole entry");
                let data = BASE64_STANDARD.decode(entry.data_base64).expect("base64");
                Accepted {
                    mail_from: entry.mail_from,
                    rcpt_tos: entry.rcpt_tos,
                    data,
                }
            })
            .collect()
    }
}
