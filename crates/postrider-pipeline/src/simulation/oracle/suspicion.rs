//! Who may be quarantined for a death, who must be, and how many workers one message or one body
//! may cost.

use std::collections::{BTreeMap, BTreeSet};

use postrider_store::memory::State;
use postrider_store::quarantine::{Held, Suspects, Verdict};
use postrider_store::upkeep::Upkeep;
use postrider_store::{Reply, Request, StoreError, Tables};
use postrider_types::{
    CampaignState, DeliveryId, DeliveryState, EmailId, LeaseToken, Receipt, TenantId,
};

use super::{Oracle, Violation, hold};

/// Workers that one recipient may cost whose name was in the notes each time: two, and one more
/// that was killed before the first was looked after. Where all claim from all, whoever never comes
/// back from him loses his lease to another, so each other place may cost one as well.
const RECIPIENT_DEATHS_MAX: u32 = 3;

/// Workers that one body may cost in the same way, beside those that were killed before the last
/// of these was looked after: one in each other place.
const EMAIL_DEATHS_MAX: u32 = 3;

/// Workers that one message may kill in all: where the notes cannot be read, a chunk of 24 is halved
/// until it is known, which takes six; and as many again, because a machine that is started again
/// forgets who it was.
const DEATHS_MAX: u32 = 12;

/// Times that somebody must have been in a dead worker's hands before it counts against him.
const COINCIDENCE_MIN: u32 = 2;

/// Recipients of one email that are quarantined one by one before it is.
const EMAIL_RECIPIENTS_MIN: u32 = 3;

/// What is known of those who may kill workers.
#[derive(Debug, Default)]
pub(super) struct Suspicions {
    /// Every email with its owner.
    emails: BTreeSet<(TenantId, EmailId)>,
    /// Those that could not be read by somebody.
    unusable: BTreeSet<(TenantId, EmailId)>,
    /// Whoever has ever killed a worker.
    guilty: BTreeSet<Held>,
    /// Workers that each has killed since somebody last let it out.
    deaths: BTreeMap<Held, u32>,
    /// Of those, how many left notes that said so.
    named: BTreeMap<Held, u32>,
    /// In the hands of how many dead workers each may have been.
    suspected: BTreeMap<Held, u32>,
    /// Whoever is in quarantine for a death.
    quarantined: BTreeSet<DeliveryId>,
    /// How many of each email have come there.
    recipients: BTreeMap<(TenantId, EmailId), u32>,
}

/// Somebody of whom a reaper may judge, before it came.
#[derive(Debug)]
pub(super) struct Leased {
    /// The lease; `None` for whoever a trial convicts.
    pub(super) token: Option<LeaseToken>,
    pub(super) delivery: DeliveryId,
    pub(super) state: DeliveryState,
}

impl Oracle {
    /// Something has killed a worker.
    pub(in crate::simulation) fn die_of(&mut self, what: Held) -> Result<(), Violation> {
        self.counts.poison += 1;
        self.suspicions.guilty.insert(what);
        let deaths = self.suspicions.deaths.entry(what).or_default();
        *deaths += 1;
        hold!(
            *deaths <= DEATHS_MAX,
            "{what:?} has killed {deaths} workers"
        );
        Ok(())
    }

    /// A worker is dead that these may have killed.
    pub(in crate::simulation) fn suspect(&mut self, held: Vec<Held>) {
        for what in held {
            *self.suspicions.suspected.entry(what).or_default() += 1;
        }
    }

    /// A worker is dead, and its notes name what killed it.
    pub(in crate::simulation) fn name(&mut self, what: Held) -> Result<(), Violation> {
        let named = self.suspicions.named.entry(what).or_default();
        *named += 1;
        let most = match what {
            Held::Delivery(_) if self.has_shares => RECIPIENT_DEATHS_MAX,
            Held::Delivery(_) => RECIPIENT_DEATHS_MAX + self.others,
            Held::Email(..) => EMAIL_DEATHS_MAX + self.others,
        };
        hold!(
            *named <= most,
            "{what:?} has killed {named} workers that said so"
        );
        Ok(())
    }

