//! The rules: what each request does, once, for every backend.
//!
//! ```text
//! pending    --refused (4xx) or lost twice before the dot--> deferred      no begin needed
//! pending    --refused (5xx) before the dot-----------------> bounced      the same
//! pending    --begin--> attempting                                         durable before the dot
//! attempting --2xx to the dot--> delivered | --4xx--> deferred | --5xx--> bounced
//! attempting --lost before the dot, seen by its own worker--> pending      not charged
//! attempting --lost after the dot, or its worker died--> in_doubt
//! in_doubt   --late outcome, policy or a person--> delivered | bounced | deferred | pending
//! deferred   --begin--> attempting      deferred | pending --too old--> expired
//! pending    --campaign or tenant gone--> cancelled  pending --cannot be built or taken--> failed
//! pending    --kills its worker, or cannot be worked on--> quarantined
//! expired | bounced | failed | cancelled | quarantined --retry by a person--> pending
//! ```
//!
//! Every edge with its verb stands in `docs/states.md`, which a test holds against these rules.
//!
//! Pure over [`Tables`]: no clock, no randomness, no I/O of its own. Each function validates
//! first and writes after, so that a refusal leaves nothing behind. A deferred delivery whose
//! time has come is not rewritten as pending: its chunk becomes due, and the next begin takes it
//! from there.

mod answers;
mod attempt;
mod campaign;
mod claim;
mod deaths;
mod doubt;
mod due;
mod email_quarantine;
mod end;
mod erase;
mod home;
mod intake;
mod lanes;
mod lift;
mod purge;
mod purge_domain;
mod quarantine;
mod receipts;
mod refile;
mod resolve;
mod retain;
mod suspects;
mod tenant;
mod unheld;
mod walk;

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
            share,
            until,
        } => claim::claim(tables, claim, worker, (&skip, share), until, now),
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
        Request::Reap {
            before,
            worker,
            suspects,
        } => suspects::reap(tables, before, worker, &suspects, now),
        Request::Quarantine {
            token,
            what,
            reason,
        } => quarantine::report(tables, token, what, &reason, now),
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
            in_doubt_retry_after,
            send_at,
        } => {
            let new = campaign::New {
                tenant,
                name,
                email,
                in_doubt,
                in_doubt_retry_after,
                send_at,
            };
            campaign::create(tables, new, now)
        }
        Request::StartDue => due::start_due(tables, now),
        Request::Resolve {
            campaign,
            select,
            into,
            reason,
            from,
            is_dry_run,
        } => {
            let asked = resolve::Asked {
                select,
                into,
                reason,
                is_dry_run,
            };
            resolve::resolve(tables, campaign, &asked, from, now)
        }
        Request::Change { campaign, change } => campaign::change(tables, campaign, change, now),
        Request::Sweep { campaign } => purge::sweep(tables, campaign, now),
        Request::Unpark { campaign } => campaign::unpark(tables, campaign, now),
        upkeep => apply_upkeep(tables, upkeep, now),
    }
}

/// The requests about tenants, and about what is taken out.
fn apply_upkeep(
    tables: &mut impl Tables,
    request: Request,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    match request {
        Request::KeepAnswer { answer } => answers::keep(tables, &answer),
        Request::CreateTenant { name } => tenant::create(tables, name, now),
        Request::DeleteTenant { tenant } => tenant::delete(tables, tenant, now),
        Request::SweepTenant { tenant, cursor } => tenant::sweep(tables, tenant, cursor, now),
        Request::Purge {
            target,
            with_in_doubt,
            is_dry_run,
            cursor,
        } => purge::purge(tables, target, (with_in_doubt, is_dry_run), cursor, now),
        Request::LiftEmail {
            tenant,
            email,
            lift,
            cursor,
        } => lift::lift_email(tables, (tenant, email), lift, cursor, now),
        Request::Retain { before, cursor } => retain::retain(tables, before, cursor, now),
        Request::EraseRecipient {
            tenant,
            address,
            cursor,
        } => erase::erase(tables, tenant, &address, cursor, now),
        Request::ForgetChunk { tenant, chunk } => {
            tables.forget_chunk_aside(tenant, chunk)?;
            Ok(Reply::Done { more: false })
        }
        // Whatever there is to do, the backend does it after the commit.
        Request::Compact => Ok(Reply::Done { more: false }),
        other => unreachable!("{other:?} is done elsewhere"),
    }
}
