//! The first accepted message of each campaign, whole: what a recipient really gets.
//!
//! Kept for the control port. A campaign is asked for once a message, when its header is read, so
//! the answer must be cheap; the bytes of all other messages are gone as they are seen.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use crate::bounds::{SAMPLE_BYTES_MAX, SAMPLES_MAX};

/// The samples of all campaigns; messages without one are those of the campaign "".
#[derive(Debug, Default)]
pub(crate) struct Samples(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// A campaign without bytes had a message that found no room.
    samples: HashMap<String, Option<Bytes>>,
    bytes: usize,
}

impl Samples {
    /// Whether a message of this campaign would be kept.
    pub(crate) fn wants(&self, campaign: Option<&str>) -> bool {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.samples.len() < SAMPLES_MAX && !kept.samples.contains_key(campaign.unwrap_or_default())
    }

    /// An accepted message; the first of a campaign is kept if there is room.
    pub(crate) fn keep(&self, campaign: Option<&str>, message: Vec<u8>) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let campaign = campaign.unwrap_or_default();
        if kept.samples.len() >= SAMPLES_MAX || kept.samples.contains_key(campaign) {
            return;
        }
        let bytes = kept.bytes + message.len();
        let has_room = bytes <= SAMPLE_BYTES_MAX;
        if has_room {
            kept.bytes = bytes;
        }
        let message = has_room.then(|| Bytes::from(message));
        kept.samples.insert(campaign.to_owned(), message);
    }

    /// The sample of a campaign.
    pub(crate) fn of(&self, campaign: &str) -> Option<Bytes> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.samples.get(campaign).cloned().flatten()
    }

    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_a_campaign_is_kept_and_no_other() {
        let samples = Samples::default();
        assert!(samples.wants(Some("c1")));
        samples.keep(Some("c1"), b"first".to_vec());
        samples.keep(Some("c1"), b"second".to_vec());
        samples.keep(None, b"alone".to_vec());
        assert!(!samples.wants(Some("c1")) && samples.wants(Some("c2")));
        assert_eq!(samples.of("c1").unwrap(), "first");
        assert_eq!(samples.of("").unwrap(), "alone");
        samples.clear();
        assert_eq!(samples.of("c1"), None);
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_in_campaigns() {
        let samples = Samples::default();
        samples.keep(Some("big"), vec![0; SAMPLE_BYTES_MAX + 1]);
        assert_eq!(samples.of("big"), None);
        assert!(!samples.wants(Some("big")), "it is not asked for again");
        for number in 1..SAMPLES_MAX {
            samples.keep(Some(&number.to_string()), vec![0]);
        }
        assert!(!samples.wants(Some("one more")));
    }
}
