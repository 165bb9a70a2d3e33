//! What a client may still send after it was told 421: what was under way, and QUIT.

/// Looks at what arrives after a 421.
#[derive(Debug)]
pub(super) struct After421 {
    /// What arrives later was sent when the 421 could have been read.
    known_at_us: i64,
    is_line_start: bool,
}

impl After421 {
    pub(super) fn new(known_at_us: i64) -> Self {
        Self {
            known_at_us,
            is_line_start: true,
        }
    }

    /// Whether there is a command among these bytes that cannot be excused. A line that began in
    /// time is excused to its end.
    pub(super) fn is_told_on(&mut self, bytes: &[u8], arrived_at_us: i64) -> bool {
        let whole = match (self.is_line_start, memchr::memchr(b'\n', bytes)) {
            (true, _) => bytes,
            (false, Some(end)) => &bytes[end + 1..],
            (false, None) => return false,
        };
        self.is_line_start = bytes
            .last()
            .map_or(self.is_line_start, |last| *last == b'\n');
        let mut lines = whole.split(|byte| *byte == b'\n');
        arrived_at_us > self.known_at_us && lines.any(|line| !is_quit(line))
    }
}

/// Whether it is QUIT, or may become it: nothing at all may, too.
fn is_quit(line: &[u8]) -> bool {
    let quit = b"QUIT\r".get(..line.len());
    quit.is_some_and(|quit| quit.eq_ignore_ascii_case(line))
}

/// Whether the last of these replies is a 421.
pub(super) fn ends_with_421(replies: &[u8]) -> bool {
    let last = replies.strip_suffix(b"\r\n").unwrap_or(replies);
    let start = memchr::memrchr(b'\n', last).map_or(0, |end| end + 1);
    last[start..].starts_with(b"421")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_after_the_421_could_be_read_is_told_on() {
        let is_told_on = |pieces: &[(&str, i64)]| {
            let mut after = After421::new(100);
            let mut pieces = pieces.iter();
            pieces.any(|(text, at_us)| after.is_told_on(text.as_bytes(), *at_us))
        };
        assert!(is_told_on(&[("MAIL FROM:<>\r\n", 101)]));
        assert!(is_told_on(&[
            ("RCPT TO:<a@b.c>\r\nDATA\r\n", 1),
            ("RSET\r\n", 101)
        ]));
        assert!(is_told_on(&[("quit\r\nMA", 101)]));
        assert!(
            !is_told_on(&[("MAIL FROM:<>\r\n", 100)]),
            "it was under way"
        );
        assert!(
            !is_told_on(&[("MAIL FR", 100), ("OM:<>\r\n", 101)]),
            "it began in time"
        );
        assert!(is_told_on(&[("MAIL FR", 100), ("OM:<>\r\nRSET\r\n", 101)]));
        assert!(!is_told_on(&[("quit\r\n", 101)]), "QUIT is always right");
        assert!(!is_told_on(&[("QU", 101), ("IT\r\n", 102)]));
        assert!(!is_told_on(&[("", 101)]));
    }

    #[test]
    fn the_last_reply_counts() {
        assert!(ends_with_421(b"250 2.1.0 Ok\r\n421 4.7.0 Bye\r\n"));
        assert!(ends_with_421(b"421-a\r\n421 b\r\n"));
        assert!(!ends_with_421(b"421 4.7.0 Bye\r\n250 Ok\r\n"));
        assert!(!ends_with_421(b""));
    }
}
