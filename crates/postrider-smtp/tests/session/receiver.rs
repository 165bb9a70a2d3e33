//! A small SMTP server that is correct, and knows what it has accepted.
//!
//! Octets in, octets out, so that a test can cut the line between client and server anywhere.

use memchr::memmem;

/// What a server takes responsibility for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) body: String,
}

/// The reply that decided about a message: where in the client's octets what it answers ends, and
/// where in the server's octets it ends itself.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The code and text.
    pub(crate) reply: &'static str,
    pub(crate) heard: usize,
    pub(crate) said: usize,
}

/// The server's side of one session. It refuses recipients that begin with `bad` and bodies that
/// contain `spam`.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    /// What it offers at EHLO.
    pub(crate) offers: &'static [&'static str],
    /// It keeps the transaction of a message open that it refused, as some do with chunks.
    pub(crate) is_stubborn: bool,
    /// It refuses all chunks that are not the last.
    pub(crate) has_no_room: bool,
    /// What it has accepted.
    pub(crate) accepted: Vec<Message>,
    /// The commands it has heard, without parameters.
    pub(crate) commands: Vec<String>,
    /// One for each message that was accepted, or refused at RCPT or at its end.
    pub(crate) verdicts: Vec<Verdict>,
    input: Vec<u8>,
    from: Option<String>,
    to: Option<String>,
    body: Vec<u8>,
    is_data: bool,
    /// Octets that a chunk still lacks, and whether it is the last.
    chunk: Option<(usize, bool)>,
    heard: usize,
    said: usize,
}

impl Receiver {
    /// One that offers this.
    pub(crate) fn new(offers: &'static [&'static str]) -> Self {
        Self {
            offers,
            ..Self::default()
        }
    }

    /// What it says before it hears anything.
    pub(crate) fn greeting(&mut self) -> Vec<u8> {
        self.say("220 mx.test")
    }

    /// Takes octets and gives its replies.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        let mut replies = Vec::new();
        while let Some(reply) = self.step() {
            replies.extend_from_slice(&reply);
        }
        replies
    }

    fn step(&mut self) -> Option<Vec<u8>> {
        if let Some((octets, is_last)) = self.chunk {
            if self.input.len() < octets {
                return None;
            }
            let chunk = self.take(octets);
            self.body.extend_from_slice(&chunk);
            self.chunk = None;
            return Some(self.end_chunk(is_last));
        }
        if self.is_data {
            let end = match self.input.starts_with(b".\r\n") {
                true => 0,
                false => memmem::find(&self.input, b"\r\n.\r\n")? + 2,
            };
            let stuffed = self.take(end + 3);
            let lines = stuffed[..end].split_inclusive(|octet| *octet == b'\n');
            let lines = lines.map(|line| line.strip_prefix(b".").unwrap_or(line));
            self.body = lines.flatten().copied().collect();
            self.is_data = false;
            return Some(self.end_message());
        }
        let end = memmem::find(&self.input, b"\r\n")? + 2;
        let line = String::from_utf8(self.take(end)).unwrap();
        Some(self.command(line.trim_end()))
    }

    fn command(&mut self, line: &str) -> Vec<u8> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        self.commands.push(verb.to_owned());
        let path = || rest.split(['<', '>']).nth(1).unwrap().to_owned();
        match verb {
            "EHLO" => {
                let mut lines = vec!["mx.test"];
                lines.extend(self.offers);
                let last = lines.pop().unwrap();
                let lines: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
                self.say(&format!("{lines}250 {last}"))
            }
            "RSET" => {
                self.reset();
                self.say("250 ok")
            }
            "MAIL" if self.from.is_some() => self.say("503 5.5.1 nested MAIL"),
            "MAIL" => {
                self.from = Some(path());
                self.say("250 2.1.0 ok")
            }
            "RCPT" if self.from.is_none() => self.say("503 5.5.1 need MAIL"),
            "RCPT" if path().starts_with("bad") => self.decide("550 5.1.1 no such user"),
            "RCPT" => {
                self.to = Some(path());
                self.say("250 2.1.5 ok")
            }
            "DATA" if self.to.is_none() => self.say("554 5.5.1 no valid recipients"),
            "DATA" => {
                self.is_data = true;
                self.say("354 go ahead")
            }
            "BDAT" => {
                let (octets, last) = rest.split_once(' ').unwrap_or((rest, ""));
                self.chunk = Some((octets.parse().unwrap(), last == "LAST"));
                Vec::new()
            }
            "QUIT" => self.say("221 bye"),
            _ => self.say("500 5.5.2 what?"),
        }
    }

    fn end_chunk(&mut self, is_last: bool) -> Vec<u8> {
        match (&self.to, is_last) {
            (None, _) => self.say("503 5.5.1 no valid recipients"),
            (Some(_), false) if self.has_no_room => {
                self.to = None;
                self.say("452 4.3.1 no room")
            }
            (Some(_), false) => self.say("250 2.0.0 chunk"),
            (Some(_), true) => self.end_message(),
        }
    }

    fn end_message(&mut self) -> Vec<u8> {
        if memmem::find(&self.body, b"spam").is_some() {
            self.body.clear();
            if !self.is_stubborn {
                self.reset();
            }
            return self.decide("554 5.7.1 spam");
        }
        let message = Message {
            from: self.from.take().unwrap(),
            to: self.to.take().unwrap(),
            body: String::from_utf8(std::mem::take(&mut self.body)).unwrap(),
        };
        self.accepted.push(message);
        self.decide("250 2.0.0 queued")
    }

    fn reset(&mut self) {
        self.from = None;
        self.to = None;
        self.body.clear();
    }

    fn decide(&mut self, reply: &'static str) -> Vec<u8> {
        let octets = self.say(reply);
        self.verdicts.push(Verdict {
            reply,
            heard: self.heard,
            said: self.said,
        });
        octets
    }

    fn say(&mut self, reply: &str) -> Vec<u8> {
        let octets = format!("{reply}\r\n").into_bytes();
        self.said += octets.len();
        octets
    }

    fn take(&mut self, octets: usize) -> Vec<u8> {
        self.heard += octets;
        self.input.drain(..octets).collect()
    }
}
