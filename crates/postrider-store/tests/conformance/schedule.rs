//! Drafts that start by themselves.

use std::time::Duration;

use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request};
use postrider_types::{CampaignId, CampaignState, Timestamp};

use crate::requests::scheduled_request;
use crate::world::{World, numbers, refused};

scenes! {
    a_draft_starts_at_its_time,
    a_time_survives_a_restart_and_one_that_is_over_starts_at_once,
    a_draft_can_be_given_another_time_or_none,
    a_draft_that_a_person_started_or_cancelled_does_not_start_again,
    drafts_start_in_order_and_in_steps,
    a_time_is_for_drafts_only,
}

fn scheduled(world: &mut World, name: &str, at: Timestamp) -> CampaignId {
    match world.ask(scheduled_request(name, at)) {
        Reply::Campaign(campaign) => {
            assert_eq!(campaign.state, CampaignState::Draft);
            assert_eq!(campaign.send_at, Some(at));
            campaign.id
        }
        reply => panic!("{reply:?}"),
    }
}

fn start_due(world: &mut World) -> (Vec<CampaignId>, Option<Timestamp>) {
    match world.ask_once(Request::StartDue) {
        Reply::Started { campaigns, next_at } => (campaigns, next_at),
        reply => panic!("{reply:?}"),
    }
}

fn a_draft_starts_at_its_time(world: &mut World) {
    let at = world.in_seconds(3_600);
    let campaign = scheduled(world, "later", at);
    world.file(campaign, "example.test", 1);
    world.pass(Duration::from_secs(3_599));
    assert_eq!(start_due(world), (Vec::new(), Some(at)));
    assert_eq!(world.idle(), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(start_due(world), (vec![campaign], None));
    let running = world.campaign(campaign);
    assert_eq!(running.state, CampaignState::Running);
    assert_eq!(running.started_at, Some(at));
    world.repeat(&Request::Unpark { campaign });
    assert_eq!(numbers(&world.claim().recipients), [0]);
}

fn a_time_survives_a_restart_and_one_that_is_over_starts_at_once(world: &mut World) {
    let at = world.in_seconds(60);
    let campaign = scheduled(world, "later", at);
    world.reopen();
    assert_eq!(start_due(world), (Vec::new(), Some(at)));
    // Nobody asked for a long time, or the clock was set.
    world.pass(Duration::from_secs(1_000_000));
    world.reopen();
    assert_eq!(start_due(world), (vec![campaign], None));
}

fn a_draft_can_be_given_another_time_or_none(world: &mut World) {
    let (early, late) = (world.in_seconds(60), world.in_seconds(120));
    let campaign = scheduled(world, "later", late);
    let schedule = |at| CampaignChange::Schedule { at };
    world.change(campaign, schedule(Some(early)));
    assert_eq!(start_due(world), (Vec::new(), Some(early)));
    world.change(campaign, schedule(None));
    world.pass(Duration::from_secs(600));
    assert_eq!(start_due(world), (Vec::new(), None));
    assert_eq!(world.campaign(campaign).state, CampaignState::Draft);
    world.change(campaign, schedule(Some(late)));
    assert_eq!(start_due(world), (vec![campaign], None));
}

fn a_draft_that_a_person_started_or_cancelled_does_not_start_again(world: &mut World) {
    let at = world.in_seconds(60);
    for (name, change) in [
        ("started", CampaignChange::Start),
        ("cancelled", CampaignChange::Cancel),
    ] {
        let campaign = scheduled(world, name, at);
        world.change(campaign, change);
    }
    world.pass(Duration::from_secs(60));
    assert_eq!(start_due(world), (Vec::new(), None));
}

fn drafts_start_in_order_and_in_steps(world: &mut World) {
    let count = postrider_store::bounds::START_DUE_MAX + 1;
    let mut due: Vec<_> = (0..count as u64)
        .map(|n| {
            let at = world.in_seconds(100 - n);
            scheduled(world, &n.to_string(), at)
        })
        .collect();
    due.reverse();
    world.pass(Duration::from_secs(100));
    let last = world.campaign(due[count - 1]).send_at;
    assert_eq!(start_due(world), (due[..count - 1].to_vec(), last));
    assert_eq!(start_due(world), (due[count - 1..].to_vec(), None));
}

fn a_time_is_for_drafts_only(world: &mut World) {
    let campaign = world.running("example.test", 1);
    let at = Some(world.now);
    let reply = world.change(campaign, CampaignChange::Schedule { at });
    let state = CampaignState::Running;
    assert_eq!(refused(&reply), &Refused::Campaign { state });
}
