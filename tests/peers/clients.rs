//! Programs that send mail, which we did not write: Postfix's `smtp-source`, `swaks`, Python's
//! `smtplib` and nodemailer. Each is one process that ends by itself.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::{debian, node, python};
use crate::{Ended, Running};

/// How long a program may take for all of its messages.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// Runs Postfix's `smtp-source` with these options against a server.
///
/// # Panics
/// When it cannot be started, or has not ended in time.
pub async fn smtp_source(options: &[&str], server: SocketAddr) -> Ended {
    let mut command = Command::new(debian("smtp-source", "postfix"));
    command.args(options).arg(server.to_string());
    Running::start(command).ended(SENT_WITHIN).await
}

/// Runs `swaks` with these options against a server: one message.
///
/// # Panics
/// When it cannot be started, or has not ended in time.
pub async fn swaks(options: &[&str], server: SocketAddr) -> Ended {
    let mut command = Command::new(debian("swaks", "swaks"));
    command.args(["--server", &server.to_string(), "--helo", "client.test"]);
    command.args(options);
    Running::start(command).ended(SENT_WITHIN).await
}

/// Sends by Python's `smtplib`; the keys of the order are those of `smtplib_client.py`.
///
/// # Panics
/// When it cannot be started, or has not ended in time.
pub async fn smtplib(order: &Value, server: SocketAddr) -> Ended {
    let mut command = python("smtplib_client.py");
    command.args([server.to_string(), order.to_string()]);
    Running::start(command).ended(SENT_WITHIN).await
}

/// Sends by nodemailer; the keys of the order are those of `node/send.cjs`.
///
/// # Panics
/// When it cannot be started, has not ended in time, or is not installed.
pub async fn nodemailer(order: &Value, server: SocketAddr) -> Ended {
    let mut command = node("nodemailer", "send.cjs");
    command.args([server.to_string(), order.to_string()]);
    Running::start(command).ended(SENT_WITHIN).await
}
