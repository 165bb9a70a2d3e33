//! Times and sizes as people write them: a whole number and a unit.

use std::time::Duration;

type Unit = (&'static str, u64);

/// In milliseconds.
const TIME: &[Unit] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// In bytes: decimal and binary, as in `10MB` and `64MiB`.
const BYTES: &[Unit] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads `250ms`, `30s`, `5m`, `48h` or `7d`.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    parse(text, "time", TIME).map(Duration::from_millis)
}

/// Reads `512B`, `10MB` or `64MiB`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    parse(text, "size", BYTES)
}

/// The shortest form that reads back to the same; below a millisecond nothing is shown.
pub(crate) fn show_time(time: Duration) -> String {
    show(
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        "0s",
        TIME,
    )
}

/// The shortest form that reads back to the same.
pub(crate) fn show_bytes(bytes: u64) -> String {
    show(bytes, "0B", BYTES)
}

fn parse(text: &str, what: &str, units: &[Unit]) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = (&text[..end], text[end..].trim_start());
    if digits.is_empty() {
        return Err(format!("{text:?} is not a {what}"));
    }
    if unit.is_empty() {
        return Err(format!("{text:?} has no unit"));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(format!("{text:?} has an unknown unit (known: {names})"));
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| format!("{text:?} is out of range"))
}

fn show(value: u64, zero: &str, units: &[Unit]) -> String {
    let exact = units
        .iter()
        .filter(|(_, factor)| value.is_multiple_of(*factor));
    let forms = exact.map(|(name, factor)| format!("{}{name}", value / factor));
    match value {
        0 => zero.to_owned(),
        _ => forms.min_by_key(String::len).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_it_is_written() {
        for text in ["0s", "250ms", "2s", "90s", "5m", "7d"] {
            assert_eq!(show_time(parse_time(text).unwrap()), text);
        }
        assert_eq!(parse_time("2 h"), Ok(Duration::from_secs(7_200)));
    }

    #[test]
    fn a_size_is_decimal_or_binary_as_it_is_written() {
        for text in ["0B", "999B", "1kB", "10MB", "64MiB", "3GiB"] {
            assert_eq!(show_bytes(parse_bytes(text).unwrap()), text);
        }
        assert_eq!(parse_bytes("10MB"), Ok(10_000_000));
        assert_eq!(parse_bytes("64MiB"), Ok(67_108_864));
    }

    #[test]
    fn a_number_without_a_unit_is_refused() {
        assert_eq!(parse_time("30").unwrap_err(), r#""30" has no unit"#);
        assert_eq!(parse_bytes("30").unwrap_err(), r#""30" has no unit"#);
    }

    #[test]
    fn what_is_no_number_with_a_known_unit_is_refused() {
        let wrong = |text: &str| parse_time(text).unwrap_err();
        assert_eq!(wrong(""), r#""" is not a time"#);
        assert_eq!(wrong("soon"), r#""soon" is not a time"#);
        assert_eq!(wrong("-1s"), r#""-1s" is not a time"#);
        assert!(wrong("1.5s").contains("unknown unit"));
        assert!(wrong("1w").contains("(known: ms, s, m, h, d)"));
        assert!(wrong("99999999999999999d").contains("out of range"));
        assert!(wrong("99999999999999999999999s").contains("out of range"));
    }
}
