//! `resolve`: what a person decides about deliveries that are in doubt, or over.
//!
//! One step looks at a bounded number of receipts in order of number, and changes fewer. Who is in
//! doubt may be told delivered or bounced; who is in doubt or over may be tried again, and who is
//! quarantined may be given up. A retry of what is in doubt waits until the doubt is as old as the
//! campaign says, because until then the first try may still be under way somewhere. Its age counts
//! from when it arose, whatever was decided about it since.
//!
//! A retry makes a finished campaign run again, for exactly those: nothing else of it is open. A
//! cancelled one runs again too, but only when its sweep is done, because what was not swept would
//! run again with them; its audience is sealed as it is.
//! Numbers, attempts so far and Message-IDs stay; the give-up age counts anew.

use std::collections::BTreeMap;

use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Campaign, CampaignId, CampaignState, ChunkId, ChunkRecipient, DeliveryId, DeliveryState,
    LaneName, Receipt, RecipientId, Timestamp,
};

use super::{campaign, doubt, home, lanes, lift, receipts, refile, tenant};
use crate::bounds::{REASON_BYTES_MAX, RESOLVE_CHANGES_MAX, RESOLVE_HOMES_MAX, RESOLVE_LOOKS_MAX};
use crate::error::StoreError;
use crate::request::{Refused, Reply};
use crate::rows::{ChunkRow, Look};
use crate::selection::{Resolution, Selection};
use crate::tables::Tables;

/// What was decided, about whom, and why.
pub(super) struct Asked {
    pub select: Selection,
    pub into: Resolution,
    pub reason: String,
    pub is_dry_run: bool,
}

pub(super) fn resolve(
    tables: &mut impl Tables,
    campaign: CampaignId,
    asked: &Asked,
    from: RecipientId,
    now: Timestamp,
) -> Result<Reply, StoreError> {
    let Some(campaign) = tables.campaign(campaign)? else {
        return Ok(Reply::Refused(Refused::NoCampaign));
    };
    // What is known of a deleted tenant's doubts may still be said; nothing of it is sent.
    let gone =
        tenant::refusal(tables, campaign.tenant)?.filter(|_| asked.into == Resolution::Retry);
    if let Some(refused) = gone.or_else(|| trouble(&campaign, asked)) {
        return Ok(Reply::Refused(refused));
    }
    let (receipts, end) = receipts_to_see(tables, &campaign, &asked.select, from)?;
    let mut step = Step::new(&campaign, asked, now);
    let mut next = end;
    for receipt in receipts {
        if !asked.select.has(&receipt) {
            continue;
        }
        let recipient = receipt.delivery.recipient;
        if !step.has_room(&receipt) {
            next = Some(recipient);
            break;
        }
        step.take(tables, receipt)?;
    }
    step.close(tables)?;
    Ok(Reply::Step {
        matched: step.matched,
        too_early: step.too_early,
        next,
    })
}

/// Why nothing can be decided so about this campaign.
fn trouble(campaign: &Campaign, asked: &Asked) -> Option<Refused> {
    let is_retry = asked.into == Resolution::Retry;
    let is_reason = (1..=REASON_BYTES_MAX).contains(&asked.reason.len());
    let sentence = if let Some(trouble) = asked.select.trouble(asked.into) {
        trouble
    } else if !is_reason {
        format!("a reason has 1 to {REASON_BYTES_MAX} bytes")
    } else if is_retry && campaign.retained_at.is_some() {
        "the campaign ended so long ago that what it needs is not kept any more".to_owned()
    } else {
        let is_swept = campaign.state != CampaignState::Cancelled || campaign.tally.open() == 0;
        return (is_retry && !is_swept).then_some(Refused::Cancelling);
    };
    Some(Refused::Malformed(sentence.into()))
}

