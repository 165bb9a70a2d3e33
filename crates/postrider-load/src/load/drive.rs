//! What a user would do over the API: put emails, create campaigns, hand over lists, start, wait.
//!
//! The service may be killed at any moment. Each call is made again until it is answered, which
//! changes nothing that an unanswered call did already: emails are known by their content,
//! campaigns by their name, recipients by their address, and verbs by their effect.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use postrider_api::{
    AfterIntake, ApiError, AudienceFormat, Campaign, CampaignVerb, Client, Code, IntakeReport,
    NewCampaign,
};
use postrider_types::{CampaignId, DeliveryState, InDoubtPolicy};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::bounds::{LINES_PER_LIST, LOOKS_PER_SCRAPE, POLL_EVERY, PROGRESS_EVERY};
use crate::load::clock;
use crate::load::watch::Watch;
use crate::plan::audience::Audience;
use crate::plan::email::LoadEmail;

/// The user of a run.
#[derive(Debug)]
pub(crate) struct Driver<'a> {
    pub(crate) client: Client,
    pub(crate) audience: &'a Audience,
    pub(crate) emails: &'a [LoadEmail],
    /// What campaigns are told to do with deliveries in doubt.
    pub(crate) in_doubt: InDoubtPolicy,
}

/// A campaign of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) id: CampaignId,
    /// The id as it stands in messages.
    pub(crate) key: String,
}

/// How long lists took.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Intake {
    /// Recipients that were taken.
    pub(crate) recipients: u64,
    /// The time of all calls, those that were lost included.
    pub(crate) took: Duration,
}

impl Driver<'_> {
    /// Puts each email, and creates its campaign.
    pub(crate) async fn create(&self) -> anyhow::Result<Vec<Made>> {
        let mut made = Vec::new();
        for (place, email) in self.emails.iter().enumerate() {
            let put = async || {
                self.client
                    .put_email(&email.email, &email.attachments)
                    .await
            };
            let put = insist("putting an email", put).await?;
            let new = NewCampaign {
                in_doubt: Some(self.in_doubt),
                ..NewCampaign::new(format!("load {}", place + 1), put.id)
            };
            let create = async || match self.client.create_campaign(&new).await {
                Err(error) if is(&error, Code::NameTaken) => {
                    let found = self.client.campaign_named(&new.name).await?;
                    found.ok_or(error)
                }
                created => created,
            };
            let campaign = insist("creating a campaign", create).await?;
            let id = campaign.id;
            let key = id.to_string();
            made.push(Made { id, key });
        }
        Ok(made)
    }

    /// Hands over the lists, and seals the audiences.
    pub(crate) async fn fill(&self, campaigns: &[Made]) -> anyhow::Result<Intake> {
        let mut intake = Intake::default();
        for campaign in campaigns {
            let id = campaign.id;
            let began = Instant::now();
            let mut first = 0;
            while first < self.audience.count() {
                let numbers = first..first + LINES_PER_LIST;
                first = numbers.end;
                let add = async || -> Result<IntakeReport, ApiError> {
                    let lines = self.audience.lines(numbers.clone());
                    let format = AudienceFormat::Csv;
                    let then = AfterIntake::LeaveOpen;
                    self.client.add_recipients(id, format, lines, then).await
                };
                let report = insist("handing over a list", add).await?;
                anyhow::ensure!(report.bad == 0, "the service refused lines: {report:?}");
            }
            intake.took += began.elapsed();
            let sealed = self.change(id, CampaignVerb::Seal).await?;
            anyhow::ensure!(
                sealed.audience == self.audience.count(),
                "{} recipients were handed over, {} are in the audience",
                self.audience.count(),
                sealed.audience
            );
            intake.recipients += sealed.audience;
        }
        Ok(intake)
    }

    /// Starts all campaigns.
    pub(crate) async fn start(&self, campaigns: &[Made]) -> anyhow::Result<()> {
        for campaign in campaigns {
            self.change(campaign.id, CampaignVerb::Start).await?;
        }
        Ok(())
    }

    /// Waits until all have ended and nothing of them is open; says now and then how far it is, and
    /// shows `watch` whatever it sees.
    pub(crate) async fn wait(
        &self,
        campaigns: &[Made],
        watch: &mut Watch,
        say: &(dyn Fn(&str) + Sync),
    ) -> anyhow::Result<()> {
        let mut turn = interval(POLL_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said_at = Instant::now();
        let mut looks = 0_u64;
        loop {
            turn.tick().await;
            looks += 1;
            if looks.is_multiple_of(LOOKS_PER_SCRAPE)
                && let Ok(metrics) = self.client.metrics().await
            {
                watch.metrics(&metrics, clock::now_us());
            }
            let mut is_over = true;
            let mut tally = BTreeMap::new();
            for campaign in campaigns {
                let look = async || self.client.campaign(campaign.id).await;
                let campaign = insist("looking at a campaign", look).await?;
                watch.campaign(&campaign.id.to_string(), &campaign.tally);
                is_over &= campaign.state.is_final() && campaign.open() == 0;
                for (state, count) in campaign.tally {
                    *tally.entry(state).or_default() += count;
                }
            }
            if is_over {
                return Ok(());
            }
            if said_at.elapsed() >= PROGRESS_EVERY {
                said_at = Instant::now();
                say(&shown(&tally));
            }
        }
    }

    /// How many of each state there are, as a sentence; for who gave up waiting.
    pub(crate) async fn standing(&self, campaigns: &[Made]) -> String {
        let mut tally = BTreeMap::new();
        for campaign in campaigns {
            match self.client.campaign(campaign.id).await {
                Ok(campaign) => {
                    for (state, count) in campaign.tally {
                        *tally.entry(state).or_default() += count;
                    }
                }
                Err(error) => return format!("{} is not known: {error}", campaign.key),
            }
        }
        shown(&tally)
    }

    async fn change(&self, id: CampaignId, verb: CampaignVerb) -> anyhow::Result<Campaign> {
        let change = async || self.client.change_campaign(id, verb).await;
        insist("changing a campaign", change).await
    }
}

/// The states that anybody is in.
fn shown(tally: &BTreeMap<DeliveryState, u64>) -> String {
    let states = tally.iter().filter(|(_, count)| **count > 0);
    let states = states.map(|(state, count)| format!("{count} {}", state.name().replace('_', " ")));
    states.collect::<Vec<_>>().join(", ")
}

/// Calls again until there is an answer; a refusal that would stay one is an error.
///
/// Whoever calls this bounds it: the time of a run is its bound.
pub(crate) async fn insist<T>(
    what: &str,
    mut call: impl AsyncFnMut() -> Result<T, ApiError>,
) -> anyhow::Result<T> {
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "{what} is tried again");
                sleep(POLL_EVERY).await;
            }
            Err(error) => return Err(error).context(what.to_owned()),
        }
    }
}

fn is(error: &ApiError, code: Code) -> bool {
    let problem = error.problem();
    problem.is_some_and(|problem| problem.code == code.name())
}
