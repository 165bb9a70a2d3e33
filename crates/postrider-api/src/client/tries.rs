//! When a request is sent again, under the same idempotency key.
//!
//! A connection that is lost before the answer leaves open whether the request was done, and so
//! does a wait that was given up. Under its key it is done once however often it is sent, and
//! answered as the first time. While the first one is still running the service says so, and then
//! the answer is worth waiting for. Where nothing answers at all, nothing was asked: that is for
//! the caller to know at once.

use std::time::Duration;

use rand::RngExt;

use crate::error::ApiError;
use crate::problem::Code;

/// How often a request is sent whose connection is lost or whose answer does not come.
const LOST_MAX: u32 = 3;

/// How long after a loss it is sent again.
const LOST_WAIT: Duration = Duration::from_millis(200);

/// How often it is asked for while the first one is still running: for a minute.
const RUNNING_MAX: u32 = 240;

/// How long between two of those.
const RUNNING_WAIT: Duration = Duration::from_millis(250);

/// A key for one request: 128 bits by chance.
pub(super) fn new_key() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

/// What became of the tries so far.
#[derive(Debug, Default)]
pub(super) struct Tries {
    lost: u32,
    running: u32,
}

impl Tries {
    /// How long to wait before the next try; `None` when this was the last.
    pub(super) fn wait_after(&mut self, error: &ApiError) -> Option<Duration> {
        match error {
            ApiError::Unreachable { source, .. } if !source.is_connect() => {
                self.lost += 1;
                (self.lost < LOST_MAX).then_some(LOST_WAIT)
            }
            ApiError::Refused(problem) if problem.code == Code::IdempotencyRunning.name() => {
                self.running += 1;
                (self.running < RUNNING_MAX).then_some(RUNNING_WAIT)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    fn refused(code: Code) -> ApiError {
        ApiError::Refused(Box::new(Problem::new(code, "because")))
    }

    #[test]
    fn what_is_still_running_is_asked_for_within_a_bound() {
        let mut tries = Tries::default();
        let running = refused(Code::IdempotencyRunning);
        for _ in 1..RUNNING_MAX {
            assert_eq!(tries.wait_after(&running), Some(RUNNING_WAIT));
        }
        assert_eq!(tries.wait_after(&running), None);
    }

    #[test]
    fn any_other_refusal_is_final() {
        for code in [Code::NameTaken, Code::StoreUnavailable, Code::Internal] {
            assert_eq!(Tries::default().wait_after(&refused(code)), None, "{code}");
        }
    }

    #[test]
    fn no_two_requests_have_one_key() {
        let (one, other) = (new_key(), new_key());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
