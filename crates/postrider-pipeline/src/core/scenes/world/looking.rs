//! What is seen of a world: its campaign, its receipts, and whether they are honest.

use std::collections::HashMap;

use postrider_types::{
    Campaign, CampaignState, DeliveryState, Receipt, RecipientId, Tally, TenantId,
};

use super::World;

impl World {
    pub(in crate::core::scenes) fn campaign(&self) -> Campaign {
        self.reader.campaign(self.campaign).unwrap().unwrap()
    }

    pub(in crate::core::scenes) fn tally(&self) -> Tally {
        self.campaign().tally
    }

    pub(in crate::core::scenes) fn state(&self) -> CampaignState {
        self.campaign().state
    }

    pub(in crate::core::scenes) fn receipt(&self, recipient: u32) -> Receipt {
        let page = self.reader.receipts(
            TenantId::DEFAULT,
            self.campaign,
            RecipientId(recipient),
            None,
            1,
        );
        page.unwrap().remove(0)
    }

    /// How often this address got the campaign.
    pub(in crate::core::scenes) fn copies(&self, address: &str) -> usize {
        self.accepted.iter().filter(|(_, to)| to == address).count()
    }

    /// Nobody got it twice, and whoever is `delivered` got it.
    pub(in crate::core::scenes) fn check_honest(&self) {
        let mut copies: HashMap<&str, usize> = HashMap::new();
        for (_, address) in &self.accepted {
            *copies.entry(address).or_default() += 1;
        }
        assert!(
            copies.values().all(|copies| *copies == 1),
            "somebody got it twice: {copies:?}"
        );
        let all = self.reader.receipts(
            TenantId::DEFAULT,
            self.campaign,
            RecipientId(0),
            None,
            5_000,
        );
        for receipt in all.unwrap() {
            let got_it = copies.contains_key(receipt.address.as_str());
            match receipt.state {
                DeliveryState::Delivered => assert!(got_it, "{receipt:?} is false"),
                DeliveryState::InDoubt | DeliveryState::Attempting => {}
                _ => assert!(!got_it, "{receipt:?} got it"),
            }
        }
    }
}
