//! Everybody in doubt, as a person would list them: `receipt list --state in_doubt`.
//!
//! The export shows every receipt; this asks another way, by state and a page at a time. Whoever is
//! in doubt and in no such list would be found by nobody.

use postrider_types::{DeliveryState, RecipientId};

use crate::load::drive::{Driver, Made, insist};

/// How many deliveries in doubt the lists of all campaigns name.
pub(crate) async fn in_doubt(driver: &Driver<'_>, campaigns: &[Made]) -> anyhow::Result<u64> {
    let mut listed = 0;
    for campaign in campaigns {
        let mut from = None;
        loop {
            let state = Some(DeliveryState::InDoubt);
            let list = async || driver.client.receipts(campaign.id, state, from, None).await;
            let page = insist("listing who is in doubt", list).await?;
            listed += page.data.len() as u64;
            // A page grows by a recipient at least, so this ends with the audience.
            match page.data.last() {
                Some(last) if page.has_more => {
                    from = Some(RecipientId(last.recipient_id.0 + 1));
                }
                _ => break,
            }
        }
    }
    Ok(listed)
}

/// Why a list that is not complete fails the run.
pub(crate) fn reason(in_doubt: u64, listed: u64) -> Option<String> {
    (in_doubt != listed)
        .then(|| format!("{in_doubt} receipts are in doubt, and the lists by state name {listed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_in_doubt_and_not_listed_fails_the_run() {
        assert_eq!(reason(3, 3), None);
        assert!(reason(3, 2).unwrap().contains("name 2"));
    }
}
