//! The dialogue without sockets: what is said, in which order, and what is recorded.

use std::sync::Arc;

use super::*;
use crate::bounds::IN_FLIGHT_MAX;
use crate::chance::body_hash;
use crate::log::{Accept, FaultKind};
use crate::profile::{Behaviour, DropAt, Keyword, Profile};
use crate::tally::Count;
use crate::units::Share;
use crate::world::World;
use crate::world::plan::Door;

mod behaviour;
mod chunks;
mod commands;
mod extensions;
mod groups;
mod replies;
mod security;

const NEWS: &str = "MAIL FROM:<news@example.test>\r\n";

struct Client {
    world: Arc<World>,
    dialogue: Dialogue,
    effects: Effects,
    /// What was sent and not used up.
    input: BytesMut,
    now_us: i64,
}

/// A dialogue whose greeting was said.
fn greeted(world: &Arc<World>) -> Dialogue {
    let (entry, greeting) = world.enter(Door::Common, 1, 0);
    let mut dialogue = Dialogue::new(entry, greeting, IN_FLIGHT_MAX);
    let times = Times {
        arrived_at_us: 0,
        now_us: 0,
    };
    dialogue.advance(&mut BytesMut::new(), times, &mut Effects::default());
    dialogue
}

impl Client {
    fn of(world: &Arc<World>) -> Self {
        let mut client = Self {
            world: Arc::clone(world),
            dialogue: greeted(world),
            effects: Effects::default(),
            input: BytesMut::new(),
            now_us: 0,
        };
        client.send("EHLO client.test\r\n");
        client.effects.replies.clear();
        client
    }

    fn new(profile: Profile) -> Self {
        Self::of(&World::new(profile))
    }

    fn with(behaviour: Behaviour) -> Self {
        Self::new(Profile::sink().with_domain("x.test", behaviour))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Next {
        let times = Times {
            arrived_at_us: self.now_us,
            now_us: self.now_us,
        };
        self.input.extend_from_slice(bytes.as_ref());
        self.dialogue
            .advance(&mut self.input, times, &mut self.effects)
    }

    /// Sends, and answers with the codes of the replies in their order.
    fn codes(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u16> {
        self.send(bytes);
        self.said()
    }

    /// Brings one message, waiting for its 354.
    fn deliver(&mut self, recipient: &str, message: &str) -> Vec<u16> {
        let mut codes = self.codes(envelope(recipient));
        codes.extend(self.codes(message));
        codes
    }

    /// The codes of what was said since the last call.
    fn said(&mut self) -> Vec<u16> {
        let replies = String::from_utf8(std::mem::take(&mut self.effects.replies)).unwrap();
        let lasts = replies.lines().filter(|line| line.as_bytes()[3] != b'-');
        lasts.map(|line| line[..3].parse().unwrap()).collect()
    }

    /// Sends each when the replies to the one before it were read, and answers with all codes.
    fn codes_in_turn(&mut self, lines: &[&str]) -> Vec<u16> {
        let replies = lines.iter().map(|line| {
            self.now_us += 1_000_000;
            self.codes(format!("{line}\r\n"))
        });
        replies.flatten().collect()
    }

    /// The replies to what is sent, in one text.
    fn replies(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.effects.replies.clear();
        self.send(bytes);
        String::from_utf8(std::mem::take(&mut self.effects.replies)).unwrap()
    }

    /// The faults since the last call.
    fn faults(&mut self) -> Vec<FaultKind> {
        let records = std::mem::take(&mut self.effects.records);
        let faults = records.into_iter().filter_map(|it| match it {
            Record::Fault(fault) => Some(fault.kind),
            _ => None,
        });
        faults.collect()
    }

    fn accepts(&self) -> Vec<&Accept> {
        let records = self.effects.records.iter();
        records
            .filter_map(|it| {
                if let Record::Accept(it) = it {
                    Some(it)
                } else {
                    None
                }
            })
            .collect()
    }

    fn counts(&self, counted: fn(&Count) -> bool) -> usize {
        let records = self.effects.records.iter();
        records
            .filter(|it| matches!(it, Record::Count(_, what) if counted(what)))
            .count()
    }
}

fn envelope(recipient: &str) -> String {
    format!("{NEWS}RCPT TO:<{recipient}>\r\nDATA\r\n")
}
