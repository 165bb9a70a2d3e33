//! One MAIL…RCPT…DATA: who was invited, and what becomes of the message at its end.

use std::time::Duration;

use crate::dialogue::body::Body;
use crate::dialogue::command::Address;
use crate::log::{Accept, Mail, Refuse, Unanswered};
use crate::tally::Record;
use crate::world::behaviour::{Later, Visit};
use crate::world::treatment::{Act, Ending, Stage, Treatment};
use crate::world::{Entry, Guest, Place};

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: u64,
    sender: String,
    mail_at_us: i64,
    recipients: Vec<Recipient>,
    /// Domains that were named at RCPT, each with the place it gave.
    domains: Vec<(String, Option<Place>)>,
}

#[derive(Debug)]
struct Recipient {
    address: Address,
    /// The name of its domain's provider; empty without one.
    provider: String,
    later: Vec<Later>,
}

impl Transaction {
    pub(crate) fn new(connection: u64, sender: String, mail_at_us: i64) -> Self {
        Self {
            connection,
            sender,
            mail_at_us,
            recipients: Vec::new(),
            domains: Vec::new(),
        }
    }

    pub(crate) fn recipients(&self) -> usize {
        self.recipients.len()
    }

    /// How many domains there would be with this one.
    pub(crate) fn domains_with(&self, domain: &str) -> usize {
        let is_named = self.domains.iter().any(|(name, _)| name == domain);
        self.domains.len() + usize::from(!is_named)
    }

    /// One RCPT: asks the world, and lets the recipient in if it is not refused.
    pub(crate) fn invite(
        &mut self,
        address: Address,
        entry: &mut Entry,
        records: &mut Vec<Record>,
        now_us: i64,
    ) -> Treatment {
        let domain = address.domain();
        let known = self.domains.iter().position(|(name, _)| name == domain);
        let provider = entry.plan().provider_of(domain).to_owned();
        let is_of_provider = |(name, _): &(String, _)| entry.plan().provider_of(name) == provider;
        let is_provider_counted = self.domains.iter().any(is_of_provider);
        let visit = Visit {
            sender: &self.sender,
            recipient: &address,
            mail_at_us: self.mail_at_us,
            is_mail_counted: known.is_some(),
            is_provider_counted,
            has_place: known.is_some_and(|at| self.domains[at].1.is_some()),
        };
        let (treatment, guest) = entry.at_rcpt(&visit, now_us);
        let Guest {
            place,
            counted,
            later,
        } = guest;
        let at = known.unwrap_or_else(|| {
            let (at_us, connection) = (self.mail_at_us, self.connection);
            records.push(Record::Mail(Mail {
                at_us,
                connection,
                provider: if is_provider_counted {
                    String::new()
                } else {
                    provider.clone()
                },
                domain: domain.to_owned(),
            }));
            self.domains.push((domain.to_owned(), None));
            self.domains.len() - 1
        });
        if place.is_some() {
            self.domains[at].1 = place;
        }
        if let Some(counted) = counted {
            records.push(Record::Count(domain.to_owned(), counted));
        }
        if let Some(reply) = treatment.act.refusal() {
            let code = reply.code;
            records.push(self.refuse(&address, code, Stage::Rcpt, now_us));
        } else if treatment.act.lets_pass() {
            self.recipients.push(Recipient {
                address,
                provider,
                later,
            });
        }
        treatment
    }

    /// What is done at a stage after RCPT; what that counts as is recorded.
    pub(crate) fn treatment_at(
        &self,
        stage: Stage,
        records: &mut Vec<Record>,
        now_us: i64,
    ) -> Treatment {
        self.ending_at(stage, records, now_us).treatment
    }

    /// The dot was read: what becomes of the message; accepts are recorded.
    pub(crate) fn end(&self, body: &Body, records: &mut Vec<Record>, now_us: i64) -> Ending {
        let mut fates = Vec::new();
        let ending = self.ending_at(Stage::Dot, &mut fates, now_us);
        if ending.accepts {
            let accepts = self.recipients.iter();
            records.extend(accepts.map(|it| Record::Accept(self.accept(it, body, now_us))));
        }
        records.append(&mut fates);
        ending
    }

