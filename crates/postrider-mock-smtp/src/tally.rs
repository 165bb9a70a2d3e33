//! Counting: what was accepted, by whom it was brought, and whether it came twice.
//!
//! Keys are 128-bit hashes, so a million recipients cost tens of megabytes and not hundreds.
//! The same counting runs while the mock serves and over a log that is read afterwards.

mod numbers;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::bounds::{DUPLICATES_LISTED_MAX, LEDGER_KEYS_MAX, MAIL_TIMES_MAX};
use crate::chance::key;
use crate::control::wire::{Expectation, Progress, Receipt, Verdict};
use crate::error::MockError;
use crate::judge::Judge;
use crate::log::{
    self, Accept, Close, Fault, Lateness, Mail, Open, Refuse, Reset, Served, Unanswered,
};
use crate::profile::Profile;
use crate::world::remembered_name;

pub use numbers::{DomainTally, Duplicate, Tally};

/// Something that happened in a dialogue and counts.
#[derive(Debug)]
pub(crate) enum Record {
    Accept(Accept),
    Mail(Mail),
    Open(Open),
    Close(Close),
    Refuse(Refuse),
    Unanswered(Unanswered),
    Fault(Fault),
    Profile(Served),
    Lateness(Lateness),
    Reset(Reset),
    Count(String, Count),
    BareLineEnds(u64),
}

/// What is counted per domain without further detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    messages: HashSet<u128>,
    duplicates: Vec<Duplicate>,
    open: u64,
    judge: Judge,
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
        ledger.read(path)?;
        Ok(ledger)
    }

    /// Counts what an accept log holds on top of what was counted before.
    ///
    /// # Errors
    /// [`MockError`] when the log cannot be read, or a line of it is none of ours.
    pub fn read(&mut self, path: &Path) -> Result<(), MockError> {
        log::read(path, |line| self.count(&Record::from(line), true))
    }

    /// From now on the client is judged by the limits of this profile.
    pub fn serve(&mut self, profile: &Profile) {
        let toml = profile.to_toml();
        self.count(&Record::Profile(Served { at_us: 0, toml }), true);
    }

    /// The numbers now.
    pub fn tally(&self) -> Tally {
        let mut tally = self.totals.clone();
        tally.recipients = self.judge.recipients();
        tally.duplicates_by_campaign = self.judge.duplicates_by_campaign();
        tally.untracked += self.judge.untracked();
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
        self.judge.accepted_of(recipient)
    }

    /// A delivery is to arrive; sending it again replaces what was said of it.
    ///
    /// # Errors
    /// [`MockError`] when its content hash is none, or there is no room for more.
    pub fn expect(&mut self, expectation: &Expectation) -> Result<(), MockError> {
        self.judge.expect(expectation)
    }

    /// The client says how a delivery stands; the newest word counts.
    ///
    /// # Errors
    /// [`MockError`] when there is no room for more.
    pub fn hold(&mut self, receipt: &Receipt) -> Result<(), MockError> {
        self.judge.hold(receipt)
    }

    /// How many deliveries are expected.
    pub fn expected(&self) -> u64 {
        self.judge.expected()
    }

    /// How many receipts the client has shown.
    pub fn receipts(&self) -> u64 {
        self.judge.receipts()
    }

    /// What is to be said of the client now.
    pub fn verdict(&self) -> Verdict {
        self.judge.verdict(&self.tally())
    }

    /// The numbers that change all the time, without those of the domains.
    pub fn progress(&self) -> Progress {
        Progress {
            accepted: self.totals.accepted,
            recipients: self.judge.recipients(),
            duplicates: self.totals.duplicates,
            connections: self.totals.connections,
            connections_open: self.open,
            connections_max: self.totals.connections_max,
            turns: 0,
        }
    }

    /// The latest that the mock was with its own reading, in microseconds.
    pub(crate) fn late_us(&self) -> u64 {
        self.judge.late_us()
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
        self.judge.see(record);
        match record {
            Record::Accept(accept) => self.count_accept(accept),
            Record::Mail(mail) => self.count_mail(mail, with_mail_times),
            Record::Open(_)
            | Record::Close(_)
            | Record::Refuse(_)
            | Record::Unanswered(_)
            | Record::Fault(_)
            | Record::Profile(_)
            | Record::Lateness(_) => {}
            Record::Reset(_) => self.reset(),
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
        let by_campaign = self.judge.see_accept(accept);
        let untracked = &mut self.totals.untracked;
        let by_message = accept.message_id.as_deref().is_some_and(|message_id| {
            let key = key(&accept.recipient, message_id);
            is_known(&mut self.messages, key, untracked)
        });
        self.totals.duplicates += u64::from(by_message);
        if (by_message || by_campaign) && self.duplicates.len() < DUPLICATES_LISTED_MAX {
            self.duplicates.push(Duplicate {
                recipient: accept.recipient.clone(),
                message_id: accept.message_id.clone(),
                campaign: accept.campaign.clone(),
            });
        }
    }

    /// Forgets all but the connections that are open; the judge does so by itself.
    fn reset(&mut self) {
        self.totals = Tally {
            connections: self.open,
            connections_max: self.open,
            ..Tally::default()
        };
        self.domains.clear();
        self.messages.clear();
        self.duplicates.clear();
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
mod tests;
