//! Which host names belong to a provider.

use std::fmt;
use std::str::FromStr;

/// A suffix of host names, such as `google.com`: it matches that name and all below it, at label
/// borders only, so `notgoogle.com` is another's. A label `*` stands for any one label
/// (`email-smtp.*.amazonaws.com`). Case, a dot in front and a dot at the end do not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a suffix of host names such as google.com: two labels or more, the last two without *"
)]
pub struct PatternError;

impl Pattern {
    /// Whether `host` is this name or below it.
    pub fn matches(&self, host: &str) -> bool {
        let mut labels = host.trim_end_matches('.').rsplit('.');
        self.0.rsplit('.').all(|expected| {
            labels
                .next()
                .is_some_and(|label| expected == "*" || label.eq_ignore_ascii_case(expected))
        })
    }

    /// How many labels it has; of two patterns that match, the one with more is meant.
    pub fn labels(&self) -> usize {
        self.0.split('.').count()
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_plain = |label: &str| {
            let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty() && label.bytes().all(is_inner)
        };
        let mut labels = name.rsplit('.');
        let has_plain_end = labels.by_ref().take(2).filter(|l| is_plain(l)).count() == 2;
        if has_plain_end && labels.all(|label| label == "*" || is_plain(label)) {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(PatternError)
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, host: &str, expect: bool) {
        let parsed: Pattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(host), expect, "{pattern} {host}");
    }

    #[test]
    fn a_suffix_matches_at_the_borders_of_labels() {
        check("google.com", "gmail-smtp-in.l.google.com", true);
        check("google.com", "google.com", true);
        check("google.com", "notgoogle.com", false);
        check("google.com", "google.com.example.test", false);
        check("google.com", "com", false);
    }

    #[test]
    fn neither_case_nor_dots_at_the_ends_count() {
        check(".Google.com", "ASPMX.L.GOOGLE.COM", true);
        check(
            "barracudanetworks.com.",
            "d1.ess.barracudanetworks.com",
            true,
        );
        check("google.com", "aspmx.l.google.com.", true);
    }

    #[test]
    fn a_star_is_one_label() {
        let pattern = "email-smtp.*.amazonaws.com";
        check(pattern, "email-smtp.eu-west-1.amazonaws.com", true);
        check(pattern, "email-smtp.amazonaws.com", false);
        check(pattern, "inbound-smtp.eu-west-1.amazonaws.com", false);
    }

    #[test]
    fn what_would_match_half_of_the_internet_is_refused() {
        for text in [
            "",
            ".",
            "com",
            "*.com",
            "a.*",
            "a..com",
            "goo gle.com",
            "a.com..",
        ] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError), "{text:?}");
        }
    }
}
