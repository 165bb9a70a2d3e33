//! What `postrider dev` says of the sample: before it is sent, and when it has ended.

use postrider_types::DeliveryState;
use serde::Serialize;

use crate::call::Call;
use crate::dispatch::Dispatched;
use crate::figures::count;
use crate::verdict::Verdict;
use crate::{follow, sample};

/// What came of the sample; this is the last line that `-o json` prints. What only the mock knows
/// is null without it.
#[derive(Serialize)]
pub(super) struct Report {
    planned: u64,
    delivered: u64,
    bounced: u64,
    deferred: u64,
    in_doubt: u64,
    duplicates: Option<u64>,
    lost: Option<u64>,
    false_receipts: Option<u64>,
    /// Counted from the start of the process, as the next one.
    seconds: f64,
    /// Null when nobody was delivered, or an earlier run began.
    first_delivery_seconds: Option<f64>,
}

impl Report {
    /// The figures at this moment.
    pub(super) fn new(done: &Dispatched, verdict: Option<Verdict>, call: &Call) -> Self {
        let campaign = &done.campaign;
        // Of a campaign that an earlier run began, the first delivery is not known here.
        let first_delivery_at = done.intake.as_ref().and(done.first_delivery_at);
        let first_delivery = first_delivery_at.map(|at| at - call.started_at);
        Self {
            planned: campaign.audience,
            delivered: campaign.count(DeliveryState::Delivered),
            bounced: campaign.count(DeliveryState::Bounced),
            deferred: campaign.count(DeliveryState::Deferred),
            in_doubt: campaign.count(DeliveryState::InDoubt),
            duplicates: verdict.map(|verdict| verdict.duplicates),
            lost: verdict.map(|verdict| verdict.lost),
            false_receipts: verdict.map(|verdict| verdict.false_receipts),
            seconds: rounded(call.started_at.elapsed().as_secs_f64()),
            first_delivery_seconds: first_delivery.map(|first| rounded(first.as_secs_f64())),
        }
    }

    /// Prints it as data.
    pub(super) fn print(&self, done: &Dispatched, call: &Call) -> anyhow::Result<()> {
        if call.output.is_json() {
            return call.output.json(self);
        }
        call.output.line(follow::summary(&done.campaign))?;
        if let (Some(duplicates), Some(lost), Some(false_receipts)) =
            (self.duplicates, self.lost, self.false_receipts)
        {
            call.output.line(format_args!(
                "by the mock's own log: {duplicates} duplicates, {lost} lost, \
                 {false_receipts} false receipts"
            ))?;
        }
        let first = match self.first_delivery_seconds {
            Some(first) => format!(", the first delivery after {first:.1} s"),
            None => String::new(),
        };
        let seconds = self.seconds;
        Ok(call
            .output
            .line(format_args!("took {seconds:.1} s{first}"))?)
    }
}

/// Says how many of the sample go where.
pub(super) fn announce(recipients: u32, call: &Call) {
    let total = count(recipients.into());
    call.output.note(format_args!(
        "  The sample newsletter goes to {total} readers:"
    ));
    for (destination, recipients) in sample::DESTINATIONS.iter().zip(sample::counts(recipients)) {
        call.output.note(format_args!(
            "    {:<13}{:>9}   {}",
            destination.domain,
            count(recipients.into()),
            destination.behaviour
        ));
    }
    call.output.note("");
}

/// To the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}
