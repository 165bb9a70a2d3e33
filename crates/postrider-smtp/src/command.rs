//! Commands as octets, and the refusals that are cheaper to make ourselves.
//!
//! Nothing but validated types reaches a command line. Paths are looked at once more here, because
//! an address may have come back from a store, and a line break in it would be a second command.

use std::io::{self, Write};
use std::ops::Range;

use memchr::memchr;
use postrider_types::{Address, Phase, Scope};

use crate::content::Content;
use crate::ehlo::Capabilities;
use crate::envelope::{ClientName, Envelope};
use crate::transfer::Outgoing;
use crate::trouble::Trouble;

/// End of a transaction that never was (RFC 5321 §4.1.1.5).
pub(crate) const RSET: &[u8] = b"RSET\r\n";

/// Asks for the go-ahead to encrypt the session (RFC 3207).
pub(crate) const STARTTLS: &[u8] = b"STARTTLS\r\n";

/// Asks for the go-ahead to send the body.
pub(crate) const DATA: &[u8] = b"DATA\r\n";

/// Ends the session.
pub(crate) const QUIT: &[u8] = b"QUIT\r\n";

/// Ends the message. The content always ends in CRLF, so this is all of it.
pub(crate) const TERMINATOR: &[u8] = b".\r\n";

/// The greeting of a client that knows extensions.
pub(crate) fn ehlo(name: &ClientName) -> Vec<u8> {
    format!("EHLO {name}\r\n").into_bytes()
}

/// The greeting for a server that refused EHLO.
pub(crate) fn helo(name: &ClientName) -> Vec<u8> {
    format!("HELO {name}\r\n").into_bytes()
}

/// Announces a chunk of so many octets (RFC 3030 §2).
pub(crate) fn bdat(octets: usize, is_last: bool) -> String {
    let last = if is_last { " LAST" } else { "" };
    format!("BDAT {octets}{last}\r\n")
}

/// The commands of one envelope, one line each, in the order in which they are put out. The
/// octets stay, so that an envelope can be put out again.
#[derive(Debug, Default)]
pub(crate) struct EnvelopeCommands {
    octets: Vec<u8>,
    /// Where the line of the next command begins.
    next_at: usize,
    /// The next command; `None` when all are out.
    next: Option<Phase>,
    /// Where MAIL tells the size; empty where it does not.
    size: Range<usize>,
    /// DATA is the last command; with BDAT it is RCPT.
    has_data: bool,
}

/// What of a session decides how an envelope is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// MAIL tells the size where that is offered.
    pub(crate) has_size: bool,
    /// DATA is the last command; with BDAT it is RCPT.
    pub(crate) has_data: bool,
}

impl EnvelopeCommands {
    /// Takes the commands of this message on a session with these capabilities.
    ///
    /// # Errors
    /// Permanent trouble with message or recipient when the server cannot take it.
    pub(crate) fn fill(
        &mut self,
        mail: &Outgoing,
        capabilities: &Capabilities,
        form: Form,
    ) -> Result<(), Trouble> {
        let Outgoing { envelope, content } = mail;
        check_content(content, capabilities)?;
        check_paths(envelope, capabilities)?;
        self.octets.clear();
        self.octets.extend_from_slice(RSET);
        // Writing to memory cannot fail.
        drop(self.write(envelope, content, capabilities.size && form.has_size));
        self.has_data = form.has_data;
        if self.has_data {
            self.octets.extend_from_slice(DATA);
        }
        self.next = None;
        Ok(())
    }

