//! The parser of command lines: a line without its CR LF in, a command or a refusal out.
//!
//! Strict where RFC 5321 is: no space after the colon of MAIL FROM and RCPT TO, angle brackets are
//! needed, addresses have their limits. It shares nothing with the client that it examines.

use crate::bounds::{DOMAIN_BYTES_MAX, LOCAL_PART_BYTES_MAX};
use crate::reply::{self, Reply};

/// A command that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Helo,
    Ehlo,
    Mail {
        /// The reverse path; empty for bounces.
        sender: String,
        parameters: MailParameters,
    },
    Rcpt {
        recipient: Address,
    },
    Data,
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// What a client declares about a message before it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MailParameters {
    /// `SIZE=`, in bytes.
    pub(crate) size: Option<u64>,
    /// Whether `BODY=` was given.
    pub(crate) has_body: bool,
}

/// A recipient's address: local part as written, domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) text: String,
    at: usize,
}

impl Address {
    pub(crate) fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// Empty for the bare `<postmaster>`.
    pub(crate) fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

/// Reads one line; the refusal is the reply to send.
pub(crate) fn parse(line: &[u8]) -> Result<Command, Reply> {
    let line = str::from_utf8(line).map_err(|_| reply::UNKNOWN)?;
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    let is = |known: &str| verb.eq_ignore_ascii_case(known);
    if is("MAIL") {
        mail(argument)
    } else if is("RCPT") {
        rcpt(argument)
    } else if is("DATA") {
        alone(argument, Command::Data)
    } else if is("EHLO") {
        with_argument(argument, Command::Ehlo)
    } else if is("HELO") {
        with_argument(argument, Command::Helo)
    } else if is("RSET") {
        alone(argument, Command::Rset)
    } else if is("QUIT") {
        alone(argument, Command::Quit)
    } else if is("NOOP") {
        Ok(Command::Noop)
    } else if is("VRFY") {
        with_argument(argument, Command::Vrfy)
    } else {
        Err(reply::UNKNOWN)
    }
}

fn alone(argument: &str, command: Command) -> Result<Command, Reply> {
    if argument.trim_ascii().is_empty() {
        Ok(command)
    } else {
        Err(reply::BAD_ARGUMENT)
    }
}

fn with_argument(argument: &str, command: Command) -> Result<Command, Reply> {
    if argument.trim_ascii().is_empty() {
        Err(reply::BAD_ARGUMENT)
    } else {
        Ok(command)
    }
}

fn mail(argument: &str) -> Result<Command, Reply> {
    let (path, rest) = path(argument, "FROM:").ok_or(reply::BAD_SENDER)?;
    let sender = match path {
        "" => String::new(),
        path => address(path, reply::BAD_SENDER)?.text,
    };
    let mut parameters = MailParameters::default();
    for parameter in rest.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if name.eq_ignore_ascii_case("SIZE") {
            parameters.size = Some(value.parse().map_err(|_| reply::BAD_ARGUMENT)?);
        } else if name.eq_ignore_ascii_case("BODY") && is_body_type(value) {
            parameters.has_body = true;
        } else {
            return Err(reply::BAD_PARAMETER);
        }
    }
    Ok(Command::Mail { sender, parameters })
}

fn is_body_type(value: &str) -> bool {
    value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME")
}

fn rcpt(argument: &str) -> Result<Command, Reply> {
    let (path, rest) = path(argument, "TO:").ok_or(reply::BAD_RECIPIENT)?;
    if path.eq_ignore_ascii_case("postmaster") {
        let recipient = Address {
            text: path.to_owned(),
            at: path.len(),
        };
        return Ok(Command::Rcpt { recipient });
    }
    let recipient = address(path, reply::BAD_RECIPIENT)?;
    match rest.trim_ascii() {
        "" => Ok(Command::Rcpt { recipient }),
        _ => Err(reply::BAD_PARAMETER),
    }
}

/// What is between the angle brackets, and what follows them.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (given, rest) = argument.split_at_checked(keyword.len())?;
    let rest = rest
        .strip_prefix('<')
        .filter(|_| given.eq_ignore_ascii_case(keyword))?;
    let end = closing_bracket(rest)?;
    let (path, rest) = (&rest[..end], &rest[end + 1..]);
    (rest.is_empty() || rest.starts_with(' ')).then_some((path, rest))
}

