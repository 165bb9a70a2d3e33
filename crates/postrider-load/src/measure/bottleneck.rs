//! What a run was limited by: a judgement over what was measured, without I/O.
//!
//! The first that holds speaks. Limits come first, because a run that used up its limits was as
//! fast as it may be, however busy the machine was. Processors come before connections, because
//! waiting connections explain nothing on a machine that is full. A run in most seconds of which
//! nothing was accepted waited for its last few: for retries, or replies that did not come. What is
//! left is the store: the only other thing that a message waits for.

use crate::run::Bottleneck;

/// From which share of what they allow limits are what limited.
const LIMITS_FROM: f64 = 0.95;
/// From which share of all processors they are full.
const CPUS_FROM: f64 = 0.85;
/// From which share of what the connections could carry they are full.
const CONNECTIONS_FROM: f64 = 0.75;
/// From which share of its time without any accept a run has only waited.
const IDLE_FROM: f64 = 0.5;

/// What was measured, for the judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// MAIL commands as a share of what the limits let through; none without limits.
    pub(crate) utilisation: Option<f64>,
    /// Processors that the machine has.
    pub(crate) cores: usize,
    /// Processors that the service kept busy.
    pub(crate) service_cpus: f64,
    /// Processors that the mock kept busy.
    pub(crate) mock_cpus: f64,
    /// Processors that anybody kept busy, these two included.
    pub(crate) machine_cpus: f64,
    /// Most connections at once, over all doors.
    pub(crate) connections: u32,
    /// Added round-trip time, seconds.
    pub(crate) rtt: f64,
    /// Round trips a message.
    pub(crate) round_trips: f64,
    /// Messages a second.
    pub(crate) rate: f64,
    /// The share of its time in which nothing was accepted.
    pub(crate) idle: f64,
}

/// What it was limited by.
pub(crate) fn of(load: &Load) -> Bottleneck {
    if load.utilisation.is_some_and(|share| share >= LIMITS_FROM) {
        return Bottleneck::Limits;
    }
    if load.idle >= IDLE_FROM {
        return Bottleneck::Waits;
    }
    #[expect(clippy::cast_precision_loss, reason = "processors are few")]
    let cpus = load.cores.max(1) as f64;
    let own = load.service_cpus + load.mock_cpus;
    if own.max(load.machine_cpus) >= CPUS_FROM * cpus {
        // The kernel and the load itself are among the others.
        let others = load.machine_cpus - own;
        return if others > own {
            Bottleneck::OtherCpu
        } else if load.service_cpus >= load.mock_cpus {
            Bottleneck::ServiceCpu
        } else {
            Bottleneck::MockCpu
        };
    }
    let waited = load.rtt * load.round_trips;
    if waited > 0.0 && load.rate >= CONNECTIONS_FROM * f64::from(load.connections) / waited {
        return Bottleneck::Connections;
    }
    Bottleneck::Store
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processors, half idle; nothing is full.
    const IDLE: Load = Load {
        utilisation: None,
        cores: 2,
        service_cpus: 0.6,
        mock_cpus: 0.3,
        machine_cpus: 1.0,
        connections: 20,
        rtt: 0.0,
        round_trips: 2.0,
        rate: 500.0,
        idle: 0.0,
    };

    #[test]
    fn limits_that_are_used_up_come_first() {
        let full = Load {
            utilisation: Some(0.99),
            service_cpus: 1.9,
            ..IDLE
        };
        assert_eq!(of(&full), Bottleneck::Limits);
        let slow = Load {
            utilisation: Some(0.7),
            ..full
        };
        assert_eq!(of(&slow), Bottleneck::ServiceCpu);
    }

    #[test]
    fn full_processors_are_named_after_who_fills_them() {
        let full = Load {
            service_cpus: 0.7,
            mock_cpus: 1.2,
            ..IDLE
        };
        assert_eq!(of(&full), Bottleneck::MockCpu);
        // Part of the work is done by the kernel, for nobody in particular.
        let machine_cpus = 1.9;
        let full = Load {
            machine_cpus,
            ..IDLE
        };
        assert_eq!(of(&full), Bottleneck::OtherCpu);
        let service_cpus = 1.0;
        let full = Load {
            service_cpus,
            ..full
        };
        assert_eq!(of(&full), Bottleneck::ServiceCpu);
    }

    #[test]
    fn connections_that_wait_for_the_wire_are_full() {
        // 20 connections, two round trips of 20 ms each: 500 a second at most.
        let far = Load { rtt: 0.020, ..IDLE };
        assert_eq!(of(&far), Bottleneck::Connections);
        let rate = 100.0;
        assert_eq!(of(&Load { rate, ..far }), Bottleneck::Store);
    }

    #[test]
    fn a_run_that_waited_for_its_last_few_says_so() {
        assert_eq!(of(&Load { idle: 0.9, ..IDLE }), Bottleneck::Waits);
    }

    #[test]
    fn what_is_left_is_the_store() {
        assert_eq!(of(&IDLE), Bottleneck::Store);
    }
}
