//! What became of everyone who was planned, as the receipts and the receiver's log agree on it.

use std::collections::BTreeMap;

use postrider_mock_smtp::control::wire::Doubt;
use postrider_types::DeliveryState;
use serde::{Deserialize, Serialize};

/// Deliveries by what became of them, in keys of the run itself.
///
/// **Invariant: `planned` is the sum of all states plus `lost`**, where a delivery that the
/// receiver never saw and no receipt excuses is lost, and one that the export does not list is
/// lost too. [`Outcome::missing`] says how many deliveries do not balance; it is 0 or a bug.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Deliveries that were planned: recipients times campaigns, without duplicates.
    pub planned: u64,
    /// Receipts that say delivered.
    pub delivered: u64,
    /// Receipts that say refused for good.
    pub bounced: u64,
    /// Receipts that still wait for another attempt.
    pub deferred: u64,
    /// Receipts that say it may have arrived.
    pub in_doubt: u64,
    /// Those in doubt that the receiver has accepted.
    pub in_doubt_arrived: u64,
    /// Receipts in any state that is not named here.
    pub others: BTreeMap<DeliveryState, u64>,
    /// Accepts beyond the first for one message, or for one campaign and recipient; those of
    /// [`Doubts::possible_duplicates`] are none.
    pub duplicates: u64,
    /// Deliveries that the receiver never accepted, and that no receipt excuses.
    pub lost: u64,
    /// Receipts that the receiver's log contradicts.
    pub false_receipts: u64,
    /// Accepts for somebody who was not planned.
    pub unexpected: u64,
}

impl Outcome {
    /// Puts one receipt into its state.
    pub fn count(&mut self, state: DeliveryState) {
        match state {
            DeliveryState::Delivered => self.delivered += 1,
            DeliveryState::Bounced => self.bounced += 1,
            DeliveryState::Deferred => self.deferred += 1,
            DeliveryState::InDoubt => self.in_doubt += 1,
            other => *self.others.entry(other).or_default() += 1,
        }
    }

    /// Receipts in any state.
    pub fn receipts(&self) -> u64 {
        let others: u64 = self.others.values().sum();
        self.delivered + self.bounced + self.deferred + self.in_doubt + others
    }

    /// Planned deliveries for which there is no receipt at all; negative when there are too many.
    pub fn missing(&self) -> i128 {
        i128::from(self.planned) - i128::from(self.receipts())
    }
}

/// Deliveries whose reply did not arrive, as only the receiver knows, and what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Doubts {
    /// Those of which the receiver read a whole message and gave no whole reply.
    pub replies_missing: u64,
    /// Those of them whose receipt says in doubt.
    pub replies_missing_in_doubt: u64,
    /// Those of them that were sent again.
    pub sent_again: u64,
    /// Copies that somebody may have got, because campaigns were told to send once more: at most
    /// one for each missing reply, under the same Message-ID.
    pub possible_duplicates: u64,
    /// Receipts that say delivered of what was not accepted, because campaigns were told to assume
    /// so.
    pub assumed_delivered: u64,
    /// Those in doubt whose reply was given, as far as the receiver knows, and not read: the
    /// service was killed before it could.
    pub unread: u64,
    /// How many there may be: most connections at once × kills.
    pub unread_max: u64,
}

/// Looks at the service while it sends: at each, the states of all deliveries are to add up to the
/// audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Balance {
    /// Looks at a campaign, and at the metrics.
    pub looks: u64,
    /// Looks at which they did not add up.
    pub broken: u64,
}

/// Somebody who is in doubt, and what the receiver knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    /// The campaign, such as `cmp_1`.
    pub campaign: String,
    /// The recipient's address.
    pub recipient: String,
    /// Whether the receiver has accepted it.
    pub has_arrived: bool,
}

impl From<Doubt> for InDoubt {
    fn from(doubt: Doubt) -> Self {
        Self {
            campaign: doubt.campaign,
            recipient: doubt.recipient,
            has_arrived: doubt.has_arrived,
        }
    }
}
