//! What comes out of a decision: the treatment of now, and what waits for later stages.

use std::time::Duration;

use crate::dialogue::reply::Reply;
use crate::tally::Count;
use crate::world::treatment::{Act, Stage, Treatment};

/// What is said at RCPT, and what is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) treatment: Treatment,
    /// What it counts as; nothing for a yes.
    pub(crate) counted: Option<Count>,
    /// What waits for a recipient that was let in.
    pub(crate) later: Vec<Later>,
}

/// What is done at a later stage because of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Later {
    pub(crate) stage: Stage,
    /// At the dot: whether the message is accepted nevertheless.
    pub(crate) accepts: bool,
    pub(crate) treatment: Treatment,
    /// What it counts as when it is carried out.
    pub(crate) counted: Option<Count>,
}

impl Decision {
    pub(super) fn yes() -> Self {
        Self {
            treatment: Treatment::PROCEED,
            counted: None,
            later: Vec::new(),
        }
    }

    pub(super) fn no(reply: Reply, counted: Count) -> Self {
        Self::of(Treatment::refuse(reply), Some(counted))
    }

    pub(crate) fn of(treatment: Treatment, counted: Option<Count>) -> Self {
        Self {
            treatment,
            counted,
            later: Vec::new(),
        }
    }

    /// The reply to RCPT and those after it wait; one that closes does not.
    pub(super) fn delayed(mut self, delay: impl Fn(Stage) -> Duration) -> Self {
        if matches!(self.treatment.act, Act::SayAndClose(_)) {
            return self;
        }
        self.treatment = self.treatment.not_before(delay(Stage::Rcpt));
        if self.treatment.act.lets_pass() {
            for stage in [Stage::Data, Stage::Body, Stage::Dot] {
                let delay = delay(stage);
                if !delay.is_zero() {
                    let treatment = Treatment::PROCEED.not_before(delay);
                    self.later.push(Later::pass(stage, treatment));
                }
            }
        }
        self
    }
}

impl Later {
    /// The message takes its course, however its reply is told.
    pub(super) fn pass(stage: Stage, treatment: Treatment) -> Self {
        Self {
            stage,
            accepts: true,
            treatment,
            counted: None,
        }
    }

    /// The message is refused for everyone in it.
    pub(super) fn refuse(stage: Stage, reply: Reply) -> Self {
        Self {
            stage,
            accepts: false,
            counted: Some(counted_as(&reply)),
            treatment: Treatment::refuse(reply),
        }
    }

    /// The client is left without the whole reply.
    pub(super) fn cut(stage: Stage, accepts: bool, treatment: Treatment) -> Self {
        Self {
            stage,
            accepts,
            treatment,
            counted: Some(Count::Dropped),
        }
    }
}

/// A refusal for now is a deferral.
pub(super) fn counted_as(reply: &Reply) -> Count {
    if reply.code < 500 {
        Count::Deferred
    } else {
        Count::Refused
    }
}
