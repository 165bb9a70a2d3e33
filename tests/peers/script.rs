//! A server in a script of ours: it says its port first, keeps a journal, and ends with its input.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::READY_WITHIN;
use super::accepted::{Accepted, in_journal};

/// A running script.
#[derive(Debug)]
pub(super) struct Script {
    address: SocketAddr,
    folder: TempDir,
    /// Killed when dropped; it also ends by itself when this process dies, at the end of its input.
    _child: Child,
}

impl Script {
    /// Starts the script that `prepare` gives for a folder and the path of the journal, and
    /// returns when it listens.
    pub(super) async fn start(prepare: impl FnOnce(&Path, &Path) -> Command) -> Self {
        let folder = TempDir::new().expect("a folder for the journal");
        let mut command = prepare(folder.path(), &folder.path().join("journal"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script starts");
        let stdout = child.stdout.take().expect("stdout was piped");
        let mut line = String::new();
        timeout(READY_WITHIN, BufReader::new(stdout).read_line(&mut line))
            .await
            .expect("the script prints its port in time")
            .expect("its output can be read");
        let port = line.trim().parse();
        let port = port.expect("the first line of the script is its port");
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            folder,
            _child: child,
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message that it has answered with 250, in that order.
    pub(super) fn accepted(&self) -> Vec<Accepted> {
        in_journal(&self.folder.path().join("journal"))
    }
}
