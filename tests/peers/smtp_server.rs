//! npm's smtp-server: PIPELINING, no CHUNKING; nodemailer's other half.

use std::net::SocketAddr;

use serde_json::json;

use super::accepted::Accepted;
use super::node;
use super::script::Script;
use super::terms::Terms;

/// A running smtp-server that keeps what it accepts.
#[derive(Debug)]
pub struct SmtpServer(Script);

impl SmtpServer {
    /// Starts the server and returns when it listens. It knows nobody whose name begins with `bad`.
    pub async fn start(terms: &Terms) -> Self {
        let identity = terms.identity.as_ref();
        let account = terms.account.as_ref();
        let asked = json!({
            "certificate": identity.map(|identity| &identity.certificate),
            "key": identity.map(|identity| &identity.key),
            "user": account.map(|account| &account.user),
            "password": account.map(|account| &account.password),
            "mechanisms": account.map(|account| &account.mechanisms),
        });
        let script = Script::start(|folder, journal| {
            // In a file, because everybody may read the arguments of a process.
            let terms = folder.join("terms.json");
            std::fs::write(&terms, asked.to_string()).expect("a file can be written");
            let mut command = node("smtp-server", "serve.cjs");
            command.arg(journal).arg(terms);
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
