//! Numbers as people read them, in the terminal and on the page.
//!
//! Three digits are enough to tell figures apart; what is counted is shown whole.

/// What stands where there is no figure.
pub(crate) const NOT_MEASURED: &str = "not measured";

/// A count with a comma between thousands.
pub(crate) fn count(number: u64) -> String {
    group(&number.to_string())
}

/// A count and its noun: `1 domain`, `2 domains`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A number: whole ones as counts, others with at most about three digits.
pub(crate) fn number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return signed(number, 0);
    }
    let decimals = match number.abs() {
        size if size >= 100.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    trimmed(&signed(number, decimals)).to_owned()
}

/// A rate a second: `998.7/s`, `120,412/s`.
pub(crate) fn rate(per_second: f64) -> String {
    let decimals = match per_second.abs() {
        size if size >= 10_000.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{}/s", trimmed(&signed(per_second, decimals)))
}

/// A share of 1 in percent: `98.6%`.
pub(crate) fn share(of_one: f64) -> String {
    let percent = of_one * 100.0;
    if percent.fract() == 0.0 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}

/// A time in microseconds, in the unit that suits it: `412 µs`, `9.81 ms`, `1.92 s`, `8m 20s`.
pub(crate) fn time(us: f64) -> String {
    let seconds = us / 1e6;
    match us {
        us if us < 999.5 => format!("{} µs", digits(us)),
        us if us < 999_500.0 => format!("{} ms", digits(us / 1e3)),
        us if us < 99_950_000.0 => format!("{} s", digits(seconds)),
        _ => long_time(seconds),
    }
}

/// A size in bytes, in the unit that suits it: `212 B`, `96.0 MiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (bytes, 0);
    while size.abs() >= 999.5 && unit + 1 < units.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{} {}", digits(size), units[unit])
}

/// A ratio: `1.268`.
pub(crate) fn ratio(ratio: f64) -> String {
    format!("{ratio:.3}")
}

/// What is there as `show` shows it, or that it was not measured.
pub(crate) fn measured<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NOT_MEASURED.to_owned(), show)
}

/// Three digits, and none behind a whole number.
fn digits(number: f64) -> String {
    if number.fract() == 0.0 {
        return signed(number, 0);
    }
    let decimals = match number.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    signed(number, decimals)
}

fn long_time(seconds: f64) -> String {
    let whole = std::time::Duration::from_secs_f64(seconds.clamp(0.0, 1e15).round()).as_secs();
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}h {minutes:02}m {seconds:02}s")
    } else {
        format!("{minutes}m {seconds:02}s")
    }
}

fn signed(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}{fraction}", group(whole))
}

/// Without zeros behind the point, and without a point that nothing is behind.
fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn group(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_and_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(-1_234.5), "-1,234.5");
        assert_eq!(number(0.0312), "0.031");
        assert_eq!(number(0.5), "0.5");
    }

    #[test]
    fn times_choose_their_unit() {
        let check = |us, text| assert_eq!(time(us), text);
        check(0.0, "0 µs");
        check(41.2, "41.2 µs");
        check(999.4, "999 µs");
        check(1_100.0, "1.10 ms");
        check(312_000.0, "312 ms");
        check(999_600.0, "1.00 s");
        check(1_920_000.0, "1.92 s");
        check(99_000_000.0, "99 s");
        check(500_000_000.0, "8m 20s");
        check(3_725_000_000.0, "1h 02m 05s");
    }

    #[test]
    fn sizes_choose_their_unit() {
        let check = |size, text| assert_eq!(bytes(size), text);
        check(0.0, "0 B");
        check(212.0, "212 B");
        check(1_000.0, "0.98 KiB");
        check(134_217_728.0, "128 MiB");
        check(100_000_000.0, "95.4 MiB");
    }

    #[test]
    fn rates_and_shares_have_few_digits() {
        assert_eq!(rate(998.7), "998.7/s");
        assert_eq!(rate(50.0), "50/s");
        assert_eq!(rate(2.5), "2.5/s");
        assert_eq!(rate(120_411.7), "120,412/s");
        assert_eq!(rate(1_000.0), "1,000/s");
        assert_eq!(rate(0.0), "0/s");
        assert_eq!(share(0.986), "98.6%");
        assert_eq!(share(1.0), "100%");
    }
}
