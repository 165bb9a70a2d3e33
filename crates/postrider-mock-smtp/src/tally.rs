//! Counting: what was accepted, by whom it was brought, and whether it came twice.
//!
//! Keys are 128-bit hashes, so a million recipients cost tens of megabytes and not hundreds.
//! The same counting runs while the mock serves and over a log that is read afterwards.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bounds::{DUPLICATES_LISTED_MAX, LEDGER_KEYS_MAX, MAIL_TIMES_MAX};
use crate::chance::key;
use crate::error::MockError;
use crate::log::{self, Accept, Line, Mail};
use crate::world::remembered_name;

/// The numbers of a mock at one moment.
///
/// Of a log that was read, only what the log holds is above zero: accepts, duplicates, and MAIL
/// commands if they were logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Accepts: one per recipient of each accepted message.
    pub accepted: u64,
    /// Different recipients among them.
    pub recipients: u64,
    /// Accepts whose (Message-ID, recipient) had been accepted before. Messages without Message-ID are left out.
    pub duplicates: u64,
    /// Accepts whose (campaign, recipient) had been accepted before. Messages without campaign are left out.
    pub duplicates_by_campaign: u64,
    /// Recipients refused with 5xx.
    pub refused: u64,
    /// Recipients deferred with 451, greylisted ones included.
    pub deferred: u64,
    /// Connections dropped on purpose.
    pub dropped: u64,
    /// Recipients answered with 421 because MAIL came too fast.
    pub over_rate: u64,
    /// Connections answered with 421 because there were too many, for a domain or for all.
    pub over_connections: u64,
    /// MAIL commands whose domain became known at RCPT.
    pub mails: u64,
    /// Connections since the start.
    pub connections: u64,
    /// The most connections that were open at one time.
    pub connections_max: u64,
    /// Bare CRs and LFs in accepted messages.
    pub bare_line_ends: u64,
    /// Keys that found no room, so that duplicates may be missing.
    pub untracked: u64,
    /// The numbers of each domain.
    pub domains: BTreeMap<String, DomainTally>,
}

/// The numbers of one domain, each as in [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DomainTally {
    /// Accepts.
    pub accepted: u64,
    /// Recipients refused with 5xx.
    pub refused: u64,
    /// Recipients deferred with 451.
    pub deferred: u64,
    /// Connections dropped on purpose.
    pub dropped: u64,
    /// Recipients answered with 421 because MAIL came too fast.
    pub over_rate: u64,
    /// Connections answered with 421 because there were too many.
    pub over_connections: u64,
    /// MAIL commands.
    pub mails: u64,
}

/// An accept that came again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The recipient.
    pub recipient: String,
    /// The Message-ID, if it had one.
    pub message_id: Option<String>,
    /// The campaign, if it had one.
    pub campaign: Option<String>,
}

/// Something that happened in a dialogue and counts.
#[derive(Debug)]
pub(crate) enum Record {
    Accept(Accept),
    Mail(Mail),
    Count(String, Count),
    BareLineEnds(u64),
}

/// What is counted per domain without further detail.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Refused,
    Deferred,
    Dropped,
    OverRate,
    OverConnections,
}

/// All that is counted, with the keys behind the numbers.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The totals that are not the sum of the domains, and those of the accepts.
    totals: Tally,
    domains: HashMap<String, Domain>,
    recipients: HashMap<u128, u32>,
    messages: HashSet<u128>,
    campaigns: HashSet<u128>,
    duplicates: Vec<Duplicate>,
    open: u64,
}

#[derive(Debug, Default)]
struct Domain {
    tally: DomainTally,
    mail_times_us: Vec<i64>,
}

impl Ledger {
    /// Counts what an accept log holds.
    ///
    /// # Errors
    /// [`MockError`] when the log cannot be read, or a line of it is none of ours.
    pub fn read_log(path: &Path) -> Result<Self, MockError> {
        let mut ledger = Self::default();
        log::read(path, |line| match line {
            Line::Accept(accept) => ledger.count_accept(&accept),
            Line::Mail(mail) => ledger.count_mail(&mail, true),
        })?;
        Ok(ledger)
    }

    /// The numbers now.
    pub fn tally(&self) -> Tally {
        let mut tally = self.totals.clone();
        tally.recipients = self.recipients.len() as u64;
        for (name, domain) in &self.domains {
            let own = domain.tally;
            tally.refused += own.refused;
            tally.deferred += own.deferred;
            tally.dropped += own.dropped;
            tally.over_rate += own.over_rate;
            tally.over_connections += own.over_connections;
            tally.mails += own.mails;
            tally.domains.insert(name.clone(), own);
        }
        tally
    }