/// Where the path ends: the first `>` outside a quoted local part.
fn closing_bracket(text: &str) -> Option<usize> {
    if !text.contains('"') {
        return text.find('>');
    }
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Checks an address; a source route before it is dropped (RFC 5321 §4.1.1.3).
fn address(path: &str, bad: Reply) -> Result<Address, Reply> {
    let route_end = path.starts_with('@').then(|| path.find(':')).flatten();
    let path = route_end.map_or(path, |end| &path[end + 1..]);
    if !path.is_ascii() {
        return Err(reply::NOT_ASCII);
    }
    let Some(at) = path.rfind('@') else {
        return Err(bad);
    };
    let (local_part, domain) = (&path[..at], &path[at + 1..]);
    if !is_local_part(local_part) || !is_domain(domain) {
        return Err(bad);
    }
    let mut text = path.to_owned();
    text[at..].make_ascii_lowercase();
    Ok(Address { text, at })
}

fn is_local_part(text: &str) -> bool {
    let is_quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
    let is_atom_text = |byte: u8| byte.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(&byte);
    let is_well_formed = if is_quoted {
        text.bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    } else {
        text.bytes().all(is_atom_text) && text.split('.').all(|atom| !atom.is_empty())
    };
    is_well_formed && text.len() <= LOCAL_PART_BYTES_MAX
}

fn is_domain(text: &str) -> bool {
    if text.len() > DOMAIN_BYTES_MAX {
        return false;
    }
    if let Some(literal) = text.strip_prefix('[') {
        let is_literal = |byte: u8| byte.is_ascii_alphanumeric() || b".:-".contains(&byte);
        return literal
            .strip_suffix(']')
            .is_some_and(|inner| inner.bytes().all(is_literal));
    }
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(is_letter)
    };
    text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(line: &str) -> Option<(String, String)> {
        match parse(line.as_bytes()) {
            Ok(Command::Rcpt { recipient: to }) => {
                Some((to.local_part().to_owned(), to.domain().to_owned()))
            }
            _ => None,
        }
    }

    #[test]
    fn verbs_are_known_in_any_case() {
        for (line, command) in [
            ("ehlo me", Command::Ehlo),
            ("HELO me", Command::Helo),
            ("Data", Command::Data),
            ("RSET", Command::Rset),
            ("noop what ever", Command::Noop),
            ("VRFY ada", Command::Vrfy),
            ("quit", Command::Quit),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(command));
        }
        for line in [
            "", "EHLO", "HELO ", "DATA now", "RSET x", "QUIT x", "VRFY", "EXPN a", "BDAT 3",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line:?} must be refused");
        }
    }

    #[test]
    fn a_recipient_is_a_local_part_and_a_lower_case_domain() {
        let check = |line: &str, local_part: &str, domain: &str| {
            assert_eq!(
                recipient(line),
                Some((local_part.to_owned(), domain.to_owned()))
            );
        };
        check("RCPT TO:<Ada@Fast.TEST>", "Ada", "fast.test");
        check("rcpt to:<a.b+c@d-e.test> ", "a.b+c", "d-e.test");
        check(r#"RCPT TO:<"a > b"@x.test>"#, r#""a > b""#, "x.test");
        check("RCPT TO:<@relay.test,@r2.test:ada@x.test>", "ada", "x.test");
        check("RCPT TO:<ada@[127.0.0.1]>", "ada", "[127.0.0.1]");
        check("RCPT TO:<Postmaster>", "Postmaster", "");
    }

    #[test]
    fn addresses_out_of_shape_are_refused() {
        let long = format!("{}@x.test", "a".repeat(65));
        for path in [
            "ada",
            "@x.test",
            "ada@",
            "a b@x.test",
            "a..b@x.test",
            "a@-x.test",
            "a@x..test",
            &long,
        ] {
            assert_eq!(recipient(&format!("RCPT TO:<{path}>")), None, "{path:?}");
        }
        for line in [
            "RCPT TO: <a@b.c>",
            "RCPT TO:a@b.c",
            "RCPT TO:<a@b.c",
            "RCPT <a@b.c>",
            "RCPT TO:<a@b.c>x",
        ] {
            assert_eq!(recipient(line), None, "{line:?}");
        }
        assert_eq!(
            parse("RCPT TO:<jürgen@x.test>".as_bytes()),
            Err(reply::NOT_ASCII)
        );
        assert_eq!(
            parse(b"RCPT TO:<a@b.c> NOTIFY=NEVER"),
            Err(reply::BAD_PARAMETER)
        );
    }

    #[test]
    fn mail_declares_size_and_body() {
        let parameters = MailParameters {
            size: Some(2048),
            has_body: true,
        };
        assert_eq!(
            parse(b"MAIL FROM:<news@Example.test> SIZE=2048 body=8bitmime"),
            Ok(Command::Mail {
                sender: "news@example.test".to_owned(),
                parameters
            })
        );
        assert_eq!(
            parse(b"MAIL FROM:<>"),
            Ok(Command::Mail {
                sender: String::new(),
                parameters: MailParameters::default()
            })
        );
        assert_eq!(parse(b"MAIL FROM:<> SIZE=big"), Err(reply::BAD_ARGUMENT));
        assert_eq!(
            parse(b"MAIL FROM:<> BODY=BINARYMIME"),
            Err(reply::BAD_PARAMETER)
        );
        assert_eq!(parse(b"MAIL FROM:<> SMTPUTF8"), Err(reply::BAD_PARAMETER));
    }
}
