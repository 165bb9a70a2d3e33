//! Lists that take their time, and the desks behind them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use postrider_store::removal::Cursor;
use postrider_store::{Reply, Request, sqlite};
use tokio::time::timeout;

use super::world::*;
use crate::bounds::{AUDIENCES_MAX, DESK_IDLE_MAX, OPEN_AGE_MAX};
use crate::clock::SystemClock;
use crate::intake::{Audiences, Format, IntakeError};

#[tokio::test(start_paused = true)]
async fn what_was_read_is_filed_after_200_ms_while_the_list_waits() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let (list, stream) = sent();
    let mut intake = world.audiences().open(TENANT, campaign).await.unwrap();
    let reading = tokio::spawn(async move { intake.read(Format::Csv, stream).await });
    list.send(Ok(Bytes::from(csv(0..3)))).unwrap();
    pass(OPEN_AGE_MAX - Duration::from_millis(10)).await;
    assert!(world.audience(campaign).await.is_empty());
    pass(Duration::from_millis(20)).await;
    assert_eq!(world.audience(campaign).await.len(), 3);
    list.send(Ok(Bytes::from("last@example.test,4"))).unwrap();
    drop(list);
    assert_eq!(reading.await.unwrap().unwrap().accepted, 4);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_keeps_its_complete_lines_and_drops_the_torn_one() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let (list, stream) = sent();
    list.send(Ok(Bytes::from(csv(0..3) + "torn@example.te")))
        .unwrap();
    list.send(Err(io::ErrorKind::ConnectionReset.into()))
        .unwrap();
    let mut intake = world.audiences().open(TENANT, campaign).await.unwrap();
    let error = intake.read(Format::Csv, stream).await.unwrap_err();
    assert!(matches!(error, IntakeError::Input { .. }), "{error}");
    assert!(error.is_transient());
    let report = error.report().unwrap();
    assert_eq!((report.lines, report.accepted), (3, 3));
    assert_eq!(world.audience(campaign).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_reader_goes_away_leaves_nobody_out_for_ever() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let (list, stream) = sent();
    list.send(Ok(Bytes::from(csv(0..1_200)))).unwrap();
    let mut intake = audiences.open(TENANT, campaign).await.unwrap();
    let waited = Duration::from_millis(1);
    timeout(waited, intake.read(Format::Csv, stream))
        .await
        .expect_err("the list goes on");
    drop(intake);
    let report = take_in(&audiences, campaign, &csv(0..1_500)).await.unwrap();
    assert_eq!(report.accepted + report.duplicates, 1_500);
    assert_eq!(world.audience(campaign).await.len(), 1_500);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_told_only_when_the_first_one_is_durable() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let (list, stream) = sent();
    list.send(Ok(Bytes::from(csv(0..10)))).unwrap();
    let mut slow = audiences.open(TENANT, campaign).await.unwrap();
    let slow = tokio::spawn(async move { slow.read(Format::Csv, stream).await });
    pass(Duration::from_millis(1)).await;
    let fast = take_in(&audiences, campaign, &csv(5..15)).await.unwrap();
    assert_eq!((fast.accepted, fast.duplicates), (5, 5));
    assert_eq!(world.audience(campaign).await.len(), 15);
    drop(list);
    assert_eq!(slow.await.unwrap().unwrap().accepted, 10);
}

#[tokio::test(start_paused = true)]
async fn idle_audiences_make_room_and_live_ones_do_not() {
    let world = World::new();
    let audiences = world.audiences();
    let mut campaigns = Vec::new();
    for number in 0..=AUDIENCES_MAX {
        campaigns.push(world.campaign(&format!("campaign {number}")).await);
    }
    for round in 0..2 {
        for campaign in &campaigns {
            let report = take_in(&audiences, *campaign, &csv(0..10)).await.unwrap();
            assert_eq!(report.duplicates, 10 * round);
        }
    }
    let last = campaigns.pop().unwrap();
    let mut live = Vec::new();
    for campaign in campaigns {
        live.push(audiences.open(TENANT, campaign).await.unwrap());
    }
    let Err(error) = audiences.open(TENANT, last).await else {
        panic!("there is no room")
    };
    assert!(matches!(error, IntakeError::Busy(AUDIENCES_MAX)) && error.is_transient());
    live.pop();
    audiences.open(TENANT, last).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_audience_that_nobody_feeds_is_forgotten_and_learned_again() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let kept = audiences.open(TENANT, campaign).await.unwrap();
    take_in(&audiences, campaign, &csv(0..10)).await.unwrap();
    pass(3 * DESK_IDLE_MAX).await;
    assert_eq!(audiences.desks(), 1, "somebody still has the door in hand");
    drop(kept);
    pass(2 * DESK_IDLE_MAX).await;
    assert_eq!(audiences.desks(), 0);
    let report = take_in(&audiences, campaign, &csv(0..20)).await.unwrap();
    assert_eq!((report.accepted, report.duplicates), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_erased_is_a_duplicate_when_the_list_comes_again() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let first = take_in(&world.audiences(), campaign, &csv(0..5)).await;
    assert_eq!(first.unwrap().accepted, 5);
    let mut cursor = Some(Cursor::START);
    while let Some(at) = cursor {
        let request = Request::EraseRecipient {
            tenant: TENANT,
            address: "recipient-3@example.test".parse().unwrap(),
            cursor: at,
        };
        match world.store.ask(request).await.unwrap() {
            Reply::Walked(walked) => cursor = walked.next,
            reply => panic!("{reply:?}"),
        }
    }
    let again = take_in(&world.audiences(), campaign, &csv(2..7))
        .await
        .unwrap();
    assert_eq!((again.accepted, again.duplicates), (2, 3));
}

#[tokio::test]
async fn the_store_closes_with_its_last_handle_however_many_desks_are_idle() {
    let dir = tempfile::tempdir().unwrap();
    for restart in 0..3 {
        let clock = SystemClock::start();
        let store = sqlite::open(dir.path(), clock.as_now()).unwrap();
        let name = format!("campaign {restart}");
        let campaign = create(&store, &name).await;
        let settings = World::new().settings;
        let clock = std::sync::Arc::new(clock);
        let spill_dir = dir.path().to_owned();
        let audiences = Audiences::new(&store, clock, settings, &limits(), spill_dir);
        let report = take_in(&audiences, campaign, &csv(0..2_000)).await.unwrap();
        assert_eq!(report.accepted, 2_000);
    }
}
