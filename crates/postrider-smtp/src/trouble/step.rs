//! Replies that say in words that the two sides lost step.
//!
//! 503 is the code for it, but many servers have another: `554` is Postfix's and Exim's, `500`
//! OpenSMTPD's. By its code such a reply would bounce whoever it met, and after him the whole list,
//! because groups would be sent on.

use postrider_types::{EnhancedCode, Reply};

/// Whether a refusal says that client and server no longer mean the same command.
pub(super) fn is_said(reply: &Reply) -> bool {
    if reply.code < 400 {
        return false;
    }
    let text = reply.text.to_ascii_lowercase();
    let is_of_protocol = text.contains("smtp") || text.contains("protocol");
    // Both spellings; RFC 2920 calls its offer "command pipelining".
    let is_synchronization = text.contains("synchroni") && is_of_protocol;
    is_synchronization || text.contains("pipelining")
}

/// Whether a refusal says that its command is not known: 500 and 502, unless the enhanced code is
/// of another matter than the protocol (RFC 3463 §3.6). Of a command that every server knows, or
/// that this one offers, it is no refusal of a message.
pub(crate) fn is_unknown_command(reply: &Reply) -> bool {
    let is_of_protocol = |enhanced: EnhancedCode| enhanced.subject == 5;
    matches!(reply.code, 500 | 502) && reply.enhanced.is_none_or(is_of_protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, enhanced: &str, text: &str) -> Reply {
        Reply::new(code, enhanced.parse().ok(), text)
    }

    #[test]
    fn lost_step_is_understood_in_the_words_of_the_usual_servers() {
        for (code, enhanced, text) in [
            (554, "5.5.0", "Error: SMTP protocol synchronization"),
            (554, "", "SMTP synchronization error"),
            (550, "", "Protocol synchronisation error"),
            (500, "5.5.1", "Invalid command: Pipelining not supported"),
            (421, "4.5.0", "Improper use of SMTP command pipelining"),
        ] {
            assert!(is_said(&reply(code, enhanced, text)), "{code} {text}");
        }
    }

    #[test]
    fn other_refusals_are_not_taken_for_lost_step() {
        for (code, enhanced, text) in [
            (554, "5.7.1", "spam"),
            (550, "5.1.1", "no such user"),
            (451, "4.3.0", "mailbox is being synchronized"),
            (354, "", "go ahead, pipelining is fine"),
        ] {
            assert!(!is_said(&reply(code, enhanced, text)), "{code} {text}");
        }
    }

    #[test]
    fn a_command_is_unknown_by_its_code_unless_the_enhanced_code_is_of_another_matter() {
        let check = |code, enhanced, expect| {
            let found = is_unknown_command(&reply(code, enhanced, "what"));
            assert_eq!(found, expect, "{code} {enhanced}");
        };
        check(500, "", true);
        check(502, "5.5.1", true);
        check(500, "5.1.1", false);
        check(502, "5.7.1", false);
        check(501, "5.5.4", false);
        check(503, "5.5.1", false);
    }
}