    /// How often a recipient was accepted; its domain in any case.
    pub fn accepted_of(&self, recipient: &str) -> u32 {
        let (local_part, domain) = recipient.rsplit_once('@').unwrap_or((recipient, ""));
        let recipient = format!("{local_part}@{}", domain.to_lowercase());
        self.recipients
            .get(&key(&recipient, ""))
            .copied()
            .unwrap_or_default()
    }

    /// When MAIL commands for a domain arrived, in microseconds since the epoch, in the order of
    /// their RCPT. Empty unless they were recorded.
    pub fn mail_times_of(&self, domain: &str) -> &[i64] {
        self.domains
            .get(domain)
            .map_or(&[], |domain| &domain.mail_times_us)
    }

    /// The first thousand accepts that came again, by either measure.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    pub(crate) fn count(&mut self, record: &Record, with_mail_times: bool) {
        match record {
            Record::Accept(accept) => self.count_accept(accept),
            Record::Mail(mail) => self.count_mail(mail, with_mail_times),
            Record::BareLineEnds(found) => self.totals.bare_line_ends += found,
            Record::Count(domain, what) => {
                let tally = &mut self.domain(domain).tally;
                match what {
                    Count::Refused => tally.refused += 1,
                    Count::Deferred => tally.deferred += 1,
                    Count::Dropped => tally.dropped += 1,
                    Count::OverRate => tally.over_rate += 1,
                    Count::OverConnections => tally.over_connections += 1,
                }
            }
        }
    }

    pub(crate) fn count_opened(&mut self) {
        self.open += 1;
        self.totals.connections += 1;
        self.totals.connections_max = self.totals.connections_max.max(self.open);
    }

    pub(crate) fn count_closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(crate) fn count_turned_away(&mut self) {
        self.totals.over_connections += 1;
    }

    fn count_accept(&mut self, accept: &Accept) {
        self.totals.accepted += 1;
        self.domain(&accept.domain).tally.accepted += 1;
        self.count_recipient(&accept.recipient);
        let untracked = &mut self.totals.untracked;
        let mut is_again = |keys: &mut HashSet<u128>, group: &Option<String>| {
            let Some(group) = group else { return false };
            is_known(keys, key(&accept.recipient, group), untracked)
        };
        let by_message = is_again(&mut self.messages, &accept.message_id);
        let by_campaign = is_again(&mut self.campaigns, &accept.campaign);
        self.totals.duplicates += u64::from(by_message);
        self.totals.duplicates_by_campaign += u64::from(by_campaign);
        if (by_message || by_campaign) && self.duplicates.len() < DUPLICATES_LISTED_MAX {
            self.duplicates.push(Duplicate {
                recipient: accept.recipient.clone(),
                message_id: accept.message_id.clone(),
                campaign: accept.campaign.clone(),
            });
        }
    }

    fn count_recipient(&mut self, recipient: &str) {
        let key = key(recipient, "");
        if let Some(accepted) = self.recipients.get_mut(&key) {
            *accepted += 1;
        } else if self.recipients.len() < LEDGER_KEYS_MAX {
            self.recipients.insert(key, 1);
        } else {
            self.totals.untracked += 1;
        }
    }

    fn count_mail(&mut self, mail: &Mail, with_time: bool) {
        let domain = self.domain(&mail.domain);
        domain.tally.mails += 1;
        if with_time && domain.mail_times_us.len() < MAIL_TIMES_MAX {
            domain.mail_times_us.push(mail.at_us);
        }
    }

    fn domain(&mut self, name: &str) -> &mut Domain {
        let name = remembered_name(&self.domains, name);
        if !self.domains.contains_key(name) {
            self.domains.insert(name.to_owned(), Domain::default());
        }
        self.domains
            .get_mut(name)
            .expect("it is there or was just put there")
    }
}

/// Whether the key is there already; puts it there if there is room.
fn is_known(keys: &mut HashSet<u128>, key: u128, untracked: &mut u64) -> bool {
    if keys.len() >= LEDGER_KEYS_MAX && !keys.contains(&key) {
        *untracked += 1;
        return false;
    }
    !keys.insert(key)
}

#[cfg(test)]
mod tests {
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
            }),
            Record::Accept(accept("a@x.test", "<1>", None)),
            Record::Accept(accept("a@x.test", "<1>", None)),
        ];
        let mut ledger = Ledger::default();
        records.iter().for_each(|record| ledger.count(record, true));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accepts.ndjson");
        let mut text = log::lines(&records, true);
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
}