    /// An email is there.
    pub(super) fn know_email(&mut self, tenant: TenantId, email: EmailId) {
        self.suspicions.emails.insert((tenant, email));
    }

    /// A worker cannot use an email.
    pub(in crate::simulation) fn find_unusable(&mut self, tenant: TenantId, email: EmailId) {
        self.counts.unusable += 1;
        self.suspicions.unusable.insert((tenant, email));
    }

    /// What a worker wants put aside is put aside under a live lease, and for a reason.
    pub(super) fn judge_aside(
        &self,
        rows: &mut State,
        is_live: bool,
        emails: &BTreeSet<(TenantId, EmailId)>,
    ) -> Result<(), Violation> {
        hold!(
            is_live,
            "something was put aside under a lease that is over"
        );
        for of in self.quarantined_emails(rows)?.difference(emails) {
            let is_known = self.suspicions.unusable.contains(of);
            hold!(is_known, "{} was put aside by nobody", of.1);
        }
        Ok(())
    }

    /// The emails in quarantine.
    pub(super) fn quarantined_emails(
        &self,
        rows: &mut State,
    ) -> Result<BTreeSet<(TenantId, EmailId)>, StoreError> {
        let mut found = BTreeSet::new();
        for (tenant, email) in &self.suspicions.emails {
            let suspect = rows.suspect_email(*tenant, *email)?;
            if suspect.is_some_and(|suspect| suspect.since.is_some()) {
                found.insert((*tenant, *email));
            }
        }
        Ok(found)
    }

    /// Whom a reaper quarantines has a reason for it, and whom a trial convicts is quarantined.
    pub(super) fn judge_suspects(
        &mut self,
        rows: &mut State,
        (request, reply): (&Request, &Reply),
        leased: &[Leased],
        emails: &BTreeSet<(TenantId, EmailId)>,
    ) -> Result<(), Violation> {
        let Request::Reap { suspects, .. } = request else {
            return Ok(());
        };
        let is_deadly = |what| {
            matches!(suspects, Suspects::These(these) if these.iter()
            .any(|suspect| suspect.what == what && suspect.verdict != Verdict::Open))
        };
        for Leased {
            token,
            delivery,
            state,
        } in leased
        {
            let is_ended = match token {
                Some(token) => rows.lease(*token)?.is_none(),
                None => !matches!(reply, Reply::Reaped(reaped) if reaped.more),
            };
            if !is_ended || *state == DeliveryState::Attempting {
                continue;
            }
            let what = Held::Delivery(*delivery);
            let is = rows.receipt(*delivery)?.map(|receipt| receipt.state);
            let is_put = is == Some(DeliveryState::Quarantined) && state.is_open();
            if is_put && !self.suspicions.quarantined.contains(delivery) {
                self.judge_put(rows, *delivery, is_deadly(what))?;
            }
            let is_sparable = !state.is_open() || is_cancelled(rows, *delivery)?;
            hold!(
                is_put || is_sparable || !is_deadly(what),
                "{delivery} has killed its trial, and is {is:?}"
            );
        }
        for (tenant, email) in self.quarantined_emails(rows)?.difference(emails) {
            self.judge_email(*tenant, *email, is_deadly(Held::Email(*tenant, *email)))?;
        }
        Ok(())
    }

    /// Whoever is convicted by a trial, wherever he is.
    pub(super) fn convicted(
        rows: &mut State,
        suspects: &Suspects,
    ) -> Result<Vec<Leased>, StoreError> {
        let Suspects::These(these) = suspects else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for suspect in these.iter().filter(|one| one.verdict != Verdict::Open) {
            let Held::Delivery(delivery) = suspect.what else {
                continue;
            };
            let receipt = rows.receipt(delivery)?;
            found.push(Leased {
                token: None,
                delivery,
                state: receipt.map_or(DeliveryState::Pending, |receipt| receipt.state),
            });
        }
        Ok(found)
    }

