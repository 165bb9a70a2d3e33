//! Following a campaign to its end, with everything that a person should hear on the way.

use std::collections::HashSet;
use std::time::Duration;

use postrider_api::{Campaign, Client};
use postrider_types::{CampaignId, CampaignState, DeliveryState};
use tokio::time::{Instant, sleep};

use crate::exit::Exit;
use crate::figures::{count, counted};
use crate::output::Output;
use crate::progress::{Progress, words};

/// The time between two looks at the beginning: short campaigns end at once.
const LOOK_AFTER_MIN: Duration = Duration::from_millis(20);

/// The time between two looks later on.
const LOOK_AFTER_MAX: Duration = Duration::from_millis(250);

/// Somebody who looks at a campaign again and again.
pub(crate) struct Follower<'a> {
    client: &'a Client,
    campaign: CampaignId,
    progress: Progress,
    look_after: Duration,
    /// What was said once and need not be said again.
    told: HashSet<String>,
    first_delivery_at: Option<Instant>,
}

impl<'a> Follower<'a> {
    /// A follower that has not looked yet.
    pub(crate) fn new(client: &'a Client, campaign: CampaignId, output: Output) -> Self {
        Self {
            client,
            campaign,
            progress: Progress::new(output),
            look_after: LOOK_AFTER_MIN,
            told: HashSet::new(),
            first_delivery_at: None,
        }
    }

    /// When somebody was first seen to be delivered.
    pub(crate) fn first_delivery_at(&self) -> Option<Instant> {
        self.first_delivery_at
    }

    /// Says something beside the progress.
    pub(crate) fn aside(&self, say: impl FnOnce(Output)) {
        self.progress.aside(say);
    }

    /// Looks on while something else is done.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = sleep(self.look_after) => self.look().await?,
            };
        }
    }

    /// Looks on until the campaign has ended.
    pub(crate) async fn until_the_end(&mut self) -> anyhow::Result<Campaign> {
        loop {
            let campaign = self.look().await?;
            // What was cancelled is still being counted as such for a moment.
            if campaign.state.is_final() && campaign.open() == 0 {
                return Ok(campaign);
            }
            sleep(self.look_after).await;
        }
    }

    async fn look(&mut self) -> anyhow::Result<Campaign> {
        let campaign = self.client.campaign(self.campaign).await?;
        self.look_after = LOOK_AFTER_MAX.min(self.look_after * 2);
        if campaign.count(DeliveryState::Delivered) > 0 {
            self.first_delivery_at.get_or_insert_with(Instant::now);
        }
        self.progress.show(&campaign);
        for held in &campaign.held {
            self.tell_once(held.reason.to_string(), &held.detail);
        }
        if campaign.state == CampaignState::Paused {
            let sentence = format!(
                "it was paused; resume it with: postrider campaign resume {}",
                self.campaign
            );
            self.tell_once("paused".to_owned(), &sentence);
        }
        Ok(campaign)
    }

    fn tell_once(&mut self, what: String, sentence: &str) {
        if self.told.insert(what) {
            self.progress
                .aside(|output| output.warn(format_args!("waiting: {sentence}")));
        }
    }
}

/// How a command ends whose campaign has ended so.
pub(crate) fn exit(campaign: &Campaign) -> Exit {
    let is_settled = unsettled(campaign).next().is_none();
    if campaign.state == CampaignState::Finished && is_settled {
        Exit::Done
    } else {
        Exit::Partly
    }
}

/// The states that leave a campaign partly done, and that somebody is in.
pub(crate) fn unsettled(campaign: &Campaign) -> impl Iterator<Item = DeliveryState> {
    let states = DeliveryState::ALL.into_iter();
    states.filter(|state| {
        let is_settled = matches!(
            state,
            DeliveryState::Delivered | DeliveryState::Bounced | DeliveryState::Suppressed
        );
        !is_settled && campaign.count(*state) > 0
    })
}

/// The tally of a campaign, for people.
pub(crate) fn summary(campaign: &Campaign) -> String {
    let mut lines = vec![format!(
        "{} ({}) {}: {}",
        campaign.name,
        campaign.id,
        campaign.state,
        counted(campaign.audience, "recipient")
    )];
    let present = DeliveryState::ALL.into_iter();
    let present = present.filter(|state| campaign.count(*state) > 0);
    lines.extend(present.map(|state| {
        let figure = count(campaign.count(state));
        format!("  {:<12} {figure:>11}", words(state))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::campaign;

    fn ended(counts: &[(DeliveryState, u64)]) -> Campaign {
        let mut campaign = campaign(CampaignState::Finished, true);
        campaign.tally = counts.iter().copied().collect();
        campaign.audience = counts.iter().map(|(_, count)| count).sum();
        campaign
    }

    #[test]
    fn all_is_done_when_everybody_is_delivered_bounced_or_suppressed() {
        let settled = ended(&[
            (DeliveryState::Delivered, 9),
            (DeliveryState::Bounced, 2),
            (DeliveryState::Suppressed, 1),
        ]);
        assert_eq!(exit(&settled), Exit::Done);
        assert_eq!(exit(&ended(&[])), Exit::Done);
    }

    #[test]
    fn anybody_who_ended_otherwise_leaves_it_partly_done() {
        for state in [
            DeliveryState::InDoubt,
            DeliveryState::Expired,
            DeliveryState::Failed,
            DeliveryState::Cancelled,
        ] {
            let counts = [(DeliveryState::Delivered, 9), (state, 1)];
            assert_eq!(exit(&ended(&counts)), Exit::Partly, "{state}");
        }
        let running = campaign(CampaignState::Running, true);
        assert_eq!(exit(&running), Exit::Partly);
    }

    #[test]
    fn a_summary_lists_the_states_that_somebody_is_in() {
        let campaign = ended(&[
            (DeliveryState::Delivered, 9_940),
            (DeliveryState::Bounced, 60),
            (DeliveryState::Failed, 0),
        ]);
        assert_eq!(
            summary(&campaign),
            "hello (cmp_7) finished: 10,000 recipients\n  \
             delivered          9,940\n  \
             bounced               60"
        );
    }
}
