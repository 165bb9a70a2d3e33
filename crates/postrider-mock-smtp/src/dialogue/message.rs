//! The message itself: after DATA up to its dot, or in chunks by BDAT.
//!
//! The octets of a chunk are read to the last one whatever is wrong with it; only then the refusal
//! is said (RFC 3030 §2). After a chunk was refused, the transaction is of no use until RSET.

use std::ops::ControlFlow::{self, Break, Continue};

use bytes::{Buf, BytesMut};

use crate::dialogue::body::{Body, BodyReader, ChunkReader, Chunks};
use crate::dialogue::command;
use crate::dialogue::reply::{self, Reply};
use crate::dialogue::transaction::Transaction;
use crate::dialogue::{Dialogue, Effects, Next, Phase, Times};
use crate::log::FaultKind;
use crate::profile::Keyword;
use crate::tally::Record;
use crate::world::treatment::{Ending, Stage, Treatment};

/// A message that is being sent after DATA.
pub(super) struct Message {
    reader: BodyReader,
    transaction: Transaction,
    has_begun: bool,
}

/// A chunk that is being sent.
pub(super) struct Chunk {
    reader: ChunkReader,
    octets: u64,
    is_last: bool,
    /// What is done at its end, if it is not wanted.
    refusal: Option<Refusal>,
}

enum Refusal {
    /// It has no place here.
    Order(Reply),
    /// The profile says so, where 354 would be.
    Treated(Treatment),
}

impl Dialogue {
    pub(super) fn data(&mut self, times: Times, effects: &mut Effects) -> ControlFlow<Next> {
        if self.chunks.is_some() {
            return self.out_of_order(&reply::DATA_AFTER_BDAT, times, effects);
        }
        let Some(transaction) = self.transaction.take_if(|open| open.recipients() > 0) else {
            return match self.transaction {
                Some(_) => self.say(&reply::NO_RECIPIENTS, effects),
                None => self.out_of_order(&reply::MAIL_FIRST, times, effects),
            };
        };
        let treatment = transaction.treatment_at(Stage::Data, &mut effects.records, times.now_us);
        if treatment.act.lets_pass() {
            self.phase = Phase::Body(Box::new(Message {
                reader: BodyReader::new(self.entry.samples()),
                transaction,
                has_begun: false,
            }));
        } else {
            self.ending = Some(transaction);
        }
        self.treat(&treatment, &reply::GO_AHEAD, effects)
    }

    pub(super) fn read_body(
        &mut self,
        mut message: Box<Message>,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        if !message.has_begun && !input.is_empty() {
            message.has_begun = true;
            if self.group.has_parts() {
                // It arrived while the 354 had to wait.
                let detail = "the message came before its 354";
                if let Some(closed) = self.out_of_step(detail, times, effects) {
                    return closed;
                }
            }
            let treatment =
                (message.transaction).treatment_at(Stage::Body, &mut effects.records, times.now_us);
            if treatment != Treatment::PROCEED {
                let records = &mut effects.records;
                message.transaction.cut(&treatment, records, times.now_us);
                self.phase = Phase::Body(message);
                return self.treat_with(&treatment, |_| {}, effects);
            }
        }
        let (taken, is_end) = message.reader.read(input);
        input.advance(taken);
        if !is_end {
            self.phase = Phase::Body(message);
            return Break(Next::Read);
        }
        self.end_of_part(input, times, effects);
        let Message {
            reader,
            transaction,
            ..
        } = *message;
        self.end_message(&reader.finish(), transaction, times, effects)
    }

    pub(super) fn bdat(
        &mut self,
        chunk: command::Chunk,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        if !self.session.is_extended || !self.entry.offer().offers(Keyword::Chunking) {
            // Nobody who does not know the command knows of its octets.
            return self.refuse_line(&reply::UNKNOWN, times, effects);
        }
        let refusal = self.refusal_of_chunk(times, effects);
        if refusal.is_none() && self.chunks.is_none() {
            self.chunks = Some(Chunks::new(self.entry.samples()));
        }
        self.phase = Phase::Chunk(Box::new(Chunk {
            reader: ChunkReader::new(chunk.octets),
            octets: chunk.octets,
            is_last: chunk.is_last,
            refusal,
        }));
        Continue(())
    }

    /// Why a chunk is not wanted. The first one of a message stands where 354 would be.
    fn refusal_of_chunk(&mut self, times: Times, effects: &mut Effects) -> Option<Refusal> {
        let Some(transaction) = &self.transaction else {
            return Some(Refusal::Order(reply::MAIL_FIRST));
        };
        if !self.entry.offer().honours(Keyword::Chunking) {
            return Some(Refusal::Treated(Treatment::refuse(reply::NO_CHUNKING)));
        }
        if transaction.recipients() == 0 {
            return Some(Refusal::Treated(Treatment::refuse(reply::NO_RECIPIENTS)));
        }
        if self.chunks.is_some() {
            return None;
        }
        let treatment = transaction.treatment_at(Stage::Data, &mut effects.records, times.now_us);
        (!treatment.act.lets_pass()).then_some(Refusal::Treated(treatment))
    }

