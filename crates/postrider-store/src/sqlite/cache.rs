//! What the writer keeps in memory between statements: sequences, campaigns and leases.
//!
//! Only the owner writes, so what it read or wrote last is true until it writes again. Sequences
//! and campaigns change with nearly every delivery and are written once per commit, by
//! [`Cache::flush`]; leases are few and are written at once. After a failure the whole cache is
//! dropped and read anew, so it can never say more than the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use postrider_types::{
    Campaign, CampaignId, ChunkId, LaneName, LeaseToken, Tenant, TenantId, Timestamp, WorkerId,
};
use rusqlite::{Connection, Row, params};

use super::fault::corrupt;
use super::sql::{execute, get_id, list};
use super::{campaigns, chunks, tenants};
use crate::bounds::{CAMPAIGNS_CACHED_MAX, TENANTS_CACHED_MAX};
use crate::error::StoreError;
use crate::rows::{LeaseRow, Sequence};

/// The sequences of the rules and the numbers of the log, by their place in the file.
const SEQUENCES: usize = 6;

/// The place of the log's numbers.
const LOG: usize = 4;

#[derive(Debug)]
pub(super) struct Cache {
    /// The last number given of each.
    sequences: [u64; SEQUENCES],
    /// As they are in the file.
    written: [u64; SEQUENCES],
    campaigns: HashMap<CampaignId, Campaign>,
    /// Campaigns that are newer here than in the file.
    changed: BTreeSet<CampaignId>,
    leases: BTreeMap<LeaseToken, LeaseRow>,
    /// Tenants as the file has them, also that there is none.
    tenants: HashMap<TenantId, Option<Tenant>>,
}

