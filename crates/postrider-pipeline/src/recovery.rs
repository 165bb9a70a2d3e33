//! What a start finds, and the work that goes on in bounded steps.

use postrider_failpoint::FailPoint;
use postrider_store::quarantine::{Reaped, Suspects};
use postrider_store::removal::{Cursor, Walked};
use postrider_store::{Reply, Request, Store, StoreError};
use postrider_types::{CampaignId, CampaignState, TenantId, Timestamp, WorkerId};
use tokio::task::JoinSet;

use crate::alarm::Alarm;
use crate::bounds::{RECOVERY_PAGE, STORE_RETRY_AFTER};

/// What the alarm calls the work that goes on in steps.
pub(crate) const STEPS: &str = "the steps of a campaign";

/// A process of the last life, and who may have killed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The name under which it claimed; none where its notes cannot be read.
    pub worker: Option<WorkerId>,
    /// Who may have killed it.
    pub suspects: Suspects,
}

/// Ends every lease, because no holder of one can live: those of each process that is known with
/// its own suspects, and then all others. Then it forgets waits that came from limits,
/// and goes on with what an earlier process left half done.
/// Gives the work that goes on, and what was found.
///
/// # Errors
/// [`StoreError`]; the caller claims nothing then, because leases of the dead may be left.
pub(crate) async fn recover(
    store: &Store,
    lives: Vec<Life>,
    alarm: &Alarm,
) -> Result<(JoinSet<()>, Reaped), StoreError> {
    let found = bury(store, lives).await?;
    if found.leases > 0 {
        tracing::warn!(
            leases = found.leases,
            in_doubt = found.in_doubt,
            filed_again = found.refiled,
            quarantined = found.quarantined,
            quarantined_emails = found.emails,
            "an earlier process ended without a stop; nobody is sent anything twice"
        );
    }
    if let Some(since) = store.restored_since() {
        tracing::warn!(
            %since,
            "the store is a restored backup, or lost its write-ahead log in a crash: it does not \
             know what went out since then, and its campaigns are paused until somebody resumes them"
        );
    }
    store.ask(Request::Wake).await?;
    let mut running = JoinSet::new();
    let mut after = TenantId(0);
    loop {
        let page = store.read(move |reader| reader.tenants(after, RECOVERY_PAGE));
        let tenants = page.await?;
        let Some(last) = tenants.last() else { break };
        after = last.id;
        for tenant in tenants {
            if tenant.is_deleted() {
                running.spawn(alarm.guard(STEPS, sweep_tenant(store, tenant.id)));
            } else {
                take_up(store, tenant.id, alarm, &mut running).await?;
            }
        }
    }
    Ok((running, found))
}

/// Ends every lease; what that did.
async fn bury(store: &Store, lives: Vec<Life>) -> Result<Reaped, StoreError> {
    let mut found = Reaped::default();
    let mut others = Suspects::Nobody;
    for life in lives {
        match life.worker {
            Some(worker) => add(&mut found, reap_worker(store, worker, life.suspects).await?),
            // Every lease that is of no other may be of this one.
            None => others = life.suspects,
        }
    }
    let all = Request::Reap {
        before: Timestamp::NEVER,
        worker: None,
        suspects: others,
    };
    add(&mut found, in_steps(store, all).await?);
    Ok(found)
}

/// Goes on with every campaign of a tenant.
async fn take_up(
    store: &Store,
    tenant: TenantId,
    alarm: &Alarm,
    running: &mut JoinSet<()>,
) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let page = store.read(move |reader| reader.campaigns(tenant, before, RECOVERY_PAGE));
        let campaigns = page.await?;
        let Some(last) = campaigns.last() else {
            return Ok(());
        };
        before = Some(last.id);
        for campaign in campaigns {
            running.spawn(alarm.guard(STEPS, steps(store, campaign.id, campaign.state)));
        }
    }
}

/// Goes on with ending what a deleted tenant left; the next start does when the store cannot.
fn sweep_tenant(store: &Store, tenant: TenantId) -> impl Future<Output = ()> + Send + 'static {
    let store = store.clone();
    async move {
        let mut cursor = Cursor::START;
        loop {
            match store.ask(Request::SweepTenant { tenant, cursor }).await {
                Ok(Reply::Walked(Walked {
                    next: Some(next), ..
                })) => cursor = next,
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%tenant, error = %error, "the sweep of a tenant waits");
                    if !error.is_transient() {
                        return;
                    }
                    tokio::time::sleep(STORE_RETRY_AFTER).await;
                }
            }
        }
    }
}

/// Ends every lease that runs out before `before`, step by step; what that did. Nobody is
/// suspected: as far as is known nothing died.
pub(crate) async fn reap(store: &Store, before: Timestamp) -> Result<Reaped, StoreError> {
    let request = Request::Reap {
        before,
        worker: None,
        suspects: Suspects::Nobody,
    };
    in_steps(store, request).await
}

/// Ends every lease of a worker that is gone, step by step; what that did. Nothing that it asked
/// for may be on its way to the store any more.
pub(crate) async fn reap_worker(
    store: &Store,
    worker: WorkerId,
    suspects: Suspects,
) -> Result<Reaped, StoreError> {
    let request = Request::Reap {
        before: Timestamp::EPOCH,
        worker: Some(worker),
        suspects,
    };
    in_steps(store, request).await
}

async fn in_steps(store: &Store, request: Request) -> Result<Reaped, StoreError> {
    let mut sum = Reaped::default();
    loop {
        let reply = store.ask(request.clone()).await?;
        FailPoint::InReap.reached();
        let Reply::Reaped(step) = reply else {
            unreachable!("a reap is answered with what it did, not with {reply:?}");
        };
        add(&mut sum, step);
        if !step.more {
            return Ok(sum);
        }
    }
}

fn add(sum: &mut Reaped, step: Reaped) {
    sum.leases += step.leases;
    sum.in_doubt += step.in_doubt;
    sum.refiled += step.refiled;
    sum.quarantined += step.quarantined;
    sum.emails += step.emails;
}

/// The step-wise work that follows from a campaign's state: parked chunks of a running one go
/// back into the queue, and waiting chunks of a cancelled one end.
pub(crate) fn steps(
    store: &Store,
    campaign: CampaignId,
    state: CampaignState,
) -> impl Future<Output = ()> + Send + 'static {
    let store = store.clone();
    async move {
        let step = match state {
            CampaignState::Running => Request::Unpark { campaign },
            CampaignState::Cancelled => Request::Sweep { campaign },
            CampaignState::Draft | CampaignState::Paused | CampaignState::Finished => return,
        };
        loop {
            match store.ask(step.clone()).await {
                Ok(reply) if is_more(reply.clone()) => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%campaign, error = %error, "the steps of a campaign wait");
                    if !error.is_transient() {
                        // The next start, or the next change of the campaign, goes on from here.
                        return;
                    }
                    tokio::time::sleep(STORE_RETRY_AFTER).await;
                }
            }
        }
    }
}

fn is_more(reply: Reply) -> bool {
    matches!(reply, Reply::Done { more: true })
}

#[cfg(test)]
mod tests;
