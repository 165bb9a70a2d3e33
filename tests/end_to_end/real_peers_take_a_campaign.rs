//! Servers that we did not write take a campaign in which one recipient in ten is bad.
//!
//! Every receipt is held against what the server did, and a tap in between sees whether the client
//! waited for each reply.

use std::net::SocketAddr;

use postrider_tests::is_full;
use postrider_tests::peers::{
    Accepted, AiosmtpdSink, Exim, OpenSmtpd, Postfix, SmtpServer, Tap, Terms, Turns,
};

use crate::reconciled::takes;

#[tokio::test]
async fn postfix_takes_a_campaign_in_groups_of_commands() {
    let server = Postfix::start(&Terms::default()).await;
    let accepted = async || server.accepted().await;
    let turns = takes_a_campaign(server.address(), accepted).await;
    assert_pipelined(&turns);
}

#[tokio::test]
async fn exim_takes_a_campaign_in_groups_of_commands() {
    let server = Exim::start(&Terms::default()).await;
    let turns = takes_a_campaign(server.address(), async || server.accepted()).await;
    assert_pipelined(&turns);
}

#[tokio::test]
async fn smtp_server_takes_a_campaign_in_groups_of_commands() {
    let server = SmtpServer::start(&Terms::default()).await;
    let turns = takes_a_campaign(server.address(), async || server.accepted()).await;
    assert_pipelined(&turns);
}

#[tokio::test]
async fn postfix_takes_a_campaign_in_chunks() {
    let server = Postfix::start(&Terms::default()).await;
    let accepted = async || server.accepted().await;
    takes_in_chunks(server.address(), accepted).await;
}

#[tokio::test]
async fn exim_takes_a_campaign_in_chunks() {
    let server = Exim::start(&Terms::default()).await;
    takes_in_chunks(server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn opensmtpd_takes_a_campaign_and_never_sees_pipelining() {
    let server = OpenSmtpd::start().await;
    let accepted = async || server.accepted();
    let turns = takes_a_campaign(server.address(), accepted).await;
    assert_eq!(turns.pipelined, 0, "{turns:?}");
}

#[tokio::test]
async fn opensmtpd_takes_a_hundred_messages_a_session_and_gets_all_of_them() {
    let server = OpenSmtpd::start().await;
    let accepted = async || server.accepted();
    let turns = takes_by("connections = 1\n", 250, server.address(), accepted).await;
    // It says 452 to the next MAIL, but never closes.
    assert!(turns.connections >= 3, "{turns:?}");
}

#[tokio::test]
async fn aiosmtpd_takes_a_campaign_and_never_sees_pipelining() {
    let server = AiosmtpdSink::start().await;
    let accepted = async || server.accepted();
    let turns = takes_a_campaign(server.address(), accepted).await;
    assert_eq!(turns.pipelined, 0, "{turns:?}");
}

/// Sends the campaign to a server as every route does.
async fn takes_a_campaign(server: SocketAddr, accepted: impl AsyncFn() -> Vec<Accepted>) -> Turns {
    let count = if is_full() { 5_000 } else { 500 };
    takes_by("", count, server, accepted).await
}

/// Sends the campaign to a server as a route does that is allowed to use BDAT.
async fn takes_in_chunks(server: SocketAddr, accepted: impl AsyncFn() -> Vec<Accepted>) {
    let count = if is_full() { 1_000 } else { 100 };
    let turns = takes_by("chunking = true\n", count, server, accepted).await;
    // All but the bad, for whom nothing is sent.
    assert_eq!(turns.chunks, turns.mails / 10 * 9, "{turns:?}");
    assert_pipelined(&turns);
}

/// Sends the campaign to a server through a tap, by a route with these keys, and holds the receipts
/// against what it accepted.
async fn takes_by(
    keys: &str,
    count: usize,
    server: SocketAddr,
    accepted: impl AsyncFn() -> Vec<Accepted>,
) -> Turns {
    let tap = Tap::before(server).await;
    takes(tap.address(), keys, count, accepted).await;
    tap.turns()
}

/// Every envelope went as one group, and most of them with the end of the message before.
#[track_caller]
fn assert_pipelined(turns: &Turns) {
    assert_eq!(turns.pipelined, turns.mails, "{turns:?}");
    assert!(turns.turns < 2 * turns.mails, "{turns:?}");
}
