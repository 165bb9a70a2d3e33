//! Purging what waits, by campaign, email, tenant or lane.

use postrider_store::removal::{Cursor, PurgeTarget, Walked};
use postrider_store::request::CampaignChange;
use postrider_store::{Filing, Refused, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryState, EmailId, LaneName, Outcome, Variables,
};

use crate::world::{DONE, TENANT, World, lane, numbers, refused};

scenes! {
    a_campaign_is_purged_wherever_its_deliveries_wait,
    a_dry_run_counts_the_same_and_changes_nothing,
    a_purge_takes_many_small_steps,
    an_email_is_purged_in_all_its_campaigns,
    a_tenant_is_purged_and_stays,
    a_lane_is_purged_of_all_campaigns_and_no_other_lane,
    a_domain_is_purged_in_all_its_lanes_and_its_neighbours_stay,
    a_purge_of_a_domain_counts_first_and_finds_nobody_afterwards,
    a_purge_of_a_domain_leaves_what_waits_for_others_as_it_waited,
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

fn example() -> PurgeTarget {
    PurgeTarget::Domain("example.test".parse().unwrap())
}

/// Files a chunk of these addresses.
fn file(world: &mut World, campaign: CampaignId, lane: &LaneName, addresses: &[&str]) {
    let recipients = addresses
        .iter()
        .map(|one| (one.parse().unwrap(), Variables::default()));
    world.ask(Request::File {
        tenant: TENANT,
        campaign,
        lane: lane.clone(),
        recipients: recipients.collect(),
    });
}

/// A campaign with recipients at example.test and elsewhere in the lanes of example.test: one in
/// hand, the others queued, and parked ones of a draft.
fn neighbours(world: &mut World) -> [CampaignId; 2] {
    let domain = "example.test".parse().unwrap();
    let tail = LaneName::tail(&domain);
    let running = world.running("example.test", 3);
    let mixed = ["ada@example.test", "bob@other.test", "eve@Example.test"];
    file(world, running, &tail, &mixed);
    file(
        world,
        running,
        &LaneName::solo(&domain),
        &["joe@example.test", "kim@third.test"],
    );
    file(world, running, &tail, &["lea@other.test"]);
    let draft = world.create("a draft");
    file(world, draft, &tail, &["max@example.test", "ned@other.test"]);
    [running, draft]
}

fn a_domain_is_purged_in_all_its_lanes_and_its_neighbours_stay(world: &mut World) {
    let [running, draft] = neighbours(world);
    let held = [world.claim(), world.claim()];
    assert_eq!(held[1].recipients.len(), 3, "a mixed chunk is in hand");
    assert_eq!(purge(world, &example()), matched(3 + 2 + 1 + 1));
    assert_eq!((cancelled(world, running), cancelled(world, draft)), (6, 1));
    let open = |world: &World, campaign| world.tally(campaign).open();
    assert_eq!((open(world, running), open(world, draft)), (3, 1));
    for held in &held {
        assert_eq!(world.end(held.token, Vec::new()), DONE);
    }
    world.change(draft, CampaignChange::Start);
    world.repeat(&Request::Unpark { campaign: draft });
    let mut reached = Vec::new();
    for _ in 0..4 {
        let held = world.claim();
        assert_eq!(held.recipients.len(), 1, "nobody who ended is claimed");
        reached.push(held.recipients[0].address.to_string());
        world.deliver(&held, 0);
        world.end(held.token, Vec::new());
    }
    reached.sort_unstable();
    let expect = [
        "bob@other.test",
        "kim@third.test",
        "lea@other.test",
        "ned@other.test",
    ];
    assert_eq!(reached, expect);
    assert_eq!(world.idle(), None);
}

fn a_purge_of_a_domain_counts_first_and_finds_nobody_afterwards(world: &mut World) {
    let campaigns = neighbours(world);
    let before = campaigns.map(|campaign| world.tally(campaign));
    assert_eq!(purge_with(world, &example(), false, true), matched(7));
    assert_eq!(campaigns.map(|campaign| world.tally(campaign)), before);
    assert_eq!(purge(world, &example()), matched(7));
    assert_eq!(purge(world, &example()), Walked::default());
    let elsewhere = PurgeTarget::Domain("nobody.test".parse().unwrap());
    assert_eq!(purge(world, &elsewhere), Walked::default());
}

fn a_purge_of_a_domain_leaves_what_waits_for_others_as_it_waited(world: &mut World) {
    let campaign = world.create("a campaign");
    world.change(campaign, CampaignChange::Start);
    let tail = LaneName::tail(&"example.test".parse().unwrap());
    file(
        world,
        campaign,
        &tail,
        &["ada@example.test", "bob@other.test", "eve@third.test"],
    );
    let held = world.claim();
    world.begin(&held, 1);
    let next_attempt_at = world.in_seconds(90);
    world.record(&held, 1, Outcome::Deferred { next_attempt_at });
    let due_at = world.in_seconds(30);
    let wait = |place: usize| Filing {
        recipient: held.recipients[place].recipient,
        lane: tail.clone(),
        due_at,
    };
    world.end(held.token, vec![wait(0), wait(2)]);
    assert_eq!(purge(world, &example()), matched(1));
    assert_eq!(world.idle(), Some(due_at));
    world.pass(due_at.since(world.now));
    assert_eq!(numbers(&world.claim().recipients), [2]);
    world.pass(next_attempt_at.since(world.now));
    let again = world.claim();
    assert_eq!(numbers(&again.recipients), [1]);
    assert_eq!(again.recipients[0].attempts, 1);
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
