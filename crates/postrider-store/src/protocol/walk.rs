//! A walk: the same work over many rows, in steps that cost little, each from where the last ended.
//!
//! Whoever walks spends what its rows cost, and stops when the step is spent. The answer to a
//! step says where the next begins, so nothing is kept between two of them.

use postrider_types::{Address, CampaignId, DeliveryId, Domain, Receipt, RecipientId};

use super::campaign;
use crate::bounds::{ENTRIES_PER_READ_MAX, RECEIPTS_PER_READ_MAX, STEP_COST_MAX};
use crate::error::StoreError;
use crate::removal::{Cursor, Walked};
use crate::request::Reply;
use crate::tables::Tables;

/// A step of a walk: where it is, and what it may still cost.
pub(super) struct Walk {
    pub cursor: Cursor,
    pub matched: u64,
    pub busy: u64,
    pub is_dry_run: bool,
    pub with_in_doubt: bool,
    /// Whether a chunk that waits with a delivery in doubt stays where it is.
    pub keeps_in_doubt: bool,
    /// The domain that alone is meant of whoever it meets.
    pub only: Option<Domain>,
    /// Whether it has come to its end.
    is_over: bool,
    cost: u64,
    /// Why it ends what it ends.
    pub reason: &'static str,
}

impl Walk {
    pub(super) const fn new(cursor: Cursor, reason: &'static str) -> Self {
        Self {
            cursor,
            matched: 0,
            busy: 0,
            is_dry_run: false,
            with_in_doubt: false,
            keeps_in_doubt: false,
            only: None,
            is_over: false,
            cost: 0,
            reason,
        }
    }

    /// Counts work, in recipients.
    pub(super) const fn spend(&mut self, cost: u64) {
        self.cost += cost;
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.cost >= STEP_COST_MAX
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Goes on to the next table.
    pub(super) const fn advance(&mut self) {
        self.cursor.stage += 1;
        self.cursor.place = 0;
    }

    /// Goes on to the next lane of a domain.
    pub(super) const fn next_lane(&mut self) {
        self.cursor.lane += 1;
        self.cursor.stage = 0;
        self.cursor.place = 0;
    }

    /// Whether a recipient that it meets is meant.
    pub(super) fn is_about(&self, address: &Address) -> bool {
        let is_at = |only: &Domain| address.to_domain() == *only;
        self.only.as_ref().is_none_or(is_at)
    }

    /// Goes on somewhere else after all.
    pub(super) const fn go_on_at(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.is_over = false;
    }

    /// Nothing is left.
    pub(super) const fn finish(&mut self) {
        self.is_over = true;
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::Walked(Walked {
            matched: self.matched,
            busy: self.busy,
            next: (!self.is_over).then_some(self.cursor),
        })
    }

    /// Walks over campaigns in order of number: `page` gives some from a number on, and `each`
    /// works on one of them and says whether it is done with it. One that cannot be read is left
    /// alone, and holds up no other.
    pub(super) fn over_campaigns<T: Tables>(
        &mut self,
        tables: &mut T,
        page: impl Fn(&mut T, CampaignId) -> Result<Vec<CampaignId>, StoreError>,
        mut each: impl FnMut(&mut T, &mut Self, CampaignId) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        for campaign in page(tables, self.cursor.campaign)? {
            if campaign != self.cursor.campaign {
                self.cursor = Cursor::at(campaign);
            }
            self.spend(1);
            if !campaign::is_readable(tables, campaign)? {
                self.busy += 1;
            } else if !each(tables, self, campaign)? {
                return Ok(());
            }
            self.cursor = Cursor::at(CampaignId(campaign.0.saturating_add(1)));
            if self.is_spent() {
                return Ok(());
            }
        }
        self.is_over = page(tables, self.cursor.campaign)?.is_empty();
        Ok(())
    }
}

/// Walks over the receipts of a campaign, as far as the step goes; says whether that is all.
pub(super) fn each_receipt<T: Tables>(
    tables: &mut T,
    walk: &mut Walk,
    first: DeliveryId,
    mut each: impl FnMut(&mut T, &mut Walk, Receipt) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    while !walk.is_spent() {
        let Ok(from) = u32::try_from(walk.cursor.place) else {
            return Ok(true);
        };
        let from = DeliveryId {
            recipient: RecipientId(from),
            ..first
        };
        let page = tables.receipts_from(from, RECEIPTS_PER_READ_MAX)?;
        let is_last = page.len() < RECEIPTS_PER_READ_MAX;
        // Reading a receipt costs a small part of writing one.
        walk.spend(1 + page.len() as u64 / 8);
        for receipt in page {
            walk.cursor.place = u64::from(receipt.delivery.recipient.0) + 1;
            each(tables, walk, receipt)?;
        }
        if is_last {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Walks over rows in order of their numbers, from the walk's place on, as far as the step goes;
/// says whether that is all. `page` gives some rows with numbers above the given one.
pub(super) fn each_row<T: Tables, R>(
    tables: &mut T,
    walk: &mut Walk,
    page: impl Fn(&mut T, u64, usize) -> Result<Vec<R>, StoreError>,
    number: impl Fn(&R) -> u64,
    mut each: impl FnMut(&mut T, &mut Walk, R) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    loop {
        let rows = page(tables, walk.cursor.place, ENTRIES_PER_READ_MAX)?;
        let is_last = rows.len() < ENTRIES_PER_READ_MAX;
        for row in rows {
            if walk.is_spent() {
                return Ok(false);
            }
            let place = number(&row);
            each(tables, walk, row)?;
            walk.cursor.place = place;
        }
        if is_last {
            return Ok(true);
        }
    }
}
