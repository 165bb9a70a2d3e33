//! What the mock's log says of a run, read once from its beginning.
//!
//! Only what a measurement needs is kept: eight bytes for each MAIL, a number for each second.

use std::collections::HashMap;
use std::path::Path;

use postrider_mock_smtp::MockError;
use postrider_mock_smtp::log::{self, Accept, Line};

use crate::bounds::SPREAD_DOMAINS_MAX;
use crate::measure::times::Times;
use crate::plan::audience::OTHERS;

/// What the log says.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// By domain; those beyond the bound are together under [`OTHERS`].
    pub(crate) domains: HashMap<String, Seen>,
    /// From MAIL to the read dot.
    pub(crate) transactions: Times,
    /// Accepts.
    pub(crate) accepted: u64,
    /// Bytes of all accepted messages.
    pub(crate) bytes: u64,
    /// Connections that were opened.
    pub(crate) connections: u64,
    /// Most of them at once.
    pub(crate) connections_most: u64,
    /// Those that are open where the reading stands.
    pub(crate) open: u64,
    /// Connections that have ended.
    pub(crate) closed: u64,
    /// Reads that followed a written reply: how often a client waited.
    pub(crate) turns: u64,
    /// Messages of the connections that were closed.
    pub(crate) messages: u64,
    /// The first MAIL, microseconds since the epoch.
    pub(crate) first_mail_us: Option<i64>,
    /// The last accept.
    pub(crate) last_accept_us: Option<i64>,
}

/// What the log says of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Accepts.
    pub(crate) accepted: u64,
    /// Recipients refused with 5xx.
    pub(crate) refused: u64,
    /// Recipients and messages refused with 4xx.
    pub(crate) deferred: u64,
    /// When each MAIL came, whatever was answered; microseconds since the epoch, not sorted.
    pub(crate) mails_us: Vec<i64>,
    /// When each message was accepted, whole seconds since the epoch, with its number.
    pub(crate) accepted_in: HashMap<i64, u64>,
}

impl Records {
    /// Reads a log.
    ///
    /// # Errors
    /// [`MockError`] when it cannot be read, or a line of it is none of the mock's.
    pub(crate) fn read(path: &Path) -> Result<Self, MockError> {
        let mut records = Self::default();
        // A log without MAIL lines tells of those MAILs that led to an accept.
        let mut has_mails = false;
        log::read(path, |line| match line {
            Line::Mail(mail) => {
                if !has_mails {
                    has_mails = true;
                    records.forget_mails();
                }
                records.note_mail(mail.domain, mail.at_us);
            }
            Line::Accept(accept) => {
                if !has_mails {
                    records.note_mail(accept.domain.clone(), accept.mail_at_us);
                }
                records.note_accept(accept);
            }
            Line::Refuse(refuse) => {
                let seen = records.seen(refuse.domain);
                if refuse.code >= 500 {
                    seen.refused += 1;
                } else {
                    seen.deferred += 1;
                }
            }
            Line::Open(_) => {
                records.connections += 1;
                records.open += 1;
                records.connections_most = records.connections_most.max(records.open);
            }
            Line::Close(close) => {
                records.open = records.open.saturating_sub(1);
                records.closed += 1;
                records.turns += close.turns;
                records.messages += close.messages;
            }
            Line::Unanswered(_)
            | Line::Fault(_)
            | Line::Profile(_)
            | Line::Lateness(_)
            | Line::Reset(_) => {}
        })?;
        Ok(records)
    }

    fn note_accept(&mut self, accept: Accept) {
        let (mail_at_us, at_us) = (accept.mail_at_us, accept.at_us);
        self.transactions.record_transaction(mail_at_us, at_us);
        self.accepted += 1;
        self.bytes += accept.bytes;
        self.last_accept_us = self.last_accept_us.max(Some(at_us));
        let seen = self.seen(accept.domain);
        seen.accepted += 1;
        *seen
            .accepted_in
            .entry(at_us.div_euclid(1_000_000))
            .or_default() += 1;
    }

    fn forget_mails(&mut self) {
        self.first_mail_us = None;
        self.domains
            .values_mut()
            .for_each(|seen| seen.mails_us.clear());
    }

    fn note_mail(&mut self, domain: String, at_us: i64) {
        self.first_mail_us = Some(self.first_mail_us.map_or(at_us, |first| first.min(at_us)));
        self.seen(domain).mails_us.push(at_us);
    }

    fn seen(&mut self, domain: String) -> &mut Seen {
        let is_full = self.domains.len() >= SPREAD_DOMAINS_MAX;
        let name = if is_full && !self.domains.contains_key(&domain) {
            OTHERS.to_owned()
        } else {
            domain
        };
        self.domains.entry(name).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: &str = r#"{"kind":"accept","at_us":2500000,"mail_at_us":2000000,"connection":1,
        "domain":"a.test","recipient":"u1@a.test","sender":"n@x.test","message_id":null,
        "campaign":null,"bytes":700,"body_hash":"0"}"#;
    const OTHERS_OF_IT: [&str; 5] = [
        r#"{"kind":"open","at_us":1000000,"connection":1,"provider":""}"#,
        r#"{"kind":"mail","at_us":2000000,"connection":1,"domain":"a.test"}"#,
        r#"{"kind":"mail","at_us":2600000,"connection":1,"domain":"a.test"}"#,
        r#"{"kind":"refuse","at_us":2700000,"connection":1,"domain":"a.test",
            "recipient":"u2@a.test","code":550,"stage":"rcpt"}"#,
        r#"{"kind":"close","at_us":3000000,"connection":1,"messages":1,"turns":4,
            "has_quit":true}"#,
    ];

    fn read(lines: &[&str]) -> Records {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.ndjson");
        let lines = lines.iter().map(|line| line.replace('\n', " ") + "\n");
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        Records::read(&path).unwrap()
    }

    #[test]
    fn a_log_tells_of_mails_accepts_refusals_and_turns() {
        let mut lines = vec![ACCEPT];
        lines.extend(OTHERS_OF_IT);
        let records = read(&lines);
        let seen = &records.domains["a.test"];
        assert_eq!(seen.mails_us, [2_000_000, 2_600_000]);
        assert_eq!((seen.accepted, seen.refused, seen.deferred), (1, 1, 0));
        assert_eq!((records.accepted, records.bytes), (1, 700));
        assert_eq!((records.turns, records.messages), (4, 1));
        assert_eq!((records.connections, records.connections_most), (1, 1));
        assert_eq!(records.closed, 1);
        assert_eq!(records.first_mail_us, Some(2_000_000));
        assert_eq!(records.last_accept_us, Some(2_500_000));
        assert_eq!(records.transactions.percentiles().max_us, 500_000);
    }

    #[test]
    fn without_lines_for_mails_those_of_accepts_count() {
        let records = read(&[ACCEPT, ACCEPT]);
        assert_eq!(records.domains["a.test"].mails_us.len(), 2);
        assert_eq!(records.first_mail_us, Some(2_000_000));
    }
}
