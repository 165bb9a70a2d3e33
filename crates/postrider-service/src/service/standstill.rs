//! A service that sends itself, and does not get done with a message.
//!
//! Workers are watched by their supervisors; a service has nobody but itself. So it looks at its
//! own notes, and ends like one that has panicked: the next start tries what was in hand.

use std::path::PathBuf;
use std::time::Duration;

use postrider_pipeline::{Clock as _, Postrider, SystemClock, in_hand};

use crate::stillness::Stillness;
use crate::trial;

/// A service that is watched by itself.
pub(super) struct Watched {
    /// Where its notes are.
    pub(super) data_dir: PathBuf,
    /// How long a lease lasts.
    pub(super) lease_time: Duration,
}

impl Watched {
    /// Waits until it stands still, and says why.
    pub(super) async fn stands_still(&self, postrider: &Postrider, clock: SystemClock) -> String {
        let path = trial::service_file(&self.data_dir);
        let mut answered_at = clock.now();
        let mut stillness = Stillness::new(self.lease_time, answered_at);
        let every = stillness.look_every();
        loop {
            tokio::time::sleep(every).await;
            let answering = postrider.is_answering();
            if tokio::time::timeout(every, answering).await.is_ok() {
                answered_at = clock.now();
            }
            let found = in_hand::read(&path);
            if let Some(why) = stillness.look(answered_at, found, clock.now()) {
                return format!("the service stands still ({why})");
            }
        }
    }
}
