//! Replies out of a stream of octets: incremental, lenient in form, strict in bounds.
//!
//! Lenient: a line may end in a bare LF, text may be missing (`250`) and need not be UTF-8. Strict:
//! what does not begin with a code, continues with another code, or is larger than any honest
//! server's reply is not a reply, and the session is of no more use.
//!
//! A reply stays where it was received until the next one is asked for: most replies are worth no
//! more than their code, and cost no allocation.

use std::ops::Range;

use memchr::memchr;
use postrider_types::Reply;

use crate::full_reply::{self, FullReply};

/// Longest line of a reply in octets; RFC 5321 §4.5.3.1.5 says 512, servers say more.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// Most lines of one reply: several times the longest EHLO reply seen.
const LINES_MAX: usize = 128;

/// Most octets of one reply, and most that are kept unread.
const REPLY_BYTES_MAX: usize = 64 * 1024;

const _: () = assert!(LINE_BYTES_MAX < REPLY_BYTES_MAX);

/// Why what a server sent is not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line does not begin with a code from 200 to 599 and a blank or hyphen.
    #[error("a line does not begin with a reply code")]
    NoCode,
    /// The lines of one reply have different codes.
    #[error("the lines of a reply have different codes")]
    CodesDiffer,
    /// A line is longer than 4 KiB.
    #[error("a line is longer than {LINE_BYTES_MAX} octets")]
    LongLine,
    /// A reply has more than 128 lines.
    #[error("a reply has more than {LINES_MAX} lines")]
    ManyLines,
    /// A reply, or what came without being asked for, is larger than 64 KiB.
    #[error("a reply is larger than {REPLY_BYTES_MAX} octets")]
    Large,
}

/// Takes octets as they come and gives replies as they are complete.
#[derive(Debug, Default)]
pub(crate) struct ReplyParser {
    /// The reply last given out, and all that came after it.
    buffer: Vec<u8>,
    /// Where the reply last given out lies.
    given: Range<usize>,
    /// Up to where the lines after it have been looked at.
    scanned: usize,
    /// Code of those lines, or of the reply last given out when there are none.
    code: u16,
    /// How many lines of an incomplete reply have been looked at.
    lines: usize,
    /// Set once and for ever: after garbage nothing can be trusted.
    error: Option<ReplyError>,
}

impl ReplyParser {
    /// Takes octets from the stream.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.forget_given();
        if self.buffer.len() + bytes.len() > REPLY_BYTES_MAX {
            self.error.get_or_insert(ReplyError::Large);
            self.buffer.clear();
        } else if self.error.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether everything that came has been given out as replies.
    pub(crate) const fn is_empty(&self) -> bool {
        self.given.end == self.buffer.len() && self.error.is_none()
    }

    /// The code of the next complete reply, or `None` when more octets are needed.
    pub(crate) fn next_code(&mut self) -> Result<Option<u16>, ReplyError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let code = self.assemble();
        if let Err(error) = code {
            self.error = Some(error);
            self.buffer = Vec::new();
            self.given = 0..0;
        }
        code
    }

    /// The reply that [`next_code`](Self::next_code) gave last, as it is kept. It is gone when more
    /// octets come.
    pub(crate) fn condense(&self) -> Reply {
        let text = String::from_utf8_lossy(&self.buffer[self.given.clone()]);
        full_reply::condense(self.code, texts(&text))
    }

    /// The next complete reply with its lines apart, or `None` when more octets are needed.
    pub(crate) fn next_reply(&mut self) -> Result<Option<FullReply>, ReplyError> {
        let Some(code) = self.next_code()? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&self.buffer[self.given.clone()]);
        let lines = texts(&text).map(str::to_owned).collect();
        Ok(Some(FullReply { code, lines }))
    }

    fn forget_given(&mut self) {
        self.buffer.drain(..self.given.end);
        self.scanned = self.scanned.saturating_sub(self.given.end);
        self.given = 0..0;
    }

    fn assemble(&mut self) -> Result<Option<u16>, ReplyError> {
        let start = self.given.end;
        self.scanned = self.scanned.max(start);
        while let Some(end) = memchr(b'\n', &self.buffer[self.scanned..]) {
            let line = &self.buffer[self.scanned..self.scanned + end];
            let (code, is_last) = code_of(line.strip_suffix(b"\r").unwrap_or(line))?;
            if self.lines > 0 && code != self.code {
                return Err(ReplyError::CodesDiffer);
            }
            self.code = code;
            self.lines += 1;
            self.scanned += end + 1;
            if self.lines > LINES_MAX {
                return Err(ReplyError::ManyLines);
            }
            if is_last {
                self.lines = 0;
                self.given = start..self.scanned;
                return Ok(Some(code));
            }
        }
        if self.buffer.len() - self.scanned > LINE_BYTES_MAX {
            return Err(ReplyError::LongLine);
        }
        Ok(None)
    }
}

