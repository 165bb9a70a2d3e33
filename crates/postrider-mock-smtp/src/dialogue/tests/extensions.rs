//! What EHLO offers, and what may be used of it.

use super::*;
use crate::profile::Limits;

#[test]
fn a_parameter_that_was_not_offered_is_555() {
    let mut client = Client::new(Profile {
        keywords: vec![],
        ..Profile::sink()
    });
    let parameters = ["SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=FULL", "AUTH=<>"];
    for parameter in parameters {
        let mail = format!("MAIL FROM:<> {parameter}");
        assert_eq!(client.codes_in_turn(&[&mail]), [555], "{parameter}");
        assert_eq!(client.faults(), [FaultKind::Syntax], "{parameter}");
    }
    let envelope = ["MAIL FROM:<>", "RCPT TO:<a@x.test> NOTIFY=NEVER"];
    assert_eq!(client.codes_in_turn(&envelope), [250, 555]);
    assert_eq!(client.replies("EHLO me\r\n"), "250 mock.postrider.test\r\n");
    assert_eq!(
        client.codes_in_turn(&["HELO me", "MAIL FROM:<> SIZE=1"]),
        [250, 555]
    );
}

#[test]
fn a_parameter_whose_offer_is_a_lie_is_555_and_no_fault() {
    let mut client = Client::new(Profile {
        refuses: vec![Keyword::EightBitMime],
        ..Profile::sink()
    });
    assert!(client.replies("EHLO me\r\n").contains("8BITMIME"));
    let mails = ["MAIL FROM:<> BODY=8BITMIME", "MAIL FROM:<> SIZE=1"];
    assert_eq!(client.codes_in_turn(&mails), [555, 250]);
    assert_eq!(client.faults(), []);
}

#[test]
fn ehlo_offers_what_the_profile_says() {
    let mut client = Client::new(Profile::sink());
    let expected = "250-mock.postrider.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n\
                    250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n\
                    250-HELP\r\n250 ENHANCEDSTATUSCODES\r\n";
    assert_eq!(client.replies("EHLO me\r\n"), expected);
    assert_eq!(client.replies("HELO me\r\n"), "250 mock.postrider.test\r\n");
}

#[test]
fn the_numbers_of_limits_are_announced_and_hold() {
    let limits = Limits {
        mailmax: Some(2),
        rcptmax: Some(3),
        rcptdomainmax: Some(2),
    };
    let mut client = Client::new(Profile {
        limits,
        ..Profile::sink()
    });
    let line = "250 LIMITS MAILMAX=2 RCPTMAX=3 RCPTDOMAINMAX=2\r\n";
    assert!(client.replies("EHLO me\r\n").ends_with(line));
    let domains = "RCPT TO:<a@x.test>\r\nRCPT TO:<a@y.test>\r\nRCPT TO:<a@z.test>\r\n";
    assert_eq!(
        client.codes(format!("{NEWS}{domains}")),
        [250, 250, 250, 452]
    );
    assert_eq!(
        client.codes("RCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>\r\n"),
        [250, 452]
    );
    assert_eq!(
        client.codes(format!("RSET\r\n{NEWS}RSET\r\n{NEWS}")),
        [250, 250, 250, 452]
    );
}

#[test]
fn an_address_beyond_ascii_needs_the_parameter_of_its_mail() {
    let mut client = Client::new(Profile::sink());
    let to = "RCPT TO:<jürgen@bücher.test>\r\n";
    assert_eq!(client.codes(format!("{NEWS}{to}RSET\r\n")), [250, 553, 250]);
    let mail = "MAIL FROM:<müller@x.test> SMTPUTF8\r\n";
    assert_eq!(client.codes(format!("{mail}{to}DATA\r\n")), [250, 250, 354]);
    client.codes(".\r\n");
    let accepted = client.accepts()[0];
    assert_eq!(
        (&*accepted.recipient, &*accepted.domain, &*accepted.sender),
        ("jürgen@bücher.test", "bücher.test", "müller@x.test")
    );
    assert_eq!(
        client.codes(format!("{NEWS}{to}")),
        [250, 553],
        "it held for one message"
    );
}
