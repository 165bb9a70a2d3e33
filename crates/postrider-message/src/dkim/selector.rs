//! Selectors: names for the keys of a domain (RFC 6376 §3.1).

use std::fmt;
use std::str::FromStr;

use crate::bounds::SELECTOR_BYTES_MAX;

/// Longest label of a name in DNS in bytes (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// The name of a key within its domain, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(String);

/// A text that is not a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a selector: letters, digits and hyphens, such as s1 or 2026-11, in labels parted by dots"
)]
pub struct SelectorError;

impl Selector {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let is_label = |label: &str| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > SELECTOR_BYTES_MAX || !text.split('.').all(is_label) {
            return Err(SelectorError);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_name_in_dns() {
        let long = [format!("{}.x", "a".repeat(64)), "a.".repeat(64) + "a"];
        let bad = ["", "a b", "a;b=", "a\r\nb", "a..b", "-a", "b-", "a_b", "ä"];
        for bad in bad.into_iter().chain(long.iter().map(String::as_str)) {
            assert_eq!(bad.parse::<Selector>(), Err(SelectorError), "{bad:?}");
        }
        for (good, expect) in [
            ("s1", "s1"),
            ("20230601", "20230601"),
            ("S.2026-11", "s.2026-11"),
        ] {
            assert_eq!(good.parse::<Selector>().unwrap().as_str(), expect);
        }
    }
}
