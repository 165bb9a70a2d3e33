//! What really happened to a campaign: its receipts held against the mock's own log.
//!
//! Both sides are matched by Message-ID, which is different for every recipient and campaign, so
//! a log that holds more than one campaign is no trouble.
//!
//! - **duplicate**: an accept whose message was accepted before.
//! - **lost**: a receipt that says delivered and has no accept, or a recipient who has not ended.
//! - **false receipt**: a receipt that ended otherwise although the message was accepted. In doubt
//!   is no false receipt: it says that we do not know.

use std::collections::HashMap;
use std::path::Path;

use postrider_api::{Client, ExportLine};
use postrider_mock_smtp::MockError;
use postrider_mock_smtp::log::{self, Line};
use postrider_types::{CampaignId, DeliveryState};
use serde::Serialize;

/// What the mock and the receipts say together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    /// Accepts whose message was accepted before.
    pub(crate) duplicates: u64,
    /// Deliveries that did not arrive, and recipients who have not ended.
    pub(crate) lost: u64,
    /// Receipts that deny what was accepted.
    pub(crate) false_receipts: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub(crate) fn is_clean(self) -> bool {
        self == Self::default()
    }
}

/// How often each message was accepted, by its Message-ID without brackets.
pub(crate) struct Accepts(HashMap<String, u64>);

impl Accepts {
    /// What an accept log holds.
    pub(crate) fn read(log: &Path) -> Result<Self, MockError> {
        let mut accepts = HashMap::new();
        log::read(log, |line| {
            if let Line::Accept(accept) = line
                && let Some(message_id) = accept.message_id
            {
                *accepts.entry(bare(&message_id).to_owned()).or_default() += 1;
            }
        })?;
        Ok(Self(accepts))
    }

    fn of(&self, line: &ExportLine) -> u64 {
        let message_id = line.message_id.as_deref();
        let accepts = message_id.and_then(|message_id| self.0.get(bare(message_id)));
        accepts.copied().unwrap_or(0)
    }
}

/// Holds all receipts of a campaign against the log.
pub(crate) async fn verdict(
    client: &Client,
    campaign: CampaignId,
    accepts: &Accepts,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut export = client.export(campaign).await?;
    while let Some(line) = export.next().await? {
        judge(&mut verdict, line.state, accepts.of(&line));
    }
    Ok(verdict)
}

/// Adds one recipient, whose message was accepted so often.
fn judge(verdict: &mut Verdict, state: DeliveryState, accepts: u64) {
    verdict.duplicates += accepts.saturating_sub(1);
    match (state, accepts) {
        (DeliveryState::InDoubt, _) | (DeliveryState::Delivered, 1..) => {}
        (DeliveryState::Delivered, 0) => verdict.lost += 1,
        (state, _) if state.is_open() => verdict.lost += 1,
        (_, 0) => {}
        (_, 1..) => verdict.false_receipts += 1,
    }
}

/// A Message-ID without its brackets, which a log may have and a receipt may not.
fn bare(message_id: &str) -> &str {
    message_id
        .trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: DeliveryState, accepts: u64, expected: (u64, u64, u64)) {
        let mut verdict = Verdict::default();
        judge(&mut verdict, state, accepts);
        let found = (verdict.duplicates, verdict.lost, verdict.false_receipts);
        assert_eq!(found, expected, "{state} with {accepts} accepts");
    }

    #[test]
    fn each_receipt_is_held_against_the_log() {
        check(DeliveryState::Delivered, 1, (0, 0, 0));
        check(DeliveryState::Delivered, 2, (1, 0, 0));
        check(DeliveryState::Delivered, 0, (0, 1, 0));
        check(DeliveryState::Bounced, 0, (0, 0, 0));
        check(DeliveryState::Bounced, 1, (0, 0, 1));
        check(DeliveryState::Deferred, 0, (0, 1, 0));
        check(DeliveryState::Pending, 2, (1, 1, 0));
        check(DeliveryState::InDoubt, 1, (0, 0, 0));
        check(DeliveryState::InDoubt, 0, (0, 0, 0));
    }

    #[test]
    fn brackets_do_not_matter() {
        assert_eq!(bare("<1@example.test>"), bare("1@example.test"));
    }

    #[test]
    fn accepts_are_read_from_the_log_by_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accepts.ndjson");
        let accept = |id: &str| {
            format!(
                "{{\"kind\":\"accept\",\"at_us\":2,\"mail_at_us\":1,\"connection\":1,\
                 \"domain\":\"x.test\",\"recipient\":\"a@x.test\",\"sender\":\"\",\
                 \"message_id\":\"<{id}>\",\"campaign\":null,\"bytes\":1,\"body_hash\":\"0\"}}\n"
            )
        };
        std::fs::write(&path, accept("1@x") + &accept("2@x") + &accept("1@x")).unwrap();
        let Accepts(accepts) = Accepts::read(&path).unwrap();
        assert_eq!((accepts["1@x"], accepts["2@x"]), (2, 1));
    }
}
