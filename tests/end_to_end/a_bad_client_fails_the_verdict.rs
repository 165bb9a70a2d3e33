//! A client that misbehaves in one way is failed for that reason and no other, while its twin, which
//! does the same properly, passes. The log of the mock, read afterwards, says the same.

use std::time::Duration;

use postrider_mock_smtp::control::wire::State;
use postrider_tests::until;
use tokio::time::interval;

use crate::examiner::{Client, Examiner};
use crate::house::{SOON, alone, beside_others};

#[tokio::test]
async fn one_that_ignores_the_rate_is_failed_and_one_that_keeps_the_pace_is_not() {
    let _turn = alone().await;
    let profile = "[domain.'x.test']\nrate = '20/s'\nburst = 1";
    let examiner = Examiner::under(profile).await;
    for n in 0..40 {
        // After its 421 it goes on at once, on another connection: no other rule is broken.
        let mut client = examiner.client().await;
        client.deliver("c", &format!("r{n}@x.test"), n).await;
    }
    examiner.fails("the limit of x.test (20/s, burst 1").await;

    let examiner = Examiner::under(profile).await;
    let mut client = examiner.client().await;
    let mut turn = interval(Duration::from_millis(51));
    for n in 0..25 {
        turn.tick().await;
        let code = client.deliver("c", &format!("r{n}@x.test"), n).await;
        assert_eq!(code, "250");
        // Counted from the reply: however late a message arrived, the next one comes a turn later.
        turn.reset();
    }
    client.quit().await;
    examiner.passes().await;
}

#[tokio::test]
async fn one_that_sends_a_recipient_twice_is_failed_and_one_that_sends_two_campaigns_is_not() {
    let _turn = beside_others().await;
    let examiner = Examiner::under("").await;
    let mut client = examiner.client().await;
    client.deliver("c1", "a@x.test", 1).await;
    client.deliver("c2", "a@x.test", 2).await;
    examiner.passes().await;
    client.deliver("c1", "a@x.test", 3).await;
    examiner
        .fails("1 accept was a repetition of the same campaign and recipient")
        .await;

    let examiner = Examiner::under("").await;
    let mut client = examiner.client().await;
    client.deliver("c1", "a@x.test", 1).await;
    client.deliver("c2", "a@x.test", 1).await;
    examiner
        .fails("1 accept was a repetition of the same Message-ID and recipient")
        .await;
}

#[tokio::test]
async fn one_that_pipelines_where_it_was_not_offered_is_failed_and_elsewhere_it_is_not() {
    let _turn = beside_others().await;
    let group = "MAIL FROM:<n@e.test>\r\nRCPT TO:<a@x.test>\r\n";
    for (profile, is_right) in [("keywords = ['8BITMIME']", false), ("", true)] {
        let examiner = Examiner::under(profile).await;
        let mut client = examiner.client().await;
        client.say(group).await;
        assert_eq!(
            (client.reply().await, client.reply().await),
            ("250".into(), "250".into())
        );
        client.quit().await;
        if is_right {
            examiner.passes().await;
        } else {
            examiner
                .fails("the client broke the protocol (pipelined_unoffered) 1 time")
                .await;
        }
    }
}

#[tokio::test]
async fn one_that_sends_the_message_before_its_354_is_failed() {
    let _turn = beside_others().await;
    let examiner = Examiner::under("").await;
    let mut client = examiner.client().await;
    client.ask("MAIL FROM:<n@e.test>\r\n").await;
    client.ask("RCPT TO:<a@x.test>\r\n").await;
    client
        .say("DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\n")
        .await;
    assert_eq!(client.reply().await, "554");
    examiner
        .fails("the client broke the protocol (synchronisation) 1 time")
        .await;
}

#[tokio::test]
async fn one_that_drops_carriage_returns_is_failed_and_its_twin_is_not() {
    let _turn = beside_others().await;
    for (content, is_right) in [("one\ntwo\n\r\n", false), ("one\r\ntwo\r\n", true)] {
        let examiner = Examiner::under("").await;
        let mut client = examiner.client().await;
        assert_eq!(
            client.deliver_content("c", "a@x.test", 1, content).await,
            "250"
        );
        client.quit().await;
        if is_right {
            examiner.passes().await;
        } else {
            examiner
                .fails("the client broke the protocol (bare_line_end) 1 time")
                .await;
        }
    }
}

