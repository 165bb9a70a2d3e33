//! Python's aiosmtpd as a server: strict about line length, without PIPELINING.

use std::net::SocketAddr;

use super::accepted::Accepted;
use super::python;
use super::script::Script;

/// A running aiosmtpd that keeps what it accepts.
#[derive(Debug)]
pub struct AiosmtpdSink(Script);

impl AiosmtpdSink {
    /// Starts the server and returns when it listens. It knows nobody whose name begins with `bad`.
    pub async fn start() -> Self {
        let script = Script::start(|_, journal| {
            let mut command = python("aiosmtpd_sink.py");
            command.arg(journal);
            command
        });
        Self(script.await)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Every message that it has answered with 250, in that order.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.0.accepted()
    }
}
