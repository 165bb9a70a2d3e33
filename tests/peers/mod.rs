//! Mail programs that we did not write, started by the test that needs them.
//!
//! Servers: [`Postfix`], [`Exim`], [`OpenSmtpd`], npm's [`SmtpServer`] and Python's [`AiosmtpdSink`]
//! take mail as they do for their users, refuse whom they do not know, and show the bytes that they
//! took; [`SmtpSink`] is Postfix's own sink. [`clients`] are programs that send.
//! [`parse_messages`] shows what Python's `email` package reads in the bytes that arrived, to be
//! compared with what was sent; [`verify_by_dkimpy`] and [`verify_by_opendkim`] what receivers make of
//! signatures; and a [`Tap`] between client and server who waited for whom.
//! Each server listens on a free port of 127.0.0.1, has a folder of its own, and is killed when
//! its value is dropped. Their time is real: do not start them under a paused clock.
//! A program that is missing fails the test with the command that installs it.

mod accepted;
mod aiosmtpd;
mod asking;
pub mod clients;
mod daemon;
mod exim;
mod jail;
mod opensmtpd;
mod parse;
mod postfix;
mod script;
mod signatures;
mod smtp_server;
mod smtp_sink;
mod tap;
mod terms;
#[cfg(test)]
mod tests;

pub use accepted::Accepted;
pub use aiosmtpd::AiosmtpdSink;
pub use exim::Exim;
pub use opensmtpd::OpenSmtpd;
pub use parse::{ParsedMessage, ParsedPart, parse_messages};
pub use postfix::Postfix;
pub use signatures::{Verdict, verify_by_dkimpy, verify_by_opendkim};
pub use smtp_server::SmtpServer;
pub use smtp_sink::{Dumped, SmtpSink};
pub use tap::{Tap, Turns};
pub use terms::{Account, Authority, Identity, Terms};

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

/// How long a peer may take until it listens or answers; a loaded machine starts Python in two
/// seconds.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A Python program of this folder, in the environment that `tests/run` makes.
fn python(script: &str) -> Command {
    let interpreter = crate::root().join("target/peers-venv/bin/python");
    assert!(
        interpreter.exists(),
        "{} is missing; `tests/run` installs it",
        interpreter.display()
    );
    let mut command = Command::new(interpreter);
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(script),
    );
    command.kill_on_drop(true);
    command
}

/// A Node program of this folder that needs a package, in the environment that `tests/run` makes.
fn node(package: &str, script: &str) -> Command {
    let modules = crate::root().join("target/peers-node/node_modules");
    assert!(
        modules.join(package).exists(),
        "{package} is missing in {}; `tests/run` installs it",
        modules.display()
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/node");
    let mut command = Command::new(debian("node", "nodejs"));
    command.arg(folder.join(script)).env("NODE_PATH", modules);
    command.kill_on_drop(true);
    command
}

/// A program of a Debian package, from the path or from where Debian keeps it for root.
fn debian(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| {
            panic!(
                "`{program}` is missing; `tests/run` installs it, or `apt-get install {package}`"
            )
        })
}