/// The receipts to look at in this step, in order of number, and where the next begins.
fn receipts_to_see(
    tables: &mut impl Tables,
    campaign: &Campaign,
    select: &Selection,
    from: RecipientId,
) -> Result<(Vec<Receipt>, Option<RecipientId>), StoreError> {
    let delivery = |recipient| DeliveryId {
        tenant: campaign.tenant,
        campaign: campaign.id,
        recipient,
    };
    let Some(chosen) = &select.recipients else {
        let page = tables.receipts_from(delivery(from), RESOLVE_LOOKS_MAX)?;
        let is_full = page.len() == RESOLVE_LOOKS_MAX;
        let last = page.last().filter(|_| is_full);
        let next = last.and_then(|last| last.delivery.recipient.0.checked_add(1));
        return Ok((page, next.map(RecipientId)));
    };
    let mut chosen: Vec<_> = chosen.iter().copied().filter(|r| *r >= from).collect();
    chosen.sort_unstable();
    chosen.dedup();
    let next = chosen.get(RESOLVE_LOOKS_MAX).copied();
    chosen.truncate(RESOLVE_LOOKS_MAX);
    let mut found = Vec::new();
    for recipient in chosen {
        found.extend(tables.receipt(delivery(recipient))?);
    }
    Ok((found, next))
}

/// One step: what it did so far.
struct Step<'a> {
    campaign: &'a Campaign,
    asked: &'a Asked,
    now: Timestamp,
    matched: u64,
    too_early: u64,
    /// Who is pending again, by the chunk that holds the variables.
    homes: BTreeMap<ChunkId, Vec<Receipt>>,
}

impl<'a> Step<'a> {
    const fn new(campaign: &'a Campaign, asked: &'a Asked, now: Timestamp) -> Self {
        Self {
            campaign,
            asked,
            now,
            matched: 0,
            too_early: 0,
            homes: BTreeMap::new(),
        }
    }

    /// Whether this one may still be done in this step.
    fn has_room(&self, receipt: &Receipt) -> bool {
        let has_home =
            self.homes.len() < RESOLVE_HOMES_MAX || self.homes.contains_key(&receipt.chunk);
        self.asked.is_dry_run || (self.matched < RESOLVE_CHANGES_MAX && has_home)
    }

    fn take(&mut self, tables: &mut impl Tables, receipt: Receipt) -> Result<(), StoreError> {
        let is_retry = self.asked.into == Resolution::Retry;
        if is_retry && receipt.address.is_erased() {
            return Ok(());
        }
        let wait = self.campaign.in_doubt_retry_after;
        let is_young = |since: Timestamp| since.plus(wait) > self.now;
        if is_retry && receipt.unknown_since().is_some_and(is_young) {
            self.too_early += 1;
            return Ok(());
        }
        self.matched += 1;
        if self.asked.is_dry_run {
            return Ok(());
        }
        let reason = self.reason();
        match self.asked.into {
            Resolution::Delivered => {
                doubt::decide(tables, receipt, DeliveryState::Delivered, &reason, self.now)
            }
            Resolution::Bounced => {
                doubt::decide(tables, receipt, DeliveryState::Bounced, &reason, self.now)
            }
            Resolution::Retry => self.retry(tables, receipt, &reason),
            Resolution::Discard => receipts::cancel_because(tables, receipt, &reason, self.now),
        }
    }

    fn retry(
        &mut self,
        tables: &mut impl Tables,
        receipt: Receipt,
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut campaign = campaign::existing(tables, self.campaign.id)?;
        campaign::reopen_for_retry(&mut campaign, self.now);
        tables.put_campaign(&campaign)?;
        if receipt.state == DeliveryState::Quarantined {
            // Who cannot be read any more stays where he is.
            let is_released = lift::release(tables, receipt, reason, self.now)?;
            self.matched -= u64::from(!is_released);
            return Ok(());
        }
        if receipt.state == DeliveryState::InDoubt {
            let is_placed = doubt::is_held(tables, &receipt)? || doubt::is_filed(tables, &receipt)?;
            let receipt = doubt::take_up(tables, receipt, reason, self.now)?;
            if is_placed {
                return Ok(());
            }
            return refile::file_alone(tables, receipt, self.now, self.now);
        }
        if receipt.doubt.is_some() {
            let again = self.shift(tables, receipt, reason)?;
            return refile::file_alone(tables, again, self.now, self.now);
        }
        self.homes.entry(receipt.chunk).or_default().push(receipt);
        Ok(())
    }

