//! Purging what waits, by campaign, email, tenant or lane.

use postrider_store::removal::{Cursor, PurgeTarget, Walked};
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Request};
use postrider_types::{CampaignId, CampaignState, DeliveryState, EmailId, Outcome};

use crate::world::{DONE, TENANT, World, lane, refused};

scenes! {
    a_campaign_is_purged_wherever_its_deliveries_wait,
    a_dry_run_counts_the_same_and_changes_nothing,
    a_purge_takes_many_small_steps,
    an_email_is_purged_in_all_its_campaigns,
    a_tenant_is_purged_and_stays,
    a_lane_is_purged_of_all_campaigns_and_no_other_lane,
    what_is_in_doubt_stays_unless_it_is_asked_for,
    what_is_begun_is_counted_and_goes_on,
    a_purged_campaign_finishes_and_what_is_filed_later_is_sent,
    what_is_in_doubt_is_in_no_lane,
    cancelling_ends_what_is_leased_and_not_begun,
}

fn purge(world: &mut World, target: &PurgeTarget) -> Walked {
    purge_with(world, target, false, false)
}

fn purge_with(
    world: &mut World,
    target: &PurgeTarget,
    with_in_doubt: bool,
    is_dry_run: bool,
) -> Walked {
    world.walk(|cursor| Request::Purge {
        target: target.clone(),
        with_in_doubt,
        is_dry_run,
        cursor,
    })
}

/// What a walk that met nothing begun did.
fn matched(matched: u64) -> Walked {
    Walked {
        matched,
        ..Walked::default()
    }
}

fn cancelled(world: &World, campaign: CampaignId) -> u64 {
    world.tally(campaign)[DeliveryState::Cancelled]
}

fn a_campaign_is_purged_wherever_its_deliveries_wait(world: &mut World) {
    let campaign = world.running("a.test", 3);
    let held = world.claim();
    world.file(campaign, "b.test", 2);
    world.change(campaign, CampaignChange::Pause);
    // The claim that meets it parks it.
    assert_eq!(world.idle(), None);
    world.file(campaign, "c.test", 2);
    assert_eq!(purge(world, &PurgeTarget::Campaign(campaign)), matched(7));
    assert_eq!(cancelled(world, campaign), 7);
    world.change(campaign, CampaignChange::Resume);
    let state = DeliveryState::Cancelled;
    assert_eq!(
        refused(&world.begin(&held, 0)),
        &Refused::Delivery { state }
    );
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    world.ask(Request::Unpark { campaign });
    assert_eq!(world.idle(), None);
}

fn a_dry_run_counts_the_same_and_changes_nothing(world: &mut World) {
    let campaign = world.running("a.test", 300);
    world.claim();
    for _ in 0..40 {
        world.file(campaign, "a.test", 1);
        world.file(campaign, "b.test", 30);
    }
    let target = PurgeTarget::Campaign(campaign);
    let before = world.tally(campaign);
    let expect = matched(300 + 40 * 31);
    assert_eq!(purge_with(world, &target, false, true), expect);
    assert_eq!(world.tally(campaign), before);
    assert_eq!(purge(world, &target), expect);
    assert_eq!(purge(world, &target), Walked::default());
}

fn a_purge_takes_many_small_steps(world: &mut World) {
    let campaign = world.running("a.test", 500);
    for _ in 0..3 {
        world.file(campaign, "a.test", 500);
    }
    let target = PurgeTarget::Campaign(campaign);
    world.ask_once(Request::Purge {
        target: target.clone(),
        with_in_doubt: false,
        is_dry_run: false,
        cursor: Cursor::START,
    });
    assert_eq!(cancelled(world, campaign), 500);
    purge(world, &target);
    assert_eq!(cancelled(world, campaign), 2_000);
}

fn an_email_is_purged_in_all_its_campaigns(world: &mut World) {
    let first = world.running("a.test", 2);
    let second = world.running("b.test", 3);
    let other = PurgeTarget::Email(TENANT, EmailId::of(b"another email"));
    assert_eq!(purge(world, &other), Walked::default());
    let email = PurgeTarget::Email(TENANT, EmailId::of(b"an email"));
    assert_eq!(purge(world, &email), matched(5));
    assert_eq!((cancelled(world, first), cancelled(world, second)), (2, 3));
}

fn a_tenant_is_purged_and_stays(world: &mut World) {
    for _ in 0..70 {
        world.running("a.test", 1);
    }
    assert_eq!(purge(world, &PurgeTarget::Tenant(TENANT)), matched(70));
    let campaign = world.running("a.test", 1);
    assert_eq!(world.claim().campaign, campaign);
}

fn a_lane_is_purged_of_all_campaigns_and_no_other_lane(world: &mut World) {
    let first = world.running("a.test", 2);
    let held = world.claim();
    let second = world.running("a.test", 3);
    world.file(second, "b.test", 1);
    let paused = world.create("draft");
    world.file(paused, "a.test", 4);
    assert_eq!(purge(world, &PurgeTarget::Lane(lane("a.test"))), matched(9));
    assert_eq!(cancelled(world, first), 2);
    assert_eq!(cancelled(world, second), 3);
    assert_eq!(cancelled(world, paused), 4);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.claim().lane, lane("b.test"));
}

fn what_is_in_doubt_stays_unless_it_is_asked_for(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    world.record(&held, 0, Outcome::InDoubt);
    let target = PurgeTarget::Campaign(campaign);
    assert_eq!(purge(world, &target), matched(1));
    assert_eq!(world.tally(campaign)[DeliveryState::InDoubt], 1);
    assert_eq!(purge_with(world, &target, true, true), matched(1));
    assert_eq!(purge_with(world, &target, true, false), matched(1));
    assert_eq!(cancelled(world, campaign), 2);
    world.end(held.token, Vec::new());
}

fn what_is_begun_is_counted_and_goes_on(world: &mut World) {
    let campaign = world.running("a.test", 2);
    let held = world.claim();
    world.begin(&held, 0);
    let walked = purge(world, &PurgeTarget::Campaign(campaign));
    assert_eq!((walked.matched, walked.busy), (1, 1));
    assert_eq!(world.record(&held, 0, Outcome::Delivered), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 1);
}

fn a_purged_campaign_finishes_and_what_is_filed_later_is_sent(world: &mut World) {
    let campaign = world.running("a.test", 2);
    purge(world, &PurgeTarget::Campaign(campaign));
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.file(campaign, "a.test", 1);
    let held = world.claim();
    world.deliver(&held, 0);
    world.end(held.token, Vec::new());
    world.change(campaign, CampaignChange::Seal);
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn what_is_in_doubt_is_in_no_lane(world: &mut World) {
    let reply = world.ask(Request::Purge {
        target: PurgeTarget::Lane(lane("a.test")),
        with_in_doubt: true,
        is_dry_run: false,
        cursor: Cursor::START,
    });
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
}

fn cancelling_ends_what_is_leased_and_not_begun(world: &mut World) {
    let campaign = world.running("a.test", 3);
    let held = world.claim();
    world.begin(&held, 1);
    world.change(campaign, CampaignChange::Cancel);
    world.repeat(&Request::Sweep { campaign });
    assert_eq!(cancelled(world, campaign), 2);
    assert_eq!(world.record(&held, 1, Outcome::Returned), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(cancelled(world, campaign), 3);
}
