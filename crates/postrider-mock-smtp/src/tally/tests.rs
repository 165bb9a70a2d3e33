//! The numbers, counted online and read from a log.

use super::*;

fn accept(recipient: &str, message_id: &str, campaign: Option<&str>) -> Accept {
    Accept {
        at_us: 2,
        mail_at_us: 1,
        connection: 1,
        domain: recipient.rsplit_once('@').unwrap().1.to_owned(),
        recipient: recipient.to_owned(),
        sender: "news@example.test".to_owned(),
        message_id: Some(message_id.to_owned()),
        campaign: campaign.map(str::to_owned),
        bytes: 10,
        body_hash: "0".to_owned(),
        ..Accept::default()
    }
}

#[test]
fn an_accept_that_comes_again_is_a_duplicate_by_each_measure() {
    let mut ledger = Ledger::default();
    for again in [
        accept("a@x.test", "<1>", Some("c1")),
        accept("a@x.test", "<1>", Some("c1")),
        accept("a@x.test", "<2>", Some("c1")),
        accept("a@x.test", "<3>", Some("c2")),
        accept("b@x.test", "<1>", Some("c2")),
        accept("b@x.test", "<9>", None),
    ] {
        ledger.count(&Record::Accept(again), true);
    }
    let tally = ledger.tally();
    assert_eq!((tally.accepted, tally.recipients), (6, 2));
    assert_eq!((tally.duplicates, tally.duplicates_by_campaign), (1, 2));
    assert_eq!(ledger.duplicates().len(), 2);
    assert_eq!(ledger.accepted_of("a@X.test"), 4);
    assert_eq!(ledger.accepted_of("nobody@x.test"), 0);
}

#[test]
fn a_log_that_is_read_counts_the_same() {
    let records = [
        Record::Mail(Mail {
            at_us: 7,
            connection: 1,
            domain: "x.test".to_owned(),
            ..Mail::default()
        }),
        Record::Accept(accept("a@x.test", "<1>", None)),
        Record::Accept(accept("a@x.test", "<1>", None)),
    ];
    let mut ledger = Ledger::default();
    records.iter().for_each(|record| ledger.count(record, true));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accepts.ndjson");
    let mut text = log::text(&records, true);
    text.extend_from_slice(br#"{"kind":"accept","at_us":"#);
    std::fs::write(&path, &text).unwrap();
    let read = Ledger::read_log(&path).unwrap();
    assert_eq!(
        read.tally(),
        ledger.tally(),
        "a torn last line was never answered"
    );
    assert_eq!(read.mail_times_of("x.test"), [7]);

    text.push(b'\n');
    std::fs::write(&path, &text).unwrap();
    let error = Ledger::read_log(&path).unwrap_err();
    assert!(
        matches!(error, MockError::LogLine { line: 4, .. }),
        "{error:?}"
    );
}
