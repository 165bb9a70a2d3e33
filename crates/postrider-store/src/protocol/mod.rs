//! The rules: what each request does, once, for every backend.
//!
//! ```text
//! pending    --refused (4xx) or lost twice before the dot--> deferred      no begin needed
//! pending    --refused (5xx) before the dot-----------------> bounced      the same
//! pending    --begin--> attempting                                         durable before the dot
//! attempting --2xx to the dot--> delivered | --4xx--> deferred | --5xx--> bounced
//! attempting --lost before the dot, seen by its own worker--> pending      not charged
//! attempting --lost after the dot, or its worker died--> in_doubt
//! in_doubt   --late outcome--> delivered | bounced | deferred | pending
//! deferred   --begin--> attempting      deferred | pending --too old--> expired
//! pending    --campaign cancelled--> cancelled  pending --cannot be built or taken--> failed
//! ```
//!
//! Pure over [`Tables`]: no clock, no randomness, no I/O of its own. Each function validates
//! first and writes after, so that a refusal leaves nothing behind. A deferred delivery whose
//! time has come is not rewritten as pending: its chunk becomes due, and the next begin takes it
//! from there.

mod attempt;
mod campaign;
mod claim;
mod end;
mod intake;
mod lanes;
mod receipts;
mod refile;

use postrider_types::Timestamp;

use crate::error::StoreError;
use crate::request::{Reply, Request};
use crate::tables::Tables;

/// Does one request.
///
/// # Errors
/// [`StoreError`] when the backend cannot read or write; the caller rolls the batch back.
pub fn apply(
    tables: &mut impl Tables,
    request: Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match request {
        Request::Claim {
            claim,
            worker,
            skip,
            until,
        } => claim::claim(tables, claim, worker, &skip, until, now),
        Request::Extend { token, until } => end::extend(tables, token, until, now),
        Request::Begin {
            token,
            delivery,
            address,
            attempt,
        } => attempt::begin(
            tables,
            attempt::Attempt {
                token,
                delivery,
                address,
                attempt,
            },
            now,
        ),
        Request::Record {
            token,
            delivery,
            address,
            attempt,
            outcome,
            reply,
        } => {
            let made = attempt::Attempt {
                token,
                delivery,
                address,
                attempt,
            };
            attempt::record(tables, made, outcome, reply, now)
        }
        Request::End {
            token,
            filings,
            throttle,
        } => end::end(tables, token, &filings, throttle, now),
        Request::Reap { before } => end::reap(tables, before, now),
        cold => apply_cold(tables, cold, now),
    }
}

/// The requests that no message on a connection waits for.
fn apply_cold(
    tables: &mut impl Tables,
    request: Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match request {
        Request::Wake => {
            tables.wake_queue(now)?;
            tables.wake_lanes(now)?;
            Ok(Reply::Done { more: false })
        }
        Request::File {
            tenant,
            campaign,
            lane,
            recipients,
        } => intake::file(tables, tenant, campaign, lane, recipients, now),
        Request::PutEmail {
            tenant,
            email,
            content,
        } => intake::put_email(tables, tenant, email, &content, now),
        Request::Create {
            tenant,
            name,
            email,
            in_doubt,
        } => campaign::create(tables, tenant, name, email, in_doubt, now),
        Request::Change { campaign, change } => campaign::change(tables, campaign, change, now),
        Request::Sweep { campaign } => campaign::sweep(tables, campaign, now),
        Request::Unpark { campaign } => campaign::unpark(tables, campaign, now),
        Request::Claim { .. }
        | Request::Extend { .. }
        | Request::Begin { .. }
        | Request::Record { .. }
        | Request::End { .. }
        | Request::Reap { .. } => unreachable!("`apply` keeps these to itself"),
    }
}
