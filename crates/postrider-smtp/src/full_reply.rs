//! A reply as it came, line by line, and how it becomes the one that is kept.

use postrider_types::{EnhancedCode, Reply};

/// A reply with its lines apart, as EHLO needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FullReply {
    /// 200 to 599.
    pub(crate) code: u16,
    /// The lines without code, separator and line end; at least one.
    pub(crate) lines: Vec<String>,
}

impl FullReply {
    /// The reply as it is kept.
    pub(crate) fn condense(&self) -> Reply {
        condense(self.code, self.lines.iter().map(String::as_str))
    }
}

/// A reply of these lines as it is kept. An enhanced code counts only when its class agrees with
/// the code (RFC 2034 §4); one that does not stays in the text, for people.
pub(crate) fn condense<'a>(code: u16, lines: impl Iterator<Item = &'a str> + Clone) -> Reply {
    let first = lines.clone().next().and_then(enhanced);
    let enhanced_code = first.filter(|enhanced| u16::from(enhanced.class) == code / 100);
    let mut text = String::new();
    for line in lines {
        let part = match enhanced_code {
            // Servers repeat the enhanced code on every line.
            Some(_) if enhanced(line) == enhanced_code => {
                line.split_once(' ').map_or("", |(_, text)| text)
            }
            _ => line,
        };
        let part = part.trim();
        if !text.is_empty() && !part.is_empty() {
            text.push(' ');
        }
        text.push_str(part);
    }
    Reply::new(code, enhanced_code, &text)
}

/// The enhanced code that a line begins with.
fn enhanced(line: &str) -> Option<EnhancedCode> {
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, lines: &[&str], enhanced: Option<&str>, text: &str) {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let reply = FullReply { code, lines }.condense();
        let found = reply.enhanced.map(|code| code.to_string());
        assert_eq!((found.as_deref(), reply.text.as_str()), (enhanced, text));
    }

    #[test]
    fn an_enhanced_code_counts_when_its_class_agrees() {
        check(550, &["5.1.1 no such user"], Some("5.1.1"), "no such user");
        check(550, &["5.1.1"], Some("5.1.1"), "");
        check(421, &["5.7.32 no"], None, "5.7.32 no");
        check(550, &["no such user 5.1.1"], None, "no such user 5.1.1");
    }

    #[test]
    fn an_enhanced_code_is_told_once_however_often_it_is_repeated() {
        let lines = [
            "5.1.1 The email account",
            "5.1.1 does not",
            "5.1.1",
            "5.1.2 exist",
        ];
        check(
            550,
            &lines,
            Some("5.1.1"),
            "The email account does not 5.1.2 exist",
        );
    }

    #[test]
    fn lines_are_joined_without_their_empty_ones() {
        check(250, &["a ", "", " b"], None, "a b");
    }
}
