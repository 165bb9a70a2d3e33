//! Mail programs that we did not write, started by the test that needs them.
//!
//! [`SmtpSink`] is Postfix's, [`AiosmtpdSink`] Python's; [`parse_messages`] shows what Python's
//! `email` package reads in the bytes that arrived, to be compared with what was sent.
//! [`clients`] are programs that send.
//! Each server listens on a free port of 127.0.0.1, has a folder of its own, and is killed when
//! its value is dropped. Their time is real: do not start them under a paused clock.
//! A program that is missing fails the test with the command that installs it.

mod aiosmtpd;
pub mod clients;
mod parse;
mod smtp_sink;
#[cfg(test)]
mod tests;

pub use aiosmtpd::{Accepted, AiosmtpdSink};
pub use parse::{ParsedMessage, ParsedPart, parse_messages};
pub use smtp_sink::{Dumped, SmtpSink};

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
