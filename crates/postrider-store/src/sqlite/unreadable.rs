//! Campaigns whose rows cannot be read, as listings meet them.
//!
//! One damaged row must not take all others out of every list, so a listing leaves it out. It is
//! told here: once in the log, and as a number for as long as it stays so.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::bounds::UNREADABLE_NOTED_MAX;
use crate::error::StoreError;

/// Which they are.
#[derive(Default)]
pub(super) struct Unreadable(Mutex<BTreeSet<i64>>);

/// What a listing found under a number: a campaign, or that it cannot be read.
pub(super) type Found<T> = (i64, Result<T, StoreError>);

impl Unreadable {
    /// Keeps what can be read of a listing, and notes the rest.
    pub(super) fn sift<T>(&self, found: Vec<Found<T>>) -> Vec<T> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readable = Vec::with_capacity(found.len());
        for (campaign, row) in found {
            match row {
                Ok(row) => {
                    noted.remove(&campaign);
                    readable.push(row);
                }
                Err(error) => {
                    let has_room = noted.len() < UNREADABLE_NOTED_MAX;
                    if has_room && noted.insert(campaign) {
                        tracing::error!(
                            campaign,
                            %error,
                            "a campaign cannot be read, and is left out of every list"
                        );
                    }
                }
            }
        }
        readable
    }

    /// How many there are, of those that were met.
    pub(super) fn count(&self) -> usize {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn damaged() -> Result<u8, StoreError> {
        let what = "a state of 99".to_owned();
        Err(StoreError::Corrupt { what })
    }

    #[test]
    fn a_row_counts_while_it_cannot_be_read() {
        let unreadable = Unreadable::default();
        let check = |found, expect: &[u8], count| {
            assert_eq!(unreadable.sift(found), expect);
            assert_eq!(unreadable.count(), count);
        };
        check(vec![(3, Ok(3)), (2, damaged()), (1, damaged())], &[3], 2);
        check(vec![(2, damaged())], &[], 2);
        check(vec![(3, Ok(3)), (2, Ok(2))], &[3, 2], 1);
    }
}