/// Code of a line, and whether it is the last of its reply.
fn code_of(line: &[u8]) -> Result<(u16, bool), ReplyError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(ReplyError::LongLine);
    }
    let &[
        hundreds @ b'2'..=b'5',
        tens @ b'0'..=b'9',
        ones @ b'0'..=b'9',
        ref rest @ ..,
    ] = line
    else {
        return Err(ReplyError::NoCode);
    };
    let code = [hundreds, tens, ones]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] | [b' ', ..] => Ok((code, true)),
        [b'-', ..] => Ok((code, false)),
        _ => Err(ReplyError::NoCode),
    }
}

/// The lines of a complete reply without code, separator and line end.
fn texts(reply: &str) -> impl Iterator<Item = &str> + Clone {
    let lines = reply.split_inclusive('\n');
    lines.map(|line| {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.get(4..).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All replies of these pieces, and the error that ended them.
    fn parse<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<FullReply>, Option<ReplyError>) {
        let mut parser = ReplyParser::default();
        let mut replies = Vec::new();
        for piece in pieces {
            parser.receive(piece);
            loop {
                match parser.next_reply() {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    fn check(bytes: &[u8], expect: &[&str]) {
        let (replies, error) = parse([bytes]);
        assert_eq!(error, None, "{bytes:?}");
        let shown: Vec<String> = replies.iter().map(|r| r.condense().to_string()).collect();
        assert_eq!(shown, expect, "{bytes:?}");
    }

    fn check_error(bytes: &[u8], expect: ReplyError) {
        assert_eq!(parse([bytes]).1, Some(expect), "{bytes:?}");
    }

    #[test]
    fn odd_but_legal_replies_are_read() {
        check(b"250 ok\r\n", &["250 ok"]);
        check(b"250\r\n", &["250"]);
        check(b"250 \r\n", &["250"]);
        check(b"250 ok\n", &["250 ok"]);
        check(b"250-a\r\n250-\r\n250 b\r\n", &["250 a b"]);
        check(b"250-a\r\n250\r\n", &["250 a"]);
        check(b"220 a\r\n250 b\r\n", &["220 a", "250 b"]);
        check(b"550 \xff\r\n", &["550 \u{fffd}"]);
        check(b"250 incomplete", &[]);
        check(b"250-goes on\r\n", &[]);
    }

    #[test]
    fn what_is_no_reply_is_an_error_for_ever() {
        for bytes in [
            &b"\r\n"[..],
            b"25 ok\r\n",
            b"2500 ok\r\n",
            b"250_ok\r\n",
            b"150 ok\r\n",
            b"600 ok\r\n",
            b" 250 ok\r\n",
            b"HTTP/1.1 400\r\n",
        ] {
            check_error(bytes, ReplyError::NoCode);
        }
        check_error(b"250-a\r\n550 b\r\n", ReplyError::CodesDiffer);
        let mut parser = ReplyParser::default();
        parser.receive(b"?\r\n");
        assert!(parser.next_reply().is_err());
        parser.receive(b"250 ok\r\n");
        assert_eq!(parser.next_reply(), Err(ReplyError::NoCode));
        assert!(!parser.is_empty());
    }

    #[test]
    fn a_reply_is_bounded_in_line_lines_and_size() {
        let long = "a".repeat(LINE_BYTES_MAX);
        check_error(format!("250 {long}").as_bytes(), ReplyError::LongLine);
        check_error(format!("250 {long}\r\n").as_bytes(), ReplyError::LongLine);
        check_error(
            "250-a\r\n".repeat(LINES_MAX + 1).as_bytes(),
            ReplyError::ManyLines,
        );
        let line = format!("250-{}\r\n", "a".repeat(4_000));
        let lines = vec![line.as_bytes(); 20];
        assert_eq!(parse(lines).1, Some(ReplyError::Large));
    }

    #[test]
    fn octets_that_nobody_reads_are_bounded() {
        let mut parser = ReplyParser::default();
        for _ in 0..1_000 {
            parser.receive(b"250 ok\r\n".repeat(100).as_slice());
        }
        assert!(parser.buffer.len() <= REPLY_BYTES_MAX);
        assert_eq!(parser.next_reply(), Err(ReplyError::Large));
    }

    proptest! {
        #[test]
        fn any_split_of_the_same_octets_gives_the_same_replies(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "(([2-5][0-9]{2}[ -][a-z0-9. ]{0,12}|250)\r?\n){0,12}".prop_map(String::into_bytes),
            ],
            cuts in prop::collection::vec(0_usize..200, 0..12),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(parse(pieces), parse([bytes.as_slice()]));
        }

        #[test]
        fn random_octets_never_panic_and_stay_bounded(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4_096), 0..24),
        ) {
            let mut parser = ReplyParser::default();
            for piece in &pieces {
                parser.receive(piece);
                while let Ok(Some(reply)) = parser.next_reply() {
                    prop_assert!((200..600).contains(&reply.code));
                }
                prop_assert!(parser.buffer.len() <= REPLY_BYTES_MAX);
                prop_assert!(parser.lines <= LINES_MAX);
            }
        }
    }
}
