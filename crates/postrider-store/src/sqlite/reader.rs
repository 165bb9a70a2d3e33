//! Reads beside the writer: a few connections, each used by one read at a time.
//!
//! A read is one statement, or one transaction of two, so it never keeps an old version of the
//! file alive for long and never holds the writer up.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, ChunkId, DeliveryId, DeliveryState, EmailId, LaneName,
    LogEntry, Receipt, RecipientId, Tenant, TenantId,
};
use rusqlite::Connection;

use super::queue::Waiting;
use super::unreadable::Unreadable;
use super::{answers, campaigns, chunks, connection, log, quarantine, queue, receipts, tenants};
use crate::answers::Answer;
use crate::bounds::READERS_MAX;
use crate::error::StoreError;
use crate::quarantine::{QuarantinedChunk, SuspectEmail};
use crate::read::{LaneShape, Reader};
use crate::rows::{ChunkRow, Within};

pub(super) struct SqliteReader {
    path: PathBuf,
    message_key: [u8; 32],
    /// Connections that nobody reads with, at most [`READERS_MAX`].
    idle: Mutex<Vec<Connection>>,
    unreadable: Unreadable,
}

impl SqliteReader {
    pub(super) fn new(path: PathBuf, message_key: [u8; 32]) -> Self {
        Self {
            path,
            message_key,
            idle: Mutex::new(Vec::new()),
            unreadable: Unreadable::default(),
        }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // A reader that panicked took its connection with it; the others are whole.
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let connection = match free {
            Some(connection) => connection,
            None => connection::reader(&self.path)?,
        };
        let found = read(&connection);
        let mut idle = idle();
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        found
    }
}

impl Reader for SqliteReader {
    fn message_key(&self) -> [u8; 32] {
        self.message_key
    }

    fn email(&self, tenant: TenantId, email: EmailId) -> Result<Option<Bytes>, StoreError> {
        self.read(|connection| {
            // Finding the email and reading it see the same version of the file.
            let transaction = connection.unchecked_transaction()?;
            campaigns::email(&transaction, tenant, email)
        })
    }

    fn campaign(&self, campaign: CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.read(|connection| campaigns::by_number(connection, campaign))
    }

    fn campaign_named(&self, tenant: TenantId, name: &str) -> Result<Option<Campaign>, StoreError> {
        self.read(|connection| campaigns::by_name(connection, tenant, name))
    }

    fn campaigns(
        &self,
        tenant: TenantId,
        before: Option<CampaignId>,
        limit: usize,
    ) -> Result<Vec<Campaign>, StoreError> {
        let found = self.read(|connection| campaigns::page(connection, tenant, before, limit))?;
        Ok(self.unreadable.sift(found))
    }

    fn unreadable_campaigns(&self) -> usize {
        self.unreadable.count()
    }

    fn receipts(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        state: Option<DeliveryState>,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        let from = DeliveryId {
            tenant,
            campaign,
            recipient: from,
        };
        self.read(|connection| receipts::page(connection, from, state, limit))
    }

    fn audience(
        &self,
        tenant: TenantId,
        campaign: CampaignId,
        from: RecipientId,
        limit: usize,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        self.read(|connection| chunks::filed(connection, tenant, campaign, from, limit))
    }

    fn receipts_of(
        &self,
        tenant: TenantId,
        address: &AddressKey,
        limit: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        self.read(|connection| receipts::of_address(connection, tenant, address, limit))
    }

    fn log(&self, tenant: TenantId, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|connection| receipts::log(connection, tenant, after, limit))
    }

    fn email_bytes(&self, tenant: TenantId, email: EmailId) -> Result<Option<u64>, StoreError> {
        self.read(|connection| campaigns::email_bytes(connection, tenant, email))
    }

    fn has_email(&self, tenant: TenantId, email: EmailId) -> Result<bool, StoreError> {
        self.read(|connection| {
            if campaigns::has_email(connection, tenant, email)? {
                return Ok(true);
            }
            let sending = campaigns::sending(connection, (tenant, email), CampaignId(0), 1)?;
            Ok(!sending.is_empty())
        })
    }

    fn has_lane(&self, lane: &LaneName) -> Result<bool, StoreError> {
        self.read(|connection| {
            if queue::lane(connection, lane)?.is_some() {
                return Ok(true);
            }
            // What was parked as it came never was in the lane's queue.
            let within = Within::Lane(lane.clone());
            let parked = queue::waiting(connection, Waiting::Parked, &within, ChunkId(0), 1)?;
            Ok(!parked.is_empty())
        })
    }

    fn history(&self, delivery: DeliveryId, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|connection| log::of_delivery(connection, delivery, limit))
    }

    fn tenants(&self, after: TenantId, limit: usize) -> Result<Vec<Tenant>, StoreError> {
        let created = self.read(|connection| tenants::page(connection, after, limit))?;
        let standard = (after < TenantId::DEFAULT).then(Tenant::standard);
        Ok(standard.into_iter().chain(created).take(limit).collect())
    }

    fn answer(&self, key: &[u8; 32]) -> Result<Option<Answer>, StoreError> {
        self.read(|connection| answers::by_key(connection, key))
    }

    fn tenant_named(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        let standard = Tenant::standard();
        if name == standard.name {
            return Ok(Some(standard));
        }
        self.read(|connection| tenants::by_name(connection, name))
    }

    fn suspect_email(
        &self,
        tenant: TenantId,
        email: EmailId,
    ) -> Result<Option<SuspectEmail>, StoreError> {
        self.read(|connection| quarantine::suspect(connection, tenant, email))
    }

    fn quarantined_emails(
        &self,
        tenant: TenantId,
        after: Option<EmailId>,
        limit: usize,
    ) -> Result<Vec<SuspectEmail>, StoreError> {
        self.read(|connection| quarantine::emails(connection, tenant, after, limit))
    }

    fn quarantined_chunks(
        &self,
        tenant: TenantId,
        after: ChunkId,
        limit: usize,
    ) -> Result<Vec<QuarantinedChunk>, StoreError> {
        self.read(|connection| quarantine::chunks(connection, tenant, after, limit))
    }

    fn lanes(&self, limit: usize) -> Result<Vec<LaneShape>, StoreError> {
        self.read(|connection| queue::shapes(connection, limit))
    }
}
