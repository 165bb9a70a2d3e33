//! What `send` does about the campaign that may be there already: the whole of its idempotency.
//!
//! The name of a campaign is the key. Under one name there is one email and one audience, so
//! running the same command again takes up what is not done and does nothing twice:
//!
//! | the campaign | `send` |
//! |---|---|
//! | is not there | creates it, starts it, adds the list, seals it, follows |
//! | sends another email, or does otherwise in doubt | refuses |
//! | draft or running, open | starts it, adds the list (who is in stays in once), seals it, follows |
//! | draft, sealed | starts it, follows; the list is not read |
//! | running, sealed | follows; the list is not read |
//! | finished | reports; nothing is sent |
//! | paused or cancelled | refuses: a person decided that |
//!
//! A campaign is started before its list is in, so that sending begins while reading goes on. An
//! audience that is sealed cannot have changed, and an open one may only have grown by this very
//! list, so nothing else needs to be compared.

use postrider_api::{Campaign, CampaignVerb};
use postrider_types::{CampaignState, EmailId, InDoubtPolicy};

use crate::exit::{Exit, stop};

/// What is left to do for a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whether it must be told to start.
    pub(crate) is_to_start: bool,
    /// Whether the list must be added, and the audience sealed behind it.
    pub(crate) is_to_fill: bool,
}

/// What is left to do for a new campaign, or for the one that has its name.
pub(crate) fn plan(
    campaign: &Campaign,
    email: EmailId,
    in_doubt: Option<InDoubtPolicy>,
) -> anyhow::Result<Plan> {
    let name = &campaign.name;
    if campaign.email_id != email {
        let sentence = format!(
            "campaign \"{name}\" ({}) sends another email; nothing was changed. Use another \
             --name, or send exactly the email that it was created with",
            campaign.id
        );
        return Err(stop(Exit::WrongState, sentence));
    }
    if in_doubt.is_some_and(|policy| policy != campaign.in_doubt) {
        let policy = campaign.in_doubt;
        let sentence = format!(
            "campaign \"{name}\" ({}) was created with --in-doubt {policy}; nothing was changed. \
             Say that, or use another --name",
            campaign.id
        );
        return Err(stop(Exit::WrongState, sentence));
    }
    match campaign.state {
        CampaignState::Draft | CampaignState::Running => Ok(Plan {
            is_to_start: campaign.state == CampaignState::Draft,
            is_to_fill: !campaign.is_sealed,
        }),
        CampaignState::Finished => Ok(Plan {
            is_to_start: false,
            is_to_fill: false,
        }),
        CampaignState::Paused => Err(stop(
            Exit::WrongState,
            format!(
                "campaign \"{name}\" is paused; nothing was changed. Resume it with: {}",
                command(campaign, CampaignVerb::Resume)
            ),
        )),
        CampaignState::Cancelled => Err(stop(
            Exit::WrongState,
            format!(
                "campaign \"{name}\" was cancelled, and that is final; nothing was changed. Use \
                 another --name"
            ),
        )),
    }
}

/// The command that changes a campaign so.
fn command(campaign: &Campaign, verb: CampaignVerb) -> String {
    format!("postrider campaign {verb} {}", campaign.id)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use postrider_api::Time;
    use postrider_types::{CampaignId, Timestamp};

    use super::*;
    use crate::exit;

    /// A campaign in a state, for tests.
    pub(crate) fn campaign(state: CampaignState, is_sealed: bool) -> Campaign {
        Campaign {
            id: CampaignId(7),
            name: "hello".to_owned(),
            email_id: EmailId::of(b"the email"),
            state,
            is_sealed,
            audience: 0,
            tally: BTreeMap::new(),
            is_incomplete: false,
            held: Vec::new(),
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after_seconds: 900,
            send_at: None,
            paused_because: None,
            tenant_id: 1,
            created_at: Time(Timestamp::EPOCH),
            started_at: None,
            ended_at: None,
        }
    }

    fn check(state: CampaignState, is_sealed: bool, expected: (bool, bool)) {
        let campaign = campaign(state, is_sealed);
        let plan = plan(&campaign, EmailId::of(b"the email"), None).unwrap();
        assert_eq!((plan.is_to_start, plan.is_to_fill), expected, "{state}");
    }

    #[test]
    fn what_was_done_is_not_done_again() {
        check(CampaignState::Draft, false, (true, true));
        check(CampaignState::Draft, true, (true, false));
        check(CampaignState::Running, false, (false, true));
        check(CampaignState::Running, true, (false, false));
        check(CampaignState::Finished, true, (false, false));
    }

    #[test]
    fn another_email_under_the_same_name_is_refused_in_every_state() {
        for state in CampaignState::ALL {
            let error = plan(&campaign(state, true), EmailId::of(b"another"), None).unwrap_err();
            assert_eq!(exit::of(&error), Exit::WrongState);
            assert!(error.to_string().contains("sends another email"), "{error}");
        }
    }

    #[test]
    fn another_policy_under_the_same_name_is_refused() {
        let campaign = campaign(CampaignState::Running, true);
        let email = EmailId::of(b"the email");
        let error = plan(&campaign, email, Some(InDoubtPolicy::Retry)).unwrap_err();
        assert_eq!(exit::of(&error), Exit::WrongState);
        assert!(error.to_string().contains("--in-doubt hold"), "{error}");
        plan(&campaign, email, Some(InDoubtPolicy::Hold)).unwrap();
    }

    #[test]
    fn what_a_person_stopped_is_not_taken_up_again() {
        for (state, word) in [
            (CampaignState::Paused, "campaign resume cmp_7"),
            (CampaignState::Cancelled, "another --name"),
        ] {
            let error = plan(&campaign(state, true), EmailId::of(b"the email"), None).unwrap_err();
            assert_eq!(exit::of(&error), Exit::WrongState);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
