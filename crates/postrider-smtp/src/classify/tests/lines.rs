//! Replies grouped for people.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn check(text: &str, expect: &str) {
    assert_eq!(normalise(&reply(text)), expect);
}

#[test]
fn what_differs_from_message_to_message_goes_and_what_names_a_reason_stays() {
    check(
        "550 5.1.1 <jane.doe@example.test>: Recipient address rejected: User unknown",
        "550 5.1.1 <address>: Recipient address rejected: User unknown",
    );
    check(
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume \
         or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
        "421 4.7.0 [TSS04] Messages from <ip> temporarily deferred due to unexpected volume or \
         user complaints - <ip>; see <url>",
    );
    check(
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. (S3150). \
         [BN8NAM12FT049.eop-nam12.prod.protection.outlook.com 2026-01-02T03:04:05.678Z 08DC0A123]",
        "550 5.7.1 Unfortunately, messages from <ip> weren't sent. (S3150). [<host> <time> <id>]",
    );
    check(
        "554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.test) [-5] - \
         mta123.mail.mud.yahoo.test",
        "554 delivery error: dd This user doesn't have a <host> account (<address>) [-<number>] - \
         <host>",
    );
    check(
        "452 4.2.2 out of storage. https://support.google.com/mail/?p=OverQuotaTemp \
         a1-20020a17090a3f81b00123456789si123.4 - gsmtp",
        "452 4.2.2 out of storage. <url> <id> - gsmtp",
    );
    check(
        "421 4.1.0 2001:db8::25 Throttled - try again later, in 300 seconds. RL000003",
        "421 4.1.0 <ip> Throttled - try again later, in <number> seconds. RL000003",
    );
    check(
        "550 no mailbox (#5.1.1) OFR_416 [416]",
        "550 no mailbox (#5.1.1) OFR_416 [<number>]",
    );
    check("550 用户@例子.test 不存在", "550 <address> 不存在");
    check("250", "250");
}

#[test]
fn a_line_is_bounded_and_cut_between_words() {
    let long = format!("550 5.1.1 {}", "refused for ü reason ".repeat(40));
    let line = normalise(&reply(&long));
    assert!(
        line.len() <= NORMALISED_BYTES_MAX && line.ends_with(" ü"),
        "{line}"
    );
    let one_word = normalise(&reply(&format!("550 {}", "é".repeat(200))));
    assert_eq!(one_word, "550");
}

#[test]
fn ten_thousand_replies_of_twenty_kinds_are_twenty_lines() {
    let mut lines = BTreeSet::new();
    for n in 0..10_000_u32 {
        let kind = n % 20;
        let id = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = ["gone", "full", "busy", "late"][(n % 4) as usize];
        lines.insert(normalise(&reply(&format!(
            "55{} 5.{}.1 <user{n}@domain{n}.test> {word} at mx{n}.example.test [10.0.{}.{}] \
             id={id:016x} after {n} s, see https://example.test/{id}",
            kind % 5,
            kind / 5,
            n % 256,
            n / 256,
        ))));
    }
    assert_eq!(lines.len(), 20, "{lines:#?}");
}

proptest! {
    #[test]
    fn no_address_survives_and_no_line_is_too_long(
        before in "[ -~]{0,40}",
        address in "[a-z0-9.+_-]{1,20}@[a-z0-9-]{1,20}\\.test",
        after in "\\PC{0,200}",
    ) {
        let line = normalise(&Reply::new(550, None, &format!("{before} {address} {after}")));
        prop_assert!(line.len() <= NORMALISED_BYTES_MAX);
        prop_assert!(!line.contains(&address), "{}", line);
    }
}
