//! What a start finds, and the work that goes on in bounded steps.

use postrider_store::{Reply, Request, Store, StoreError};
use postrider_types::{CampaignId, CampaignState, TenantId, Timestamp};
use tokio::task::JoinSet;

use crate::bounds::RECOVERY_PAGE;

/// Ends every lease, because no holder of one can live, forgets waits that came from limits, and
/// goes on with what an earlier process left half done.
pub(crate) async fn recover(store: &Store) -> Result<JoinSet<()>, StoreError> {
    reap(store, Timestamp::NEVER).await?;
    store.ask(Request::Wake).await?;
    let mut running = JoinSet::new();
    let mut before = None;
    loop {
        let page = move |reader: &dyn postrider_store::Reader| {
            reader.campaigns(TenantId::DEFAULT, before, RECOVERY_PAGE)
        };
        let campaigns = store.read(page).await?;
        let Some(last) = campaigns.last() else { break };
        before = Some(last.id);
        for campaign in campaigns {
            running.spawn(steps(store, campaign.id, campaign.state));
        }
    }
    Ok(running)
}

/// Ends every lease that runs out before `before`, step by step.
pub(crate) async fn reap(store: &Store, before: Timestamp) -> Result<(), StoreError> {
    while is_more(store.ask(Request::Reap { before }).await?) {}
    Ok(())
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
                    // The next start, or the next change of the campaign, goes on from here.
                    tracing::warn!(%campaign, error = %error, "the steps of a campaign stopped");
                    return;
                }
            }
        }
    }
}

fn is_more(reply: Reply) -> bool {
    matches!(reply, Reply::Done { more: true })
}