    /// The longest delay of all recipients, and the first act of those that have one.
    fn ending_at(&self, stage: Stage, records: &mut Vec<Record>, now_us: i64) -> Ending {
        let mut delay = Duration::ZERO;
        let mut first: Option<(&Recipient, &Later)> = None;
        for recipient in &self.recipients {
            for later in recipient.later.iter().filter(|later| later.stage == stage) {
                delay = delay.max(later.treatment.delay);
                if first.is_none() && later.treatment.act != Act::Proceed {
                    first = Some((recipient, later));
                }
            }
        }
        let Some((recipient, later)) = first else {
            let treatment = Treatment::PROCEED.not_before(delay);
            return Ending {
                accepts: true,
                treatment,
            };
        };
        match (later.counted, later.treatment.act.refusal()) {
            // A refused message is refused for everyone in it.
            (Some(count), Some(reply)) => {
                for Recipient { address, .. } in &self.recipients {
                    records.push(Record::Count(address.domain().to_owned(), count));
                    records.push(self.refuse(address, reply.code, stage, now_us));
                }
            }
            (Some(count), None) => {
                let domain = recipient.address.domain().to_owned();
                records.push(Record::Count(domain, count));
            }
            (None, _) => {}
        }
        Ending {
            accepts: later.accepts,
            treatment: later.treatment.clone().not_before(delay),
        }
    }

    /// For everyone in it: the client is given no whole reply to what it sent.
    pub(crate) fn unanswered(
        &self,
        body: &Body,
        ending: &Ending,
        now_us: i64,
    ) -> impl Iterator<Item = Record> {
        // Whole, but hard to read.
        let is_told_oddly = ending.treatment.act.lets_pass() && !ending.treatment.act.is_told();
        self.each_unanswered(Unanswered {
            at_us: now_us,
            campaign: body.campaign.clone(),
            is_accepted: ending.accepts,
            is_doubtless: !is_told_oddly,
            ..Unanswered::default()
        })
    }

    /// For everyone in it: it is cut off in its middle, if this treatment does so.
    pub(crate) fn cut(&self, treatment: &Treatment, records: &mut Vec<Record>, now_us: i64) {
        if !treatment.act.lets_pass() {
            records.extend(self.each_unanswered(Unanswered {
                at_us: now_us,
                ..Unanswered::default()
            }));
        }
    }

    fn each_unanswered(&self, line: Unanswered) -> impl Iterator<Item = Record> {
        self.recipients.iter().map(move |recipient| {
            Record::Unanswered(Unanswered {
                connection: self.connection,
                recipient: recipient.address.text.clone(),
                ..line.clone()
            })
        })
    }

    /// The whole message is refused, for everyone in it, by a rule of the protocol.
    pub(crate) fn refuse_all(
        &self,
        code: u16,
        stage: Stage,
        records: &mut Vec<Record>,
        now_us: i64,
    ) {
        let all = self.recipients.iter();
        records.extend(all.map(|it| self.refuse(&it.address, code, stage, now_us)));
    }

    /// The record of one recipient that is refused.
    pub(crate) fn refuse(&self, address: &Address, code: u16, stage: Stage, now_us: i64) -> Record {
        Record::Refuse(Refuse {
            at_us: now_us,
            connection: self.connection,
            domain: address.domain().to_owned(),
            recipient: address.text.clone(),
            code,
            stage,
        })
    }

    fn accept(&self, recipient: &Recipient, body: &Body, now_us: i64) -> Accept {
        let Recipient {
            address, provider, ..
        } = recipient;
        Accept {
            at_us: now_us,
            mail_at_us: self.mail_at_us,
            connection: self.connection,
            provider: provider.clone(),
            domain: address.domain().to_owned(),
            recipient: address.text.clone(),
            sender: self.sender.clone(),
            message_id: body.message_id.clone(),
            campaign: body.campaign.clone(),
            bytes: body.bytes,
            body_hash: body.hash.clone(),
            content_hash: body.content_hash.clone(),
        }
    }
}
