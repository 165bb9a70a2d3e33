//! What is read from lines, and what is refused.

use super::*;

fn recipient(line: &str) -> Option<(String, String)> {
    match parse(line.as_bytes()) {
        Ok(Command::Rcpt { recipient: to, .. }) => {
            Some((to.local_part().to_owned(), to.domain().to_owned()))
        }
        _ => None,
    }
}

fn mail_parameters(rest: &str) -> Result<MailParameters, Reply> {
    match parse(format!("MAIL FROM:<news@example.test> {rest}").as_bytes())? {
        Command::Mail { parameters, .. } => Ok(parameters),
        other => panic!("{other:?} is no MAIL"),
    }
}

#[test]
fn verbs_are_known_in_any_case() {
    for (line, command) in [
        ("ehlo me", Command::Ehlo),
        ("HELO me", Command::Helo),
        ("Data", Command::Data),
        ("RSET", Command::Rset),
        ("noop what ever", Command::Noop),
        ("VRFY ada", Command::Vrfy),
        ("Expn list", Command::Expn),
        ("help", Command::Help),
        ("STARTTLS", Command::StartTls),
        ("quit", Command::Quit),
    ] {
        assert_eq!(parse(line.as_bytes()), Ok(command));
    }
    for line in [
        "",
        "EHLO",
        "HELO ",
        "DATA now",
        "RSET x",
        "QUIT x",
        "VRFY",
        "EXPN",
        "STARTTLS now",
        "AUTH",
        "AUTH PLAIN a b",
    ] {
        assert!(parse(line.as_bytes()).is_err(), "{line:?} must be refused");
    }
    assert_eq!(parse(b"NOOP \xff"), Err(reply::UNKNOWN), "it is no UTF-8");
}

#[test]
fn a_chunk_is_a_number_of_octets_and_perhaps_the_last() {
    let chunk = |octets, is_last| Ok(Command::Bdat(Chunk { octets, is_last }));
    assert_eq!(parse(b"BDAT 86"), chunk(86, false));
    assert_eq!(parse(b"bdat 0 last"), chunk(0, true));
    assert_eq!(parse(b"BDAT 18446744073709551615"), chunk(u64::MAX, false));
    for line in [
        "BDAT",
        "BDAT LAST",
        "BDAT -1",
        "BDAT +1",
        "BDAT 1 FIRST",
        "BDAT 1 LAST x",
        "BDAT 18446744073709551616",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(reply::BAD_CHUNK), "{line:?}");
    }
}

