//! What is said to a client that breaks the protocol, and what is recorded of it.

use std::ops::ControlFlow::{self, Break, Continue};

use crate::bounds::CONNECTION_ERRORS_MAX;
use crate::dialogue::reply::{self, Reply};
use crate::dialogue::{Dialogue, Effects, Next, Times};
use crate::log::{Fault, FaultKind};
use crate::profile::Keyword;
use crate::tally::Record;

impl Dialogue {
    /// Refuses a line that cannot be read. What was in it is not repeated: it may be anything.
    pub(super) fn refuse_line(
        &mut self,
        refusal: &Reply,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let kind = match refusal {
            refusal if *refusal == reply::LINE_TOO_LONG => FaultKind::LineTooLong,
            refusal if *refusal == reply::BARE_LINE_END => FaultKind::BareLineEnd,
            _ => FaultKind::Syntax,
        };
        let detail = format!("a line was answered with {refusal}");
        let refused = self.fault(kind, detail, refusal, times, effects);
        if *refusal == reply::BAD_CHUNK {
            // Nobody knows how many octets follow it.
            return Break(Next::Close);
        }
        refused
    }

    /// Records what breaks the protocol, and refuses it.
    pub(super) fn fault(
        &mut self,
        kind: FaultKind,
        detail: impl Into<String>,
        refusal: &Reply,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        self.record_fault(kind, detail, times, effects);
        self.refuse(refusal, effects)
    }

    pub(super) fn record_fault(
        &self,
        kind: FaultKind,
        detail: impl Into<String>,
        times: Times,
        effects: &mut Effects,
    ) {
        effects.records.push(Record::Fault(Fault {
            at_us: times.arrived_at_us,
            connection: self.entry.connection(),
            kind,
            detail: detail.into(),
        }));
    }

    /// A command where it has no place: a fault if the client could have known.
    pub(super) fn out_of_order(
        &mut self,
        refusal: &Reply,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        if self.group.could_have_known(times.arrived_at_us) {
            let detail = format!("a command was answered with {refusal}");
            self.record_fault(FaultKind::Order, detail, times, effects);
        }
        self.refuse(refusal, effects)
    }

    /// Refuses; a connection that goes on and on with what is refused is closed.
    pub(super) fn refuse(&mut self, refusal: &Reply, effects: &mut Effects) -> ControlFlow<Next> {
        self.errors += 1;
        if self.errors <= CONNECTION_ERRORS_MAX {
            return self.say(refusal, effects);
        }
        let _ = self.say(&reply::OVER_ERRORS, effects);
        Break(Next::Close)
    }

    pub(super) fn say(&self, reply: &Reply, effects: &mut Effects) -> ControlFlow<Next> {
        let with_enhanced = self.entry.offer().offers(Keyword::EnhancedStatusCodes);
        reply.write(&mut effects.replies, with_enhanced);
        Continue(())
    }
}
