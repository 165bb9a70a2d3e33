//! What may be asked of the hot store, and what it answers.
//!
//! Repeating a request because its answer was lost changes nothing. `begin` and `record` are
//! recognised by their token and attempt, `claim` by its id, and give the same answer; an `end`
//! is recognised by its lease that is gone, a campaign by its name, and both are refused. Only
//! `file` is not recognised: it takes in its recipients again, so the batcher, which lives in the
//! store's own process, never repeats one that may have been done.

mod kinds;
mod refused;
mod reply;

use std::time::Duration;

use bytes::Bytes;
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, CampaignId, ChunkId, DeliveryId, EmailId, InDoubtPolicy, LaneName, LeaseToken,
    Outcome, RecipientId, TenantId, Timestamp, Variables, WorkerId,
};
use serde::{Deserialize, Serialize};

use crate::answers::Answer;
use crate::quarantine::{Lift, Subject, Suspects};
use crate::removal::{Cursor, PurgeTarget};
use crate::selection::{Resolution, Selection};
use crate::share::Share;

pub use refused::Refused;
pub use reply::{Claimed, Reply};

/// One request. The verbs are those of the glossary.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Lease the next chunk that is due, from the lane whose turn it is.
    Claim {
        /// A number that the worker never uses for another claim; repeating it gives the same
        /// chunk.
        claim: u64,
        /// Who asks.
        worker: WorkerId,
        /// Lanes of which the worker holds enough.
        skip: Vec<LaneName>,
        /// The lanes that this worker may claim from.
        share: Share,
        /// When the lease ends unless it is extended.
        until: Timestamp,
    },
    /// Move the end of a lease.
    Extend {
        /// The lease.
        token: LeaseToken,
        /// Its new end; an earlier one than before is ignored.
        until: Timestamp,
    },
    /// "Attempt n of this delivery has begun": durable before the final dot is written.
    Begin {
        /// The lease that the delivery's chunk is held under.
        token: LeaseToken,
        /// The delivery.
        delivery: DeliveryId,
        /// Where it goes.
        address: Address,
        /// The number of this attempt, from 1.
        attempt: u16,
    },
    /// What came of an attempt.
    Record {
        /// The lease that the attempt was made under.
        token: LeaseToken,
        /// The delivery.
        delivery: DeliveryId,
        /// Where it went.
        address: Address,
        /// The number of the attempt, from 1; attempts so far for an outcome without one.
        attempt: u16,
        /// What came of it.
        outcome: Outcome,
        /// The reply, or our own reason with code 0.
        reply: Option<SmtpReply>,
    },
    /// End a lease: whatever is left of its chunk goes back into the queue, in one step.
    ///
    /// A recipient that is named in `filings` waits as said there; a deferred one waits until its
    /// next attempt; every other one goes to the tail of the chunk's lane. With nothing left
    /// this is `finish`, with no filings it is `release`, otherwise it is `refile`.
    End {
        /// The lease.
        token: LeaseToken,
        /// Who waits where, and until when.
        filings: Vec<Filing>,
        /// The lane is not to be claimed from before this instant.
        throttle: Option<(LaneName, Timestamp)>,
    },
    /// End the leases that ran out before this instant: what was begun is in doubt, the rest goes
    /// to the tail.
    Reap {
        /// Leases that end before this are over. [`Timestamp::NEVER`] ends all, as at start-up,
        /// when no worker of an earlier process can live.
        before: Timestamp,
        /// End all leases of this worker instead, whenever they end, because it is gone.
        worker: Option<WorkerId>,
        /// Who may have killed it.
        suspects: Suspects,
    },
    /// Put something of the leased chunk aside, because this worker cannot work on it. The lease
    /// stays, and an `end` follows.
    Quarantine {
        /// The lease.
        token: LeaseToken,
        /// What cannot be worked on.
        what: Subject,
        /// Why, in words for a person.
        reason: String,
    },
    /// Make a tenant.
    CreateTenant {
        /// Its name, unique among those that are not deleted.
        name: String,
    },
    /// Delete a tenant: nothing of it is taken in and nothing begins any more. The sweep follows.
    DeleteTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// Cancel the campaigns of a deleted tenant, and end what waits of them: one step.
    SweepTenant {
        /// The tenant.
        tenant: TenantId,
        /// Where to begin.
        cursor: Cursor,
    },
    /// End what waits, or is leased and not begun, as `cancelled`: one step.
    Purge {
        /// What is meant.
        target: PurgeTarget,
        /// Also end what is in doubt, which may have been delivered.
        with_in_doubt: bool,
        /// Only count.
        is_dry_run: bool,
        /// Where to begin.
        cursor: Cursor,
    },
    /// Let an email out of quarantine, and what was quarantined of its campaigns: one step.
    LiftEmail {
        /// Its owner.
        tenant: TenantId,
        /// The email.
        email: EmailId,
        /// In which way.
        lift: Lift,
        /// Where to begin.
        cursor: Cursor,
    },
    /// Delete what nobody needs any more of campaigns that ended before an instant: one step.
    Retain {
        /// The instant.
        before: Timestamp,
        /// Where to begin.
        cursor: Cursor,
    },
    /// Erase a recipient from everything of a tenant: one step.
    EraseRecipient {
        /// The tenant.
        tenant: TenantId,
        /// Whom.
        address: Address,
        /// Where to begin.
        cursor: Cursor,
    },
    /// Forget what was kept aside of a chunk that cannot be read; nothing is done when nothing is
    /// kept. Whoever it held stays as they are.
    ForgetChunk {
        /// The owner of its campaign.
        tenant: TenantId,
        /// The chunk.
        chunk: ChunkId,
    },
    /// Keep an answer for a request that may be sent again, and forget a few old ones.
    KeepAnswer {
        /// The answer.
        answer: Box<Answer>,
    },
    /// Write the store's file anew, so that it holds nothing any more that was deleted. It holds
    /// up everything else for that long; ask again while there is `more`.
    Compact,
    /// Forget every wait that came from limits, because limits may have changed.
    Wake,
    /// Take in one chunk of new recipients: the batcher's filing.
    File {
        /// The owner of the campaign.
        tenant: TenantId,
        /// The campaign whose audience grows.
        campaign: CampaignId,
        /// The lane that they belong to.
        lane: LaneName,
        /// The recipients, at most 500 and 256 KiB; they are numbered in this order.
        recipients: Vec<(Address, Variables)>,
    },
    /// Keep an email under the id of its content; putting it again changes nothing.
    PutEmail {
        /// Its owner.
        tenant: TenantId,
        /// The id of `content`.
        email: EmailId,
        /// The stored form.
        content: Bytes,
    },
    /// Make a campaign in state draft.
    Create {
        /// Its owner.
        tenant: TenantId,
        /// Its name, unique within the tenant.
        name: String,
        /// The email it sends, which must have been put.
        email: EmailId,
        /// What happens to deliveries in doubt.
        in_doubt: InDoubtPolicy,
        /// How old a doubt must be before its delivery may be sent again: more than the deadline
        /// of the dot and a lease together.
        in_doubt_retry_after: Duration,
        /// When it starts by itself; it stays a draft until then.
        send_at: Option<Timestamp>,
    },
    /// Start a few of the drafts whose time has come.
    StartDue,
    /// What a person decides about deliveries of a campaign that have ended or are in doubt: one
    /// step, in order of number.
    Resolve {
        /// The campaign.
        campaign: CampaignId,
        /// Whom it is about.
        select: Selection,
        /// What comes of them.
        into: Resolution,
        /// Why, in a person's words; it stands in receipts and log.
        reason: String,
        /// Where to begin: 0, or where the last step says.
        from: RecipientId,
        /// Only count.
        is_dry_run: bool,
    },
    /// Change a campaign.
    Change {
        /// The campaign.
        campaign: CampaignId,
        /// What to change.
        change: CampaignChange,
    },
    /// End a few waiting chunks of a cancelled campaign as `cancelled`.
    Sweep {
        /// The campaign.
        campaign: CampaignId,
    },
    /// Put a few parked chunks of a running campaign into the queue.
    Unpark {
        /// The campaign.
        campaign: CampaignId,
    },
}

/// A change that a person makes to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CampaignChange {
    /// The audience is complete.
    Seal,
    /// Begin to send.
    Start,
    /// Start by itself at this instant; without one, wait for a person. Drafts only.
    Schedule {
        /// The instant; one that is over means at once.
        at: Option<Timestamp>,
    },
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Never begin anything again.
    Cancel,
}

/// Where one recipient waits, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    /// The recipient, who must be in the leased chunk.
    pub recipient: RecipientId,
    /// The lane.
    pub lane: LaneName,
    /// When it is due again.
    pub due_at: Timestamp,
}

impl Request {
    /// Ends the leases that ran out before an instant, of which nobody is known to have died.
    pub const fn reap(before: Timestamp) -> Self {
        Self::Reap {
            before,
            worker: None,
            suspects: Suspects::Nobody,
        }
    }
}
