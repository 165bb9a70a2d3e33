//! What is said to each command.

use std::ops::ControlFlow::{self, Break};

use crate::bounds::TRANSACTION_RECIPIENTS_MAX;
use crate::dialogue::command::{Address, Command, MailParameters, RcptParameters};
use crate::dialogue::reply::{self, Reply};
use crate::dialogue::transaction::Transaction;
use crate::dialogue::{Dialogue, Effects, Next, Times};
use crate::log::FaultKind;
use crate::profile::Keyword;
use crate::world::treatment::{Act, Stage};

impl Dialogue {
    pub(super) fn answer(
        &mut self,
        command: Command,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        match command {
            Command::Ehlo | Command::Helo => self.hello(command == Command::Ehlo, times, effects),
            Command::Mail { sender, parameters } => self.mail(sender, parameters, times, effects),
            Command::Rcpt {
                recipient,
                parameters,
            } => self.rcpt(recipient, parameters, times, effects),
            Command::Data => self.data(times, effects),
            Command::Bdat(chunk) => self.bdat(chunk, times, effects),
            Command::StartTls => self.start_tls(times, effects),
            Command::Auth { mechanism, initial } => {
                self.auth(&mechanism, initial.as_deref(), times, effects)
            }
            Command::Rset => {
                self.drop_transaction();
                self.say(&reply::OK, effects)
            }
            Command::Noop => self.say(&reply::OK, effects),
            Command::Vrfy => self.say(&reply::CANNOT_VERIFY, effects),
            Command::Expn => self.say(&reply::NO_EXPN, effects),
            Command::Help => self.say(&reply::HELP, effects),
            Command::Quit => {
                self.has_quit = true;
                self.drop_transaction();
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
        if !self.session.has_said_hello {
            return self.out_of_order(&reply::HELLO_FIRST, times, effects);
        }
        if self.transaction.is_some() {
            return self.out_of_order(&reply::NESTED_MAIL, times, effects);
        }
        let offer = self.entry.offer();
        let needs_auth = offer.auth.as_ref().is_some_and(|auth| auth.is_required);
        if needs_auth && !self.session.is_authenticated {
            // Nothing before this reply says that it is required.
            return self.say(&reply::AUTH_FIRST, effects);
        }
        let is_auth_offered = self.session.is_extended && offer.auth.is_some();
        if parameters.has_auth && !is_auth_offered {
            return self.unoffered(times, effects);
        }
        if let Some(refused) = self.refuse_parameters(parameters.needs(), times, effects) {
            return refused;
        }
        let offer = self.entry.offer();
        let is_too_large = |size: u64| size > offer.message_bytes_max;
        if parameters.size.is_some_and(is_too_large) {
            return self.say(&reply::TOO_LARGE, effects);
        }
        if offer.limits.mailmax.is_some_and(|max| self.mails >= max) {
            return self.say(&reply::MAIL_LIMIT, effects);
        }
        let treatment = self.entry.at_mail(times.now_us);
        if treatment.act.lets_pass() {
            self.mails += 1;
            let (connection, at_us) = (self.entry.connection(), times.arrived_at_us);
            self.transaction = Some(Transaction::new(connection, sender, at_us));
            self.is_utf8 = parameters.is_utf8;
        }
        self.treat(&treatment, &reply::SENDER_OK, effects)
    }

    fn rcpt(
        &mut self,
        recipient: Address,
        parameters: RcptParameters,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let Some(transaction) = &self.transaction else {
            return self.out_of_order(&reply::MAIL_FIRST, times, effects);
        };
        if self.chunks.is_some() {
            return self.out_of_order(&reply::RCPT_AFTER_BDAT, times, effects);
        }
        if let Some(refusal) = self.refusal_by_rule(&recipient, parameters) {
            let refused = transaction.refuse(&recipient, refusal.code, Stage::Rcpt, times.now_us);
            effects.records.push(refused);
            if refusal == reply::BAD_PARAMETER && !self.is_offered(Keyword::Dsn) {
                return self.unoffered(times, effects);
            }
            return self.say(&refusal, effects);
        }
        let Some(transaction) = &mut self.transaction else {
            return self.out_of_order(&reply::MAIL_FIRST, times, effects);
        };
        let records = &mut effects.records;
        let treatment = transaction.invite(recipient, &mut self.entry, records, times.now_us);
        if matches!(treatment.act, Act::SayAndClose(_)) {
            self.drop_transaction();
        }
        self.treat(&treatment, &reply::RECIPIENT_OK, effects)
    }

    /// Refuses parameters that were not offered, which is a fault, or whose offer was a lie.
    fn refuse_parameters(
        &mut self,
        mut needs: impl Iterator<Item = Keyword>,
        times: Times,
        effects: &mut Effects,
    ) -> Option<ControlFlow<Next>> {
        let offer = self.entry.offer();
        let is_refused = |keyword| !self.is_offered(keyword) || !offer.honours(keyword);
        let refused = needs.find(|keyword| is_refused(*keyword))?;
        if self.is_offered(refused) {
            Some(self.say(&reply::BAD_PARAMETER, effects))
        } else {
            Some(self.unoffered(times, effects))
        }
    }

    fn is_offered(&self, keyword: Keyword) -> bool {
        self.session.is_extended && self.entry.offer().offers(keyword)
    }

    fn unoffered(&mut self, times: Times, effects: &mut Effects) -> ControlFlow<Next> {
        let detail = "a parameter of an extension that was not offered";
        self.fault(
            FaultKind::Syntax,
            detail,
            &reply::BAD_PARAMETER,
            times,
            effects,
        )
    }

    /// What the protocol has against a recipient, before the world is asked: parameters, characters
    /// beyond ASCII, the numbers of RFC 9422, and the mock's own bound.
    fn refusal_by_rule(&self, recipient: &Address, parameters: RcptParameters) -> Option<Reply> {
        let (transaction, offer) = (self.transaction.as_ref()?, self.entry.offer());
        let has_dsn = self.is_offered(Keyword::Dsn) && offer.honours(Keyword::Dsn);
        if parameters.has_dsn && !has_dsn {
            return Some(reply::BAD_PARAMETER);
        }
        if !recipient.is_ascii() && !self.is_utf8 {
            return Some(reply::NOT_ASCII);
        }
        let count = |max: Option<u32>| max.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
        let recipients_max = count(offer.limits.rcptmax).unwrap_or(TRANSACTION_RECIPIENTS_MAX);
        if transaction.recipients() >= recipients_max.min(TRANSACTION_RECIPIENTS_MAX) {
            return Some(reply::TOO_MANY_RECIPIENTS);
        }
        let domains = transaction.domains_with(recipient.domain());
        let is_over = count(offer.limits.rcptdomainmax).is_some_and(|max| domains > max);
        is_over.then_some(reply::RECIPIENT_DOMAIN_LIMIT)
    }
}
