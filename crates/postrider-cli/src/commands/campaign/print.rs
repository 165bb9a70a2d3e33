//! A campaign, for people or programs.

use postrider_api::Campaign;
use postrider_types::{CampaignState, PauseReason};

use crate::call::Call;
use crate::follow::summary;

/// Prints it, and what a person should know of it.
pub(super) fn print(campaign: &Campaign, call: &Call) -> anyhow::Result<()> {
    if call.output.is_json() {
        return call.output.json(campaign);
    }
    call.output.line(summary(campaign))?;
    let policy = campaign.in_doubt;
    call.output
        .line(format_args!("  when in doubt: {policy}"))?;
    let is_draft = campaign.state == CampaignState::Draft;
    if let Some(at) = campaign.send_at.filter(|_| is_draft) {
        call.output.line(format_args!("  starts at: {at}"))?;
    }
    if let Some(reason) = campaign.paused_because {
        call.output
            .line(format_args!("  paused because: {}", why(reason)))?;
    }
    for held in &campaign.held {
        call.output.line(format_args!("  waits: {}", held.detail))?;
    }
    if !campaign.is_sealed && !campaign.state.is_final() {
        let next = call.next("campaign seal", campaign.id);
        call.output.note(format_args!(
            "its audience is open, and it cannot finish before that is sealed: {next}"
        ));
    }
    Ok(())
}

/// Why nothing begins, for people.
const fn why(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Person => "a person said so",
        PauseReason::Quarantine => "its email is in quarantine (postrider quarantine list)",
        PauseReason::Released => {
            "its email was in quarantine and is released; nothing begins before a person says so"
        }
        PauseReason::Restored => {
            "the store is a restored backup, or lost its write-ahead log in a crash: it does not know \
             what was sent last"
        }
    }
}
