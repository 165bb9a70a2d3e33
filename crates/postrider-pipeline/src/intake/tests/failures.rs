//! What breaks, and what is safe then.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::once;
use postrider_store::Refused;
use postrider_store::request::CampaignChange;
use tokio::sync::oneshot;

use super::world::*;
use crate::bounds::OPEN_AGE_MAX;
use crate::intake::{Format, IntakeError};

#[tokio::test(start_paused = true)]
async fn when_the_store_fails_what_was_accepted_stays_and_the_same_list_continues() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let list = csv(0..9_000);
    for filings in [0, 1, 3, 5, 7] {
        let before = world.audience(campaign).await.len();
        world.filings_left.store(filings, Ordering::SeqCst);
        let error = take_in(&audiences, campaign, &list).await.unwrap_err();
        assert!(
            matches!(error, IntakeError::Store { .. }) && error.is_transient(),
            "{error}"
        );
        let report = error.report().unwrap();
        let now = world.audience(campaign).await.len();
        assert_eq!(report.accepted, (now - before) as u64);
        assert!(report.lines >= report.accepted + report.duplicates);
        let expect = format!(
            "{} lines were read, {} recipients of them are safe, and posting the same list again \
             continues",
            report.lines, report.accepted
        );
        assert!(error.to_string().contains(&expect), "{error}");
    }
    world.filings_left.store(usize::MAX, Ordering::SeqCst);
    let before = world.audience(campaign).await.len() as u64;
    let report = take_in(&audiences, campaign, &list).await.unwrap();
    assert_eq!(
        (report.accepted, report.duplicates),
        (9_000 - before, before)
    );
    assert_eq!(world.audience(campaign).await.len(), 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_list_does_not_end_well_when_another_lists_failure_took_its_duplicates() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let (list, stream) = sent();
    list.send(Ok(Bytes::from(csv(0..10)))).unwrap();
    let mut slow = audiences.open(TENANT, campaign).await.unwrap();
    let slow = tokio::spawn(async move { slow.read(Format::Csv, stream).await });
    pass(OPEN_AGE_MAX / 2).await;
    world.filings_left.store(0, Ordering::SeqCst);
    let fast = take_in(&audiences, campaign, &csv(0..10))
        .await
        .unwrap_err();
    assert!(matches!(fast, IntakeError::Store { .. }), "{fast}");
    drop(list);
    slow.await.unwrap().unwrap_err();
    world.filings_left.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(
        take_in(&audiences, campaign, &csv(0..10))
            .await
            .unwrap()
            .accepted,
        10
    );
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_is_sealed_while_a_list_is_read_takes_no_more_of_it() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let (list, stream) = sent();
    list.send(Ok(Bytes::from(csv(0..10)))).unwrap();
    let mut intake = audiences.open(TENANT, campaign).await.unwrap();
    let reading = tokio::spawn(async move { intake.read(Format::Csv, stream).await });
    pass(2 * OPEN_AGE_MAX).await;
    world.change(campaign, CampaignChange::Seal).await;
    list.send(Ok(Bytes::from("late@example.test,1\n"))).unwrap();
    drop(list);
    match reading.await.unwrap().unwrap_err() {
        IntakeError::Refused {
            report,
            source: Refused::Sealed,
        } => {
            assert_eq!((report.lines, report.accepted), (11, 10));
        }
        other => panic!("{other}"),
    }
    assert_eq!(world.audience(campaign).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_spill_directory_that_is_gone_is_an_error_and_not_a_wrong_answer() {
    let mut world = World::new();
    world.settings.dedup_bytes_max = 0;
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences_in(world.spill_dir().join("gone"));
    let error = take_in(&audiences, campaign, &csv(0..5_000))
        .await
        .unwrap_err();
    assert!(matches!(error, IntakeError::Spill { .. }), "{error}");
    let accepted = error.report().unwrap().accepted;
    let report = take_in(&world.audiences(), campaign, &csv(0..5_000))
        .await
        .unwrap();
    assert_eq!(
        (report.accepted, report.duplicates),
        (5_000 - accepted, accepted)
    );
    assert_eq!(world.audience(campaign).await.len(), 5_000);
}

#[tokio::test]
async fn a_failure_is_told_after_all_filings_in_flight_have_come_back() {
    let (world, verdicts) = World::judged();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    // More chunks than one commit takes, and all of them in flight when the first one fails.
    let list = csv(0..6_000);
    let (ended, has_ended) = oneshot::channel();
    let end = once(async move {
        ended.send(()).unwrap();
        Ok(Bytes::new())
    });
    let list = pieces(&list, 1_000).chain(end);
    let mut intake = audiences.open(TENANT, campaign).await.unwrap();
    let reading = tokio::spawn(async move { intake.read(Format::Csv, list).await });
    has_ended.await.unwrap();
    verdicts.send(false).unwrap();
    drop(verdicts);
    let error = reading.await.unwrap().unwrap_err();
    let in_store = world.audience(campaign).await.len() as u64;
    assert!(
        in_store > 0,
        "what was in flight behind the failure came through"
    );
    assert_eq!(error.report().unwrap().accepted, in_store);
    let report = take_in(&audiences, campaign, &csv(0..6_000)).await.unwrap();
    assert_eq!(
        (report.accepted, report.duplicates),
        (6_000 - in_store, in_store)
    );
    assert_eq!(world.audience(campaign).await.len(), 6_000);
}
