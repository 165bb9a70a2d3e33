//! Commands on the wire, and what never gets there.

use super::*;
use bytes::Bytes;

fn envelope(from: Option<&str>, to: &str) -> Envelope {
    Envelope {
        reverse_path: from.map(|from| from.parse().unwrap()),
        forward_path: to.parse().unwrap(),
    }
}

fn content(text: &str) -> Content {
    Content::new(vec![Bytes::copy_from_slice(text.as_bytes())]).unwrap()
}

fn everything() -> Capabilities {
    Capabilities::from_lines(["mx", "SIZE 100", "8BITMIME", "SMTPUTF8"])
}

fn fill(
    envelope: &Envelope,
    content: &Content,
    capabilities: &Capabilities,
) -> Result<EnvelopeCommands, Trouble> {
    let mail = Outgoing {
        envelope: envelope.clone(),
        content: content.clone(),
    };
    let mut commands = EnvelopeCommands::default();
    let form = Form {
        has_size: true,
        has_data: true,
    };
    commands.fill(&mail, capabilities, form).map(|()| commands)
}

fn lines(commands: &mut EnvelopeCommands, has_rset: bool) -> String {
    commands.rewind(has_rset);
    let mut lines = Vec::new();
    while let Some((_, line)) = commands.next_line() {
        lines.extend_from_slice(line);
    }
    String::from_utf8(lines).unwrap()
}

fn check(envelope: &Envelope, content: &Content, capabilities: &Capabilities, expect: &str) {
    let mut commands = fill(envelope, content, capabilities).unwrap();
    let expect = format!("{expect}DATA\r\n");
    assert_eq!(lines(&mut commands, false), expect);
    assert_eq!(lines(&mut commands, true), format!("RSET\r\n{expect}"));
}

fn check_refused(envelope: &Envelope, content: &Content, scope: Scope, expect: &str) {
    let capabilities = Capabilities::from_lines(["mx", "SIZE 9"]);
    let trouble = fill(envelope, content, &capabilities).unwrap_err();
    assert!(trouble.is_permanent() && trouble.is_local() && !trouble.closes_session());
    assert_eq!(trouble.scope(), scope);
    let reply = trouble.reply().unwrap();
    assert!(reply.to_string().starts_with(expect), "{reply}");
}

#[test]
fn only_what_is_offered_and_needed_is_asked_for() {
    let plain = envelope(Some("news@example.test"), "ada@example.test");
    let unicode = envelope(None, "jörg@example.test");
    check(
        &plain,
        &content("a\r\n"),
        &Capabilities::default(),
        "MAIL FROM:<news@example.test>\r\nRCPT TO:<ada@example.test>\r\n",
    );
    check(
        &plain,
        &content("a\r\n"),
        &everything(),
        "MAIL FROM:<news@example.test> SIZE=3\r\nRCPT TO:<ada@example.test>\r\n",
    );
    check(
        &unicode,
        &content("\u{fc}\r\n"),
        &everything(),
        "MAIL FROM:<> SIZE=4 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<jörg@example.test>\r\n",
    );
}

#[test]
fn a_size_is_taken_out_of_mail_and_nothing_that_the_message_needs() {
    let unicode = envelope(None, "jörg@example.test");
    let mut commands = fill(&unicode, &content("\u{fc}\r\n"), &everything()).unwrap();
    assert!(commands.has_size());
    commands.drop_size();
    let expect = "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<jörg@example.test>\r\nDATA\r\n";
    assert_eq!(lines(&mut commands, false), expect);
    assert!(!commands.has_size());
}

#[test]
fn size_does_not_count_doubled_dots() {
    check(
        &envelope(None, "ada@example.test"),
        &content(".\r\n.\r\n"),
        &everything(),
        "MAIL FROM:<> SIZE=6\r\nRCPT TO:<ada@example.test>\r\n",
    );
}

#[test]
fn a_message_that_the_server_cannot_take_is_refused_before_mail() {
    let plain = envelope(None, "ada@example.test");
    let message = Scope::Message;
    check_refused(&plain, &content("12345678\r\n"), message, "552 5.3.4 ");
    check_refused(&plain, &content("\u{fc}\r\n"), message, "554 5.6.3 ");
    let from = envelope(Some("jörg@example.test"), "ada@example.test");
    check_refused(&from, &content("a\r\n"), message, "550 5.6.7 ");
}

#[test]
fn an_address_that_the_server_cannot_take_condemns_only_the_recipient() {
    let unicode = envelope(None, "jörg@example.test");
    check_refused(&unicode, &content("a\r\n"), Scope::Recipient, "553 5.6.7 ");
}

#[test]
fn a_line_break_from_a_store_never_becomes_a_command() {
    let broken = |text: &str| Address::from_stored(text.to_owned()).unwrap();
    let to = Envelope {
        reverse_path: None,
        forward_path: broken("ada\r\nRSET\r\n@example.test"),
    };
    check_refused(&to, &content("a\r\n"), Scope::Recipient, "553 5.1.3 ");
    let from = Envelope {
        reverse_path: Some(broken("a@b\n.test")),
        forward_path: broken("ada@example.test"),
    };
    check_refused(&from, &content("a\r\n"), Scope::Message, "553 5.1.7 ");
}
