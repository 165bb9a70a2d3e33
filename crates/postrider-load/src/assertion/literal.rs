//! The value of an expression, in the unit in which figures are compared.
//!
//! Times become microseconds, sizes bytes, shares parts of 1, rates messages a second. A number
//! without a unit is in the unit of its key: `lateness.p99_us<=250000`, `seconds<=6`.

use super::keys::Measure;

/// What a figure is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// A number in the unit of comparison.
    Number(f64),
    /// A word as written.
    Word(String),
}

const TIMES: &[(&str, f64)] = &[
    ("us", 1.0),
    ("µs", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
    ("m", 60e6),
    ("h", 3_600e6),
];

const SIZES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

/// How many of these make one a second.
const RATES: &[(&str, f64)] = &[("/s", 1.0), ("/m", 60.0), ("/h", 3_600.0)];

/// How many of these make one.
const SHARES: &[(&str, f64)] = &[("%", 100.0)];

/// The value as the figure is measured; `None` when it is no value of that kind.
pub(super) fn read(text: &str, measure: Measure) -> Option<Literal> {
    if measure == Measure::Word {
        return Some(Literal::Word(text.trim_matches(['"', '\'']).to_owned()));
    }
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | '-')));
    let (number, unit) = text.split_at(unit_at.unwrap_or(text.len()));
    let number: f64 = number.replace('_', "").parse().ok()?;
    let units = match measure {
        Measure::Time { .. } => TIMES,
        Measure::Size => SIZES,
        Measure::Rate => RATES,
        Measure::Share => SHARES,
        Measure::Number | Measure::Word => &[],
    };
    let unit = unit.trim();
    if unit.is_empty() {
        return Some(Literal::Number(number * measure.scale()));
    }
    let size = units.iter().find(|(name, _)| *name == unit)?.1;
    let is_part = matches!(measure, Measure::Rate | Measure::Share);
    let number = if is_part {
        number / size
    } else {
        number * size
    };
    Some(Literal::Number(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, measure: Measure, expected: Option<f64>) {
        assert_eq!(read(text, measure), expected.map(Literal::Number), "{text}");
    }

    #[test]
    fn units_belong_to_what_is_measured() {
        let micros = Measure::Time { scale_us: 1.0 };
        check("250ms", micros, Some(250_000.0));
        check("1.5 s", micros, Some(1_500_000.0));
        check("7", micros, Some(7.0));
        check("7", Measure::Time { scale_us: 1e6 }, Some(7e6));
        check("128MiB", Measure::Size, Some(134_217_728.0));
        check("1_000", Measure::Number, Some(1_000.0));
        check("98%", Measure::Share, Some(0.98));
        check("60/m", Measure::Rate, Some(1.0));
        check("98%", Measure::Number, None);
        check("1MiB", micros, None);
        check("1Mib", Measure::Size, None);
        check("s", micros, None);
        check("1e3", Measure::Number, None);
        check("--1", Measure::Number, None);
    }
}
