//! A server as a state machine, with the traps of real ones, that remembers what it accepted.
//!
//! As Postfix and Exim do, it keeps MAIL open after a refused RCPT or DATA; as Exim does, it keeps
//! it open after a refused chunk. When it is stubborn it does so after a refused dot too, and lets a
//! body begin that has no recipients (RFC 2920 §3.1). It never guesses: what the client did against the protocol is a
//! fault, unless the model itself had begun to talk nonsense.

use std::collections::VecDeque;

use crate::whim::{Answer, Whim, plain};

/// What kind of server it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) pipelining: bool,
    pub(crate) chunking: bool,
    pub(crate) eight_bit_mime: bool,
    /// Offers SIZE and refuses every MAIL that tells one.
    pub(crate) is_size_broken: bool,
    /// Keeps the transaction open when it refuses a message at its end, calls a second MAIL just
    /// wrong, and lets a body begin for nobody.
    pub(crate) is_stubborn: bool,
}

/// A message for which the server took responsibility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) content: Vec<u8>,
}

#[derive(Debug, Default)]
struct Transaction {
    from: String,
    to: Option<String>,
    content: Vec<u8>,
    /// Its end was refused.
    is_refused: bool,
}

#[derive(Debug)]
enum State {
    Command,
    /// Between 354 and the dot; refuses in the middle when told so.
    Data {
        is_refusing: bool,
    },
    Chunk {
        octets: usize,
        is_last: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Model {
    offer: Offer,
    whims: VecDeque<Whim>,
    state: State,
    open: Option<Transaction>,
    buffer: Vec<u8>,
    /// Until it has said something that no client can make sense of.
    is_sane: bool,
    /// A size was refused, so none may be told any more.
    is_size_refused: bool,
    pub(crate) accepted: Vec<Accepted>,
    /// To whom what was refused, with the code.
    pub(crate) refused: Vec<(String, u16)>,
    pub(crate) faults: Vec<String>,
}

impl Model {
    pub(crate) fn new(offer: Offer, whims: Vec<Whim>) -> Self {
        Self {
            offer,
            whims: whims.into(),
            state: State::Command,
            open: None,
            buffer: Vec::new(),
            is_sane: true,
            is_size_refused: false,
            accepted: Vec::new(),
            refused: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Takes octets from the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What it says to what it has; `None` when it needs more.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        match self.state {
            State::Command => self.command(),
            State::Data { is_refusing: true } if !self.buffer.is_empty() => {
                Some(self.refuse(452, true))
            }
            State::Data { .. } => self.data(),
            State::Chunk { octets, is_last } => self.chunk(octets, is_last),
        }
    }

    fn command(&mut self) -> Option<Answer> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line).into_owned();
        if !self.offer.pipelining && !self.buffer.is_empty() && !line.starts_with("BDAT") {
            self.fault("more than one command at once");
        }
        let verb = line.split([' ', '\r']).next().unwrap_or_default();
        Some(match verb {
            "EHLO" => self.ehlo(),
            "RSET" => self.reset(),
            "QUIT" => plain("221 bye", true),
            "MAIL" => self.mail(path(&line), line.contains(" SIZE=")),
            "RCPT" => self.rcpt(path(&line)),
            "DATA" => self.begin_data(),
            "BDAT" => return self.begin_chunk(&line),
            _ => {
                self.fault(&format!("unknown command {line:?}"));
                plain("500 what?", false)
            }
        })
    }

    fn ehlo(&self) -> Answer {
        let mut text = "250-model.test\r\n".to_owned();
        let offers = [
            (self.offer.pipelining, "PIPELINING"),
            (self.offer.chunking, "CHUNKING"),
            (self.offer.eight_bit_mime, "8BITMIME"),
        ];
        for (_, keyword) in offers.iter().filter(|(is_offered, _)| *is_offered) {
            text += &format!("250-{keyword}\r\n");
        }
        plain(&(text + "250 SIZE 1000000"), false)
    }

    fn reset(&mut self) -> Answer {
        self.open = None;
        plain("250 forgotten", false)
    }

    fn mail(&mut self, from: String, has_size: bool) -> Answer {
        if let Some(open) = &self.open {
            // In one group with the end of a message that was refused, it could not know.
            if !open.is_refused {
                self.fault("nested MAIL");
            }
            let code = if self.offer.is_stubborn { 554 } else { 503 };
            self.refused.push((user_of(&from), code));
            return plain(&format!("{code} nested MAIL"), false);
        }
        if has_size && self.offer.is_size_broken {
            if self.is_size_refused {
                self.fault("a size after one was refused");
            }
            self.is_size_refused = true;
            return plain("555 5.5.4 SIZE?", false);
        }
        let whim = self.whim();
        if whim.is_refusal() {
            return self.refuse_as(whim, &user_of(&from));
        }
        self.open = Some(Transaction {
            from,
            ..Transaction::default()
        });
        self.agree(whim, 250)
    }

    fn rcpt(&mut self, to: String) -> Answer {
        if self.open.is_none() {
            // Behind a MAIL that was refused, in one group with it.
            return plain("503 MAIL first", false);
        }
        let whim = self.whim();
        if whim.is_refusal() {
            return self.refuse_as(whim, &to);
        }
        if let Some(open) = &mut self.open {
            open.to = Some(to);
        }
        self.agree(whim, 250)
    }

    fn begin_data(&mut self) -> Answer {
        let Some(to) = self.recipient() else {
            if self.offer.is_stubborn && self.open.is_some() {
                self.state = State::Data { is_refusing: false };
                return plain("354 for nobody", false);
            }
            return plain("554 no valid recipients", false);
        };
        if !self.buffer.is_empty() {
            self.fault("a body before its 354");
        }
        let whim = self.whim();
        if whim.is_refusal() {
            return self.refuse_as(whim, &to);
        }
        let is_refusing = whim == Whim::MidBody;
        self.state = State::Data { is_refusing };
        self.agree(whim, 354)
    }

    fn begin_chunk(&mut self, line: &str) -> Option<Answer> {
        let mut words = line.split_whitespace().skip(1);
        let octets = words.next().and_then(|word| word.parse().ok());
        let is_last = words.next() == Some("LAST");
        let Some(octets) = octets else {
            self.fault("a chunk without a size");
            return Some(plain("501 how much?", true));
        };
        self.state = State::Chunk { octets, is_last };
        self.chunk(octets, is_last)
    }

    fn data(&mut self) -> Option<Answer> {
        let is_empty = self.buffer.starts_with(b".\r\n");
        let end = self.buffer.windows(5).position(|w| w == b"\r\n.\r\n");
        let end = if is_empty { 0 } else { end? + 2 };
        let stuffed: Vec<u8> = self.buffer.drain(..end).collect();
        self.buffer.drain(..3);
        let lines = stuffed.split_inclusive(|byte| *byte == b'\n');
        let content = lines.map(|line| line.strip_prefix(b".").unwrap_or(line));
        let content = content.collect::<Vec<_>>().concat();
        self.state = State::Command;
        let open = self.open.take().unwrap_or_default();
        Some(self.decide(Transaction { content, ..open }, false))
    }

    fn chunk(&mut self, octets: usize, is_last: bool) -> Option<Answer> {
        if self.buffer.len() < octets {
            return None;
        }
        let piece: Vec<u8> = self.buffer.drain(..octets).collect();
        self.state = State::Command;
        if self.recipient().is_none() {
            return Some(plain("503 no valid recipients", false));
        }
        if !is_last {
            if let Some(open) = &mut self.open {
                open.content.extend(piece);
            }
            return Some(plain("250 more", false));
        }
        let mut open = self.open.take().unwrap_or_default();
        open.content.extend(piece);
        Some(self.decide(open, true))
    }

    /// The end of a message: everything but a refusal means that it was taken.
    fn decide(&mut self, message: Transaction, is_chunked: bool) -> Answer {
        let Some(to) = message.to.clone() else {
            if !message.content.is_empty() {
                self.fault("a body for nobody");
            }
            return plain("554 no valid recipients", false);
        };
        let whim = self.whim();
        if whim.is_refusal() {
            if is_chunked || self.offer.is_stubborn {
                self.open = Some(Transaction {
                    is_refused: true,
                    ..message
                });
            }
            return self.refuse_as(whim, &to);
        }
        if whim != Whim::OutOfPlace {
            self.accepted.push(Accepted {
                from: message.from,
                to,
                content: message.content,
            });
        }
        self.agree(whim, 250)
    }

    fn recipient(&self) -> Option<String> {
        self.open.as_ref()?.to.clone()
    }

    fn whim(&mut self) -> Whim {
        self.whims.pop_front().unwrap_or(Whim::Yes)
    }

    /// Does what was asked and says so, in the manner of the whim.
    fn agree(&mut self, whim: Whim, code: u16) -> Answer {
        if matches!(whim, Whim::Babble | Whim::OutOfPlace) {
            self.is_sane = false;
        }
        match (whim, code) {
            (Whim::Odd, 354) => plain("354-go\r\n354 on\n", false),
            (Whim::Odd, _) => plain("250-2.1.0 well\n250-\r\n250", false),
            (Whim::Hang, _) => plain("", true),
            (Whim::Babble, _) => plain("of course, dear", false),
            (Whim::OutOfPlace, 354) => plain("250 done", false),
            (Whim::OutOfPlace, _) => plain("354 tell me more", false),
            (Whim::Slow, _) => Answer {
                is_late: true,
                ..plain(&format!("{code} at last"), false)
            },
            _ => plain(&format!("{code} ok"), false),
        }
    }

    fn refuse_as(&mut self, whim: Whim, to: &str) -> Answer {
        let code = match whim {
            Whim::Later => 451,
            Whim::Never => 554,
            _ => 421,
        };
        self.refused.push((to.to_owned(), code));
        plain(&format!("{code} no"), whim == Whim::Leave)
    }

    fn refuse(&mut self, code: u16, is_last: bool) -> Answer {
        let to = self.recipient().unwrap_or_default();
        self.refused.push((to, code));
        self.open = None;
        plain(&format!("{code} no more"), is_last)
    }

    fn fault(&mut self, what: &str) {
        if self.is_sane {
            self.faults.push(what.to_owned());
        }
    }
}

/// To whom a message goes whose bounces go here.
fn user_of(from: &str) -> String {
    from.replace("bounce-", "user")
}

/// What stands between angle brackets.
fn path(line: &str) -> String {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    rest.split('>').next().unwrap_or_default().to_owned()
}
