//! `--assert EXPR`: one sentence about a figure of the run, checked when the run is over.
//!
//! An expression is a key of `run.json`, one of `==`, `!=`, `<=`, `>=`, `<` and `>`, and a value
//! with an optional unit: `duplicates==0`, `lateness.p99<=250ms`, `rss_bytes_max<128MiB`,
//! `utilisation>=98%`, `domains.big.test.utilisation>=0.98`, `verdict==pass`.
//!
//! Two things must not happen: that a slip of the pen passes, and that it is found only after an
//! hour of load. So the key and the unit are checked when the command line is read, against what
//! a run can have at all. **Invariant: what was not measured misses its assertion**, whatever the
//! comparison: nobody has shown that it holds.

mod expression;
mod keys;
mod literal;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::run::Run;
use expression::Operator;
use keys::{Key, Measure};
use literal::Literal;

/// What is expected of one figure of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    text: String,
    key: Key,
    operator: Operator,
    expected: Literal,
}

/// Why an expression is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// There is no comparison in it, or nothing on one side of it.
    #[error(
        "`{0}` is no expectation: write a key, a comparison and a value, such as duplicates==0 \
         or lateness.p99<=250ms; comparisons are ==, !=, <=, >=, < and >"
    )]
    Shape(String),
    /// No run has such a figure.
    #[error("a run has no `{key}`{}; there are: {known}", nearest_words(nearest.as_deref()))]
    Key {
        /// What was asked for.
        key: String,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// All keys, separated by commas.
        known: String,
    },
    /// The value is neither a number nor a number with a unit that is known.
    #[error("`{value}` is no value for `{key}`, which {takes}")]
    Value {
        /// The figure.
        key: String,
        /// What stands right of the comparison.
        value: String,
        /// What would do.
        takes: &'static str,
    },
    /// A word can be equal or not, but not more or less.
    #[error("`{0}` is a word, which can only be compared by == and !=")]
    Order(String),
}

fn nearest_words(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |key| format!(" (did you mean `{key}`?)"))
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, AssertionError> {
        let (path, operator, value) =
            expression::split(text).ok_or_else(|| AssertionError::Shape(text.to_owned()))?;
        let key = keys::find(path)?;
        if key.measure == Measure::Word && !operator.is_equality() {
            return Err(AssertionError::Order(key.path));
        }
        let expected = literal::read(value, key.measure).ok_or_else(|| AssertionError::Value {
            key: key.path.clone(),
            value: value.to_owned(),
            takes: key.measure.takes(),
        })?;
        Ok(Self {
            text: format!("{path} {} {value}", operator.sign()),
            key,
            operator,
            expected,
        })
    }
}

/// An expectation held against a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The expectation as it was written, such as `lateness.p99 <= 250ms`.
    pub expected: String,
    /// What the run has, such as `312 ms`, or `not measured`.
    pub actual: String,
    /// Whether the run is as expected.
    pub is_met: bool,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_met { "met" } else { "missed" };
        write!(
            f,
            "{word}: expected {}, found {}",
            self.expected, self.actual
        )
    }
}

/// Holds a run against every expectation, in their order.
pub fn check(run: &Run, assertions: &[Assertion]) -> Vec<Check> {
    let run = keys::tree(run);
    let checks = assertions.iter().map(|assertion| assertion.hold(&run));
    checks.collect()
}

