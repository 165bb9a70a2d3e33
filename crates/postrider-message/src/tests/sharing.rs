//! What recipients share, and what attempts have in common.

use serde_json::json;

use super::{attachment, email, prepare, render_to};
use crate::Segment;

const MEGABYTE: usize = 1_000_000;

#[test]
fn every_attempt_has_the_same_bytes() {
    let mut email = email();
    email.attachments.push(attachment("a.bin", "x"));
    let name = json!({"name": "Ada"});
    let first = render_to(&prepare(&email).unwrap(), "ada@example.test", &name).unwrap();
    let again = render_to(&prepare(&email).unwrap(), "ada@example.test", &name).unwrap();
    assert_eq!(first.to_vec(), again.to_vec());
}

#[test]
fn an_attachment_is_encoded_once_and_never_copied() {
    let mut email = email();
    email
        .attachments
        .push(attachment("a.bin", vec![7; 5 * MEGABYTE]));
    let prepared = prepare(&email).unwrap();
    let ada = render_to(&prepared, "ada@example.test", &json!({"name": "Ada"})).unwrap();
    let eve = render_to(&prepared, "eve@example.test", &json!({"name": "Eve"})).unwrap();
    let [Segment::Own(first), Segment::Shared(0, tail)] = ada.segments() else {
        panic!("an own and a shared segment: {}", ada.segments().len());
    };
    assert!(first.len() < 2000);
    for same in [eve.segments()[1].bytes(), &prepared.shared()[0]] {
        assert_eq!(tail.as_ptr(), same.as_ptr());
        assert_eq!(tail.len(), same.len());
    }
    assert_eq!(ada.len_bytes(), ada.to_vec().len());
}

#[test]
fn a_body_that_is_the_same_for_everyone_is_shared() {
    let mut email = email();
    email.html = Some("<p>Grüße</p>\n".repeat(1000));
    let prepared = prepare(&email).unwrap();
    let ada = render_to(&prepared, "ada@example.test", &json!({"name": "Ada"})).unwrap();
    let eve = render_to(&prepared, "eve@example.test", &json!({"name": "Eve"})).unwrap();
    assert_eq!(ada.segments()[1], eve.segments()[1]);
    assert!(matches!(ada.segments()[1], Segment::Shared(0, _)));
}

#[test]
fn the_weight_counts_what_is_held() {
    let mut email = email();
    let light = prepare(&email).unwrap().weight_bytes();
    assert!((1..MEGABYTE / 10).contains(&light));
    email
        .attachments
        .push(attachment("a.bin", vec![7; 3 * MEGABYTE]));
    let heavy = prepare(&email).unwrap().weight_bytes();
    assert!((4 * MEGABYTE..5 * MEGABYTE).contains(&heavy), "{heavy}");
}
