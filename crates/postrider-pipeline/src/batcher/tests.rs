//! Chunks and when they are ready.

use std::time::Duration;

use postrider_types::bounds::{OWN_LANE_FROM, VARIABLES_BYTES_MAX};
use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_000_000);

fn batcher(configured: &[&str]) -> Batcher<u8> {
    Batcher::new(
        configured
            .iter()
            .map(|domain| domain.parse().unwrap())
            .collect(),
    )
}

fn recipient(number: usize, domain: &str, variables_bytes: usize) -> (Address, Variables) {
    let value = "x".repeat(variables_bytes.saturating_sub(8));
    let variables = Variables::from_json_object(format!("{{\"x\":\"{value}\"}}")).unwrap();
    (
        format!("recipient-{number}@{domain}").parse().unwrap(),
        variables,
    )
}

fn stored_bytes(chunk: &ReadyChunk<u8>) -> usize {
    let recipients = chunk.recipients.iter().cloned();
    recipients
        .map(|(address, variables)| measured(address, variables).0)
        .sum()
}

#[test]
fn a_chunk_is_ready_with_its_500th_recipient() {
    let mut batcher = batcher(&["a.test"]);
    let mut ready = Vec::new();
    for number in 0..1_001 {
        batcher.push(recipient(number, "a.test", 10), 0, &mut ready, START);
    }
    assert_eq!(ready.len(), 2);
    assert!(
        ready
            .iter()
            .all(|chunk| chunk.recipients.len() == CHUNK_RECIPIENTS_MAX)
    );
    assert_eq!(batcher.take_all()[0].recipients.len(), 1);
    assert_eq!(batcher.due_at(), None);
}

#[test]
fn a_chunk_is_ready_before_it_would_pass_256_kib() {
    let mut batcher = batcher(&["a.test"]);
    let mut ready = Vec::new();
    for number in 0..100 {
        let recipient = recipient(number, "a.test", VARIABLES_BYTES_MAX);
        batcher.push(recipient, 0, &mut ready, START);
    }
    ready.extend(batcher.take_all());
    assert!(
        ready
            .iter()
            .all(|chunk| stored_bytes(chunk) <= CHUNK_BYTES_MAX)
    );
    assert_eq!(
        ready
            .iter()
            .map(|chunk| chunk.recipients.len())
            .sum::<usize>(),
        100
    );
    assert_eq!(ready[0].recipients.len(), 15);
}

#[test]
fn an_open_chunk_is_due_after_200_ms_however_much_came_since() {
    let mut batcher = batcher(&["a.test", "b.test"]);
    let mut ready = Vec::new();
    let later = START.plus(Duration::from_millis(150));
    batcher.push(recipient(0, "a.test", 10), 0, &mut ready, START);
    batcher.push(recipient(1, "b.test", 10), 0, &mut ready, later);
    batcher.push(recipient(2, "a.test", 10), 0, &mut ready, later);
    assert!(ready.is_empty());
    let due_at = START.plus(OPEN_AGE_MAX);
    assert_eq!(batcher.due_at(), Some(due_at));
    assert_eq!(batcher.take_due(due_at.minus(Duration::from_micros(1))), []);
    let due = batcher.take_due(due_at);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].recipients.len(), 2);
    assert_eq!(batcher.due_at(), Some(later.plus(OPEN_AGE_MAX)));
}

#[test]
fn beyond_1024_open_chunks_the_oldest_is_ready() {
    let mut domains: Vec<_> = (0..=OPEN_CHUNKS_MAX)
        .map(|n| format!("d-{n}.test"))
        .collect();
    let configured: Vec<_> = domains.iter().map(String::as_str).collect();
    let mut batcher = batcher(&configured);
    let last = domains.pop().unwrap();
    let mut ready = Vec::new();
    for domain in &domains {
        batcher.push(recipient(0, domain, 10), 0, &mut ready, START);
    }
    assert!(ready.is_empty());
    batcher.push(recipient(0, &last, 10), 0, &mut ready, START);
    assert_eq!(ready.len(), 1);
    assert_eq!(ready[0].lane.as_str(), "d-0.test");
    assert_eq!(batcher.take_all().len(), OPEN_CHUNKS_MAX);
}

#[test]
fn beyond_32_mib_in_open_chunks_the_oldest_are_ready() {
    let domains: Vec<_> = (0..200).map(|number| format!("d-{number}.test")).collect();
    let configured: Vec<_> = domains.iter().map(String::as_str).collect();
    let mut batcher = batcher(&configured);
    let mut ready = Vec::new();
    for number in 0..14 * domains.len() {
        let recipient = recipient(number, &domains[number % domains.len()], 16_000);
        batcher.push(recipient, 0, &mut ready, START);
        assert!(batcher.bytes <= OPEN_BYTES_MAX);
    }
    assert!(!ready.is_empty());
    assert_eq!(ready[0].lane.as_str(), "d-0.test");
}

#[test]
fn recipients_filed_earlier_count_towards_a_lane_of_their_own() {
    let mut batcher = batcher(&[]);
    let (address, variables) = recipient(0, "a.test", 10);
    for _ in 1..OWN_LANE_FROM {
        batcher.count(&address);
    }
    batcher.push((address, variables), 0, &mut Vec::new(), START);
    assert_eq!(batcher.take_all()[0].lane.as_str(), "a.test");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_recipient_is_in_one_chunk_of_a_fitting_lane_and_shares_add_up(
        pushes in prop::collection::vec((0..12_usize, 0..3_u8, 0..40_u64), 1..3_000),
    ) {
        let mut batcher = batcher(&["d-0.test"]);
        let mut ready = Vec::new();
        let mut now = START;
        let mut pushed = Vec::new();
        for (number, (domain, source, wait_ms)) in pushes.into_iter().enumerate() {
            now = now.plus(Duration::from_millis(wait_ms / 30));
            let recipient = recipient(number, &format!("d-{domain}.test"), 20 + 97 * domain);
            pushed.push(recipient.0.as_str().to_owned());
            batcher.push(recipient, source, &mut ready, now);
            ready.extend(batcher.take_due(now));
        }
        ready.extend(batcher.take_all());
        let mut found = Vec::new();
        for chunk in &ready {
            let shares: u64 = chunk.shares.iter().map(|(_, share)| share).sum();
            prop_assert_eq!(shares, chunk.recipients.len() as u64);
            prop_assert!(chunk.recipients.len() <= CHUNK_RECIPIENTS_MAX);
            prop_assert!(stored_bytes(chunk) <= CHUNK_BYTES_MAX);
            for (address, _) in &chunk.recipients {
                let domain = address.to_domain();
                let lanes = [LaneName::own(&domain), LaneName::tail(&domain)];
                prop_assert!(lanes.contains(&chunk.lane));
                found.push(address.as_str().to_owned());
            }
        }
        found.sort();
        pushed.sort();
        prop_assert_eq!(found, pushed);
    }
}
