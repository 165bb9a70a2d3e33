//! What is counted of workers, by their numbers, of which there are at most 16.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Labels, register, set, set_counter};
use crate::workers::Workers;

/// The metrics of the workers.
pub(super) struct WorkerMetrics {
    up: Gauge,
    restarts: Family<Labels<1>, Counter>,
    progress_age: Family<Labels<1>, Gauge>,
    answer_age: Family<Labels<1>, Gauge>,
    resident: Family<Labels<1>, Gauge>,
}

impl WorkerMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            up: register(r, "workers", "Worker processes that live"),
            restarts: register(
                r,
                "worker_restarts",
                "How often a worker has ended without being told to",
            ),
            progress_age: register(
                r,
                "worker_progress_age_seconds",
                "Since a worker last claimed, began, recorded or ended anything",
            ),
            answer_age: register(
                r,
                "worker_answer_age_seconds",
                "Since a worker last answered the service",
            ),
            resident: register(r, "worker_resident_bytes", "Resident memory of a worker"),
        }
    }

    pub(super) fn look_at(&self, workers: &Workers) {
        let presences = workers.presences();
        let up = presences.iter().filter(|one| one.pid.is_some()).count();
        set(&self.up, up as u64);
        for (number, presence) in presences.iter().enumerate() {
            let labels = [("worker", number.to_string())];
            set_counter(&self.restarts.get_or_create(&labels), presence.restarts);
            let age = presence.progress_at.map(|at| workers.age(at).as_secs());
            set(&self.progress_age.get_or_create(&labels), age.unwrap_or(0));
            let age = presence.answered_at.map(|at| workers.age(at).as_secs());
            set(&self.answer_age.get_or_create(&labels), age.unwrap_or(0));
            let resident = presence.resident_bytes();
            set(&self.resident.get_or_create(&labels), resident);
        }
    }
}
