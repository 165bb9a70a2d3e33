//! From an email and a list to a campaign that has ended, however often it is asked.

use anyhow::Context;
use postrider_api::{
    AfterIntake, Campaign, CampaignVerb, Client, Code, IntakeReport, NewAttachment, NewCampaign,
    NewEmail,
};
use postrider_types::InDoubtPolicy;
use tokio::time::Instant;

use crate::audience::{self, List};
use crate::follow::Follower;
use crate::output::Output;
use crate::plan::plan;

/// What is to be sent, and under which name.
pub(crate) struct Dispatch<'a> {
    /// The campaign's name: the key under which all of this happens once.
    pub(crate) name: &'a str,
    /// What happens to deliveries in doubt, if it is to be said.
    pub(crate) in_doubt: Option<InDoubtPolicy>,
    /// The email.
    pub(crate) email: &'a NewEmail,
    /// What travels with it.
    pub(crate) attachments: &'a [NewAttachment],
    /// Whether to wait until the campaign has ended.
    pub(crate) is_waiting: bool,
}

/// What came of it.
pub(crate) struct Dispatched {
    /// The campaign as it was in the end.
    pub(crate) campaign: Campaign,
    /// What came of the list; `None` when it was in already and was not read.
    pub(crate) intake: Option<IntakeReport>,
    /// When the first delivery was seen.
    pub(crate) first_delivery_at: Option<Instant>,
}

impl Dispatch<'_> {
    /// Does what [`plan`] finds left to do.
    pub(crate) async fn run(
        &self,
        client: &Client,
        list: List,
        output: Output,
    ) -> anyhow::Result<Dispatched> {
        let email = client.put_email(self.email, self.attachments).await?;
        let new = NewCampaign {
            in_doubt: self.in_doubt,
            ..NewCampaign::new(self.name, email.id)
        };
        let campaign = find_or_create(client, &new).await?;
        let plan = plan(&campaign, email.id, self.in_doubt)?;
        let id = campaign.id;
        if plan.is_to_start {
            client.change_campaign(id, CampaignVerb::Start).await?;
        }
        let mut follower = Follower::new(client, id, output);
        let mut intake = None;
        if plan.is_to_fill {
            let adding = list.add(client, id, AfterIntake::Seal);
            let report = follower.during(adding).await?;
            let report = report.with_context(|| {
                format!(
                    "the list was not added to {id}, which stays open: run the same command again \
                     with a list that can be read"
                )
            })?;
            follower.aside(|output| audience::report(&report, output));
            intake = Some(report);
        } else {
            output.note(format_args!(
                "{id} has its whole audience already; the list is not read again"
            ));
        }
        let campaign = if self.is_waiting {
            follower.until_the_end().await?
        } else {
            client.campaign(id).await?
        };
        Ok(Dispatched {
            campaign,
            intake,
            first_delivery_at: follower.first_delivery_at(),
        })
    }
}

/// The campaign with this name, which another call may make at the same moment.
async fn find_or_create(client: &Client, new: &NewCampaign) -> anyhow::Result<Campaign> {
    if let Some(campaign) = client.campaign_named(&new.name).await? {
        return Ok(campaign);
    }
    let refused = match client.create_campaign(new).await {
        Ok(campaign) => return Ok(campaign),
        Err(refused) => refused,
    };
    let code = refused.problem().map(|problem| problem.code.as_str());
    if code == Some(Code::NameTaken.name())
        && let Some(campaign) = client.campaign_named(&new.name).await?
    {
        return Ok(campaign);
    }
    Err(refused.into())
}
