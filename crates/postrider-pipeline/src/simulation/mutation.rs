//! The rules with one check left out, to prove that the simulator would notice.
//!
//! A mutation stands *around* a request, and nowhere in the code that it is about: it makes the
//! rows, or the request, look for a moment as if the check had nothing to say, lets the true rules
//! do their work, and puts the rows back. So `protocol` and `core` have no switch that somebody
//! could leave on, and a mutation cannot change more than the one answer it is named after.
//! Five of them are not of a request: there an event of the worker comes early, a dot late, or a
//! setting says what the code without its check would do.

mod around;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use postrider_store::memory::State;
use postrider_store::removal::Walked;
use postrider_store::rows::LeaseRow;
use postrider_store::{Reply, Request, Share, StoreError, Tables, protocol};
use postrider_types::{LeaseToken, Timestamp};

use around::{
    as_if_of_newest, out_of_solo, reap_everything, reap_to_head, rearm, uncount, unsuspect,
    while_running,
};

/// A check that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// A begun delivery whose lease runs out is taken for one that was not sent.
    RearmAtLeaseEnd,
    /// A begin does not ask whether the lease is live.
    BeginWithoutLease,
    /// A begin does not ask whether the campaign runs.
    BeginWithoutCampaign,
    /// A begin does not count the attempt.
    BeginWithoutCount,
    /// An outcome does not ask whose attempt it is of.
    RecordWithoutToken,
    /// An end does not ask whether the lease is there.
    EndWithoutLease,
    /// What a reaper finds goes to the head of its lane.
    ReapToHead,
    /// A reaper ends whatever has run out, in one step.
    ReapWithoutLimit,
    /// A reaper is not told whose work a worker died of.
    ReapWithoutSuspects,
    /// What came of a trial does not count.
    ReapWithoutVerdicts,
    /// A death alone in the solo lane is one like any other.
    ReapWithoutSolo,
    /// A doubt is tried again at once.
    RetryWithoutWait,
    /// The outcome of an old attempt counts for whatever attempt is the newest.
    LateOverNewer,
    /// The dot does not wait until the begin is durable.
    DotBeforeBegin,
    /// A worker that stood still before a dot does not look at the time again.
    DotAfterLease,
    /// What is put aside is, also when the lease is over.
    QuarantineWithoutLease,
    /// An erasure ends nothing that is open.
    EraseWithoutEnding,
    /// A claim does not ask whose lanes they are.
    ClaimWithoutShare,
    /// A worker that follows another begins with full quotas.
    FullQuotas,
    /// The limits know whole seconds only, so a second's worth goes out at once.
    WholeSeconds,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::RearmAtLeaseEnd,
        Self::BeginWithoutLease,
        Self::BeginWithoutCampaign,
        Self::BeginWithoutCount,
        Self::RecordWithoutToken,
        Self::EndWithoutLease,
        Self::ReapToHead,
        Self::ReapWithoutLimit,
        Self::ReapWithoutSuspects,
        Self::ReapWithoutVerdicts,
        Self::ReapWithoutSolo,
        Self::RetryWithoutWait,
        Self::LateOverNewer,
        Self::DotBeforeBegin,
        Self::DotAfterLease,
        Self::QuarantineWithoutLease,
        Self::EraseWithoutEnding,
        Self::ClaimWithoutShare,
        Self::FullQuotas,
        Self::WholeSeconds,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RearmAtLeaseEnd => "rearm-at-lease-end",
            Self::BeginWithoutLease => "begin-without-lease",
            Self::BeginWithoutCampaign => "begin-without-campaign",
            Self::BeginWithoutCount => "begin-without-count",
            Self::RecordWithoutToken => "record-without-token",
            Self::EndWithoutLease => "end-without-lease",
            Self::ReapToHead => "reap-to-head",
            Self::ReapWithoutLimit => "reap-without-limit",
            Self::ReapWithoutSuspects => "reap-without-suspects",
            Self::ReapWithoutVerdicts => "reap-without-verdicts",
            Self::ReapWithoutSolo => "reap-without-solo",
            Self::RetryWithoutWait => "retry-without-wait",
            Self::LateOverNewer => "late-over-newer",
            Self::DotBeforeBegin => "dot-before-begin",
            Self::DotAfterLease => "dot-after-lease",
            Self::QuarantineWithoutLease => "quarantine-without-lease",
            Self::EraseWithoutEnding => "erase-without-ending",
            Self::ClaimWithoutShare => "claim-without-share",
            Self::FullQuotas => "full-quotas",
            Self::WholeSeconds => "whole-seconds",
        }
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no mutation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no mutation; docs/simulation.md lists them")]
pub struct MutationError(String);

