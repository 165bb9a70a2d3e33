//! Sessions that end between the begin and the dot: what the receipt says of them.

use std::time::Duration;

use postrider_types::{DeliveryState, Receipt};

use super::receiver::Does;
use super::world::World;

const SECOND: Duration = Duration::from_secs(1);

/// What stands in a receipt: state, attempts, and the reply.
fn said(receipt: &Receipt) -> (DeliveryState, u16, String) {
    let reply = receipt.reply.as_ref().map(ToString::to_string);
    (receipt.state, receipt.attempts, reply.unwrap_or_default())
}

/// What the receipt of one message says that met this, shortly after.
fn after(does: Does) -> (World, (DeliveryState, u16, String)) {
    let mut world = World::new(World::settings());
    world.will("0@example.test", [does]);
    world.file("example.test", 1, false);
    world.run(SECOND / 2);
    let said = said(&world.receipt(0));
    (world, said)
}

#[test]
fn a_server_that_loses_step_at_the_gate_is_charged_and_the_receipt_says_what_it_said() {
    for (does, words) in [
        (Does::SayAtGate("250 2.0.0 early"), "250 2.0.0 early"),
        (Does::BabbleAtGate, "does not speak SMTP"),
    ] {
        let (mut world, (state, attempts, reply)) = after(does);
        assert_eq!((state, attempts), (DeliveryState::Deferred, 1), "{reply}");
        assert!(reply.contains(words), "{reply}");
        assert!(!reply.starts_with("250"), "no reply that accepts: {reply}");
        world.run(60 * SECOND);
        assert_eq!(world.receipt(0).state, DeliveryState::Delivered);
        world.check_honest();
    }
}

#[test]
fn who_is_lost_at_the_gate_is_not_charged_and_the_receipt_says_how_he_was_lost() {
    let (mut world, (state, attempts, reply)) = after(Does::LoseAtGate);
    assert_eq!((state, attempts), (DeliveryState::Pending, 0), "{reply}");
    assert!(
        reply.contains("the server closed the connection"),
        "{reply}"
    );
    world.run(60 * SECOND);
    assert_eq!(world.receipt(0).state, DeliveryState::Delivered);
    world.check_honest();
}
