//! Connections, and messages on each.

use super::*;

const TWO: &str = "[provider.big]\nconnections_max = 2\nmessages_per_connection_max = 3";

#[test]
fn one_connection_more_than_the_cap_fails_however_soon_it_is_gone() {
    let mut case = Case::under(TWO);
    case.open_ms("big", 1, 0);
    case.open_ms("big", 2, 0);
    case.passes();
    case.open_ms("big", 3, 10);
    case.close_ms(3, 0, 11);
    let verdict = case.fails("provider big saw 3 connections at once, and allows 2");
    assert_eq!(
        (verdict.connections[0].most, verdict.connections[0].cap),
        (3, Some(2))
    );
    case.close_ms(2, 0, 500);
    case.fails("provider big saw 3");
}

#[test]
fn a_connection_that_was_ended_just_before_the_next_one_is_none_too_many() {
    let mut case = Case::under(TWO);
    case.open_ms("big", 1, 0);
    case.open_ms("big", 2, 0);
    // The mock sees the next one first, and the end a little later.
    for (next, at_ms) in (3..30).zip((100..).step_by(10)) {
        case.open_ms("big", next, at_ms);
        case.close_ms(next - 2, 1, at_ms + 3);
    }
    assert_eq!(case.passes().connections[0].most, 2);
    case.open_ms("big", 99, 1000);
    case.close_ms(28, 1, 1051);
    case.fails("provider big saw 3");
}

#[test]
fn a_newer_connection_does_not_excuse_an_older_one() {
    let mut case = Case::under(TWO);
    for (connection, at_ms) in [(1, 0), (2, 0), (3, 100), (4, 101)] {
        case.open_ms("big", connection, at_ms);
    }
    case.close_ms(4, 0, 102);
    let verdict = case.fails("provider big saw 4");
    assert_eq!(verdict.connections[0].most, 4);
}

#[test]
fn the_cap_is_that_of_the_address_alone() {
    let mut case = Case::under(TWO);
    for connection in 1..=5 {
        case.open_ms("", connection, 0);
        case.open_ms("other", 10 + connection, 0);
    }
    case.open_ms("big", 20, 0);
    let connections = case.passes().connections;
    let seen: Vec<_> = connections
        .iter()
        .map(|it| (it.provider.as_str(), it.most, it.cap))
        .collect();
    assert_eq!(seen, [("big", 1, Some(2)), ("other", 5, None)]);
}

#[test]
fn one_message_more_on_a_connection_than_the_cap_fails() {
    let mut case = Case::under(TWO);
    case.open_ms("big", 1, 0);
    case.close_ms(1, 3, 1);
    case.passes();
    case.open_ms("big", 2, 2);
    case.close_ms(2, 4, 3);
    let verdict = case.fails("provider big saw 4 messages on one connection, and allows 3");
    assert!(verdict.messages_per_connection[0].is_exceeded);
}

#[test]
fn a_message_that_was_refused_as_one_too_many_was_one_too_many() {
    let mut case = Case::under(TWO);
    case.open_ms("big", 1, 0);
    case.see(Record::Close(Close {
        at_us: 1,
        connection: 1,
        messages: 3,
        messages_over: 1,
        ..Close::default()
    }));
    case.fails("provider big saw 4 messages on one connection, and allows 3");
}

#[test]
fn a_reset_keeps_the_connections_that_are_open() {
    let mut case = Case::under(TWO);
    case.open_ms("big", 1, 0);
    case.open_ms("big", 2, 0);
    case.see(Record::Reset(Reset { at_us: 1 }));
    assert_eq!(case.passes().connections[0].most, 2);
    case.open_ms("big", 3, 100);
    case.fails("provider big saw 3");
}

#[test]
fn a_judge_that_lost_count_does_not_pass_anybody() {
    let mut case = Case::default();
    for connection in 0..2 * crate::bounds::CONNECTIONS_MAX as u64 {
        case.open_ms("", connection, 0);
    }
    case.passes();
    case.open_ms("", u64::MAX, 0);
    assert_eq!(case.fails("the mock had no room").untracked, 1);
}
