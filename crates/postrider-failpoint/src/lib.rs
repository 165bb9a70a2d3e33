//! Named places at which a test makes the process die, stop, panic or wait.
//!
//! A crash matters on some lines more than on others: between a begin and its dot, between a reply
//! and its outcome. Such a line names a [`FailPoint`] and calls [`FailPoint::reached`]. With the
//! feature `failpoints`, which only the tests' own binary turns on, a plan (the module `plan`) says
//! what happens there; without it the call is empty and costs nothing.
//!
//! Invariant: without a plan a fail point does nothing, whatever was compiled.

#[cfg(feature = "failpoints")]
mod armed;
#[cfg(feature = "failpoints")]
pub mod plan;
#[cfg(not(feature = "failpoints"))]
mod unarmed;

#[cfg(feature = "failpoints")]
use armed as state;
#[cfg(not(feature = "failpoints"))]
use unarmed as state;

#[cfg(feature = "failpoints")]
pub use armed::arm;

/// A place in the code, in the order in which a message passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailPoint {
    /// A filed chunk is durable, and the list it comes from has not heard of it.
    InIntake,
    /// Between two steps that end leases of somebody who is gone.
    InReap,
    /// A chunk was claimed, and nothing was done for it.
    AfterClaim,
    /// A body was read, and is about to be prepared; said with the id and the subject of its
    /// email.
    InPrepare,
    /// A body came into memory.
    AfterHydrate,
    /// The message of a recipient is about to be rendered; said with the recipient's address.
    InRender,
    /// MAIL, RCPT and DATA of a message were accepted.
    AfterRcpt,
    /// Some of a body was written that does not wait for the gate, but for its last octets.
    MidBody,
    /// The message is at its gate, and its begin is about to be asked for.
    BeforeBegin,
    /// The begin is durable, and the dot is about to be written.
    BeforeDot,
    /// The connection's task is about to write the dot, and looks once more whether it may.
    AtDot,
    /// The dot was written, and its reply was not read.
    AfterDot,
    /// The reply to a dot was read, and its outcome is about to be asked for.
    BeforeOutcome,
    /// All outcomes of a chunk are recorded, and the end of its lease is about to be asked for.
    BeforeEnd,
    /// The store's writer is about to begin a commit.
    Commit,
    /// The core's task is about to decide.
    Turn,
}

impl FailPoint {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::InIntake,
        Self::InReap,
        Self::AfterClaim,
        Self::InPrepare,
        Self::AfterHydrate,
        Self::InRender,
        Self::AfterRcpt,
        Self::MidBody,
        Self::BeforeBegin,
        Self::BeforeDot,
        Self::AtDot,
        Self::AfterDot,
        Self::BeforeOutcome,
        Self::BeforeEnd,
        Self::Commit,
        Self::Turn,
    ];

    /// Its name in a plan.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InIntake => "in-intake",
            Self::InReap => "in-reap",
            Self::AfterClaim => "after-claim",
            Self::InPrepare => "in-prepare",
            Self::AfterHydrate => "after-hydrate",
            Self::InRender => "in-render",
            Self::AfterRcpt => "after-rcpt",
            Self::MidBody => "mid-body",
            Self::BeforeBegin => "before-begin",
            Self::BeforeDot => "before-dot",
            Self::AtDot => "at-dot",
            Self::AfterDot => "after-dot",
            Self::BeforeOutcome => "before-outcome",
            Self::BeforeEnd => "before-end",
            Self::Commit => "commit",
            Self::Turn => "turn",
        }
    }

    /// Says that the process has come here. What a plan says happens before this returns; a death
    /// does not return.
    ///
    /// # Panics
    /// When the plan says so.
    pub fn reached(self) {
        state::reached(self, || "");
    }

    /// The same about something that has a name, so that a plan can mean it alone. The name is only
    /// asked for when a plan is set.
    ///
    /// # Panics
    /// When the plan says so.
    pub fn reached_by<T: AsRef<str>>(self, name: impl FnOnce() -> T) {
        state::reached(self, name);
    }
}