    /// Makes a delivery that is over pending again.
    fn shift(
        &self,
        tables: &mut impl Tables,
        receipt: Receipt,
        reason: &str,
    ) -> Result<Receipt, StoreError> {
        let before = receipt.state;
        let again = Receipt {
            retries_in_doubt: receipt
                .retries_in_doubt
                .saturating_add(u8::from(receipt.unknown_since().is_some())),
            state: DeliveryState::Pending,
            first_attempt_at: None,
            next_attempt_at: None,
            reply: Some(SmtpReply::new(0, None, reason)),
            at: self.now,
            ..receipt
        };
        receipts::shift(tables, before, again.clone(), self.now)?;
        Ok(again)
    }

    /// The end of the step: a campaign of which nobody could be retried after all is over again.
    fn close(&mut self, tables: &mut impl Tables) -> Result<(), StoreError> {
        self.file(tables)?;
        let mut campaign = campaign::existing(tables, self.campaign.id)?;
        if campaign.state != self.campaign.state {
            campaign::finish_if_done(&mut campaign, self.now);
            tables.put_campaign(&campaign)?;
        }
        Ok(())
    }

    /// Files who is to be tried again, together by lane. The receipts name the new chunks, so that
    /// a lease on an old one that lives on holds them no more.
    fn file(&mut self, tables: &mut impl Tables) -> Result<(), StoreError> {
        let mut lanes: BTreeMap<LaneName, BTreeMap<RecipientId, (ChunkRecipient, Receipt)>> =
            BTreeMap::new();
        for (chunk, over) in std::mem::take(&mut self.homes) {
            let home = match tables.look_at(chunk)? {
                Look::Whole(home) => Some(home),
                Look::Unreadable(_) | Look::Missing => None,
            };
            for receipt in over {
                let Some(recipient) = recipient_of(tables, home.as_ref(), &receipt)? else {
                    // Nobody can read the variables any more, so it stays as it is.
                    self.matched -= 1;
                    continue;
                };
                let lane = lanes::lane_of(tables, &recipient.address.to_domain())?;
                let of_lane = lanes.entry(lane).or_default();
                of_lane.insert(recipient.recipient, (recipient, receipt));
            }
        }
        let reason = self.reason();
        for (lane, of_lane) in lanes {
            let (recipients, receipts): (Vec<_>, Vec<_>) = of_lane.into_values().unzip();
            let place = (lane, self.now);
            let id = self.campaign.id;
            let chunks = refile::file_new(tables, id, recipients, place, self.now)?;
            for (receipt, chunk) in receipts.into_iter().zip(chunks) {
                self.shift(tables, Receipt { chunk, ..receipt }, &reason)?;
            }
        }
        Ok(())
    }

    /// What stands in receipts and log.
    fn reason(&self) -> String {
        format!("{} by a person: {}", self.asked.into, self.asked.reason)
    }
}

/// A recipient as it is to be tried again, from the chunk that its receipt names if it is there.
fn recipient_of(
    tables: &mut impl Tables,
    home: Option<&ChunkRow>,
    receipt: &Receipt,
) -> Result<Option<ChunkRecipient>, StoreError> {
    let number = receipt.delivery.recipient;
    let here = home.and_then(|home| {
        let recipients = &home.recipients;
        let place = recipients.binary_search_by_key(&number, |r| r.recipient);
        place.ok().map(|place| recipients[place].clone())
    });
    let found = match here {
        Some(found) => Some(found),
        None => home::recipient_of(tables, receipt)?,
    };
    Ok(found.map(|recipient| ChunkRecipient {
        attempts: receipt.attempts,
        first_attempt_at: None,
        deaths: 0,
        ..recipient
    }))
}
