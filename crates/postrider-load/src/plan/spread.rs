//! How recipients are spread over domains: as it is written, as a profile says it, and why every
//! domain is one that nobody can have (RFC 2606), so that no mistake mails a person.

use postrider_mock_smtp::Profile;

use crate::bounds::SPREAD_DOMAINS_MAX;
use crate::plan::options::OptionsError;

/// The ends of the domains that belong to nobody (RFC 2606).
const RESERVED: [&str; 3] = ["test", "example", "invalid"];

/// How recipients are spread over domains.
#[derive(Debug, Clone, PartialEq)]
pub enum Spread {
    /// `d1.test` to `dN.test`, the k-th with a share of 1/k.
    Zipf(usize),
    /// These domains, each with its weight above 0.
    Weighted(Vec<(String, f64)>),
    /// A domain for each recipient.
    OneEach,
}

impl Spread {
    /// Reads `zipf(200)`, `one-each`, or a list such as `a.test=40,b.test=3`.
    ///
    /// # Errors
    /// [`OptionsError::Domains`] when it is none of these, or a domain could belong to somebody.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let text = text.trim();
        if text == "one-each" {
            return Ok(Self::OneEach);
        }
        if let Some(number) = text.strip_prefix("zipf(") {
            let number = number.strip_suffix(')').and_then(|n| n.trim().parse().ok());
            return match number {
                Some(number) if (1..=SPREAD_DOMAINS_MAX).contains(&number) => {
                    Ok(Self::Zipf(number))
                }
                _ => Err(OptionsError::Domains(text.to_owned())),
            };
        }
        let mut weights = Vec::new();
        for entry in text.split([',', '\n']).map(str::trim) {
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let (domain, weight) = entry.split_once('=').unwrap_or((entry, "1"));
            let weight = weight.trim().parse().unwrap_or(0.0);
            weights.push((domain.trim().to_ascii_lowercase(), weight));
        }
        Self::weighted(weights)
    }

    /// How a profile says that its audience is spread, if it says so.
    ///
    /// # Errors
    /// As [`Spread::weighted`].
    pub fn of_profile(profile: &Profile) -> Result<Option<Self>, OptionsError> {
        let weights: Vec<_> = profile
            .audience
            .iter()
            .map(|(name, weight)| (name.clone(), f64::from(*weight)))
            .collect();
        if weights.is_empty() {
            return Ok(None);
        }
        Self::weighted(weights).map(Some)
    }

    /// These domains with these weights.
    ///
    /// # Errors
    /// [`OptionsError`] when there is none, a weight is not above 0, or a domain could belong to
    /// somebody.
    pub fn weighted(weights: Vec<(String, f64)>) -> Result<Self, OptionsError> {
        if weights.is_empty() || weights.len() > SPREAD_DOMAINS_MAX {
            return Err(OptionsError::Domains(format!("{} domains", weights.len())));
        }
        for (domain, weight) in &weights {
            if !is_reserved(domain) {
                return Err(OptionsError::Unsafe(domain.clone()));
            }
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(OptionsError::Domains(format!("{domain}={weight}")));
            }
        }
        Ok(Self::Weighted(weights))
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Zipf(number) => write!(f, "zipf({number})"),
            Self::OneEach => f.write_str("one-each"),
            Self::Weighted(weights) => {
                for (place, (domain, weight)) in weights.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{domain}={weight}")?;
                }
                Ok(())
            }
        }
    }
}

/// Whether nobody can have this domain: it ends in `.test`, `.example` or `.invalid`, and is made
/// of letters, digits, dots and hyphens.
fn is_reserved(domain: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let mut labels = domain.rsplit('.');
    labels.next().is_some_and(|top| RESERVED.contains(&top))
        && domain.contains('.')
        && domain.len() <= 190
        && labels.all(|label| !label.is_empty() && label.chars().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_somebody_could_have_is_refused() {
        for text in ["gmail.com=4", "test", "a.test.com", "a..test", "a@b.test"] {
            let refused = Spread::parse(text);
            assert!(matches!(refused, Err(OptionsError::Unsafe(_))), "{text}");
        }
        for text in ["zipf(0)", "zipf(x)", "zipf(3", "a.test=-1", "a.test=x", ""] {
            let refused = Spread::parse(text);
            assert!(matches!(refused, Err(OptionsError::Domains(_))), "{text}");
        }
    }

    #[test]
    fn a_spread_is_read_as_it_is_written() {
        for text in ["zipf(200)", "one-each", "a.test=40,b.test=2.5"] {
            assert_eq!(Spread::parse(text).unwrap().to_string(), text);
        }
    }
}
