//! Begins go together: a message that arrives at the gate waits for others, until a share of all
//! busy connections have one there, or a millisecond is over. So a commit is shared by several
//! connections, and a connection that is alone waits for nobody.

use postrider_store::Request;
use postrider_types::Timestamp;

use super::Purpose;
use crate::bounds::GATE_SHARE;
use crate::core::Core;
use crate::core::connections::{Afterwards, Progress};
use crate::core::event::ConnectionId;

impl Core {
    /// Asks for the begins of those at the gate, when enough of them stand there.
    pub(in crate::core) fn open_gate(&mut self, now: Timestamp) {
        let enough = self.connections.busy().div_ceil(GATE_SHARE);
        let is_over = self.asked.gate_until.is_some_and(|until| until <= now);
        if self.asked.at_gate.is_empty() || (self.asked.at_gate.len() < enough && !is_over) {
            return;
        }
        self.asked.gate_until = None;
        self.ask_riding();
        for connection in std::mem::take(&mut self.asked.at_gate) {
            self.ask_begin(connection);
        }
    }

    fn ask_begin(&mut self, connection: ConnectionId) {
        let Some(busy) = self.connections.front(connection) else {
            return;
        };
        let index = busy.index;
        let Some(hand) = self.hands.get(&busy.strand.hand) else {
            self.abandon(connection, Afterwards::Forget);
            return;
        };
        busy.progress = Progress::Beginning;
        let recipient = &hand.chunk.recipients[index];
        let delivery = busy.delivery();
        let begin = Request::Begin {
            token: hand.token(),
            delivery,
            address: recipient.address.clone(),
            attempt: recipient.attempts.saturating_add(1),
        };
        self.ask(Purpose::Begin(connection, delivery), begin, false);
    }
}