#[tokio::test]
async fn one_that_goes_on_after_421_is_failed_and_one_that_quits_is_not() {
    let _turn = beside_others().await;
    let profile = "[domain.'x.test']\nreject = [{ share = 1.0, reply = '421 4.3.2 Closing' }]";
    let examiner = Examiner::under(profile).await;
    let mut client = examiner.client().await;
    assert_eq!(client.deliver("c", "a@x.test", 1).await, "421");
    until(
        SOON,
        "the commands after 421 are held against it",
        async || {
            client.say("NOOP\r\n").await;
            (!examiner.mock.verdict().is_pass()).then_some(())
        },
    )
    .await;
    drop(client);
    examiner
        .fails("the client broke the protocol (command_after_421)")
        .await;

    let examiner = Examiner::under(profile).await;
    let mut client = examiner.client().await;
    assert_eq!(client.deliver("c", "a@x.test", 1).await, "421");
    client.quit().await;
    let mut client = examiner.client().await;
    assert_eq!(client.deliver("c", "a@y.test", 1).await, "250");
    client.quit().await;
    examiner.passes().await;
}

#[tokio::test]
async fn one_that_opens_more_connections_than_the_cap_is_failed_and_one_that_takes_turns_is_not() {
    let _turn = beside_others().await;
    let profile = "[provider.big]\naddress = '127.0.1.61'\nconnections_max = 2";
    let examiner = Examiner::under(profile).await;
    let big = examiner.mock.provider_addrs()["big"];
    let held = [Client::connect(big).await, Client::connect(big).await];
    let third = Client::connect(big).await;
    examiner
        .fails("provider big saw 3 connections at once, and allows 2")
        .await;
    drop((held, third));

    let examiner = Examiner::under(profile).await;
    let big = examiner.mock.provider_addrs()["big"];
    let first = Client::connect(big).await;
    for n in 0..20 {
        let mut client = Client::connect(big).await;
        client.deliver("c", &format!("r{n}@x.test"), n).await;
        if n % 2 == 0 {
            client.quit().await;
        }
    }
    first.quit().await;
    examiner.passes().await;
}

#[tokio::test]
async fn one_that_corrupts_a_message_is_failed_and_its_twin_is_not() {
    let _turn = beside_others().await;
    let mut examiner = Examiner::under("").await;
    for recipient in ["a@x.test", "b@x.test"] {
        examiner.expect("c", recipient, Some("hello\r\n.\r\n"));
    }
    let mut client = examiner.client().await;
    client
        .deliver_content("c", "a@x.test", 1, "hello\r\n..\r\n")
        .await;
    client
        .deliver_content("c", "b@x.test", 2, "hello\r\n...\r\n")
        .await;
    examiner.fails("1 message was corrupted: of 2").await;
    examiner.expect("c", "b@x.test", Some("hello\r\n..\r\n"));
    examiner.passes().await;
}

#[tokio::test]
async fn one_that_claims_what_never_arrived_is_failed_and_one_that_doubts_it_is_not() {
    let _turn = beside_others().await;
    let mut examiner = Examiner::under("").await;
    let mut client = examiner.client().await;
    client.deliver("c", "a@x.test", 1).await;
    examiner.hold("c", "a@x.test", State::Delivered);
    examiner.hold("c", "b@x.test", State::Delivered);
    examiner.fails("1 receipt was false").await;
    examiner.hold("c", "b@x.test", State::InDoubt);
    examiner.passes().await;
    let doubt = examiner.verdict().await.in_doubt;
    assert_eq!((doubt.held, doubt.not_arrived), (1, 1));
    assert_eq!(doubt.listed[0].recipient, "b@x.test");
}

#[tokio::test]
async fn one_that_loses_a_recipient_is_failed_and_so_is_one_that_sends_to_a_stranger() {
    let _turn = beside_others().await;
    let mut examiner = Examiner::under("").await;
    examiner.expect("c", "a@x.test", None);
    examiner.expect("c", "b@x.test", None);
    let mut client = examiner.client().await;
    client.deliver("c", "a@x.test", 1).await;
    examiner.fails("1 delivery was lost").await;
    client.deliver("c", "b@x.test", 2).await;
    examiner.passes().await;
    client.deliver("c", "stranger@x.test", 3).await;
    examiner
        .fails("1 delivery was accepted though nobody expected it")
        .await;
}
