//! Figures that are worked out of several facts, before they are written down.

use std::collections::HashSet;

use super::Facts;
use crate::load::clock::seconds;
use crate::load::proc::Usage;
use crate::measure::bottleneck::Load;
use crate::measure::records::Records;
use crate::plan::Plan;
use crate::plan::limits::as_f64;

/// What is worked out before it is written down.
pub(super) struct Figures {
    pub(super) start_us: i64,
    pub(super) rate: f64,
    pub(super) idle: f64,
    pub(super) accepted: f64,
    pub(super) round_trips: Option<f64>,
    pub(super) service_cpus: f64,
    pub(super) mock_cpus: f64,
    pub(super) machine_cpus: f64,
    pub(super) commits: Option<f64>,
    pub(super) intake_rate: f64,
}

impl Figures {
    /// Works them out.
    pub(super) fn of(facts: &Facts<'_>, records: &Records) -> Self {
        let start_us = records.first_mail_us.unwrap_or(facts.started_at_us);
        let sent_for = seconds(start_us, records.last_accept_us.unwrap_or(start_us));
        let accepted = as_f64(records.accepted.max(1));
        let busy = |usage: Usage| share(as_f64(usage.cpu_us) / 1e6, facts.seconds).unwrap_or(0.0);
        let intake = &facts.intake;
        Self {
            start_us,
            rate: share(as_f64(records.accepted), sent_for).unwrap_or(0.0),
            idle: idle(records, facts.seconds),
            accepted,
            round_trips: share(as_f64(records.turns), as_f64(records.messages)),
            service_cpus: busy(facts.sending.0),
            mock_cpus: busy(facts.sending.1),
            machine_cpus: facts.machine_cpus,
            commits: facts.commits.map(|commits| as_f64(commits) / accepted),
            intake_rate: share(as_f64(intake.recipients), intake.took.as_secs_f64()).unwrap_or(0.0),
        }
    }

    /// What the bottleneck is judged by.
    pub(super) fn load(&self, plan: &Plan, utilisation: Option<f64>, cores: usize) -> Load {
        Load {
            utilisation,
            cores,
            service_cpus: self.service_cpus,
            mock_cpus: self.mock_cpus,
            machine_cpus: self.machine_cpus,
            connections: plan.connections_max(),
            rtt: plan.options.rtt.as_secs_f64(),
            round_trips: self.round_trips.unwrap_or(0.0),
            rate: self.rate,
            idle: self.idle,
        }
    }
}

/// The share of the time of sending in whose seconds nothing was accepted.
fn idle(records: &Records, seconds: f64) -> f64 {
    let busy = records
        .domains
        .values()
        .flat_map(|seen| seen.accepted_in.keys());
    let busy: HashSet<_> = busy.collect();
    (1.0 - share(as_f64(busy.len() as u64), seconds).unwrap_or(1.0)).max(0.0)
}

/// A part of a whole; none of nothing.
pub(super) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_nothing_is_not_a_number() {
        assert_eq!(share(1.0, 0.0), None);
        assert_eq!(share(1.0, 4.0), Some(0.25));
    }
}
