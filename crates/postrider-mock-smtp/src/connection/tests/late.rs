//! Replies that wait, and clients that do not.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_leaves_while_a_reply_waits_has_left_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (log, lines) = log_in(&folder);
    let mut client = connect_logged(Profile::sink(), Some(log));
    client.hello().await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<late-300s@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    let left_at_us = client.shared.clock.now_us();
    client.send(".\r\n").await;
    let Client {
        stream,
        stop: _running,
        served,
        ..
    } = client;
    drop(stream);
    let _ = timeout(IDLE_MAX * 2, served)
        .await
        .expect("the connection ends");
    let lines = lines();
    let close = lines.iter().find_map(|line| match line {
        crate::log::Line::Close(close) => Some(close),
        _ => None,
    });
    let late_us = close.expect("the end is recorded").at_us - left_at_us;
    assert!(late_us < 1_000_000, "{late_us} us after the client left");
    let is_accept = |line: &crate::log::Line| matches!(line, crate::log::Line::Accept(_));
    assert_eq!(lines.iter().filter(|line| is_accept(line)).count(), 1);
}

/// Whether the end, and the reply that was not heard, are recorded when a client leaves within the
/// wait for the reply to a dot that it sent together with `more`.
async fn leaves_within_the_wait(more: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (log, lines) = log_in(&folder);
    let mut client = connect_logged(Profile::sink(), Some(log));
    client.hello().await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<late-300s@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    client.send(&format!(".\r\n{more}")).await;
    let Client {
        stream,
        stop: _running,
        served,
        ..
    } = client;
    // The mock reads the dot before the end.
    tokio::task::yield_now().await;
    drop(stream);
    let _ = timeout(IDLE_MAX * 2, served)
        .await
        .expect("the connection ends");
    let lines = lines();
    let unanswered = lines.iter().filter(|line| {
        matches!(line, crate::log::Line::Unanswered(line) if line.is_accepted && line.is_doubtless)
    });
    assert_eq!(unanswered.count(), 1, "{more:?}: {lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_is_missing_to_who_has_left_whatever_came_with_the_dot() {
    leaves_within_the_wait("").await;
    leaves_within_the_wait("MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_reply_waits_is_answered_after_it() {
    let mut client = connect(Profile::sink());
    client.hello().await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<late-5s@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    client.send(".\r\nNOOP\r\n").await;
    tokio::task::yield_now().await;
    client.send("HELP\r\n").await;
    for code in ["250 2.0.0", "250", "214"] {
        client.read_to(code).await;
    }
}
