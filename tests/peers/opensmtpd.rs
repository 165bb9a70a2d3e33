//! OpenSMTPD: neither PIPELINING nor CHUNKING, and it hangs up on a client that does not wait.
//!
//! In clear only: Debian 12 builds its version 6.8 with an OpenSSL under which it cannot use its own
//! key, so every handshake fails.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::accepted::{Accepted, split_field, value_of, with_crlf};
use super::daemon::Daemon;
use super::jail::Jail;

const USERS: [(&str, u32); 2] = [("opensmtpd", 65_502), ("opensmtpq", 65_503)];
const SPOOL: &str = "var/spool/smtpd";

/// A running OpenSMTPD that keeps what it accepts in its queue, for ever.
#[derive(Debug)]
pub struct OpenSmtpd(Daemon);

impl OpenSmtpd {
    /// Starts the server and returns when it greets. It knows nobody whose name begins with `bad`.
    pub async fn start() -> Self {
        let daemon = Daemon::start("opensmtpd", |folder, address| {
            let jail = Jail::new("opensmtpd", folder, &USERS);
            for folder in [SPOOL, "var/lib/opensmtpd/empty", "run"] {
                jail.folder_of(0, folder);
            }
            let config = format!(
                "filter bad phase rcpt-to match rcpt-to regex {{ \"^bad\" }} \
                 reject \"550 5.1.1 no such user here\"\n\
                 listen on {} port {} hostname opensmtpd.test filter bad\n\
                 action keep relay\n\
                 match from any for any action keep\n",
                address.ip(),
                address.port()
            );
            jail.write("etc/smtpd.conf", config);
            // In the foreground, with both kinds of delivery paused.
            jail.command("/usr/sbin/smtpd", &["-d", "-P", "mda", "-P", "mta"])
        });
        Self(daemon.await)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Every message in its queue, in no order.
    pub fn accepted(&self) -> Vec<Accepted> {
        let queue = self.0.folder().join("jail").join(SPOOL).join("queue");
        let bunches = entries(&queue);
        let messages = bunches.iter().flat_map(|bunch| entries(bunch));
        messages.map(|message| accepted(&message)).collect()
    }
}

/// A folder with the file `message`, and a file for each envelope.
fn accepted(message: &Path) -> Accepted {
    let text = std::fs::read(message.join("message")).expect("a message has a text");
    let (received, data) = split_field(&text);
    assert!(received.starts_with(b"Received: "), "OpenSMTPD adds it");
    let (mut mail_from, mut rcpt_tos) = (String::new(), Vec::new());
    let files = entries(message).into_iter();
    for envelope in files.filter(|file| !file.ends_with("message")) {
        let envelope = std::fs::read_to_string(envelope).expect("an envelope is text");
        for line in envelope.lines().map(str::as_bytes) {
            rcpt_tos.extend(value_of(line, "rcpt"));
            mail_from = value_of(line, "sender").unwrap_or(mail_from);
        }
    }
    Accepted {
        mail_from,
        rcpt_tos,
        data: with_crlf(data),
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the queue can be read");
    let paths = entries.map(|entry| entry.expect("the queue can be read").path());
    paths.collect()
}