    /// Somebody was quarantined for deaths.
    fn judge_put(
        &mut self,
        rows: &mut State,
        delivery: DeliveryId,
        is_deadly: bool,
    ) -> Result<(), Violation> {
        let what = Held::Delivery(delivery);
        let suspicions = &mut self.suspicions;
        let is_guilty = suspicions.guilty.contains(&what);
        let suspected = suspicions.suspected.get(&what).copied().unwrap_or(0);
        let is_known = match is_deadly {
            true => is_guilty,
            false => suspected >= COINCIDENCE_MIN,
        };
        hold!(
            is_known,
            "{delivery} was quarantined, after {suspected} deaths that it may have been"
        );
        self.counts.quarantined += 1;
        self.counts.coincidences += u64::from(!is_guilty);
        suspicions.quarantined.insert(delivery);
        if let Some(campaign) = rows.campaign(delivery.campaign)? {
            let of = (campaign.tenant, campaign.email);
            *suspicions.recipients.entry(of).or_default() += 1;
        }
        Ok(())
    }

    /// An email was quarantined for deaths.
    fn judge_email(
        &mut self,
        tenant: TenantId,
        email: EmailId,
        is_deadly: bool,
    ) -> Result<(), Violation> {
        let what = Held::Email(tenant, email);
        let suspicions = &self.suspicions;
        let of = |known: &BTreeMap<_, u32>| known.get(&what).copied().unwrap_or(0);
        let suspected = of(&suspicions.suspected);
        let recipients = suspicions.recipients.get(&(tenant, email)).copied();
        let is_known = (is_deadly && suspicions.guilty.contains(&what))
            || suspected >= EMAIL_DEATHS_MAX
            || recipients.is_some_and(|count| count >= EMAIL_RECIPIENTS_MIN);
        hold!(
            is_known,
            "{email} was quarantined, after {suspected} deaths and {recipients:?} recipients"
        );
        self.counts.emails += 1;
        Ok(())
    }

    /// Whoever has left the quarantine may kill as many workers again, but what was held against
    /// him once is remembered.
    pub(super) fn forgive(&mut self, rows: &mut State) -> Result<(), Violation> {
        let mut out = Vec::new();
        for delivery in &self.suspicions.quarantined {
            let is = rows.receipt(*delivery)?.map(|receipt| receipt.state);
            if is != Some(DeliveryState::Quarantined) {
                out.push(*delivery);
            }
        }
        for delivery in out {
            self.suspicions.quarantined.remove(&delivery);
            let what = Held::Delivery(delivery);
            self.suspicions.forget(what);
            self.suspicions.suspected.insert(what, COINCIDENCE_MIN - 1);
        }
        Ok(())
    }

    /// Whoever had ended and is tried again by a person's word begins without deaths, as a chunk of
    /// his own does.
    pub(super) fn count_anew(
        &mut self,
        rows: &mut State,
        decided: &[Receipt],
    ) -> Result<(), Violation> {
        for was in decided.iter().filter(|was| !was.state.is_open()) {
            let is = rows.receipt(was.delivery)?.map(|receipt| receipt.state);
            if is == Some(DeliveryState::Pending) {
                let what = Held::Delivery(was.delivery);
                self.suspicions.deaths.remove(&what);
                self.suspicions.named.remove(&what);
            }
        }
        Ok(())
    }

    /// An email is let out of quarantine, and nothing is held against it any more.
    pub(super) fn forgive_email(&mut self, tenant: TenantId, email: EmailId) {
        self.suspicions.forget(Held::Email(tenant, email));
        self.suspicions.recipients.remove(&(tenant, email));
    }
}

impl Suspicions {
    fn forget(&mut self, what: Held) {
        for known in [&mut self.deaths, &mut self.named, &mut self.suspected] {
            known.remove(&what);
        }
    }
}

/// Whether nobody of the campaign is quarantined any more, because all of it is cancelled.
fn is_cancelled(rows: &mut State, delivery: DeliveryId) -> Result<bool, StoreError> {
    let campaign = rows.campaign(delivery.campaign)?;
    let tenant = rows.tenant(delivery.tenant)?;
    let is_deleted = tenant.is_some_and(|tenant| tenant.is_deleted());
    Ok(is_deleted || campaign.is_some_and(|row| row.state == CampaignState::Cancelled))
}
