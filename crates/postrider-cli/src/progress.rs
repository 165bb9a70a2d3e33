//! How far a campaign is: a bar on a terminal, now and then a line elsewhere.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use postrider_api::Campaign;
use postrider_types::DeliveryState;
use tokio::time::Instant;

use crate::figures::count;
use crate::output::Output;

/// How long nothing is said between two lines.
const LINE_AFTER: Duration = Duration::from_secs(5);

/// The progress of one campaign, on standard error.
pub(crate) struct Progress {
    output: Output,
    drawing: Drawing,
}

enum Drawing {
    Bar(ProgressBar),
    Lines {
        last: Instant,
        /// How many had ended then; unknown before the first look, which may be a late one.
        ended: Option<u64>,
    },
}

impl Progress {
    /// The progress of a campaign that nobody has looked at yet.
    pub(crate) fn new(output: Output) -> Self {
        let drawing = if output.is_live() {
            Drawing::Bar(bar())
        } else {
            let last = Instant::now();
            Drawing::Lines { last, ended: None }
        };
        Self { output, drawing }
    }

    /// Shows the campaign as it is now.
    pub(crate) fn show(&mut self, campaign: &Campaign) {
        let ended = campaign.audience.saturating_sub(campaign.open());
        match &mut self.drawing {
            Drawing::Bar(bar) => {
                if bar.length() == Some(0) {
                    // What had ended before the first look is no speed of now.
                    bar.set_position(ended);
                    bar.reset_eta();
                }
                bar.set_length(campaign.audience);
                bar.set_position(ended);
                bar.set_message(states(campaign));
            }
            Drawing::Lines {
                last,
                ended: before,
            } => {
                let before = before.get_or_insert(ended);
                let now = Instant::now();
                let passed = now - *last;
                if passed < LINE_AFTER {
                    return;
                }
                let rate = ended.saturating_sub(*before) / passed.as_secs().max(1);
                self.output.note(format_args!(
                    "{} of {} ended, {}/s · {}",
                    count(ended),
                    count(campaign.audience),
                    count(rate),
                    states(campaign)
                ));
                (*last, *before) = (now, ended);
            }
        }
    }

    /// Says something beside the progress.
    pub(crate) fn aside(&self, say: impl FnOnce(Output)) {
        match &self.drawing {
            Drawing::Bar(bar) => bar.suspend(|| say(self.output)),
            Drawing::Lines { .. } => say(self.output),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Drawing::Bar(bar) = &self.drawing {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(
        "{bar:30} {human_pos} of {human_len} ended, {rate}, {elapsed}\n{wide_msg}",
    );
    let style = style.expect("the template is sound, as a test shows");
    let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
        // A terminal that takes nothing is noticed where data is written.
        write!(out, "{:.0}/s", state.per_sec()).ok();
    };
    let style = style.with_key("rate", rate).progress_chars("█▌░");
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.with_style(style)
}

/// Every state that somebody is in: `delivered 3,100 · deferred 12`.
pub(crate) fn states(campaign: &Campaign) -> String {
    let states = DeliveryState::ALL.into_iter();
    let states = states.filter_map(|state| match campaign.count(state) {
        0 => None,
        deliveries => Some(format!("{} {}", words(state), count(deliveries))),
    });
    let states: Vec<_> = states.collect();
    if states.is_empty() {
        return "nobody is in the audience yet".to_owned();
    }
    states.join(" · ")
}

/// A state as people read it.
pub(crate) fn words(state: DeliveryState) -> String {
    state.name().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use postrider_types::CampaignState;

    use super::*;
    use crate::plan::tests::campaign;

    #[test]
    fn only_states_with_somebody_in_them_are_shown() {
        let mut campaign = campaign(CampaignState::Running, true);
        assert_eq!(states(&campaign), "nobody is in the audience yet");
        campaign.tally.insert(DeliveryState::Delivered, 3_100);
        campaign.tally.insert(DeliveryState::InDoubt, 2);
        campaign.tally.insert(DeliveryState::Bounced, 0);
        assert_eq!(states(&campaign), "delivered 3,100 · in doubt 2");
    }

    #[test]
    fn the_bar_has_a_sound_template() {
        bar().finish_and_clear();
    }
}
