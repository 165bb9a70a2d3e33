//! All rows, looked at together: the balance, and where each delivery is.

use std::collections::BTreeMap;

use postrider_store::memory::State;
use postrider_store::rows::Within;
use postrider_store::upkeep::Upkeep;
use postrider_store::{StoreError, Tables};
use postrider_types::{
    Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, LeaseToken, RecipientId, Tally,
    Timestamp,
};

use super::oracle::{Oracle, Violation, hold};

/// A chunk that is queued, parked or leased and names a recipient.
#[derive(Debug)]
struct Place {
    chunk: ChunkId,
    /// Under which lease, if it is leased.
    lease: Option<LeaseToken>,
}

impl Oracle {
    /// The balance of every campaign; each open delivery in exactly one chunk; nothing attempting
    /// without the lease that it was begun under; every receipt honest.
    pub(super) fn examine(&self, rows: &mut State) -> Result<(), Violation> {
        for (campaign, filed) in &self.filed {
            let Some(row) = rows.campaign(*campaign)? else {
                return Err(Violation(format!("{campaign} is gone")));
            };
            self.examine_campaign(rows, &row, *filed)?;
        }
        Ok(())
    }

    fn examine_campaign(
        &self,
        rows: &mut State,
        campaign: &Campaign,
        filed: u64,
    ) -> Result<(), Violation> {
        let id = campaign.id;
        let places = places(rows, id)?;
        let mut tally = Tally::default();
        for number in 0..u32::try_from(filed).unwrap_or(u32::MAX) {
            let recipient = RecipientId(number);
            let delivery = DeliveryId {
                tenant: campaign.tenant,
                campaign: id,
                recipient,
            };
            let receipt = rows.receipt(delivery)?;
            let state = receipt.as_ref().map_or(DeliveryState::Pending, |r| r.state);
            tally.add(state, 1);
            if let Some(receipt) = &receipt {
                self.check_honest(receipt)?;
            }
            if !state.is_open() {
                continue;
            }
            // A receipt that names a newer chunk says that the delivery has left an older one.
            let newest = receipt.as_ref().map_or(ChunkId(0), |receipt| receipt.chunk);
            let places = places.get(&recipient).map(Vec::as_slice);
            let places = places.unwrap_or_default().iter();
            let places: Vec<_> = places.filter(|place| place.chunk >= newest).collect();
            let count = places.len();
            hold!(
                count == 1,
                "{delivery} is {state} and in {count} chunks: {places:?}"
            );
            if state == DeliveryState::Attempting {
                let token = receipt.and_then(|receipt| receipt.token);
                let is_held = places[0].lease.is_some() && places[0].lease == token;
                hold!(
                    is_held,
                    "{delivery} is attempting under {token:?}, which is over"
                );
            }
        }
        let counted = campaign.tally;
        hold!(
            tally == counted,
            "{id} counts {counted:?}, and its receipts say {tally:?}"
        );
        Ok(())
    }

    /// Deliveries that will never end, because no chunk holds them, or that count as delivered by
    /// nobody's word although the receiver has nothing.
    pub(super) fn lost(&self, rows: &mut State) -> Result<u64, Violation> {
        let mut lost = 0;
        for (campaign, filed) in &self.filed {
            let places = places(rows, *campaign)?;
            for receipt in self.receipts(rows, *campaign)? {
                let is_open = receipt.state.is_open();
                let is_nowhere = !places.contains_key(&receipt.delivery.recipient);
                let is_claimed = receipt.state == DeliveryState::Delivered;
                let is_false = is_claimed && self.check_honest(&receipt).is_err();
                lost += u64::from((is_open && is_nowhere) || is_false);
            }
            let known = self.receipts(rows, *campaign)?.len() as u64;
            let waiting = places.len() as u64;
            // Those without a receipt wait in a chunk, or nobody knows of them.
            lost += filed.saturating_sub(known).saturating_sub(waiting);
        }
        Ok(lost)
    }

    /// Nothing is left to do, and nothing is held.
    pub(super) fn examine_end(&self, rows: &mut State) -> Result<(), Violation> {
        self.examine(rows)?;
        for campaign in self.filed.keys() {
            let row = rows.campaign(*campaign)?;
            let state = row.as_ref().map(|row| row.state);
            let tally = row.map(|row| row.tally).unwrap_or_default();
            let is_over = state.is_some_and(|state| state.is_final()) && tally.open() == 0;
            hold!(is_over, "{campaign} is still {state:?}, with {tally:?}");
        }
        let leases = rows.leases_before(Timestamp::NEVER, 1)?;
        hold!(leases.is_empty(), "a lease is left: {leases:?}");
        Ok(())
    }
}

/// Where every recipient of a campaign is.
fn places(
    rows: &mut State,
    campaign: CampaignId,
) -> Result<BTreeMap<RecipientId, Vec<Place>>, StoreError> {
    let mut chunks: Vec<(ChunkId, Option<LeaseToken>)> = Vec::new();
    let within = Within::Campaign(campaign);
    let queued = rows.queued(&within, ChunkId(0), usize::MAX)?;
    let parked = rows.parked(&within, ChunkId(0), usize::MAX)?;
    let waiting = queued.into_iter().chain(parked);
    chunks.extend(waiting.map(|entry| (entry.chunk, None)));
    let leases = rows.leases(&within, LeaseToken(0), usize::MAX)?;
    chunks.extend(leases.iter().map(|lease| (lease.chunk, Some(lease.token))));
    let mut places: BTreeMap<RecipientId, Vec<Place>> = BTreeMap::new();
    for (number, lease) in chunks {
        let Some(chunk) = rows.chunk(number)? else {
            return Err(StoreError::Corrupt {
                what: format!("chunk {number} is missing"),
            });
        };
        for recipient in chunk.recipients {
            let chunk = number;
            let places = places.entry(recipient.recipient).or_default();
            places.push(Place { chunk, lease });
        }
    }
    Ok(places)
}