impl FromStr for Mutation {
    type Err = MutationError;

    fn from_str(text: &str) -> Result<Self, MutationError> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| MutationError(text.to_owned()))
    }
}

/// The rules, with one check left out or with all of them.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) mutation: Option<Mutation>,
    /// Every lease that was ever given, for those who do not ask whether it is over.
    leases: BTreeMap<LeaseToken, LeaseRow>,
}

impl Rules {
    pub(super) const fn new(mutation: Option<Mutation>) -> Self {
        Self {
            mutation,
            leases: BTreeMap::new(),
        }
    }

    /// Does one request.
    pub(super) fn apply(
        &mut self,
        rows: &mut State,
        request: Request,
        now: Timestamp,
    ) -> Result<Reply, StoreError> {
        let Some(mutation) = self.mutation else {
            return protocol::apply(rows, request, now);
        };
        let reply = match (mutation, request) {
            (Mutation::RearmAtLeaseEnd, request @ Request::Reap { .. }) => {
                rearm(rows, &request, now)?;
                protocol::apply(rows, request, now)
            }
            (Mutation::ReapToHead, request @ Request::Reap { .. }) => {
                reap_to_head(rows, request, now)
            }
            (Mutation::ReapWithoutLimit, request @ Request::Reap { .. }) => {
                reap_everything(rows, &request, now)
            }
            (
                Mutation::ReapWithoutSuspects | Mutation::ReapWithoutVerdicts,
                mut request @ Request::Reap { .. },
            ) => {
                unsuspect(&mut request, mutation);
                protocol::apply(rows, request, now)
            }
            (Mutation::ReapWithoutSolo, request @ Request::Reap { .. }) => {
                out_of_solo(rows, &request)?;
                protocol::apply(rows, request, now)
            }
            (Mutation::EraseWithoutEnding, Request::EraseRecipient { .. }) => {
                Ok(Reply::Walked(Walked::default()))
            }
            (Mutation::ClaimWithoutShare, mut request @ Request::Claim { .. }) => {
                if let Request::Claim { share, .. } = &mut request {
                    *share = Share::WHOLE;
                }
                protocol::apply(rows, request, now)
            }
            (Mutation::BeginWithoutLease, request @ Request::Begin { token, .. })
            | (Mutation::QuarantineWithoutLease, request @ Request::Quarantine { token, .. }) => {
                self.under_ghost(rows, token, true, request, now)
            }
            (Mutation::BeginWithoutCampaign, request @ Request::Begin { delivery, .. }) => {
                while_running(rows, delivery, request, now)
            }
            (Mutation::BeginWithoutCount, request @ Request::Begin { delivery, .. }) => {
                let reply = protocol::apply(rows, request, now);
                uncount(rows, delivery)?;
                reply
            }
            (Mutation::RecordWithoutToken | Mutation::LateOverNewer, request) => {
                let is_any = mutation == Mutation::LateOverNewer;
                let request = as_if_of_newest(rows, request, is_any)?;
                protocol::apply(rows, request, now)
            }
            (Mutation::EndWithoutLease, request @ Request::End { token, .. })
                if rows.lease(token)?.is_none() =>
            {
                self.under_ghost(rows, token, false, request, now)
            }
            (_, request) => protocol::apply(rows, request, now),
        };
        if let Ok(Reply::Claimed(claimed)) = &reply
            && let Some(lease) = rows.lease(claimed.token)?
        {
            self.leases.insert(lease.token, lease);
        }
        reply
    }

    /// Does a request while a lease seems to be there and live.
    fn under_ghost(
        &self,
        rows: &mut State,
        token: LeaseToken,
        is_put_back: bool,
        request: Request,
        now: Timestamp,
    ) -> Result<Reply, StoreError> {
        let real = rows.lease(token)?;
        if let Some(lease) = self.leases.get(&token) {
            let until = Timestamp::NEVER;
            rows.put_lease(&LeaseRow {
                until,
                ..lease.clone()
            })?;
        }
        let reply = protocol::apply(rows, request, now);
        match real {
            Some(lease) if is_put_back => rows.put_lease(&lease)?,
            _ => rows.delete_lease(token)?,
        }
        reply
    }
}
