//! What stands in place of an address that a person had erased.
//!
//! A receipt stays when its recipient is erased, because it proves what was done; only nobody can
//! tell any more to whom. In place of the address stands a MAC of it, made with the store's own
//! key, in the form of an address that no mail can go to (RFC 2606 §2 keeps `.invalid` free). So
//! whoever has the address and the key finds the receipts again, and nobody else does. An address
//! that was lost with a damaged chunk has such a stand-in too.

use crate::address::{Address, AddressKey};
use crate::id::TenantId;

/// The domain of all such addresses.
const DOMAIN: &str = "erased.invalid";

/// The domain of an address that is lost.
const UNREADABLE: &str = "unreadable.invalid";

/// Parts this use of the store's key from any other.
const CONTEXT: &[u8] = b"postrider erased address 1\0";

impl Address {
    /// What stands for `address` when it is erased: `<32 hex digits>@erased.invalid`, a keyed
    /// BLAKE3 over tenant and address key, 128 bits of it.
    pub fn erased(store_key: &[u8; 32], tenant: TenantId, address: &AddressKey) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(store_key);
        hasher.update(CONTEXT);
        hasher.update(&tenant.0.to_le_bytes());
        hasher.update(address.as_str().as_bytes());
        let hex = hasher.finalize().to_hex();
        Self::from_stored(format!("{}@{DOMAIN}", &hex[..32])).expect("it has an @")
    }

    /// What stands for an address that nobody can read any more, because its chunk is damaged.
    pub fn unknown() -> Self {
        Self::from_stored(format!("unknown@{UNREADABLE}")).expect("it has an @")
    }

    /// Whether this stands for an address that was erased; no mail goes there.
    pub fn is_erased(&self) -> bool {
        self.domain() == DOMAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erased(store_key: u8, tenant: u32, address: &str) -> Address {
        let address: Address = address.parse().unwrap();
        Address::erased(&[store_key; 32], TenantId(tenant), &address.key())
    }

    #[test]
    fn one_recipient_is_erased_to_one_address_however_it_is_written() {
        let once = erased(7, 1, "Ada@Example.test");
        assert_eq!(once, erased(7, 1, "ada@example.TEST"));
        assert!(once.is_erased());
        assert_eq!(once.as_str().parse(), Ok(once.clone()));
    }

    #[test]
    fn another_key_tenant_or_recipient_is_another_address() {
        let once = erased(7, 1, "ada@example.test");
        assert_ne!(once, erased(8, 1, "ada@example.test"));
        assert_ne!(once, erased(7, 2, "ada@example.test"));
        assert_ne!(once, erased(7, 1, "bob@example.test"));
    }

    #[test]
    fn an_ordinary_address_is_not_erased() {
        let ada: Address = "ada@example.test".parse().unwrap();
        assert!(!ada.is_erased());
    }
}
