//! One message goes to three servers that share no code: ours, Postfix's and Python's.
//!
//! The store is copied three times before anything is sent, so what the three get is three
//! attempts at one delivery: every octet must be the same, and be what was written.

use std::path::PathBuf;

use postrider_api::{Campaign, ExportLine};
use postrider_mock_smtp::{Profile, body_hash};
use postrider_tests::Running;
use postrider_tests::peers::{AiosmtpdSink, ParsedMessage, SmtpSink, parse_messages};
use postrider_types::{CampaignState, DeliveryState};

use crate::house::{CAMPAIGN, House, Mock, beside_others, copy, lines_of_json, postrider};

const FROM: &str = "Die Post – Nachrichten <news@example.test>";
const TO: &str = "Zoe.Groesse@receiver.test";
const NAME: &str = "Zoë <3 & Söhne";
const FILENAME: &str = "Übersicht – März №1.bin";
const SUBJECT: &str = "Grüße an {{ name }}: etwas, das so lang ist, dass es gefaltet werden muss";

#[tokio::test]
async fn one_message_reaches_three_servers() {
    let _turn = beside_others().await;
    let house = House::new();
    let email = Written::in_house(&house);
    let (before, started) = prepare(&house, &email).await;

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
        command.arg("--to").arg(&email.list).arg("--data").arg(data);
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
    email.assert_arrived(&parsed);
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
async fn prepare(house: &House, email: &Written) -> (ExportLine, Campaign) {
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
    let list = email.list.to_str().expect("a path in UTF-8");
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

/// Lines end in CR LF and are at most 998 octets long (RFC 5322 §2.1.1); nothing is above ASCII.
fn assert_canonical(data: &[u8]) {
    let text = std::str::from_utf8(data).expect("a message in ASCII");
    assert!(text.is_ascii());
    assert!(text.ends_with("\r\n"));
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "a bare line end in {line:?}");
        assert!(line.len() <= 998, "{} octets: {line:?}", line.len());
    }
}

/// An email with everything that is easily spoilt on the way.
struct Written {
    html: String,
    text: String,
    attachment: Vec<u8>,
    html_path: PathBuf,
    text_path: PathBuf,
    attachment_path: PathBuf,
    list: PathBuf,
}

impl Written {
    fn in_house(house: &House) -> Self {
        let long = "wörter ohne Ende ".repeat(120);
        let html = format!(
            "<p>Grüße, {{{{ name }}}}!</p>\n.\n..punkte vorn\n<p>{long}</p>\r\n\
             <a href=\"https://example.test/?a=1&amp;b=2\">=3D =\n</a> \n"
        );
        let endless = "x".repeat(2_500);
        let text = format!(
            "Grüße, {{{{ name }}}}!\n.\n.beginnt mit einem Punkt\n..zwei\nFrom hier\n\n\
             ein Blank am Ende \nein Tabulator\t\n{endless}\n= 日本語 🚚\n-- \nDie Post\n\n"
        );
        // Every octet, line ends of all kinds, dots, and something long without any.
        let mut attachment: Vec<u8> = (0..=255).collect();
        attachment.extend_from_slice(b"\r\n.\r\n\n.\n\r\r\n..\0");
        attachment.extend((0..70_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]));
        let list = format!("email,name\nZoe.Groesse@Receiver.TEST,{NAME}\n");
        Self {
            html_path: house.write("body.html", &html),
            text_path: house.write("body.txt", &text),
            attachment_path: house.write(FILENAME, &attachment),
            list: house.write("people.csv", list),
            html,
            text,
            attachment,
        }
    }

    /// A command with this email as flags.
    fn words(&self, command: &[&str]) -> Vec<String> {
        let path = |path: &PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        let (html, text) = (path(&self.html_path), path(&self.text_path));
        let attachment = path(&self.attachment_path);
        let flags = [
            ["--from", FROM],
            ["--reply-to", "answers@example.test"],
            ["--subject", SUBJECT],
            ["--html", &html],
            ["--text", &text],
            ["--attach", &attachment],
            ["--header", "X-Origin: Straße {{ name }}"],
            [
                "--header",
                "List-Unsubscribe: <https://example.test/u?r={{ email|urlencode }}>",
            ],
        ];
        let words = command.iter().copied().chain(flags.into_iter().flatten());
        words.map(str::to_owned).collect()
    }

    /// Compares what arrived with what was written; only line ends may differ.
    fn assert_arrived(&self, parsed: &ParsedMessage) {
        assert_eq!(parsed.defects, [""; 0]);
        let subject = SUBJECT.replace("{{ name }}", NAME);
        assert_eq!(parsed.header("Subject"), Some(subject.as_str()));
        assert_eq!(parsed.header("From"), Some(FROM));
        assert_eq!(parsed.header("To"), Some(TO));
        assert_eq!(parsed.header("Reply-To"), Some("answers@example.test"));
        let origin = format!("Straße {NAME}");
        assert_eq!(parsed.header("X-Origin"), Some(origin.as_str()));
        let unsubscribe = "<https://example.test/u?r=Zoe.Groesse%40receiver.test>";
        assert_eq!(parsed.header("List-Unsubscribe"), Some(unsubscribe));
        assert_eq!(
            parsed.structure,
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/octet-stream"
            ]
        );
        self.assert_body(parsed, "text/plain", &self.text.replace("{{ name }}", NAME));
        let name_in_html = "Zoë &lt;3 &amp; Söhne";
        let html = self.html.replace("{{ name }}", name_in_html);
        self.assert_body(parsed, "text/html", &html);
        let attachment = parsed.part("application/octet-stream").expect("the file");
        assert_eq!(attachment.filename.as_deref(), Some(FILENAME));
        assert_eq!(attachment.disposition.as_deref(), Some("attachment"));
        assert!(
            attachment.content == self.attachment,
            "the file came through"
        );
    }

    fn assert_body(&self, parsed: &ParsedMessage, content_type: &str, expected: &str) {
        let part = parsed.part(content_type).expect("the body is there");
        assert_eq!(part.charset.as_deref(), Some("utf-8"));
        let found = String::from_utf8(part.content.clone()).expect("UTF-8");
        assert_eq!(with_lf(&found), with_lf(expected), "{content_type}");
    }
}

fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}
