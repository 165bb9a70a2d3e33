//! What may be sent in one group, and what a client could have known.

use super::*;
use crate::profile::Synchronisation;

fn without_pipelining() -> Profile {
    Profile {
        keywords: vec![Keyword::Size],
        ..Profile::sink()
    }
}

fn lenient() -> Profile {
    Profile {
        synchronisation: Synchronisation::Lenient,
        ..Profile::sink()
    }
}

#[test]
fn a_message_with_the_commands_of_the_next_one_is_a_legal_group() {
    let mut client = Client::new(Profile::sink());
    client.codes(envelope("a@x.test"));
    let group = format!("body\r\n.\r\n{}", envelope("b@x.test"));
    assert_eq!(client.codes(&group), [250, 250, 250, 354]);
    assert_eq!(client.codes("body\r\n.\r\nQUIT\r\n"), [250, 221]);
    assert_eq!(client.faults(), []);
}

#[test]
fn a_message_before_its_354_is_told_554_and_closed() {
    let mut client = Client::new(Profile::sink());
    let group = format!("{}body\r\n.\r\n", envelope("a@x.test"));
    assert_eq!(client.send(&group), Next::Close);
    assert_eq!(client.said(), [250, 250, 554]);
    assert!(client.accepts().is_empty());
    assert_eq!(client.faults(), [FaultKind::Synchronisation]);
}

#[test]
fn what_arrives_while_a_reply_waits_was_sent_before_it() {
    let slow = || {
        Profile::sink().with_domain(
            "x.test",
            Behaviour {
                reply_delay: "40ms".parse().unwrap(),
                ..Behaviour::accept()
            },
        )
    };
    let mut client = Client::new(slow());
    assert_eq!(client.codes(NEWS), [250]);
    assert!(matches!(
        client.send("RCPT TO:<a@x.test>\r\n"),
        Next::Wait { .. }
    ));
    assert_eq!(client.send(""), Next::Read);
    assert!(matches!(client.send("DATA\r\n"), Next::Wait { .. }));
    assert_eq!(client.send("body\r\n.\r\n"), Next::Close);
    assert_eq!(client.said(), [250, 354, 554]);
    assert_eq!(client.faults(), [FaultKind::Synchronisation]);

    let mut client = Client::new(Profile {
        keywords: vec![],
        ..slow()
    });
    assert_eq!(client.codes(NEWS), [250]);
    assert!(matches!(
        client.send("RCPT TO:<a@x.test>\r\n"),
        Next::Wait { .. }
    ));
    client.send("RSET\r\n");
    assert_eq!(client.faults(), [FaultKind::PipelinedUnoffered]);
}

#[test]
fn what_follows_a_last_command_in_its_group_is_told_554_and_closed() {
    for last in [
        "EHLO me",
        "HELO me",
        "NOOP",
        "VRFY ada",
        "EXPN a",
        "DATA",
        "STARTTLS",
        "AUTH PLAIN",
    ] {
        let mut client = Client::new(Profile::sink());
        assert_eq!(client.send(format!("{last}\r\nR")), Next::Close, "{last}");
        assert_eq!(client.said(), [554], "{last}");
        assert_eq!(client.faults(), [FaultKind::Synchronisation], "{last}");
    }
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.replies("NOOP\r\nRSET\r\n"),
        "554 5.5.0 Error: SMTP protocol synchronization\r\n"
    );
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.codes("RSET\r\nNOOP\r\n"),
        [250, 250],
        "it may be the last"
    );
}

#[test]
fn a_lenient_profile_notes_it_and_goes_on() {
    let mut client = Client::new(lenient());
    let group = format!("{}body\r\n.\r\nNOOP\r\nNOOP\r\n", envelope("a@x.test"));
    assert_eq!(client.codes(&group), [250, 250, 354, 250, 250, 250]);
    assert_eq!(client.accepts().len(), 1);
    let faults = client.faults();
    assert_eq!(
        faults,
        [FaultKind::Synchronisation, FaultKind::Synchronisation]
    );
}

#[test]
fn a_group_is_a_fault_where_pipelining_was_not_offered() {
    let mut client = Client::new(without_pipelining());
    assert_eq!(
        client.codes(format!("{NEWS}RCPT TO:<a@x.test>\r\nDATA\r\n")),
        [250, 250, 354]
    );
    assert_eq!(
        client.faults(),
        [FaultKind::PipelinedUnoffered],
        "once for a group"
    );
    assert_eq!(client.codes(format!("body\r\n.\r\n{NEWS}")), [250, 250]);
    assert_eq!(
        client.faults(),
        [FaultKind::PipelinedUnoffered],
        "after a message, too"
    );
    assert_eq!(client.codes_in_turn(&["RSET", "RSET"]), [250, 250]);
    assert_eq!(client.codes("RS"), [0; 0]);
    assert_eq!(client.codes("ET\r\n"), [250], "a line may come in pieces");
    assert_eq!(client.faults(), []);
}

#[test]
fn pipelining_before_ehlo_or_after_helo_is_not_offered() {
    let world = World::new(Profile::sink());
    let mut client = Client::of(&world);
    client.dialogue = greeted(&world);
    assert_eq!(client.codes("RSET\r\nRSET\r\n"), [250, 250]);
    assert_eq!(client.faults(), [FaultKind::PipelinedUnoffered]);
    client.codes("HELO me\r\n");
    assert_eq!(client.codes(format!("{NEWS}RSET\r\n")), [250, 250]);
    assert_eq!(client.faults(), [FaultKind::PipelinedUnoffered]);
}

#[test]
fn where_the_offer_is_a_lie_only_the_first_of_a_group_is_obeyed() {
    let mut client = Client::new(Profile {
        refuses: vec![Keyword::Pipelining],
        ..Profile::sink()
    });
    assert_eq!(client.codes(envelope("a@x.test")), [250, 500, 500]);
    assert_eq!(
        client.codes_in_turn(&["RCPT TO:<a@x.test>", "DATA"]),
        [250, 354]
    );
    assert_eq!(client.codes(format!(".\r\n{NEWS}")), [250, 500]);
    assert_eq!(client.faults(), []);
}

#[test]
fn disorder_is_a_fault_only_if_the_client_could_have_known() {
    let mut client = Client::new(Profile {
        message_bytes_max: 10,
        ..Profile::sink()
    });
    let in_one = "MAIL FROM:<> SIZE=11\r\nRCPT TO:<a@x.test>\r\nDATA\r\n";
    assert_eq!(client.codes(in_one), [552, 503, 503]);
    assert_eq!(client.faults(), [], "it had not read that MAIL was refused");
    client.now_us += 50_000;
    assert_eq!(client.codes("RCPT TO:<a@x.test>\r\n"), [503]);
    assert_eq!(client.faults(), [], "it was under way");
    client.now_us += 50_001;
    assert_eq!(client.codes("RCPT TO:<a@x.test>\r\n"), [503]);
    assert_eq!(client.faults(), [FaultKind::Order]);
}

#[test]
fn a_refusal_that_waits_is_known_when_it_has_left() {
    let mut client = Client::with(Behaviour {
        refuse_share: Share::ALL,
        reply_delay: "10s".parse().unwrap(),
        ..Behaviour::accept()
    });
    client.codes(NEWS);
    assert!(matches!(
        client.send("RCPT TO:<a@x.test>\r\n"),
        Next::Wait { .. } | Next::Read
    ));
    client.now_us = 10_000_000;
    client.send("");
    client.codes("RSET\r\nDATA\r\n");
    assert_eq!(client.faults(), []);
}
