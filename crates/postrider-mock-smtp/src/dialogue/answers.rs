//! What is said to each command.

use std::ops::ControlFlow::{self, Break, Continue};

use crate::body::BodyReader;
use crate::bounds::TRANSACTION_RECIPIENTS_MAX;
use crate::command::{Address, Command, MailParameters};
use crate::dialogue::{Dialogue, Effects, Message, Next, Phase, Times};
use crate::profile::{DropAt, Keyword, Profile};
use crate::reply;
use crate::transaction::Transaction;

impl Dialogue {
    pub(super) fn answer(
        &mut self,
        command: Command,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        match command {
            Command::Ehlo | Command::Helo => {
                self.has_said_hello = true;
                self.transaction = None;
                greet(
                    &self.world.profile,
                    command == Command::Ehlo,
                    &mut effects.replies,
                );
                Continue(())
            }
            Command::Mail { sender, parameters } => self.mail(sender, parameters, times, effects),
            Command::Rcpt { recipient } => self.rcpt(recipient, times, effects),
            Command::Data => self.data(effects),
            Command::Rset => {
                self.transaction = None;
                self.say(&reply::OK, effects)
            }
            Command::Noop => self.say(&reply::OK, effects),
            Command::Vrfy => self.say(&reply::CANNOT_VERIFY, effects),
            Command::Quit => {
                self.transaction = None;
                let _ = self.say(&reply::BYE, effects);
                Break(Next::Close)
            }
        }
    }

    fn mail(
        &mut self,
        sender: String,
        parameters: MailParameters,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        if !self.has_said_hello {
            return self.fault(&reply::HELLO_FIRST, effects);
        }
        if self.transaction.is_some() {
            return self.fault(&reply::NESTED_MAIL, effects);
        }
        let profile = &self.world.profile;
        if parameters.size.is_some() && !profile.offers(Keyword::Size)
            || parameters.has_body && !profile.offers(Keyword::EightBitMime)
        {
            return self.fault(&reply::BAD_PARAMETER, effects);
        }
        if parameters
            .size
            .is_some_and(|size| size > profile.message_bytes_max)
        {
            return self.say(&reply::TOO_LARGE, effects);
        }
        self.transaction = Some(Transaction::new(
            self.connection,
            sender,
            times.arrived_at_us,
        ));
        self.say(&reply::SENDER_OK, effects)
    }

    fn rcpt(
        &mut self,
        recipient: Address,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let Some(transaction) = &mut self.transaction else {
            return self.fault(&reply::MAIL_FIRST, effects);
        };
        if transaction.recipients() >= TRANSACTION_RECIPIENTS_MAX {
            return self.say(&reply::TOO_MANY_RECIPIENTS, effects);
        }
        let (reply, delay) =
            transaction.invite(recipient, &self.world, &mut effects.records, times.now_us);
        if reply.code == 421 {
            self.transaction = None;
            let _ = self.say(&reply, effects);
            return Break(Next::Close);
        }
        self.say_after(&reply, delay, effects)
    }

    fn data(&mut self, effects: &mut Effects) -> ControlFlow<Next> {
        let Some(transaction) = self.transaction.take_if(|open| open.recipients() > 0) else {
            return match self.transaction {
                Some(_) => self.say(&reply::NO_RECIPIENTS, effects),
                None => self.fault(&reply::MAIL_FIRST, effects),
            };
        };
        if transaction.drops(DropAt::Data, &mut effects.records) {
            return Break(Next::Drop);
        }
        let delay = transaction.reply_delay();
        self.phase = Phase::Body(Box::new(Message {
            reader: BodyReader::new(),
            transaction,
        }));
        self.say_after(&reply::GO_AHEAD, delay, effects)
    }
}

/// The reply to EHLO with what the profile offers, or to HELO without.
fn greet(profile: &Profile, is_extended: bool, out: &mut Vec<u8>) {
    let mut lines = vec![profile.hostname.clone()];
    let offered = profile.keywords.iter().filter(|_| is_extended);
    lines.extend(offered.map(|keyword| match keyword {
        Keyword::Pipelining => "PIPELINING".to_owned(),
        Keyword::EightBitMime => "8BITMIME".to_owned(),
        Keyword::Size => format!("SIZE {}", profile.message_bytes_max),
        Keyword::EnhancedStatusCodes => "ENHANCEDSTATUSCODES".to_owned(),
    }));
    let last = lines.len() - 1;
    for (at, line) in lines.iter().enumerate() {
        let separator = if at == last { ' ' } else { '-' };
        out.extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
    }
}
