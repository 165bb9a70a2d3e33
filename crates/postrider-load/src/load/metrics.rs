//! What a load reads in the service's metrics, which are text in the format of OpenMetrics.

/// The counter of the store's commits since the service's start.
const COMMITS: &str = "postrider_store_commits_total";

/// How many commits took up to a number of seconds, for each of some.
const COMMIT_SPANS: &str = "postrider_store_commit_seconds_bucket";

/// Deliveries of all campaigns, by state.
const DELIVERIES: &str = "postrider_deliveries";

/// How often each worker has ended without being told to, since the service's start.
const WORKER_DEATHS: &str = "postrider_worker_restarts_total";

/// Commits of the store, if the metrics say so.
pub(crate) fn commits(text: &str) -> Option<u64> {
    sum(text, COMMITS)
}

/// Deliveries in any state, if the metrics say so.
pub(crate) fn deliveries(text: &str) -> Option<u64> {
    sum(text, DELIVERIES)
}

/// How often any worker has died; none without workers.
pub(crate) fn worker_deaths(text: &str) -> Option<u64> {
    sum(text, WORKER_DEATHS)
}

/// The median of the spans of commits between two looks, in microseconds: known to its bucket, and
/// taken to be evenly spread in there. None when there was no commit between them.
pub(crate) fn commit_p50_us(before: &str, after: &str) -> Option<f64> {
    let (before, after) = (buckets(before), buckets(after));
    let since = |place: usize| {
        let (bound, count) = after[place];
        let earlier = before.get(place).map_or(0.0, |(_, count)| *count);
        (bound, count - earlier)
    };
    let half = since(after.len().checked_sub(1)?).1 / 2.0;
    let (mut low, mut below) = (0.0, 0.0);
    for place in 0..after.len() {
        let (bound, count) = since(place);
        if count >= half && count > below {
            let bound = if bound.is_finite() { bound } else { low };
            let within = (half - below) / (count - below);
            return Some((low + (bound - low) * within) * 1e6);
        }
        (low, below) = (bound, count);
    }
    None
}

/// Bounds of spans in seconds, and how many were no longer, in growing order.
fn buckets(text: &str) -> Vec<(f64, f64)> {
    let lines = values(text, COMMIT_SPANS);
    let bucket = |(labels, value): (&str, &str)| {
        let bound = labels.split_once("le=\"")?.1.split('"').next()?;
        let bound = match bound {
            "+Inf" => f64::INFINITY,
            bound => bound.parse().ok()?,
        };
        Some((bound, value.parse().ok()?))
    };
    lines.filter_map(bucket).collect()
}

/// The sum over all labels of a metric; none when it is not there.
fn sum(text: &str, name: &str) -> Option<u64> {
    let counts = values(text, name).map(|(_, value)| value.parse::<u64>().ok());
    let mut counts = counts.peekable();
    counts.peek()?;
    counts.sum()
}

/// Labels and value of each line of a metric.
fn values<'a>(text: &'a str, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let (labels, value) = rest.rsplit_once(' ')?;
        let is_it = labels.is_empty() || labels.starts_with('{');
        is_it.then_some((labels, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE postrider_store_commits counter\n\
                        postrider_store_commits_total 42\n\
                        postrider_deliveries{state=\"pending\"} 7\n\
                        postrider_deliveries{state=\"delivered\"} 5\n\
                        postrider_deliveries_more 99\nx 1\n";

    #[test]
    fn what_is_counted_is_found_among_other_metrics_and_summed_over_labels() {
        assert_eq!(commits(TEXT), Some(42));
        assert_eq!(deliveries(TEXT), Some(12));
        assert_eq!(worker_deaths(TEXT), None);
        assert_eq!(commits("x 1\n"), None);
    }

    #[test]
    fn the_median_of_commits_is_that_of_what_came_between_two_looks() {
        let text = |counts: [u64; 3]| {
            let bounds = ["0.001", "0.003", "+Inf"];
            let lines = bounds.iter().zip(counts);
            let lines =
                lines.map(|(bound, count)| format!("{COMMIT_SPANS}{{le=\"{bound}\"}} {count}\n"));
            lines.collect::<String>()
        };
        let check = |before, after, expect: Option<f64>| {
            let found = commit_p50_us(&text(before), &text(after));
            let is_near = match (found, expect) {
                (Some(found), Some(expect)) => (found - expect).abs() < 1.0,
                (found, expect) => found == expect,
            };
            assert!(is_near, "{before:?} {after:?}: {found:?}");
        };
        check([0, 0, 0], [4, 4, 4], Some(500.0));
        check([4, 4, 4], [4, 8, 8], Some(2_000.0));
        check([0, 0, 0], [1, 4, 4], Some(1_666.7));
        check([9, 9, 9], [9, 9, 9], None);
        check([0, 0, 0], [0, 0, 4], Some(3_000.0));
        assert_eq!(commit_p50_us("", ""), None);
    }
}
