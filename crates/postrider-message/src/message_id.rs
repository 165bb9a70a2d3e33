//! Message-IDs that say which delivery they are, to us alone.
//!
//! `<mac@domain of From>`, where mac is a keyed BLAKE3 (a MAC like HMAC-SHA-256, and faster) over
//! campaign and address key, 160 bits in base32. So it is the same at every attempt, survives a
//! re-import of the audience, differs for each recipient and campaign, and nobody without the
//! key can tell an address from it. The alphabet is lower case, because some servers fold case.

use std::fmt;

use encodify::base32;
use postrider_types::{AddressKey, CampaignId};

/// Parts this use of the key from any other.
const CONTEXT: &[u8] = b"postrider message-id 1\0";

/// Bytes of the MAC that are written: 32 characters in base32.
const MAC_BYTES: usize = 20;

/// The secret behind Message-IDs; kept in the store.
#[derive(Clone)]
pub struct MessageKey(pub [u8; 32]);

impl fmt::Debug for MessageKey {
    /// Nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageKey(..)")
    }
}

/// A Message-ID with its angle brackets (RFC 5322 §3.6.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// The Message-ID of a delivery; `domain` is the domain of the From address.
    pub fn of(key: &MessageKey, campaign: CampaignId, address: &AddressKey, domain: &str) -> Self {
        debug_assert!(
            domain.bytes().all(|b| b.is_ascii_graphic()),
            "the domain is in A-labels"
        );
        let mut hasher = blake3::Hasher::new_keyed(&key.0);
        hasher.update(CONTEXT);
        hasher.update(&campaign.0.to_le_bytes());
        hasher.update(address.as_str().as_bytes());
        let mac = hasher.finalize();
        let mut left = base32::STANDARD_NO_PAD.encode(&mac.as_bytes()[..MAC_BYTES]);
        left.make_ascii_lowercase();
        Self(format!("<{left}@{domain}>"))
    }

    /// The Message-ID with its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_types::Address;

    fn id(campaign: u32, address: &str) -> MessageId {
        let address: Address = address.parse().unwrap();
        MessageId::of(
            &MessageKey([7; 32]),
            CampaignId(campaign),
            &address.key(),
            "example.test",
        )
    }

    #[test]
    fn a_message_id_is_the_same_for_the_same_recipient_however_it_was_spelled() {
        assert_eq!(id(1, "ada@example.test"), id(1, "Ada@Example.TEST"));
    }

    #[test]
    fn a_message_id_differs_for_each_recipient_campaign_and_key() {
        let ada = id(1, "ada@example.test");
        assert_ne!(ada, id(1, "eve@example.test"));
        assert_ne!(ada, id(2, "ada@example.test"));
        let address: Address = "ada@example.test".parse().unwrap();
        let other = MessageKey([8; 32]);
        let foreign = MessageId::of(&other, CampaignId(1), &address.key(), "example.test");
        assert_ne!(ada, foreign);
    }

    #[test]
    fn a_message_id_stays_what_it_was_in_earlier_versions() {
        assert_eq!(
            id(7, "ada@example.test").as_str(),
            "<irszslesjdpxp3iehoxrrtmpr7hhy336@example.test>"
        );
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", MessageKey([7; 32])), "MessageKey(..)");
    }
}
