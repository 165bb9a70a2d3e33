//! One message goes to three servers that share no code: ours, Postfix's and Python's.
//!
//! The store is copied three times before anything is sent, so what the three get is three
//! attempts at one delivery: every octet must be the same, and be what was written.

use std::path::Path;

use postrider_api::{Campaign, ExportLine};
use postrider_mock_smtp::{Profile, body_hash};
use postrider_tests::Running;
use postrider_tests::peers::{AiosmtpdSink, SmtpSink, parse_messages};
use postrider_types::{CampaignState, DeliveryState};

use crate::house::{CAMPAIGN, House, Mock, beside_others, copy, lines_of_json, postrider};
use crate::letter::{Letter, assert_canonical};

const TO: &str = "Zoe.Groesse@receiver.test";
const NAME: &str = "Zoë <3 & Söhne";

#[tokio::test]
async fn one_message_reaches_three_servers() {
    let _turn = beside_others().await;
    let house = House::new();
    let email = Letter::in_house(&house, 70_000);
    let list = house.write(
        "people.csv",
        format!("email,name\nZoe.Groesse@Receiver.TEST,{NAME}\n"),
    );
    let (before, started) = prepare(&house, &email, &list).await;

    let mock = Mock::start(&house, Profile::sink()).await;
    let sink = SmtpSink::dumping().await;
    let aiosmtpd = AiosmtpdSink::start().await;
    let routes = [
        mock.route(),
        format!("smtp://{}", sink.address()),
        format!("smtp://{}", aiosmtpd.address()),
    ];
    for (number, route) in routes.iter().enumerate() {
        let data = house.path(&format!("copy-{number}"));
        copy(&house.data(), &data);
        let words = email.words(&["send", "--name", "three", "--route", route]);
        let mut command = postrider(&words.iter().map(String::as_str).collect::<Vec<_>>());
        command.arg("--to").arg(&list).arg("--data").arg(data);
        Running::start(command).ended(CAMPAIGN).await.with(0);
    }

    // The envelope, and the same octets at all three.
    let (at_mock, at_sink, at_python) = (mock.accepts(), sink.dumped(), aiosmtpd.accepted());
    let counts = (at_mock.len(), at_sink.len(), at_python.len());
    assert_eq!(counts, (1, 1, 1), "each server got one message");
    let (at_mock, at_sink, at_python) = (&at_mock[0], &at_sink[0], &at_python[0]);
    let data = &at_python.data;
    assert_eq!(
        at_sink.data, *data,
        "Postfix and Python read the same message"
    );
    assert_eq!(at_mock.bytes, data.len() as u64);
    assert_eq!(at_mock.body_hash, body_hash(data), "so does our own mock");
    assert_eq!(at_mock.sender, "news@example.test");
    assert_eq!(at_mock.recipient, TO);
    assert_eq!(at_mock.campaign.as_deref(), Some("cmp_1"));
    assert!(at_sink.mail_args.starts_with("<news@example.test>"));
    assert_eq!(at_sink.rcpt_args, [format!("<{TO}>")]);
    assert_eq!(at_python.mail_from, "news@example.test");
    assert_eq!(at_python.rcpt_tos, [TO]);

    // What a mail program sees in them.
    assert_canonical(data);
    let parsed = parse_messages(&[data]).await.remove(0);
    email.assert_arrived(&parsed, TO, NAME);
    assert_eq!(parsed.header("Message-ID"), before.message_id.as_deref());
    assert_eq!(at_mock.message_id, before.message_id);
    let date = parsed.header("Date").expect("it has a Date");
    let date = jiff::fmt::rfc2822::parse(date).expect("a Date is as RFC 5322 has it");
    let started_at = started.started_at.expect("it was started").0.as_micros();
    let seconds = started_at.div_euclid(1_000_000);
    assert_eq!(
        date.timestamp().as_second(),
        seconds,
        "the campaign's start"
    );
}

/// Puts the email and starts a campaign to one recipient, without a relay: nothing is sent.
async fn prepare(house: &House, email: &Letter, list: &Path) -> (ExportLine, Campaign) {
    let words = email.words(&["email", "put"]);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let put = house.run(&words).await.with(0).stdout;
    let create = [
        "campaign",
        "create",
        "--name",
        "three",
        "--email",
        put.trim(),
    ];
    house.run(&create).await.with(0);
    let list = list.to_str().expect("a path in UTF-8");
    let fill = ["campaign", "recipients", "three", "--to", list, "--seal"];
    house.run(&fill).await.with(0);
    let started = house
        .run(&["campaign", "start", "three", "-o", "json"])
        .await;
    let campaign: Campaign = lines_of_json(&started.with(0).stdout).remove(0);
    assert_eq!(campaign.state, CampaignState::Running);
    let mut receipts = house.export("three").await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].state, DeliveryState::Pending);
    (receipts.remove(0), campaign)
}
