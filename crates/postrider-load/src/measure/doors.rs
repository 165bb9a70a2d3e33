//! What the mock saw at the providers' own doors, each with both of its caps.
//!
//! The mock judges connections at once and messages of one connection apart, provider by provider;
//! whoever reads a run wants to see what became of a provider.

use postrider_mock_smtp::control::wire;

use crate::run::DoorCaps;

/// Both caps of each door that was called on.
pub(crate) fn of(verdict: &wire::Verdict) -> Vec<DoorCaps> {
    let nothing = wire::CapVerdict::default();
    let door = |connections: &wire::CapVerdict| {
        let mut messages = verdict.messages_per_connection.iter();
        let messages = messages.find(|cap| cap.provider == connections.provider);
        let messages = messages.unwrap_or(&nothing);
        DoorCaps {
            provider: connections.provider.clone(),
            connections_most: connections.most,
            connections_max: connections.cap,
            messages_most: messages.most,
            messages_max: messages.cap,
            is_exceeded: connections.is_exceeded || messages.is_exceeded,
        }
    };
    verdict.connections.iter().map(door).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_exceeded_when_either_of_its_caps_is() {
        let cap = |most| wire::CapVerdict {
            provider: "big".to_owned(),
            most,
            cap: Some(5),
            is_exceeded: most > 5,
        };
        let check = |connections, messages, expected| {
            let verdict = wire::Verdict {
                connections: vec![cap(connections)],
                messages_per_connection: vec![cap(messages)],
                ..wire::Verdict::default()
            };
            let door = of(&verdict).pop().unwrap();
            assert_eq!(door.is_exceeded, expected);
            assert_eq!(
                (door.connections_most, door.messages_most),
                (connections, messages)
            );
        };
        check(5, 5, false);
        check(6, 5, true);
        check(5, 6, true);
    }
}
