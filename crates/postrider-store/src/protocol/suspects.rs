//! `reap`: the leases of a worker that is gone, and what that says of the recipients in its hands.
//!
//! What was begun is in doubt, because the one who knows is gone. Everything else goes to the
//! tail of its lane, behind whoever waits already, so that what kills workers comes back last.
//!
//! When the worker *died*, somebody may have killed it. Suspects are filed each alone into the
//! solo lane, with the death counted; the rest of their chunk is not suspected. A death under a
//! lease of the solo lane is the recipient's own, and quarantines it; so does, at once, a trial
//! that it killed. When nobody knows who was in hand, the whole chunk goes to the solo lane in two
//! halves, and each further death halves it again, until one recipient is left. An email that was
//! being prepared is judged by the rules of `email_quarantine`.
//!
//! A death counts only against what a lease holds that is ended here, so it counts once when the
//! same request comes again. What killed its trial is judged wherever it is (see `unheld`).

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{DeliveryState, Timestamp, WorkerId};

use super::end::{self, Left};
use super::{campaign, deaths, doubt, email_quarantine, quarantine, refile, unheld};
use crate::bounds::{CHUNK_COST, REAP_LEASES_MAX, STEP_COST_MAX, SUSPECTS_MAX};
use crate::error::StoreError;
use crate::quarantine::{Held, Reaped, Suspect, Suspects, Verdict};
use crate::request::{Refused, Reply};
use crate::rows::{ChunkRow, LeaseRow, Look};
use crate::tables::Tables;

pub(super) fn reap(
    tables: &mut impl Tables,
    before: Timestamp,
    worker: Option<WorkerId>,
    suspects: &Suspects,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    if matches!(suspects, Suspects::These(these) if these.len() > SUSPECTS_MAX) {
        let reason = format!("there are more than {SUSPECTS_MAX} suspects");
        return Ok(Reply::Refused(Refused::Malformed(reason.into())));
    }
    let over = match worker {
        Some(worker) => tables.leases_of_worker(worker, REAP_LEASES_MAX)?,
        None => tables.leases_before(before, REAP_LEASES_MAX)?,
    };
    let mut reaped = Reaped {
        more: over.len() == REAP_LEASES_MAX,
        ..Reaped::default()
    };
    unheld::judge_emails(tables, suspects, &mut reaped, now)?;
    let mut cost = 0;
    for lease in over {
        // Nothing of it can be counted; it stays for whoever mends the row.
        if !campaign::can_be_read(tables, lease.campaign)? {
            continue;
        }
        cost += CHUNK_COST + lease.recipients.len() as u64;
        // A large lease has a step of its own.
        if reaped.leases > 0 && cost > STEP_COST_MAX {
            reaped.more = true;
            break;
        }
        reap_one(tables, &lease, suspects, &mut reaped, now)?;
        tables.delete_lease(lease.token)?;
        reaped.leases += 1;
    }
    // What stays would be met again without end.
    reaped.more &= reaped.leases > 0;
    if !reaped.more {
        unheld::judge_deliveries(tables, suspects, &mut reaped, now)?;
    }
    Ok(Reply::Reaped(reaped))
}

/// Why what was begun is in doubt.
fn lost() -> SmtpReply {
    let reason = "the worker was lost between the final dot and the reply";
    SmtpReply::new(0, None, reason)
}

fn reap_one(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    suspects: &Suspects,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    let chunk = match tables.look_at(lease.chunk)? {
        Look::Whole(chunk) => chunk,
        look => {
            for receipt in quarantine::begun_of(tables, lease)? {
                doubt::enter(tables, receipt, Some(lost()), now)?;
                reaped.in_doubt += 1;
            }
            let (number, campaign) = (lease.chunk, lease.campaign);
            reaped.quarantined += quarantine::set_aside(tables, number, campaign, look, now)?;
            return Ok(());
        }
    };
    let email = (chunk.tenant, chunk.email);
    if verdict_on(suspects, Held::Email(email.0, email.1)) == Some(&Verdict::Open) {
        // Before anything is filed: what waits for a paused campaign is parked.
        let is_new = email_quarantine::count_death(tables, email, lease.worker, now)?;
        reaped.emails += u64::from(is_new);
    }
    let mut open = Vec::new();
    for left in end::left_of(tables, &chunk)? {
        match left.receipt {
            Some(receipt) if receipt.state == DeliveryState::Attempting => {
                doubt::enter(tables, receipt, Some(lost()), now)?;
                reaped.in_doubt += 1;
            }
            _ => open.push(left),
        }
    }
    let mut others = Vec::new();
    let mut suspected = Vec::new();
    for left in open {
        match verdict_on(
            suspects,
            Held::Delivery(chunk.delivery(left.recipient.recipient)),
        ) {
            Some(verdict) => suspected.push((left, verdict)),
            None => others.push(left),
        }
    }
    reaped.refiled += others.len() as u64;
    refile::file_rest(tables, lease, &chunk, others, now, |_| {
        (lease.lane.clone(), now)
    })?;
    if *suspects == Suspects::Unknown && suspected.len() > 1 {
        let suspected = suspected.into_iter().map(|(left, _)| left);
        return halve(tables, &chunk, suspected, reaped, now);
    }
    for (left, verdict) in suspected {
        judge_one(tables, lease, &chunk, left, verdict, reaped, now)?;
    }
    Ok(())
}

/// What is said of somebody or something; `None` when it is not suspected. The worse word counts
/// when it is named twice.
fn verdict_on(suspects: &Suspects, what: Held) -> Option<&Verdict> {
    match suspects {
        Suspects::Nobody => None,
        Suspects::These(these) => {
            let mut words = these.iter().filter(|suspect| suspect.what == what);
            let first = words.next().map(|suspect| &suspect.verdict);
            let mut rest = words.map(|Suspect { verdict, .. }| verdict);
            rest.find(|verdict| **verdict != Verdict::Open).or(first)
        }
        Suspects::Unknown => match what {
            Held::Delivery(_) => Some(&Verdict::Open),
            Held::Email(..) => None,
        },
    }
}

/// A suspect alone: into the solo lane, or out of it for good.
fn judge_one(
    tables: &mut impl Tables,
    lease: &LeaseRow,
    chunk: &ChunkRow,
    left: Left,
    verdict: &Verdict,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    let left = deaths::after_death(left);
    let deaths = left.recipient.deaths;
    let reason = match verdict {
        _ if campaign::is_cancelled(tables, chunk.campaign)? => None,
        Verdict::Deadly(reason) => Some(reason.clone()),
        Verdict::Open => lease.lane.is_solo().then(|| died_alone(deaths)),
    };
    if let Some(reason) = reason {
        reaped.quarantined += 1;
        return deaths::put_away(tables, chunk, left, &reason, now);
    }
    let left = deaths::note_death(tables, chunk, left, now)?;
    reaped.refiled += 1;
    deaths::file_solo(tables, chunk, vec![left], now)
}

fn died_alone(deaths: u8) -> String {
    format!("{deaths} workers died with this recipient in hand, the last with it alone")
}

/// Nobody knows who it was: two halves, until it is one.
fn halve(
    tables: &mut impl Tables,
    chunk: &ChunkRow,
    suspected: impl Iterator<Item = Left>,
    reaped: &mut Reaped,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut first: Vec<_> = suspected.map(deaths::after_death).collect();
    reaped.refiled += first.len() as u64;
    let second = first.split_off(first.len() / 2);
    deaths::file_solo(tables, chunk, first, now)?;
    deaths::file_solo(tables, chunk, second, now)
}
