//! Whole sessions with a model that knows what it accepted: what the client says must agree.

use std::time::Duration;

use postrider_smtp::{Extensions, Trouble};
use proptest::prelude::*;
use tokio::io::duplex;
use tokio::time::timeout;

use crate::client::{Fate, Message, Told, paused, send_all};
use crate::contents::any_content;
use crate::model::{Accepted, Model, Offer};
use crate::server::{Line, play};
use crate::whim::Whim;

/// Longer than all deadlines of a session together.
const FOR_EVER: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug, Clone)]
struct Plan {
    offer: Offer,
    is_chunking: bool,
    whims: Vec<Whim>,
    line: Line,
    /// Octets that the stream holds between the two.
    capacity: usize,
    messages: Vec<Message>,
}

fn any_whim() -> impl Strategy<Value = Whim> {
    prop_oneof![
        20 => Just(Whim::Yes),
        2 => Just(Whim::Odd),
        2 => Just(Whim::Later),
        2 => Just(Whim::Never),
        1 => Just(Whim::Leave),
        1 => Just(Whim::Hang),
        1 => Just(Whim::Babble),
        1 => Just(Whim::OutOfPlace),
        1 => Just(Whim::Slow),
        1 => Just(Whim::MidBody),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let fate = prop_oneof![
        8 => Just(Fate::Go),
        3 => Just(Fate::GoAlone),
        1 => Just(Fate::Abandon),
        1 => Just(Fate::Drop),
    ];
    (any_content(), fate).prop_map(|(segments, fate)| Message { segments, fate })
}

fn any_line() -> impl Strategy<Value = Line> {
    let octets_max = || prop_oneof![4 => Just(usize::MAX), 1 => 0_usize..3_000];
    let pieces = prop::collection::vec(1_usize..40, 0..6);
    (pieces, octets_max(), octets_max()).prop_map(|(pieces, reads_max, writes_max)| Line {
        pieces,
        reads_max,
        writes_max,
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let offer = any::<[bool; 6]>();
    let whims = prop::collection::vec(any_whim(), 0..30);
    let messages = prop::collection::vec(any_message(), 1..7);
    let capacity = prop_oneof![Just(64 * 1024), 1_usize..200];
    (offer, whims, any_line(), capacity, messages).prop_map(
        |(
            [
                pipelining,
                chunking,
                eight_bit_mime,
                is_size_broken,
                is_stubborn,
                is_chunking,
            ],
            whims,
            line,
            capacity,
            messages,
        )| {
            Plan {
                offer: Offer {
                    pipelining,
                    chunking,
                    eight_bit_mime,
                    is_size_broken,
                    is_stubborn,
                },
                is_chunking,
                whims,
                line,
                capacity,
                messages,
            }
        },
    )
}

/// Plays the plan: what the client was told, and what the server knows.
fn play_out(plan: &Plan) -> (Vec<Told>, Model) {
    paused().block_on(async {
        let (ours, theirs) = duplex(plan.capacity);
        let model = Model::new(plan.offer, plan.whims.clone());
        let server = tokio::spawn(play(theirs, model, plan.line.clone()));
        let extensions = Extensions {
            pipelining: true,
            chunking: plan.is_chunking,
            size: true,
        };
        let sending = timeout(FOR_EVER, send_all(ours, extensions, &plan.messages));
        let told = sending.await.expect("the session ends by its deadlines");
        let model = timeout(FOR_EVER, server).await.expect("the client closes");
        (told, model.unwrap())
    })
}

/// What the server has of this message, if anything.
fn accepted(model: &Model, number: usize) -> Vec<&Accepted> {
    let to = format!("user{number}@example.test");
    let is_to = |accepted: &&Accepted| accepted.to == to;
    model.accepted.iter().filter(is_to).collect()
}

fn check(plan: &Plan) -> Result<(), TestCaseError> {
    let (told, model) = play_out(plan);
    prop_assert_eq!(&model.faults, &Vec::<String>::new());
    for (number, message) in plan.messages.iter().enumerate() {
        let there = accepted(&model, number);
        prop_assert!(there.len() <= 1, "message {} was accepted twice", number);
        if let Some(there) = there.first() {
            prop_assert_eq!(&there.from, &format!("bounce-{number}@example.test"));
            prop_assert_eq!(&there.content, &message.bytes(), "message {}", number);
        }
        let is_there = !there.is_empty();
        match told.get(number) {
            Some(Told::Accepted) => prop_assert!(is_there, "message {} is not there", number),
            None => prop_assert!(!is_there, "message {} is there untold", number),
            Some(Told::NotSent(trouble)) => {
                prop_assert!(!is_there, "message {} is there: {:?}", number, trouble);
                let is_blamed = |trouble: &&Trouble| trouble.is_permanent() && !trouble.is_local();
                let blamed = trouble.as_ref().filter(is_blamed);
                if let Some(reply) = blamed.and_then(|trouble| trouble.reply()) {
                    let refusal = (format!("user{number}@example.test"), reply.code);
                    let is_told = model.refused.contains(&refusal);
                    prop_assert!(is_told, "message {}: {:?}", number, trouble);
                }
            }
            Some(Told::InDoubt) => {
                let is_cut = plan.line.reads_max.min(plan.line.writes_max) < usize::MAX;
                let is_odd = plan.whims.iter().any(|whim| whim.leaves_doubt());
                prop_assert!(is_cut || is_odd, "message {} is in doubt", number);
            }
        }
    }
    prop_assert!(
        model
            .accepted
            .iter()
            .all(|accepted| !accepted.to.is_empty())
    );
    Ok(())
}

proptest! {
    #[test]
    fn the_client_never_says_of_a_message_what_the_server_knows_to_be_otherwise(plan in any_plan()) {
        check(&plan)?;
    }

    #[test]
    fn a_server_that_says_yes_gets_every_message_once_and_whole(mut plan in any_plan()) {
        plan.whims.clear();
        plan.line.reads_max = usize::MAX;
        plan.line.writes_max = usize::MAX;
        for message in &mut plan.messages {
            message.fate = Fate::Go;
        }
        let (told, model) = play_out(&plan);
        let is_sendable = |message: &Message| plan.offer.eight_bit_mime || message.bytes().is_ascii();
        prop_assert_eq!(&model.faults, &Vec::<String>::new());
        for (number, message) in plan.messages.iter().enumerate() {
            let is_accepted = matches!(told.get(number), Some(Told::Accepted));
            prop_assert_eq!(is_accepted, is_sendable(message), "{:?}", told.get(number));
            prop_assert_eq!(accepted(&model, number).len(), usize::from(is_accepted));
        }
        check(&plan)?;
    }
}
