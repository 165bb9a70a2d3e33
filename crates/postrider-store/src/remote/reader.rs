//! What a worker reads: bodies of emails, and how large they are. Everything else is for the service itself.

use bytes::Bytes;
use postrider_types::{
    AddressKey, Campaign, CampaignId, DeliveryState, EmailId, LogEntry, Receipt, RecipientId,
    TenantId,
};
use tokio::sync::{mpsc, oneshot};

use super::client::Outgoing;
use crate::error::StoreError;
use crate::read::{LaneShape, Reader};
use crate::rows::ChunkRow;

/// A reader over the socket. It blocks, as every reader does, so it must not be asked in a task.
pub(super) struct RemoteReader {
    calls: mpsc::Sender<Outgoing>,
    message_key: [u8; 32],
}

impl RemoteReader {
    pub(super) const fn new(calls: mpsc::Sender<Outgoing>, message_key: [u8; 32]) -> Self {
        Self { calls, message_key }
    }
}

impl Reader for RemoteReader {
    fn message_key(&self) -> [u8; 32] {
        self.message_key
    }

    fn email(&self, tenant: TenantId, email: EmailId) -> Result<Option<Bytes>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Outgoing::Email(tenant, email, answer);
        let called = self.calls.blocking_send(call);
        called.map_err(|_| StoreError::Closed)?;
        answered.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    fn email_bytes(&self, tenant: TenantId, email: EmailId) -> Result<Option<u64>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Outgoing::EmailBytes(tenant, email, answer);
        let called = self.calls.blocking_send(call);
        called.map_err(|_| StoreError::Closed)?;
        answered.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    fn campaign(&self, _: CampaignId) -> Result<Option<Campaign>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn campaign_named(&self, _: TenantId, _: &str) -> Result<Option<Campaign>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn campaigns(
        &self,
        _: TenantId,
        _: Option<CampaignId>,
        _: usize,
    ) -> Result<Vec<Campaign>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn receipts(
        &self,
        _: TenantId,
        _: CampaignId,
        _: RecipientId,
        _: Option<DeliveryState>,
        _: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn audience(
        &self,
        _: TenantId,
        _: CampaignId,
        _: RecipientId,
        _: usize,
    ) -> Result<Vec<ChunkRow>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn receipts_of(
        &self,
        _: TenantId,
        _: &AddressKey,
        _: usize,
    ) -> Result<Vec<Receipt>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn log(&self, _: TenantId, _: u64, _: usize) -> Result<Vec<LogEntry>, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn lanes(&self, _: usize) -> Result<Vec<LaneShape>, StoreError> {
        Err(StoreError::Elsewhere)
    }
}