    pub(super) fn read_chunk(
        &mut self,
        mut chunk: Box<Chunk>,
        input: &mut BytesMut,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let is_first = self.chunks.as_ref().is_some_and(Chunks::is_untouched);
        if let Some(open) = self
            .transaction
            .as_ref()
            .filter(|_| is_first && !input.is_empty())
            && chunk.refusal.is_none()
        {
            let treatment = open.treatment_at(Stage::Body, &mut effects.records, times.now_us);
            self.chunks.iter_mut().for_each(Chunks::touch);
            if treatment != Treatment::PROCEED {
                open.cut(&treatment, &mut effects.records, times.now_us);
                self.phase = Phase::Chunk(chunk);
                return self.treat_with(&treatment, |_| {}, effects);
            }
        }
        let wanted = self.chunks.as_mut().filter(|_| chunk.refusal.is_none());
        let (taken, is_complete) = chunk.reader.read(input, wanted);
        input.advance(taken);
        if !is_complete {
            self.phase = Phase::Chunk(chunk);
            return Break(Next::Read);
        }
        self.end_of_part(input, times, effects);
        match chunk.refusal {
            Some(Refusal::Order(refusal)) => self.out_of_order(&refusal, times, effects),
            Some(Refusal::Treated(treatment)) => {
                // Whatever comes next, this message will never be whole.
                self.ending = self.transaction.take();
                self.chunks = None;
                self.treat(&treatment, &reply::OK, effects)
            }
            None => self.end_chunk(chunk.octets, chunk.is_last, times, effects),
        }
    }

    fn end_chunk(
        &mut self,
        octets: u64,
        is_last: bool,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        let bytes = self.chunks.as_ref().map_or(0, Chunks::bytes);
        if bytes > self.entry.offer().message_bytes_max {
            if let Some(open) = &self.transaction {
                let (code, records) = (reply::TOO_LARGE.code, &mut effects.records);
                open.refuse_all(code, Stage::Dot, records, times.now_us);
            }
            self.drop_transaction();
            return self.say(&reply::TOO_LARGE, effects);
        }
        if !is_last {
            return self.say(&reply::chunk(octets), effects);
        }
        match (self.chunks.take(), self.transaction.take()) {
            (Some(chunks), Some(transaction)) => {
                self.end_message(&chunks.finish(), transaction, times, effects)
            }
            _ => self.out_of_order(&reply::MAIL_FIRST, times, effects),
        }
    }

    /// A message or a chunk has come to its end; commands may follow in its group, if it may be one.
    fn end_of_part(&mut self, input: &BytesMut, times: Times, effects: &mut Effects) {
        self.group.add_part();
        if !input.is_empty() {
            self.judge_pipelining(times, effects);
        }
    }

    fn end_message(
        &mut self,
        body: &Body,
        transaction: Transaction,
        times: Times,
        effects: &mut Effects,
    ) -> ControlFlow<Next> {
        self.messages += 1;
        if body.bytes > self.entry.offer().message_bytes_max {
            let (code, records) = (reply::TOO_LARGE.code, &mut effects.records);
            transaction.refuse_all(code, Stage::Dot, records, times.now_us);
            return self.say(&reply::TOO_LARGE, effects);
        }
        let queued = reply::queued(self.entry.connection(), self.messages);
        let ending = transaction.end(body, &mut effects.records, times.now_us);
        let ending = self.entry.at_dot(ending);
        if ending.accepts {
            self.errors = 0;
            self.judge_lines(body, times, effects);
            if let Some(sample) = &body.sample {
                let samples = self.entry.samples();
                samples.keep(body.campaign.as_deref(), sample.clone());
            }
        }
        self.note_unanswered(&transaction, body, &ending, times, effects);
        let treatment = ending.treatment;
        self.ending = (!treatment.delay.is_zero()).then_some(transaction);
        self.treat(&treatment, &queued, effects)
    }

    /// Records that the reply to a message does not arrive, or will, if the client leaves before it.
    fn note_unanswered(
        &mut self,
        transaction: &Transaction,
        body: &Body,
        ending: &Ending,
        times: Times,
        effects: &mut Effects,
    ) {
        let unanswered = transaction.unanswered(body, ending, times.now_us);
        if !ending.treatment.act.is_told() {
            effects.records.extend(unanswered);
        } else if !ending.treatment.delay.is_zero() {
            self.unheard.extend(unanswered);
        }
    }

    /// What is wrong with the lines of a message that was accepted: once for each message.
    fn judge_lines(&self, body: &Body, times: Times, effects: &mut Effects) {
        let name = body.message_id.as_deref().unwrap_or("without a Message-ID");
        if body.bare_line_ends > 0 {
            let detail = format!("{} bare line ends in message {name}", body.bare_line_ends);
            self.record_fault(FaultKind::BareLineEnd, detail, times, effects);
            effects
                .records
                .push(Record::BareLineEnds(body.bare_line_ends));
        }
        if body.long_lines > 0 {
            let detail = format!("{} lines of message {name} are too long", body.long_lines);
            self.record_fault(FaultKind::LineTooLong, detail, times, effects);
        }
    }
}
