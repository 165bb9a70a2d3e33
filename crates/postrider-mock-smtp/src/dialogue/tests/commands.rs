//! What is said to commands and messages that a client may send in this order.

use super::*;

#[test]
fn a_pipelined_group_is_answered_in_one_go_and_in_order() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(client.codes(envelope("a@x.test")), [250, 250, 354]);
    let group = format!("x\r\n.\r\n{}", envelope("b@x.test"));
    assert_eq!(client.codes(group), [250, 250, 250, 354]);
    assert_eq!(client.codes("y\r\n.\r\nRSET\r\nQUIT\r\n"), [250, 250, 221]);
    let recipients: Vec<_> = client
        .accepts()
        .iter()
        .map(|it| it.recipient.as_str())
        .collect();
    assert_eq!(recipients, ["a@x.test", "b@x.test"]);
}

#[test]
fn commands_may_arrive_byte_by_byte() {
    let mut client = Client::new(Profile::sink());
    let mut input = BytesMut::new();
    let times = Times {
        arrived_at_us: 0,
        now_us: 0,
    };
    for byte in format!("{}a\r\n.\r\n", envelope("a@x.test")).bytes() {
        input.extend_from_slice(&[byte]);
        client
            .dialogue
            .advance(&mut input, times, &mut client.effects);
    }
    assert_eq!(client.accepts()[0].body_hash, body_hash(b"a\r\n"));
}

#[test]
fn the_log_holds_the_message_without_its_stuffed_dots() {
    let mut client = Client::new(Profile::sink());
    client.now_us = 5;
    client.send(envelope("Ada@X.test"));
    client.now_us = 9;
    client.send("Message-ID: <1@x>\r\nX-Postrider-Campaign: c1\r\n\r\n..a\r\n.\r\n");
    let content = b"Message-ID: <1@x>\r\nX-Postrider-Campaign: c1\r\n\r\n.a\r\n";
    let expected = Accept {
        at_us: 9,
        mail_at_us: 5,
        connection: 1,
        domain: "x.test".to_owned(),
        recipient: "Ada@x.test".to_owned(),
        sender: "news@example.test".to_owned(),
        message_id: Some("<1@x>".to_owned()),
        campaign: Some("c1".to_owned()),
        bytes: content.len() as u64,
        body_hash: body_hash(content),
        content_hash: body_hash(b".a\r\n"),
        ..Accept::default()
    };
    assert_eq!(client.accepts(), [&expected]);
}

#[test]
fn commands_out_of_order_are_503() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.codes_in_turn(&["RCPT TO:<a@x.test>", "DATA"]),
        [503, 503]
    );
    assert_eq!(client.codes(format!("{NEWS}{NEWS}")), [250, 503]);
    assert_eq!(client.codes("DATA\r\n"), [554], "no recipient was accepted");
    assert_eq!(client.codes("RSET\r\nDATA\r\n"), [250, 503]);
    client.dialogue = greeted(&client.world);
    assert_eq!(client.codes(NEWS), [503], "nobody has said hello");
    let (news, hello) = (NEWS.trim_end(), "HELO me");
    assert_eq!(client.codes_in_turn(&[hello, news, hello, news]), [250; 4]);
}

#[test]
fn bad_lines_are_refused_and_the_next_one_is_read() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.codes("NOOP\nNOOP\r\n"),
        [500, 250],
        "a bare LF ends no command"
    );
    assert_eq!(client.codes("NO\rOP\r\nNOOP\r\n"), [500, 250]);
    assert_eq!(client.codes("WHAT\r\nVRFY ada\r\n"), [500, 252]);
    assert_eq!(client.codes("\r\n"), [500]);
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(506));
    assert_eq!(
        client.codes(&long),
        [500, 250],
        "513 bytes are one too many"
    );
    client.faults();
    let endless = format!("{}\r\nNOOP\r\n", "x".repeat(100_000));
    assert_eq!(client.codes(endless), [500, 250]);
    assert_eq!(
        client.codes("x".repeat(600)),
        [500],
        "an endless line is refused before its end"
    );
    assert_eq!(client.codes("xxx"), [0; 0]);
    assert_eq!(client.codes("x\r\nNOOP\r\n"), [250]);
    assert_eq!(
        client.faults(),
        [FaultKind::LineTooLong, FaultKind::LineTooLong]
    );
    client.codes("NOOP\nWHAT\r\n");
    assert_eq!(client.faults(), [FaultKind::BareLineEnd, FaultKind::Syntax]);
}

