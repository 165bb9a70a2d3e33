//! What was measured over time.

use serde::{Deserialize, Serialize};

/// What was measured over time; second 0 begins with the run's first MAIL.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Series {
    /// Accepts in each second by domain, busiest first, at most
    /// [`SERIES_DOMAINS_MAX`](crate::bounds::SERIES_DOMAINS_MAX); the rest is the last, `other`.
    pub domains: Vec<DomainSeries>,
    /// Memory, about once a second, from before the intake (negative seconds) to the end.
    pub memory: Vec<MemoryPoint>,
    /// When the service was killed, seconds.
    pub kills: Vec<f64>,
    /// When the service was stopped for a while, seconds.
    pub pauses: Vec<f64>,
    /// When the service took work again after a kill of itself, seconds.
    #[serde(default)]
    pub starts: Vec<f64>,
    /// When it was heard that a worker had died which nobody had killed, seconds.
    #[serde(default)]
    pub deaths: Vec<f64>,
    /// Lateness as the quantiles of its histogram, for a plot; empty without limits.
    pub lateness: Vec<Quantile>,
}

/// Accepts of one domain over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainSeries {
    /// Its name, or `other`.
    pub name: String,
    /// Its limit, messages a second; null without one.
    pub rate_limit: Option<f64>,
    /// Accepts in second 0, 1, 2…; a domain that ended early has fewer.
    pub accepted: Vec<u64>,
}

/// Memory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MemoryPoint {
    /// Seconds from the run's first MAIL.
    pub second: f64,
    /// Resident memory of the service; 0 while it was down.
    pub service_bytes: u64,
    /// Resident memory of the mock.
    pub mock_bytes: u64,
}

/// One point of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The share of all values that are no larger, from 0 to 1.
    pub quantile: f64,
    /// The value, microseconds.
    pub us: u64,
}
