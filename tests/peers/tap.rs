//! A listener between a client and a server, which sees who waits for whom.
//!
//! A *turn* is all that a client says until the server speaks again. A client that waits for each
//! reply says one command a turn; one that pipelines says several. It works on what is sent in clear.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// Enough for what one side says at once: a write larger than this is one turn all the same.
const READ_BYTES: usize = 64 * 1024;

/// A tap before a server. It stops when dropped.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    turns: Arc<Mutex<Turns>>,
    listening: AbortHandle,
}

/// What a tap has seen, over all connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turns {
    /// Connections so far.
    pub connections: u64,
    /// Turns of the client: each costs a round trip.
    pub turns: u64,
    /// MAIL commands.
    pub mails: u64,
    /// BDAT commands.
    pub chunks: u64,
    /// Turns in which RCPT came right behind MAIL, or DATA right behind RCPT.
    pub pipelined: u64,
}

impl Tap {
    /// Listens on a free port, and brings all that comes to the server.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let turns = Arc::new(Mutex::new(Turns::default()));
        let seen = Arc::clone(&turns);
        let listening = tokio::spawn(async move {
            // Connections end with the tap.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                seen.lock().expect("no panic").connections += 1;
                connections.spawn(connect(client, server, Arc::clone(&seen)));
            }
        });
        Self {
            address,
            turns,
            listening: listening.abort_handle(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen until now.
    ///
    /// # Panics
    /// Never: nothing panics while it is counted.
    pub fn turns(&self) -> Turns {
        self.turns.lock().expect("no panic").clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Brings bytes both ways until one side has ended.
async fn connect(mut client: TcpStream, server: SocketAddr, seen: Arc<Mutex<Turns>>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (mut said, mut replied) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    let mut turn = Vec::new();
    loop {
        tokio::select! {
            // What the client has said already belongs before what the server says next.
            biased;
            read = client.read(&mut said) => {
                let Ok(read @ 1..) = read else { break };
                turn.extend_from_slice(&said[..read]);
                if server.write_all(&said[..read]).await.is_err() {
                    break;
                }
            }
            read = server.read(&mut replied) => {
                let Ok(read @ 1..) = read else { break };
                seen.lock().expect("no panic").add(&turn);
                turn.clear();
                if client.write_all(&replied[..read]).await.is_err() {
                    break;
                }
            }
        }
    }
    seen.lock().expect("no panic").add(&turn);
}

impl Turns {
    /// Counts a turn; nothing said is none.
    fn add(&mut self, said: &[u8]) {
        if said.is_empty() {
            return;
        }
        self.turns += 1;
        let lines: Vec<_> = said.split_inclusive(|&byte| byte == b'\n').collect();
        let is = |line: &[u8], command: &[u8]| line.starts_with(command);
        let count = |command: &[u8]| lines.iter().filter(|line| is(line, command)).count() as u64;
        self.mails += count(b"MAIL FROM:<");
        self.chunks += count(b"BDAT ");
        let together = lines.windows(2).any(|two| {
            is(two[0], b"MAIL FROM:<") && is(two[1], b"RCPT TO:<")
                || is(two[0], b"RCPT TO:<") && is(two[1], b"DATA\r\n")
        });
        self.pipelined += u64::from(together);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(turns: &[&str]) -> Turns {
        let mut counted = Turns::default();
        for turn in turns {
            counted.add(turn.as_bytes());
        }
        counted
    }

    #[test]
    fn lock_step_is_a_command_a_turn_and_a_group_is_one_turn() {
        let lock_step = counted(&[
            "MAIL FROM:<a>\r\n",
            "RCPT TO:<b>\r\n",
            "DATA\r\n",
            "x\r\n.\r\n",
        ]);
        assert_eq!(
            (lock_step.turns, lock_step.mails, lock_step.pipelined),
            (4, 1, 0)
        );
        let group = "x\r\n.\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n";
        let pipelined = counted(&[group, "", group]);
        assert_eq!(
            (pipelined.turns, pipelined.mails, pipelined.pipelined),
            (2, 2, 2)
        );
    }
}
