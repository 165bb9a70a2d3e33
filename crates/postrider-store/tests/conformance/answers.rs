//! Answers that are kept for requests that are sent again.

use bytes::Bytes;
use postrider_store::answers::Answer;
use postrider_store::bounds::{
    ANSWER_BYTES_MAX, ANSWERS_KEPT_FOR, ANSWERS_MAX, ANSWERS_TRIMMED_MAX,
};
use postrider_store::{Refused, Reply, Request};
use postrider_types::Timestamp;

use crate::world::World;

scenes!(
    an_answer_is_found_by_its_key_after_a_restart,
    an_answer_under_the_same_key_replaces_the_one_before,
    old_answers_are_forgotten_when_new_ones_come,
    no_more_answers_are_kept_than_there_is_room_for,
    an_answer_that_is_too_large_is_refused,
);

fn key(number: u32) -> [u8; 32] {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&number.to_le_bytes());
    key
}

fn answer(number: u32, body: &'static str, at: Timestamp) -> Answer {
    Answer {
        key: key(number),
        asked: [9; 32],
        status: 201,
        body: Bytes::from_static(body.as_bytes()),
        at,
    }
}

fn keep(world: &mut World, answer: Answer) {
    let reply = world.ask_once(Request::KeepAnswer {
        answer: Box::new(answer),
    });
    assert_eq!(reply, Reply::Done { more: false });
}

fn kept(world: &World, number: u32) -> Option<Answer> {
    world.reader().answer(&key(number)).unwrap()
}

fn an_answer_is_found_by_its_key_after_a_restart(world: &mut World) {
    let first = answer(1, "{}", world.now);
    keep(world, first.clone());
    world.reopen();
    assert_eq!(kept(world, 1), Some(first));
    assert_eq!(kept(world, 2), None);
}

fn an_answer_under_the_same_key_replaces_the_one_before(world: &mut World) {
    let now = world.now;
    keep(world, answer(1, "one", now));
    keep(world, answer(1, "two", now));
    assert_eq!(kept(world, 1), Some(answer(1, "two", now)));
}

fn old_answers_are_forgotten_when_new_ones_come(world: &mut World) {
    let now = world.now;
    keep(world, answer(1, "old", now));
    keep(world, answer(2, "kept", now.plus(ANSWERS_KEPT_FOR)));
    assert!(kept(world, 1).is_some(), "it is not too old yet");
    let late = now.plus(ANSWERS_KEPT_FOR * 2);
    keep(world, answer(3, "new", late));
    assert_eq!(kept(world, 1), None);
    assert!(kept(world, 2).is_some());
}

fn no_more_answers_are_kept_than_there_is_room_for(world: &mut World) {
    let now = world.now;
    let all = u32::try_from(ANSWERS_MAX + ANSWERS_TRIMMED_MAX).unwrap();
    let keeps = (0..all).map(|number| Request::KeepAnswer {
        answer: Box::new(answer(number, "{}", now)),
    });
    for reply in world.apply(keeps.collect()) {
        assert_eq!(reply, Reply::Done { more: false });
    }
    let first_kept = u32::try_from(ANSWERS_TRIMMED_MAX).unwrap();
    assert_eq!(kept(world, first_kept - 1), None);
    assert!(kept(world, first_kept).is_some());
    assert!(kept(world, all - 1).is_some());
}

fn an_answer_that_is_too_large_is_refused(world: &mut World) {
    let large = Answer {
        body: Bytes::from(vec![b'x'; ANSWER_BYTES_MAX + 1]),
        ..answer(1, "", world.now)
    };
    let reply = world.ask_once(Request::KeepAnswer {
        answer: Box::new(large),
    });
    assert!(
        matches!(reply, Reply::Refused(Refused::Malformed(_))),
        "{reply:?}"
    );
    assert_eq!(kept(world, 1), None);
}
