//! A suspect is rendered while nothing else is.
//!
//! Whoever had several messages in hand when it died says little of each of them. So a recipient
//! of a solo lane is rendered alone: everybody else who renders or prepares waits for that moment.
//! A death at that moment is the suspect's own.
//!
//! Rendering and preparing are CPU only and never wait, so this is a lock of threads and not of
//! tasks. Whoever waits for it has nothing noted as in hand.

use std::sync::{PoisonError, RwLock};

/// Lets work be done beside other work, or alone.
#[derive(Debug, Default)]
pub(crate) struct Solo(RwLock<()>);

impl Solo {
    /// Does work while nobody is alone; with `is_alone`, while nobody does anything else.
    pub(crate) fn with<T>(&self, is_alone: bool, work: impl FnOnce() -> T) -> T {
        // There is nothing under the lock that a panic could leave half done.
        if is_alone {
            let _alone = self.0.write().unwrap_or_else(PoisonError::into_inner);
            work()
        } else {
            let _beside = self.0.read().unwrap_or_else(PoisonError::into_inner);
            work()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_alone_has_nothing_beside_it() {
        let solo = Solo::default();
        solo.with(true, || assert!(solo.0.try_read().is_err()));
        solo.with(false, || {
            assert!(solo.0.try_read().is_ok());
            assert!(solo.0.try_write().is_err());
        });
        assert!(solo.0.try_write().is_ok());
    }
}
