//! Whole lists.

use postrider_store::Refused;
use postrider_store::request::CampaignChange;
use postrider_types::{CampaignId, CampaignState, TenantId};

use super::world::*;
use crate::audience::ListError;
use crate::intake::{Format, IntakeError};

#[tokio::test(start_paused = true)]
async fn what_is_accepted_is_durable_and_every_line_is_counted() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let mut list = csv(0..2_000);
    for number in 0..30 {
        list.push_str(&format!(
            "nobody-{number},x\nRecipient-{number}@Example.TEST,again\n"
        ));
    }
    let report = take_in(&world.audiences(), campaign, &list).await.unwrap();
    assert_eq!((report.lines, report.accepted), (2_060, 2_000));
    assert_eq!((report.duplicates, report.bad), (30, 30));
    assert_eq!(report.errors.len(), world.settings.errors_max);
    assert_eq!(
        (report.errors[0].line, report.errors[0].code),
        (2_002, "missing_at_sign")
    );
    assert_eq!(world.audience(campaign).await.len(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_taken_in_like_a_stream() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let list = "{\"email\":\"ada@example.test\"}\n{\"email\":\"bo@example.test\"}";
    let mut intake = world.audiences().open(TENANT, campaign).await.unwrap();
    let report = intake
        .read_from(Format::Ndjson, list.as_bytes())
        .await
        .unwrap();
    assert_eq!(report.accepted, 2);
    assert_eq!(
        world.audience(campaign).await,
        ["ada@example.test", "bo@example.test"]
    );
}

#[tokio::test(start_paused = true)]
async fn posting_a_slice_again_changes_nothing_not_even_after_a_restart() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    take_in(&audiences, campaign, &csv(0..3_000)).await.unwrap();
    let before = world.audience(campaign).await;
    for audiences in [audiences, world.audiences(), world.audiences()] {
        let report = take_in(&audiences, campaign, &csv(1_000..2_500))
            .await
            .unwrap();
        assert_eq!((report.accepted, report.duplicates), (0, 1_500));
    }
    assert_eq!(world.audience(campaign).await, before);
    let report = take_in(&world.audiences(), campaign, &csv(2_900..3_100))
        .await
        .unwrap();
    assert_eq!((report.accepted, report.duplicates), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn a_large_audience_is_known_in_little_memory() {
    let mut world = World::new();
    world.settings.dedup_bytes_max = 16 * 1024;
    let campaign = world.campaign("hello").await;
    take_in(&world.audiences(), campaign, &csv(0..10_000))
        .await
        .unwrap();
    let report = take_in(&world.audiences(), campaign, &csv(5_000..12_000))
        .await
        .unwrap();
    assert_eq!((report.accepted, report.duplicates), (2_000, 5_000));
    assert_eq!(world.audience(campaign).await.len(), 12_000);
}

#[tokio::test(start_paused = true)]
async fn lists_that_come_together_let_nobody_in_twice() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let audiences = world.audiences();
    let (forth, back) = (csv(0..6_000), csv((3_000..9_000).rev()));
    let (forth, back) = tokio::join!(
        take_in(&audiences, campaign, &forth),
        take_in(&audiences, campaign, &back),
    );
    let (forth, back) = (forth.unwrap(), back.unwrap());
    assert!(forth.accepted > 0 && back.accepted > 0);
    assert_eq!(forth.accepted + back.accepted, 9_000);
    assert_eq!(forth.duplicates + back.duplicates, 3_000);
    assert_eq!(world.audience(campaign).await.len(), 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_a_header_is_one_error() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    let error = take_in(&world.audiences(), campaign, "ada@example.test\n")
        .await
        .unwrap_err();
    assert!(
        matches!(error, IntakeError::List(ListError::NoEmailColumn { .. })),
        "{error}"
    );
    assert!(error.report().is_none() && !error.is_transient());
    assert!(world.audience(campaign).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_takes_no_recipients_says_why_before_anything_is_read() {
    let world = World::new();
    let audiences = world.audiences();
    let sealed = world.campaign("sealed").await;
    world.change(sealed, CampaignChange::Seal).await;
    let cancelled = world.campaign("cancelled").await;
    world.change(cancelled, CampaignChange::Cancel).await;
    let cases = [
        (TENANT, sealed, Refused::Sealed),
        (
            TENANT,
            cancelled,
            Refused::Campaign {
                state: CampaignState::Cancelled,
            },
        ),
        (TENANT, CampaignId(99), Refused::NoCampaign),
        (TenantId(2), sealed, Refused::NoCampaign),
    ];
    for (tenant, campaign, expect) in cases {
        let Err(error) = audiences.open(tenant, campaign).await else {
            panic!("{campaign} is refused");
        };
        match error {
            IntakeError::Refused { source, .. } => assert_eq!(source, expect),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_domain_gets_its_own_lane_with_its_200th_recipient_over_all_lists() {
    let world = World::new();
    let campaign = world.campaign("hello").await;
    world.change(campaign, CampaignChange::Start).await;
    let audiences = world.audiences();
    take_in(&audiences, campaign, &csv(0..100)).await.unwrap();
    take_in(&audiences, campaign, &csv(50..199)).await.unwrap();
    let lanes = world.lanes().await;
    assert!(
        lanes.iter().all(|lane| lane.starts_with("tail-")),
        "{lanes:?}"
    );
    take_in(&world.audiences(), campaign, &csv(199..200))
        .await
        .unwrap();
    assert!(world.lanes().await.contains(&"example.test".to_owned()));
}
