//! What baselines send.

/// The sender in every header.
pub(super) const SENDER: &str = "news@load.test";

/// A plain message of about so many bytes.
pub(super) fn content(bytes: u64) -> Vec<u8> {
    let line = "x".repeat(70);
    let lines = usize::try_from(bytes / 72).unwrap_or(0);
    let header = format!("From: <{SENDER}>\r\nSubject: load\r\n\r\n");
    let body = format!("{line}\r\n").repeat(lines.max(1));
    (header + &body).into_bytes()
}
