//! Where the processes of the last life ended, this one begins.
//!
//! Their notes are read first, and whoever may have killed one of them is tried. The notes of this
//! life lie beside theirs until the leases are ended with what came of that: a start that dies in
//! between is a start that was never made.

use std::path::Path;

use postrider_pipeline::{Postrider, Settings, SystemClock};
use postrider_store::{Store, StoreError};
use postrider_types::WorkerId;
use rand::RngExt;

use crate::trial::{self, Trials};

/// Starts a pipeline after whatever lived in `data_dir` before, which this process owns; `trials`
/// are missing where nobody is to be tried.
pub(super) async fn start(
    store: Store,
    mut settings: Settings,
    clock: SystemClock,
    data_dir: &Path,
    trials: Option<&Trials>,
) -> Result<Postrider, StoreError> {
    let lives = trial::of_last_life(trials, &store, data_dir).await;
    if settings.is_sending {
        let connections = settings.routes.connections_max();
        let worker = WorkerId(rand::rng().random());
        settings.in_hand = trial::service_begins(data_dir, worker, connections);
    }
    let postrider = Postrider::start_after(store, settings, clock, lives).await?;
    trial::last_life_is_over(data_dir);
    Ok(postrider)
}