#[test]
fn mail_may_be_longer_than_other_commands() {
    let mut client = Client::new(Profile::sink());
    let domain = format!("{0}.{0}.{0}.{1}", "d".repeat(63), "d".repeat(60));
    let route = format!("@{0}.{0}.{0}.{0}:", "r".repeat(62));
    let mail = format!("MAIL FROM:<{route}a@{domain}> SIZE=2000000 BODY=8BITMIME\r\n");
    assert!((513..555).contains(&mail.len()), "{}", mail.len());
    assert_eq!(client.codes(mail), [250]);
}

#[test]
fn a_client_that_only_makes_mistakes_is_closed() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(client.send("WHAT\r\n".repeat(100)), Next::Read);
    assert_eq!(client.send("WHAT\r\n"), Next::Close);
    assert_eq!(client.said().last(), Some(&421));
}

#[test]
fn a_message_over_the_size_is_552_at_mail_and_at_the_dot() {
    let mut client = Client::new(Profile {
        message_bytes_max: 10,
        ..Profile::sink()
    });
    assert_eq!(
        client.codes("MAIL FROM:<> SIZE=11\r\nMAIL FROM:<> SIZE=10\r\n"),
        [552, 250]
    );
    assert_eq!(client.codes("RSET\r\n"), [250]);
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("123456789\r\n.\r\n"), [552]);
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("12345678\r\n.\r\n"), [250]);
    assert_eq!(client.accepts().len(), 1);
}

#[test]
fn questions_have_answers() {
    let mut client = Client::new(Profile::sink());
    let questions = ["HELP", "HELP MAIL", "VRFY ada", "EXPN list", "NOOP"];
    assert_eq!(client.codes_in_turn(&questions), [214, 214, 252, 502, 250]);
    assert_eq!(client.faults(), []);
}

#[test]
fn the_101st_recipient_is_452() {
    let mut client = Client::new(Profile::sink());
    client.codes(NEWS);
    assert_eq!(
        client.codes("RCPT TO:<a@x.test>\r\n".repeat(100)),
        [250; 100]
    );
    assert_eq!(client.codes("RCPT TO:<a@x.test>\r\n"), [452]);
    assert_eq!(client.codes_in_turn(&["DATA", "."]), [354, 250]);
    assert_eq!(client.accepts().len(), 100);
}

#[test]
fn bare_line_ends_in_a_message_are_noted() {
    let mut client = Client::new(Profile::sink());
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("a\n.\nb\r\n.\r\n"), [250]);
    let is_noted = |record: &Record| matches!(record, Record::BareLineEnds(2));
    assert!(
        client.effects.records.iter().any(is_noted),
        "{:?}",
        client.effects.records
    );
    assert_eq!(client.faults(), [FaultKind::BareLineEnd]);
}

#[test]
fn a_line_of_a_message_that_is_too_long_is_noted() {
    let mut client = Client::new(Profile::sink());
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes(format!("{}\r\n.\r\n", "x".repeat(999))), [250]);
    assert_eq!(client.faults(), [FaultKind::LineTooLong]);
}

#[test]
fn the_end_tells_messages_and_whether_quit_was_said() {
    let mut client = Client::new(Profile::sink());
    client.codes(envelope("a@x.test"));
    client.codes(".\r\n");
    let close = client.dialogue.leave(4, 7);
    assert_eq!(
        (close.messages, close.turns, close.at_us, close.has_quit),
        (1, 4, 7, false)
    );
    client.codes("QUIT\r\n");
    assert!(client.dialogue.leave(5, 8).has_quit);
}

#[test]
fn recipients_that_a_rule_refuses_are_recorded_with_their_code() {
    let mut client = Client::new(Profile {
        message_bytes_max: 5,
        ..Profile::sink()
    });
    client.codes(NEWS);
    client.codes("RCPT TO:<jürgen@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n");
    assert_eq!(client.codes("too large\r\n.\r\n"), [552]);
    client.codes(format!("{NEWS}RCPT TO:<b@x.test>\r\nBDAT 9\r\ntoo large"));
    let records = client.effects.records.iter();
    let refused = records.filter_map(|record| match record {
        Record::Refuse(it) => Some((it.recipient.as_str(), it.code)),
        _ => None,
    });
    let expected = [("jürgen@x.test", 553), ("a@x.test", 552), ("b@x.test", 552)];
    assert_eq!(refused.collect::<Vec<_>>(), expected);
}