impl Assertion {
    /// The expectation as it is shown, with single spaces around the comparison.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn hold(&self, run: &Value) -> Check {
        let found = self.key.find_in(run);
        let is_met = match (&found, &self.expected) {
            (Some(Value::Number(number)), Literal::Number(expected)) => {
                let actual = number.as_f64().map(|raw| raw * self.key.measure.scale());
                actual.is_some_and(|actual| self.operator.holds(actual.partial_cmp(expected)))
            }
            (Some(Value::String(word)), Literal::Word(expected)) => self
                .operator
                .holds(word.as_str().partial_cmp(expected.as_str())),
            _ => false,
        };
        Check {
            expected: self.text.clone(),
            actual: self.key.measure.shown(found.as_ref()),
            is_met,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::run::{Bottleneck, Percentiles, Verdict};
    use crate::sample;

    use super::*;

    fn run() -> Run {
        Run {
            lateness: Some(Percentiles {
                p99_us: 312_000,
                ..Percentiles::default()
            }),
            utilisation: Some(0.981),
            rss_bytes_max: 128 << 20,
            cpu_us_per_message: 41.0,
            bottleneck: Bottleneck::Limits,
            ..sample::run()
        }
    }

    fn holds(text: &str) -> bool {
        check(&run(), &[text.parse().unwrap()])[0].is_met
    }

    fn error(text: &str) -> String {
        text.parse::<Assertion>().unwrap_err().to_string()
    }

    #[test]
    fn every_comparison_holds_on_its_side_only() {
        let check = |operator: &str, less, same, more| {
            let found = [899, 900, 901].map(|value| holds(&format!("planned{operator}{value}")));
            assert_eq!(found, [less, same, more], "{operator}");
        };
        check("==", false, true, false);
        check("!=", true, false, true);
        check("<=", false, true, true);
        check(">=", true, true, false);
        check("<", false, false, true);
        check(">", true, false, false);
    }

    #[test]
    fn times_and_sizes_have_units() {
        assert!(holds("lateness.p99<=312ms"));
        assert!(!holds("lateness.p99<=250ms"));
        assert!(holds("lateness.p99 <= 0.312s"));
        assert!(holds("lateness.p99_us == 312000"));
        assert!(holds("rss_bytes_max<=128MiB"));
        assert!(!holds("rss_bytes_max<128MiB"));
        assert!(holds("rss_bytes_max < 135MB"));
        assert!(holds("cpu_us_per_message <= 41us"));
        assert!(holds("utilisation >= 98%"));
        assert!(holds("utilisation>=0.98"));
        assert!(holds("rate_achieved >= 149/s"));
        assert!(holds("rate_achieved < 9001/m"));
        assert!(holds("seconds <= 6s"));
        assert!(holds("seconds <= 6"));
    }

    #[test]
    fn words_are_equal_or_not() {
        assert!(holds("verdict==pass"));
        assert!(!holds("verdict != pass"));
        assert!(holds("bottleneck==limits"));
        assert!(error("verdict>=pass").contains("only be compared by == and !="));
    }

    #[test]
    fn domains_are_found_by_name() {
        assert!(holds("domains.limited.test.utilisation>=0.99"));
        assert!(holds("domains.limited.test.rate < 50/s"));
        assert!(!holds("domains.nobody.test.planned>=0"));
    }

    #[test]
    fn what_did_not_happen_is_counted_as_none() {
        assert!(holds("others.expired==1"));
        assert!(holds("others.failed==0"));
        assert!(holds("faults.command_after_421==0"));
    }

    #[test]
    fn what_was_not_measured_misses_whatever_is_asked() {
        let run = Run {
            lateness: None,
            utilisation: None,
            baseline: None,
            ..sample::run()
        };
        for text in [
            "lateness.p99<=1h",
            "lateness.p99>=0",
            "utilisation!=1",
            "baseline.ratio>0",
        ] {
            let found = check(&run, &[text.parse().unwrap()]);
            assert!(!found[0].is_met, "{text}");
            assert_eq!(found[0].actual, "not measured");
        }
    }

    #[test]
    fn a_missed_one_says_what_was_expected_and_what_was_found() {
        let found = check(&run(), &["lateness.p99<=250ms".parse().unwrap()]);
        assert_eq!(
            found[0].to_string(),
            "missed: expected lateness.p99 <= 250ms, found 312 ms"
        );
    }

    #[test]
    fn several_are_held_in_their_order() {
        let run = Run {
            verdict: Verdict::Fail,
            ..run()
        };
        let all = ["duplicates==0", "verdict==pass"].map(|text| text.parse().unwrap());
        let found: Vec<_> = check(&run, &all).iter().map(|check| check.is_met).collect();
        assert_eq!(found, [true, false]);
    }

    #[test]
    fn a_slip_of_the_pen_is_found_before_the_run() {
        let unknown = error("duplicate==0");
        assert!(
            unknown.contains("no `duplicate` (did you mean `duplicates`?)"),
            "{unknown}"
        );
        assert!(unknown.contains("lateness.p99_us"), "{unknown}");
        assert!(error("latness.p99<1s").contains("did you mean `lateness.p99`?"));
        assert!(error("domains.a.test.utilization>0").contains("domains.NAME.utilisation"));
        assert!(error("faults.command_after_42==0").contains("command_after_421"));
        assert!(error("duplicates").contains("is no expectation"));
        assert!(error("duplicates=0").contains("is no expectation"));
        assert!(error("==0").contains("is no expectation"));
        assert!(error("duplicates==").contains("is no expectation"));
        assert!(error("duplicates==0ms").contains("is no value for `duplicates`"));
        assert!(error("lateness.p99<=250MiB").contains("takes a time"));
        assert!(error("rss_bytes_max<=1s").contains("takes a size"));
        assert!(error("duplicates==none").contains("takes a number"));
        assert!(error("duplicates==nan").contains("takes a number"));
    }
}
