//! What a load reads in the service's metrics.

/// The counter of the store's commits since the service's start.
const COMMITS: &str = "postrider_store_commits_total ";

/// Commits of the store, if the metrics say so.
pub(crate) fn commits(text: Option<String>) -> Option<u64> {
    let text = text?;
    let value = text.lines().find_map(|line| line.strip_prefix(COMMITS))?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_found_among_other_metrics() {
        let text =
            "# TYPE postrider_store_commits counter\npostrider_store_commits_total 42\nx 1\n";
        assert_eq!(commits(Some(text.to_owned())), Some(42));
        assert_eq!(commits(Some("x 1\n".to_owned())), None);
        assert_eq!(commits(None), None);
    }
}