#[test]
fn a_recipient_is_a_local_part_and_a_lower_case_domain() {
    let check = |line: &str, local_part: &str, domain: &str| {
        assert_eq!(
            recipient(line),
            Some((local_part.to_owned(), domain.to_owned()))
        );
    };
    check("RCPT TO:<Ada@Fast.TEST>", "Ada", "fast.test");
    check("rcpt to:<a.b+c@d-e.test> ", "a.b+c", "d-e.test");
    check(r#"RCPT TO:<"a > b"@x.test>"#, r#""a > b""#, "x.test");
    check("RCPT TO:<@relay.test,@r2.test:ada@x.test>", "ada", "x.test");
    check("RCPT TO:<ada@[127.0.0.1]>", "ada", "[127.0.0.1]");
    check("RCPT TO:<Postmaster>", "Postmaster", "");
    check("RCPT TO:<jürgen@BÜCHER.test>", "jürgen", "bücher.test");
}

#[test]
fn addresses_out_of_shape_are_refused() {
    let long = format!("{}@x.test", "a".repeat(65));
    let too_long_together = format!("{0}@{1}.{1}.{1}", "a".repeat(64), "d".repeat(63));
    for path in [
        "ada",
        "@x.test",
        "ada@",
        "a b@x.test",
        "a..b@x.test",
        "a@-x.test",
        "a@x..test",
        &long,
        &too_long_together,
    ] {
        assert_eq!(recipient(&format!("RCPT TO:<{path}>")), None, "{path:?}");
    }
    for line in [
        "RCPT TO: <a@b.c>",
        "RCPT TO:a@b.c",
        "RCPT TO:<a@b.c",
        "RCPT <a@b.c>",
        "RCPT TO:<a@b.c>x",
    ] {
        assert_eq!(recipient(line), None, "{line:?}");
    }
}

#[test]
fn mail_declares_what_the_extensions_know() {
    assert_eq!(
        parse(b"MAIL FROM:<>"),
        Ok(Command::Mail {
            sender: String::new(),
            parameters: MailParameters::default()
        })
    );
    let all = "SIZE=2048 body=8bitmime SMTPUTF8 AUTH=e+3Dmc2@example.test RET=hdrs ENVID=QQ314+2B";
    let read = mail_parameters(all).unwrap();
    assert_eq!(
        (read.size, read.has_body, read.is_utf8),
        (Some(2048), true, true)
    );
    assert_eq!((read.has_auth, read.has_dsn), (true, true));
    assert_eq!(read.needs().count(), 4);
    assert!(mail_parameters("AUTH=<>").is_ok());
    assert_eq!(mail_parameters("").unwrap().needs().count(), 0);
}

#[test]
fn mail_parameters_out_of_shape_are_refused() {
    let long = format!("ENVID={}", "x".repeat(101));
    for bad in [
        "SIZE=big",
        "SIZE=+1",
        "SIZE=",
        "SIZE=1 SIZE=1",
        "AUTH=",
        "AUTH=a+b@x.test",
        "AUTH=nobody",
        "RET=ALL",
        "ENVID=",
        "ENVID=a+2b",
        &long,
    ] {
        assert_eq!(mail_parameters(bad), Err(reply::BAD_ARGUMENT), "{bad:?}");
    }
    for unknown in [
        "BODY=BINARYMIME",
        "BODY",
        "SMTPUTF8=1",
        "NOTIFY=NEVER",
        "X=1",
        "SIZE",
    ] {
        assert_eq!(
            mail_parameters(unknown),
            Err(reply::BAD_PARAMETER),
            "{unknown:?}"
        );
    }
}

#[test]
fn rcpt_declares_notifications() {
    let read = |rest: &str| match parse(format!("RCPT TO:<a@b.c> {rest}").as_bytes()) {
        Ok(Command::Rcpt { parameters, .. }) => Ok(parameters.has_dsn),
        Ok(other) => panic!("{other:?} is no RCPT"),
        Err(refusal) => Err(refusal),
    };
    assert_eq!(read(""), Ok(false));
    assert_eq!(read("NOTIFY=never"), Ok(true));
    assert_eq!(
        read("NOTIFY=SUCCESS,delay ORCPT=rfc822;Ada+2Bx@b.c"),
        Ok(true)
    );
    for bad in [
        "NOTIFY=",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=ALWAYS",
        "ORCPT=ada@b.c",
        "ORCPT=;a",
    ] {
        assert_eq!(read(bad), Err(reply::BAD_ARGUMENT), "{bad:?}");
    }
    assert_eq!(read("SIZE=1"), Err(reply::BAD_PARAMETER));
}

#[test]
fn a_sender_beyond_ascii_needs_the_parameter() {
    assert_eq!(
        parse("MAIL FROM:<jürgen@x.test>".as_bytes()),
        Err(reply::NOT_ASCII)
    );
    assert!(parse("MAIL FROM:<jürgen@x.test> SMTPUTF8".as_bytes()).is_ok());
}

#[test]
fn extensions_make_some_lines_longer() {
    assert_eq!(line_bytes_max(b"NOOP x"), 512);
    assert_eq!(line_bytes_max(b"mail from:"), MAIL_COMMAND_BYTES_MAX);
    assert_eq!(line_bytes_max(b"RCPT TO:"), RCPT_COMMAND_BYTES_MAX);
    assert_eq!(line_bytes_max(b"auth plain"), AUTH_LINE_BYTES_MAX);
    assert_eq!(line_bytes_max(b""), 512);
}