    fn write(&mut self, envelope: &Envelope, content: &Content, has_size: bool) -> io::Result<()> {
        let reverse_path = envelope.reverse_path.as_ref().map_or("", Address::as_str);
        write!(self.octets, "MAIL FROM:<{reverse_path}>")?;
        let size_at = self.octets.len();
        if has_size {
            write!(self.octets, " SIZE={}", content.bytes())?;
        }
        self.size = size_at..self.octets.len();
        if content.is_eight_bit() {
            write!(self.octets, " BODY=8BITMIME")?;
        }
        if envelope.needs_smtputf8() {
            write!(self.octets, " SMTPUTF8")?;
        }
        write!(self.octets, "\r\nRCPT TO:<{}>\r\n", envelope.forward_path)
    }

    /// Begins at the first command: RSET, or MAIL.
    pub(crate) fn rewind(&mut self, has_rset: bool) {
        (self.next, self.next_at) = if has_rset {
            (Some(Phase::Rset), 0)
        } else {
            (Some(Phase::Mail), RSET.len())
        };
    }

    /// Whether MAIL has a parameter that the message can do without. Only SIZE is one: what else
    /// is asked for, the message needs.
    pub(crate) fn has_size(&self) -> bool {
        !self.size.is_empty()
    }

    /// Takes the size out of MAIL.
    pub(crate) fn drop_size(&mut self) {
        self.octets.drain(std::mem::take(&mut self.size));
    }

    /// Whether all are out, or kept back.
    pub(crate) const fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// Keeps back what is not out yet.
    pub(crate) fn stop(&mut self) {
        self.next = None;
    }

    /// The next command.
    pub(crate) fn next_line(&mut self) -> Option<(Phase, &[u8])> {
        let phase = self.next?;
        self.next = match phase {
            Phase::Rset => Some(Phase::Mail),
            Phase::Mail => Some(Phase::Rcpt),
            Phase::Rcpt if self.has_data => Some(Phase::Data),
            _ => None,
        };
        let rest = &self.octets[self.next_at..];
        // Paths have no line breaks, so a line is a command.
        let end = memchr(b'\n', rest).map_or(rest.len(), |line_feed| line_feed + 1);
        self.next_at += end;
        Some((phase, &rest[..end]))
    }
}

fn check_content(content: &Content, capabilities: &Capabilities) -> Result<(), Trouble> {
    let bytes = content.bytes();
    if let Some(max) = capabilities.size_max.filter(|max| bytes > *max) {
        let text = format!("the message has {bytes} octets, and the server takes at most {max}");
        return Err(Trouble::unsendable(
            Phase::Mail,
            Scope::Message,
            552,
            (3, 4),
            &text,
        ));
    }
    if content.is_eight_bit() && !capabilities.eight_bit_mime {
        let text = "the message has octets above 127, and the server offers no 8BITMIME";
        return Err(Trouble::unsendable(
            Phase::Mail,
            Scope::Message,
            554,
            (6, 3),
            text,
        ));
    }
    Ok(())
}

fn check_paths(envelope: &Envelope, capabilities: &Capabilities) -> Result<(), Trouble> {
    let refuse = |phase, scope, code, status, text| {
        Err(Trouble::unsendable(phase, scope, code, status, text))
    };
    if let Some(path) = &envelope.reverse_path {
        if has_control(path) {
            let text = "the return path contains a control character";
            return refuse(Phase::Mail, Scope::Message, 553, (1, 7), text);
        }
        if path.needs_smtputf8() && !capabilities.smtputf8 {
            let text = "the return path is not ASCII, and the server offers no SMTPUTF8";
            return refuse(Phase::Mail, Scope::Message, 550, (6, 7), text);
        }
    }
    if has_control(&envelope.forward_path) {
        let text = "the address contains a control character";
        return refuse(Phase::Rcpt, Scope::Recipient, 553, (1, 3), text);
    }
    if envelope.forward_path.needs_smtputf8() && !capabilities.smtputf8 {
        let text = "the address is not ASCII, and the server offers no SMTPUTF8";
        return refuse(Phase::Rcpt, Scope::Recipient, 553, (6, 7), text);
    }
    Ok(())
}

fn has_control(path: &Address) -> bool {
    path.as_str().chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
