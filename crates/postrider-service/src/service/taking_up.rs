//! Where the processes of the last life ended, this one begins.
//!
//! Their notes are read first, and whoever may have killed one of them is tried. The notes of this
//! life lie beside theirs until the leases are ended with what came of that: a start that dies in
//! between is a start that was never made.

use std::path::Path;

use postrider_pipeline::{Postrider, Settings, SystemClock};
use postrider_store::{Store, StoreError};

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
    let suspects = trial::of_last_life(trials, &store, data_dir).await;
    if settings.is_sending {
        let connections = settings.routes.connections_max();
        settings.in_hand = trial::service_begins(data_dir, connections);
    }
    let postrider = Postrider::start_after(store, settings, clock, suspects).await?;
    trial::last_life_is_over(data_dir);
    Ok(postrider)
}
