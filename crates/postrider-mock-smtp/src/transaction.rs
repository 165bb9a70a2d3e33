//! One MAIL…RCPT…DATA: who was invited, and what becomes of the message at its end.

use std::sync::Arc;
use std::time::Duration;

use crate::behaviour::{Fate, Verdict, Visit};
use crate::body::Body;
use crate::command::Address;
use crate::log::{Accept, Mail};
use crate::profile::DropAt;
use crate::reply::{self, Reply};
use crate::tally::{Count, Record};
use crate::world::{Place, World};

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: u64,
    sender: String,
    mail_at_us: i64,
    recipients: Vec<Recipient>,
    /// Domains that were named at RCPT, each with the place it gave.
    domains: Vec<(String, Option<Place>)>,
    /// Before the replies to DATA and the dot: the longest of the accepted recipients' domains.
    reply_delay: Duration,
}

#[derive(Debug)]
struct Recipient {
    address: Address,
    fate: Fate,
}

/// How a message ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Answered(Reply),
    /// The connection is closed instead of an answer.
    Dropped,
}

impl Transaction {
    pub(crate) fn new(connection: u64, sender: String, mail_at_us: i64) -> Self {
        Self {
            connection,
            sender,
            mail_at_us,
            recipients: Vec::new(),
            domains: Vec::new(),
            reply_delay: Duration::ZERO,
        }
    }

    pub(crate) fn recipients(&self) -> usize {
        self.recipients.len()
    }

    pub(crate) fn reply_delay(&self) -> Duration {
        self.reply_delay
    }

    /// One RCPT: what is said, and after what delay.
    pub(crate) fn invite(
        &mut self,
        address: Address,
        world: &Arc<World>,
        records: &mut Vec<Record>,
        now_us: i64,
    ) -> (Reply, Duration) {
        let domain = address.domain();
        let known = self.domains.iter().position(|(name, _)| name == domain);
        let visit = Visit {
            seed: world.profile.seed,
            sender: &self.sender,
            recipient: &address,
            mail_at_us: self.mail_at_us,
            is_mail_counted: known.is_some(),
            has_place: known.is_some_and(|at| self.domains[at].1.is_some()),
        };
        let (verdict, place) = world.visit(&visit, now_us);
        let at = known.unwrap_or_else(|| {
            let (at_us, connection) = (self.mail_at_us, self.connection);
            records.push(Record::Mail(Mail {
                at_us,
                connection,
                domain: domain.to_owned(),
            }));
            self.domains.push((domain.to_owned(), None));
            self.domains.len() - 1
        });
        if place.is_some() {
            self.domains[at].1 = place;
        }
        let delay = world.profile.behaviour(domain).reply_delay.duration();
        let (counted, reply) = match verdict {
            Verdict::Accept(fate) => {
                self.reply_delay = self.reply_delay.max(delay);
                self.recipients.push(Recipient { address, fate });
                return (reply::RECIPIENT_OK, delay);
            }
            Verdict::Refuse => (Count::Refused, reply::NO_SUCH_USER),
            Verdict::Greylist => (Count::Deferred, reply::GREYLISTED),
            Verdict::Defer => (Count::Deferred, reply::DEFERRED),
            Verdict::OverRate => (Count::OverRate, reply::OVER_RATE),
            Verdict::OverConnections => (Count::OverConnections, reply::OVER_CONNECTIONS),
        };
        records.push(Record::Count(domain.to_owned(), counted));
        (reply, delay)
    }

    /// Whether the connection is to be dropped at this point; if so, that is counted.
    pub(crate) fn drops(&self, at: DropAt, records: &mut Vec<Record>) -> bool {
        let doomed = self
            .recipients
            .iter()
            .find(|recipient| recipient.fate.drop_at == Some(at));
        if let Some(recipient) = doomed {
            records.push(Record::Count(
                recipient.address.domain().to_owned(),
                Count::Dropped,
            ));
        }
        doomed.is_some()
    }

    /// The dot was read: accepts, defers or drops.
    pub(crate) fn end(
        &self,
        body: &Body,
        queued: Reply,
        records: &mut Vec<Record>,
        now_us: i64,
    ) -> Ending {
        if self.drops(DropAt::BeforeAccept, records) {
            return Ending::Dropped;
        }
        if self
            .recipients
            .iter()
            .any(|recipient| recipient.fate.is_deferred_at_dot)
        {
            for recipient in &self.recipients {
                let domain = recipient.address.domain().to_owned();
                records.push(Record::Count(domain, Count::Deferred));
            }
            return Ending::Answered(reply::DEFERRED);
        }
        for recipient in &self.recipients {
            records.push(Record::Accept(self.accept(
                &recipient.address,
                body,
                now_us,
            )));
        }
        if self.drops(DropAt::AfterAccept, records) {
            return Ending::Dropped;
        }
        Ending::Answered(queued)
    }

    fn accept(&self, address: &Address, body: &Body, now_us: i64) -> Accept {
        Accept {
            at_us: now_us,
            mail_at_us: self.mail_at_us,
            connection: self.connection,
            domain: address.domain().to_owned(),
            recipient: address.text.clone(),
            sender: self.sender.clone(),
            message_id: body.message_id.clone(),
            campaign: body.campaign.clone(),
            bytes: body.bytes,
            body_hash: body.hash.clone(),
        }
    }
}
