//! Patterns for codes and enhanced codes, as rules write them.

use std::ops::RangeInclusive;
use std::str::FromStr;

use memchr::memchr_iter;
use postrider_types::{EnhancedCode, Reply};

/// Reply codes: one (`550`), or all of a class (`5xx`). Only refusals have rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodePattern(RangeInclusive<u16>);

impl CodePattern {
    pub(super) fn matches(&self, code: u16) -> bool {
        self.0.contains(&code)
    }
}

impl FromStr for CodePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = match text {
            "4xx" => 400..=499,
            "5xx" => 500..=599,
            _ => match text.parse() {
                Ok(code @ 400..=599) if text.len() == 3 => code..=code,
                _ => {
                    return Err(format!(
                        "{text:?} is not a code of a refusal; expected one such as \"550\", \
                         \"4xx\" or \"5xx\""
                    ));
                }
            },
        };
        Ok(Self(range))
    }
}

/// Enhanced codes: `5.1.1`, any detail `5.7.*`, a range of them `5.7.606-649`, any class
/// `*.7.28`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnhancedPattern {
    class: RangeInclusive<u8>,
    subject: RangeInclusive<u16>,
    detail: RangeInclusive<u16>,
}

impl EnhancedPattern {
    pub(super) fn matches(&self, code: EnhancedCode) -> bool {
        self.class.contains(&code.class)
            && self.subject.contains(&code.subject)
            && self.detail.contains(&code.detail)
    }
}

impl FromStr for EnhancedPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = || {
            let mut parts = text.split('.');
            let class = match parts.next()? {
                "*" => 4..=5,
                "4" => 4..=4,
                "5" => 5..=5,
                _ => return None,
            };
            let subject = numbers(parts.next()?)?;
            let detail = numbers(parts.next()?)?;
            parts.next().is_none().then_some(Self {
                class,
                subject,
                detail,
            })
        };
        pattern().ok_or_else(|| {
            format!(
                "{text:?} is not a pattern for enhanced codes; expected one such as \"5.1.1\", \
                 \"5.7.*\", \"*.7.28\" or \"5.7.606-649\""
            )
        })
    }
}

/// `7`, `606-649` or `*`, up to three digits each.
fn numbers(text: &str) -> Option<RangeInclusive<u16>> {
    let number = |text: &str| {
        let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    };
    match text.split_once('-') {
        None if text == "*" => Some(0..=999),
        None => number(text).map(|one| one..=one),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            (first < last).then_some(first..=last)
        }
    }
}

/// The enhanced code that a reply means: its own; or the one that its text begins with, whose class
/// clashes with the basic code (Google documents `421 5.7.32`); or one that stands behind a `#`,
/// as qmail writes it.
pub(super) fn enhanced_of(reply: &Reply) -> Option<EnhancedCode> {
    let first = || reply.text.split(' ').next()?.parse().ok();
    let marked = || {
        let text = &reply.text;
        memchr_iter(b'#', text.as_bytes()).find_map(|at| {
            let rest = &text[at + 1..];
            let is_outside = |c: char| !c.is_ascii_digit() && c != '.';
            let end = rest.find(is_outside).unwrap_or(rest.len());
            rest[..end].trim_end_matches('.').parse().ok()
        })
    };
    reply.enhanced.or_else(first).or_else(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let pattern: EnhancedPattern = pattern.parse().unwrap();
        for (codes, expect) in [(matches, true), (others, false)] {
            for code in codes {
                assert_eq!(pattern.matches(code.parse().unwrap()), expect, "{code}");
            }
        }
    }

    #[test]
    fn an_enhanced_pattern_is_exact_open_or_a_range() {
        check("5.1.1", &["5.1.1"], &["4.1.1", "5.1.10", "5.2.1"]);
        check("5.7.*", &["5.7.0", "5.7.999"], &["4.7.0", "5.1.7"]);
        check("*.7.28", &["4.7.28", "5.7.28"], &["4.7.2"]);
        check(
            "5.7.606-649",
            &["5.7.606", "5.7.649"],
            &["5.7.605", "5.7.650"],
        );
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "", "5.1", "5.1.1.1", "2.1.1", "5.1.9-1", "5.1.1000", "5.1.", "5,1,1",
        ] {
            assert!(text.parse::<EnhancedPattern>().is_err(), "{text:?}");
        }
        for text in ["", "250", "6xx", "55", "5500", "5XX", "+55"] {
            assert!(text.parse::<CodePattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_enhanced_code_is_found_where_servers_put_it() {
        let check = |enhanced: Option<&str>, text: &str, expect: Option<&str>| {
            let enhanced = enhanced.map(|code| code.parse().unwrap());
            let found = enhanced_of(&Reply::new(550, enhanced, text));
            assert_eq!(
                found.map(|code| code.to_string()).as_deref(),
                expect,
                "{text}"
            );
        };
        check(Some("5.1.1"), "no (#5.7.1)", Some("5.1.1"));
        check(None, "5.7.32 blocked", Some("5.7.32"));
        check(None, "sorry, no mailbox (#5.1.1)", Some("5.1.1"));
        check(None, "sorry, no mailbox #5.1.1.", Some("5.1.1"));
        check(None, "ticket #12 for ü", None);
        check(None, "", None);
    }
}