impl Cache {
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut sequences = [0; SEQUENCES];
        let rows = list(
            connection,
            "SELECT sequence, last FROM sequences",
            [],
            |row| Ok((row.get::<_, u8>(0)?, get_id(row, 1)?)),
        )?;
        for (sequence, last) in rows {
            *sequences
                .get_mut(usize::from(sequence))
                .ok_or_else(|| corrupt(format!("there is no sequence {sequence}")))? = last;
        }
        let sql = "SELECT token, chunk, worker, claim, lane, until, is_swept FROM leases";
        let leases = list(connection, sql, [], |row| read_lease(connection, row))?;
        Ok(Self {
            sequences,
            written: sequences,
            campaigns: HashMap::new(),
            changed: BTreeSet::new(),
            tenants: HashMap::new(),
            leases: leases
                .into_iter()
                .map(|lease| (lease.token, lease))
                .collect(),
        })
    }

    /// Writes what changed: the last thing before a commit.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        for campaign in std::mem::take(&mut self.changed) {
            campaigns::put(connection, &self.campaigns[&campaign])?;
        }
        if self.campaigns.len() > CAMPAIGNS_CACHED_MAX {
            self.campaigns.clear();
        }
        if self.tenants.len() > TENANTS_CACHED_MAX {
            self.tenants.clear();
        }
        let sql = "INSERT OR REPLACE INTO sequences (sequence, last) VALUES (?1, ?2)";
        let numbered = (0_u8..).zip(self.sequences.iter().zip(&self.written));
        for (sequence, (last, written)) in numbered {
            if last != written {
                execute(connection, sql, params![sequence, last.cast_signed()])?;
            }
        }
        self.written = self.sequences;
        Ok(())
    }

    pub(super) fn next(&mut self, sequence: Sequence) -> u64 {
        self.next_at(match sequence {
            Sequence::Campaign => 0,
            Sequence::Chunk => 1,
            Sequence::Token => 2,
            Sequence::Turn => 3,
            Sequence::Tenant => 5,
        })
    }

    /// The next number of the attempt log.
    pub(super) fn next_log(&mut self) -> u64 {
        self.next_at(LOG)
    }

    fn next_at(&mut self, place: usize) -> u64 {
        self.sequences[place] += 1;
        self.sequences[place]
    }

    pub(super) fn campaign(
        &mut self,
        connection: &Connection,
        campaign: CampaignId,
    ) -> Result<Option<Campaign>, StoreError> {
        if let Some(known) = self.campaigns.get(&campaign) {
            return Ok(Some(known.clone()));
        }
        let found = campaigns::by_number(connection, campaign)?;
        if let Some(found) = &found {
            self.campaigns.insert(campaign, found.clone());
        }
        Ok(found)
    }

    /// A new campaign is written at once, so that its name is found, and so is one whose state or
    /// time changes, so that it is found by them; counts alone are written at the commit.
    pub(super) fn put_campaign(
        &mut self,
        connection: &Connection,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        let found_by = |c: &Campaign| (c.state, c.send_at, c.paused_because);
        match self.campaigns.insert(campaign.id, campaign.clone()) {
            Some(old) if found_by(&old) == found_by(campaign) => {
                self.changed.insert(campaign.id);
                Ok(())
            }
            _ => campaigns::put(connection, campaign),
        }
    }

    pub(super) fn tenant(
        &mut self,
        connection: &Connection,
        tenant: TenantId,
    ) -> Result<Option<Tenant>, StoreError> {
        if let Some(known) = self.tenants.get(&tenant) {
            return Ok(known.clone());
        }
        let found = tenants::by_number(connection, tenant)?;
        self.tenants.insert(tenant, found.clone());
        Ok(found)
    }

    pub(super) fn put_tenant(
        &mut self,
        connection: &Connection,
        tenant: &Tenant,
    ) -> Result<(), StoreError> {
        self.tenants.insert(tenant.id, Some(tenant.clone()));
        tenants::put(connection, tenant)
    }

    /// Leases with a token above `after` that fit, lowest first.
    pub(super) fn leases_after(
        &self,
        after: LeaseToken,
        limit: usize,
        fits: impl Fn(&LeaseRow) -> bool,
    ) -> Vec<LeaseRow> {
        let rest = self
            .leases
            .range((Bound::Excluded(after), Bound::Unbounded));
        let fitting = rest.map(|(_, lease)| lease).filter(|lease| fits(lease));
        fitting.take(limit).cloned().collect()
    }

    pub(super) fn lease(&self, token: LeaseToken) -> Option<LeaseRow> {
        self.leases.get(&token).cloned()
    }

    pub(super) fn lease_of_claim(&self, worker: WorkerId, claim: u64) -> Option<LeaseRow> {
        let is_it = |lease: &&LeaseRow| lease.worker == worker && lease.claim == claim;
        self.leases.values().find(is_it).cloned()
    }

    pub(super) fn leases_before(&self, before: Timestamp, limit: usize) -> Vec<LeaseRow> {
        let is_over = |lease: &&LeaseRow| lease.until < before;
        let mut over: Vec<_> = self.leases.values().filter(is_over).cloned().collect();
        over.sort_by_key(|lease| (lease.until, lease.token));
        over.truncate(limit);
        over
    }

    pub(super) fn put_lease(
        &mut self,
        connection: &Connection,
        lease: &LeaseRow,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO leases
            (token, chunk, worker, claim, lane, until, is_swept) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = params![
            lease.token.0.cast_signed(),
            lease.chunk.0.cast_signed(),
            lease.worker.0.cast_signed(),
            lease.claim.cast_signed(),
            lease.lane.as_str(),
            lease.until.as_micros(),
            lease.is_swept,
        ];
        execute(connection, sql, row)?;
        self.leases.insert(lease.token, lease.clone());
        Ok(())
    }

    pub(super) fn delete_lease(
        &mut self,
        connection: &Connection,
        token: LeaseToken,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM leases WHERE token = ?1";
        execute(connection, sql, [token.0.cast_signed()])?;
        self.leases.remove(&token);
        Ok(())
    }
}

fn read_lease(connection: &Connection, row: &Row<'_>) -> Result<LeaseRow, StoreError> {
    let chunk = ChunkId(get_id(row, 1)?);
    let (campaign, recipients) = chunks::held(connection, chunk)?;
    Ok(LeaseRow {
        token: LeaseToken(get_id(row, 0)?),
        chunk,
        campaign,
        recipients,
        worker: WorkerId(get_id(row, 2)?),
        claim: get_id(row, 3)?,
        lane: LaneName::from_stored(&row.get::<_, String>(4)?),
        until: Timestamp::from_micros(row.get(5)?),
        is_swept: row.get(6)?,
    })
}
