//! The one place that asks for the time of day: the mock's log is written in it, and everything
//! that is measured here is laid beside that log.

/// Microseconds since the epoch, now.
pub(crate) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A moment as RFC 3339 in UTC, to the second.
pub(crate) fn shown(at_us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(at_us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Seconds from one moment to another; negative when it is the other way round.
pub(crate) fn seconds(from_us: i64, to_us: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "spans of a run are far below 2^53 microseconds"
    )]
    let span_us = (to_us - from_us) as f64;
    span_us / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc() {
        assert_eq!(shown(1_700_000_000_123_456), "2023-11-14T22:13:20Z");
        assert!((seconds(1_000_000, 3_500_000) - 2.5).abs() < 1e-9);
    }
}
