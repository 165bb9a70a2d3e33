//! The parser of command lines: a line without its CR LF in, a command or a refusal out.
//!
//! Strict where RFC 5321 is: no space after the colon of MAIL FROM and RCPT TO, angle brackets are
//! needed, addresses have their limits. It shares nothing with the client that it examines.
//! Whether a parameter was offered is for the dialogue to know; here it is only read.

mod address;
mod parameters;

pub(crate) use address::Address;
pub(crate) use parameters::{MailParameters, RcptParameters};

use crate::bounds::{
    AUTH_LINE_BYTES_MAX, COMMAND_BYTES_MAX, MAIL_COMMAND_BYTES_MAX, RCPT_COMMAND_BYTES_MAX,
};
use crate::dialogue::reply::{self, Reply};

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
        parameters: RcptParameters,
    },
    Data,
    Bdat(Chunk),
    StartTls,
    Auth {
        /// As written: any name, known or not.
        mechanism: String,
        /// The initial response, still encoded.
        initial: Option<String>,
    },
    Rset,
    Noop,
    Vrfy,
    Expn,
    Help,
    Quit,
}

/// One piece of a message, whose octets follow the command (RFC 3030 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) octets: u64,
    pub(crate) is_last: bool,
}

impl Command {
    /// Whether a client must read its reply before it sends on: everything but MAIL, RCPT, RSET
    /// and BDAT must be the last of a group (RFC 2920 §3.1); after QUIT there is nothing.
    pub(crate) fn is_last_of_group(&self) -> bool {
        !matches!(
            self,
            Self::Mail { .. }
                | Self::Rcpt { .. }
                | Self::Rset
                | Self::Bdat(_)
                | Self::Help
                | Self::Quit
        )
    }
}

/// Bytes that a line with this beginning may have, its CR LF included.
pub(crate) fn line_bytes_max(line: &[u8]) -> usize {
    let is = |verb: &[u8]| {
        let given = line.get(..verb.len());
        given.is_some_and(|given| given.eq_ignore_ascii_case(verb))
    };
    if is(b"MAIL ") {
        MAIL_COMMAND_BYTES_MAX
    } else if is(b"RCPT ") {
        RCPT_COMMAND_BYTES_MAX
    } else if is(b"AUTH ") {
        AUTH_LINE_BYTES_MAX
    } else {
        COMMAND_BYTES_MAX
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
    } else if is("BDAT") {
        chunk(argument).map(Command::Bdat).ok_or(reply::BAD_CHUNK)
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
    } else if is("HELP") {
        Ok(Command::Help)
    } else if is("VRFY") {
        with_argument(argument, Command::Vrfy)
    } else if is("EXPN") {
        with_argument(argument, Command::Expn)
    } else if is("STARTTLS") {
        alone(argument, Command::StartTls)
    } else if is("AUTH") {
        auth(argument)
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
    let (path, rest) = address::path(argument, "FROM:").ok_or(reply::BAD_SENDER)?;
    let sender = match path {
        "" => None,
        path => Some(Address::parse(path).ok_or(reply::BAD_SENDER)?),
    };
    let parameters = MailParameters::parse(rest)?;
    if sender.as_ref().is_some_and(|sender| !sender.is_ascii()) && !parameters.is_utf8 {
        return Err(reply::NOT_ASCII);
    }
    let sender = sender.map(|sender| sender.text).unwrap_or_default();
    Ok(Command::Mail { sender, parameters })
}

fn rcpt(argument: &str) -> Result<Command, Reply> {
    let (path, rest) = address::path(argument, "TO:").ok_or(reply::BAD_RECIPIENT)?;
    let recipient = if path.eq_ignore_ascii_case("postmaster") {
        Address::postmaster(path)
    } else {
        Address::parse(path).ok_or(reply::BAD_RECIPIENT)?
    };
    let parameters = RcptParameters::parse(rest)?;
    Ok(Command::Rcpt {
        recipient,
        parameters,
    })
}

/// A size in digits alone, and LAST or nothing.
fn chunk(argument: &str) -> Option<Chunk> {
    let mut words = argument.split_ascii_whitespace();
    let octets = words.next()?;
    let is_last = match words.next() {
        None => false,
        Some(last) => last.eq_ignore_ascii_case("LAST").then_some(true)?,
    };
    let is_number = octets.bytes().all(|byte| byte.is_ascii_digit());
    let octets = octets.parse().ok().filter(|_| is_number)?;
    words.next().is_none().then_some(Chunk { octets, is_last })
}

fn auth(argument: &str) -> Result<Command, Reply> {
    let mut words = argument.split_ascii_whitespace();
    let mechanism = words.next().ok_or(reply::BAD_ARGUMENT)?.to_owned();
    let initial = words.next().map(str::to_owned);
    if words.next().is_some() {
        return Err(reply::BAD_ARGUMENT);
    }
    Ok(Command::Auth { mechanism, initial })
}

#[cfg(test)]
mod tests;
