//! Where a recipient's variables are: the chunk that its receipt names, and if that is gone, the
//! one that it was filed with.

use postrider_types::{Address, ChunkId, ChunkRecipient, DeliveryId, Receipt, Timestamp};

use crate::error::StoreError;
use crate::rows::{ChunkRow, Look};
use crate::tables::Tables;

/// The recipient of a receipt, as it is to be tried next; `None` when nobody can read its
/// variables any more.
pub(super) fn recipient_of(
    tables: &mut impl Tables,
    receipt: &Receipt,
) -> Result<Option<ChunkRecipient>, StoreError> {
    let number = receipt.delivery.recipient;
    let of = |chunk: ChunkRow| chunk.recipients.into_iter().find(|r| r.recipient == number);
    let found = match tables.look_at(receipt.chunk)? {
        Look::Whole(chunk) if chunk.campaign == receipt.delivery.campaign => of(chunk),
        _ => None,
    };
    let found = match found {
        Some(found) => Some(found),
        None => tables.home(receipt.delivery)?.and_then(of),
    };
    Ok(found.map(|recipient| ChunkRecipient {
        attempts: receipt.attempts,
        first_attempt_at: receipt.first_attempt_at,
        ..recipient
    }))
}

/// The chunks that recipients were filed with, each read once for a run of them.
#[derive(Default)]
pub(super) struct Homes {
    newest: Option<ChunkRow>,
}

impl Homes {
    /// The receipt that a delivery without one has: pending, in `chunk` if its home is gone too.
    pub(super) fn untouched(
        &mut self,
        tables: &mut impl Tables,
        delivery: DeliveryId,
        chunk: ChunkId,
        now: Timestamp,
    ) -> Result<Receipt, StoreError> {
        if self.find(delivery).is_none() {
            self.newest = tables.home(delivery)?;
        }
        let home = self.newest.as_ref().map(|home| home.chunk);
        let address = self.find(delivery).map(|found| found.address.clone());
        let address = address.unwrap_or_else(Address::unknown);
        Ok(Receipt::untouched(
            delivery,
            address,
            home.unwrap_or(chunk),
            now,
        ))
    }

    fn find(&self, delivery: DeliveryId) -> Option<&ChunkRecipient> {
        let home = self.newest.as_ref()?;
        let place = home
            .recipients
            .binary_search_by_key(&delivery.recipient, |r| r.recipient);
        place.ok().map(|place| &home.recipients[place])
    }
}
