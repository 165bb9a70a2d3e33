//! Limits of the load's own, which the mock does not know of: held against its log here.
//!
//! The bound is the judge's: rate × (window + jitter) + burst, counted at MAIL.

use std::time::Duration;

use postrider_mock_smtp::windows::most_in_window;

use crate::bounds::JITTER_MAX;
use crate::measure::records::Records;
use crate::plan::limits::{Limit, Limits, as_f64};

/// The windows in which MAIL commands are counted, seconds.
const WINDOWS: [u64; 3] = [1, 10, 60];

/// A sentence for each domain and window that got more than its limit allows.
pub(crate) fn sentences(records: &Records, limits: &Limits) -> Vec<String> {
    let mut sentences = Vec::new();
    for (domain, seen) in &records.domains {
        let Some(limit) = limits.of(domain) else {
            continue;
        };
        for seconds in WINDOWS {
            let most = most_in_window(&seen.mails_us, Duration::from_secs(seconds)) as u64;
            let bound = bound(limit, seconds);
            if as_f64(most) > bound {
                sentences.push(format!(
                    "{domain} got {most} MAIL commands in {seconds} s, more than the {bound:.0} \
                     that {} allows",
                    limit.rate
                ));
            }
        }
    }
    sentences.sort();
    sentences
}

/// Most MAIL commands in a window.
fn bound(limit: Limit, seconds: u64) -> f64 {
    let window = as_f64(seconds) + JITTER_MAX.as_secs_f64();
    limit.per_second * window + f64::from(limit.burst.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::records::Seen;

    /// `count` messages, one every `gap_us`.
    fn records(count: i64, gap_us: i64) -> Records {
        let seen = Seen {
            mails_us: (0..count).map(|number| number * gap_us).collect(),
            ..Seen::default()
        };
        Records {
            domains: [("a.test".to_owned(), seen)].into(),
            ..Records::default()
        }
    }

    #[test]
    fn an_even_pace_exceeds_nothing_and_a_faster_one_is_named() {
        let limits = Limits::same("50/s").unwrap();
        assert_eq!(sentences(&records(1_000, 20_000), &limits), [""; 0]);
        let said = sentences(&records(1_000, 18_000), &limits);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[0].starts_with("a.test got 556 MAIL commands in 10 s"),
            "{said:?}"
        );
        assert_eq!(
            sentences(&records(1_000, 18_000), &Limits::default()),
            [""; 0]
        );
    }
}
