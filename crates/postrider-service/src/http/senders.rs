//! The Message-IDs of receipts: they end in the domain of the email's sender, which is in the
//! email, which may be large. So the domain is remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postrider_message::{MessageId, MessageKey, codec};
use postrider_store::{Reader, StoreError};
use postrider_types::{Address, Campaign, CampaignId, EmailId, TenantId};

use crate::bounds::SENDERS_MAX;

/// The domain of the sender of each email that was asked for lately.
#[derive(Clone, Default)]
pub(super) struct Senders(Arc<Mutex<HashMap<EmailId, Arc<str>>>>);

/// Makes the Message-IDs of one campaign.
pub(super) struct MessageIds {
    key: MessageKey,
    campaign: CampaignId,
    /// `None` when the email cannot be read.
    domain: Option<Arc<str>>,
}

impl MessageIds {
    /// The Message-ID of a recipient's message. `None` when the email cannot be read, and when the
    /// recipient was erased: it is made of the address, which nobody knows any more.
    pub(super) fn of(&self, address: &Address) -> Option<String> {
        if address.is_erased() {
            return None;
        }
        let domain = self.domain.as_deref()?;
        let id = MessageId::of(&self.key, self.campaign, &address.key(), domain);
        Some(id.to_string())
    }
}

impl Senders {
    /// The Message-IDs of a campaign. Reads its email at the first time, so it may block.
    pub(super) fn message_ids(
        &self,
        reader: &dyn Reader,
        campaign: &Campaign,
    ) -> Result<MessageIds, StoreError> {
        let domain = match self.known(campaign.email) {
            Some(domain) => Some(domain),
            None => self.learn(reader, campaign.tenant, campaign.email)?,
        };
        Ok(MessageIds {
            key: MessageKey(reader.message_key()),
            campaign: campaign.id,
            domain,
        })
    }

    fn known(&self, email: EmailId) -> Option<Arc<str>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&email).cloned()
    }

    fn learn(
        &self,
        reader: &dyn Reader,
        tenant: TenantId,
        id: EmailId,
    ) -> Result<Option<Arc<str>>, StoreError> {
        let Some(content) = reader.email(tenant, id)? else {
            return Ok(None);
        };
        let email = match codec::decode(&content) {
            Ok(email) => email,
            Err(error) => {
                tracing::error!(email_id = %id, %error, "a stored email cannot be read");
                return Ok(None);
            }
        };
        let domain: Arc<str> = email.from.address.domain().into();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SENDERS_MAX {
            // Learning them again costs one read each.
            known.clear();
        }
        known.insert(id, Arc::clone(&domain));
        Ok(Some(domain))
    }
}
