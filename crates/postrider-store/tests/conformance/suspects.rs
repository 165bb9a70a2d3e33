//! What the death of a worker says of the recipients that it had in hand.

use postrider_store::quarantine::{Reaped, Suspects};
use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Refused, Reply, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryId, DeliveryState, EmailId, LaneName, Outcome, PauseReason,
    Timestamp, WorkerId,
};

use crate::requests::{end_request, suspect};
use crate::world::{DONE, TENANT, WORKER, World, delivery, numbers, refused};

scenes! {
    the_leases_of_a_dead_worker_end_at_once_and_no_others,
    a_lease_that_ran_out_makes_nobody_suspect,
    a_suspect_goes_alone_into_the_solo_lane_and_the_rest_to_the_tail,
    a_death_in_the_solo_lane_quarantines_the_recipient,
    who_was_not_in_hand_in_the_solo_lane_stays_there,
    what_was_begun_is_in_doubt_and_not_suspected,
    without_knowledge_the_chunk_is_halved_down_to_the_one,
    what_comes_back_waits_behind_what_waited_already,
    three_recipients_quarantine_the_email_and_pause_its_campaigns,
    a_death_in_a_cancelled_campaign_quarantines_nobody,
    deaths_are_told_in_the_history,
    a_worker_that_is_late_is_refused,
    a_step_ends_as_many_leases_as_it_may_cost,
}

pub(crate) fn die(world: &mut World, suspects: Suspects) -> Reaped {
    let reply = world.ask_once(Request::Reap {
        before: Timestamp::EPOCH,
        worker: Some(WORKER),
        suspects,
    });
    match reply {
        Reply::Reaped(reaped) => reaped,
        reply => panic!("{reply:?}"),
    }
}

/// The worker dies with one recipient in hand.
fn die_with(world: &mut World, held: &Claimed, place: usize) -> Reaped {
    die(world, Suspects::These(vec![suspect(delivery(held, place))]))
}

fn solo(held: &Claimed, place: usize) -> LaneName {
    LaneName::solo(&held.recipients[place].address.to_domain())
}

/// A chunk of so many, claimed.
pub(crate) fn held(world: &mut World, count: u32) -> (CampaignId, Claimed) {
    let campaign = world.running("example.test", count);
    (campaign, world.claim())
}

/// Claims until a solo lane gives something; whatever else is claimed is left in hand.
pub(crate) fn claim_solo(world: &mut World) -> Claimed {
    for _ in 0..99 {
        let claimed = world.claim();
        if claimed.lane.is_solo() {
            return claimed;
        }
    }
    panic!("nothing in a solo lane");
}

pub(crate) fn is_quarantined(world: &World, delivery: DeliveryId) -> bool {
    let receipt = world.receipt(delivery);
    receipt.is_some_and(|receipt| receipt.state == DeliveryState::Quarantined)
}

fn the_leases_of_a_dead_worker_end_at_once_and_no_others(world: &mut World) {
    let (_, dead) = held(world, 1);
    world.running("b.test", 1);
    let mut request = world.claim_request(&[]);
    if let Request::Claim { worker, .. } = &mut request {
        *worker = WorkerId(4);
    }
    let Reply::Claimed(living) = world.ask(request) else {
        panic!()
    };
    let reaped = die(world, Suspects::These(Vec::new()));
    assert_eq!((reaped.leases, reaped.refiled, reaped.more), (1, 1, false));
    assert_eq!(refused(&world.begin(&dead, 0)), &Refused::LeaseOver);
    assert_eq!(world.begin(&living, 0), DONE);
}

fn a_lease_that_ran_out_makes_nobody_suspect(world: &mut World) {
    held(world, 2);
    world.reap(Timestamp::NEVER);
    let again = world.claim();
    assert_eq!(numbers(&again.recipients), [0, 1]);
    assert!(!again.lane.is_solo());
    assert!(
        again
            .recipients
            .iter()
            .all(|recipient| recipient.deaths == 0)
    );
}

fn a_suspect_goes_alone_into_the_solo_lane_and_the_rest_to_the_tail(world: &mut World) {
    let (_, dead) = held(world, 4);
    let these = Suspects::These([1, 2].map(|place| suspect(delivery(&dead, place))).to_vec());
    assert_eq!(die(world, these).refiled, 4);
    let mut claimed: Vec<_> = (0..3).map(|_| world.claim()).collect();
    claimed.sort_by_key(|claimed| claimed.recipients.len());
    let rest = claimed.pop().unwrap();
    assert_eq!(
        (numbers(&rest.recipients), &rest.lane),
        (vec![0, 3], &dead.lane)
    );
    for alone in claimed {
        assert_eq!(alone.recipients.len(), 1);
        assert_eq!(alone.recipients[0].deaths, 1);
        assert_eq!(alone.lane, solo(&alone, 0));
    }
}

fn a_death_in_the_solo_lane_quarantines_the_recipient(world: &mut World) {
    let (campaign, dead) = held(world, 3);
    die_with(world, &dead, 1);
    let alone = claim_solo(world);
    let reaped = die_with(world, &alone, 0);
    assert_eq!(reaped.quarantined, 1);
    assert!(is_quarantined(world, delivery(&alone, 0)));
    let receipt = world.receipt(delivery(&alone, 0)).unwrap();
    let reason = receipt.reply.unwrap().text;
    assert!(reason.contains("2 workers died"), "{reason}");
    assert_eq!(world.tally(campaign).open(), 2);
}

fn who_was_not_in_hand_in_the_solo_lane_stays_there(world: &mut World) {
    let (campaign, dead) = held(world, 1);
    die_with(world, &dead, 0);
    claim_solo(world);
    let reaped = die(world, Suspects::These(Vec::new()));
    assert_eq!((reaped.refiled, reaped.quarantined), (1, 0));
    assert_eq!(claim_solo(world).recipients[0].deaths, 1);
    assert_eq!(world.tally(campaign).open(), 1);
}

fn what_was_begun_is_in_doubt_and_not_suspected(world: &mut World) {
    let (campaign, dead) = held(world, 2);
    world.begin(&dead, 0);
    let reaped = die_with(world, &dead, 0);
    assert_eq!(
        (reaped.in_doubt, reaped.refiled, reaped.quarantined),
        (1, 1, 0)
    );
    assert_eq!(world.state(&dead, 0), DeliveryState::InDoubt);
    assert_eq!(world.record(&dead, 0, Outcome::Delivered), DONE);
    assert_eq!(world.tally(campaign)[DeliveryState::Delivered], 1);
}

fn without_knowledge_the_chunk_is_halved_down_to_the_one(world: &mut World) {
    let (campaign, _) = held(world, 8);
    let poison = 5;
    let mut deaths = 0;
    let quarantined = loop {
        deaths += 1;
        assert!(deaths < 20, "no end to the deaths");
        let reaped = die(world, Suspects::Unknown);
        if reaped.quarantined > 0 {
            break reaped.quarantined;
        }
        // All that does not hold the poison is delivered.
        loop {
            let claimed = world.claim();
            assert!(claimed.lane.is_solo());
            if numbers(&claimed.recipients).contains(&poison) {
                break;
            }
            (0..claimed.recipients.len()).for_each(|place| world.deliver(&claimed, place));
            world.end(claimed.token, Vec::new());
        }
    };
    assert_eq!((quarantined, deaths), (1, 4));
    assert_eq!(world.tally(campaign)[DeliveryState::Quarantined], 1);
    assert!(world.tally(campaign)[DeliveryState::Delivered] > 0);
}

fn what_comes_back_waits_behind_what_waited_already(world: &mut World) {
    let (_, dead) = held(world, 2);
    world.pass(std::time::Duration::from_secs(1));
    let waiting = world.running("example.test", 1);
    world.pass(std::time::Duration::from_secs(1));
    die_with(world, &dead, 0);
    let claimed = world.claim();
    assert_eq!(claimed.campaign, waiting);
}

fn three_recipients_quarantine_the_email_and_pause_its_campaigns(world: &mut World) {
    let (campaign, dead) = held(world, 5);
    let other = world.running("b.test", 1);
    let these = (0..4)
        .map(|place| suspect(delivery(&dead, place)))
        .collect();
    die(world, Suspects::These(these));
    for _ in 0..3 {
        assert_eq!(world.campaign(campaign).state, CampaignState::Running);
        let alone = claim_solo(world);
        die_with(world, &alone, 0);
    }
    for campaign in [campaign, other] {
        let paused = world.campaign(campaign);
        assert_eq!(paused.state, CampaignState::Paused);
        assert_eq!(paused.paused_because, Some(PauseReason::Quarantine));
    }
    let emails = world.reader().quarantined_emails(TENANT, None, 9).unwrap();
    assert_eq!(emails.len(), 1);
    assert_eq!(
        (emails[0].email, emails[0].recipients),
        (EmailId::of(b"an email"), 3)
    );
    assert_eq!(emails[0].since, Some(world.now));
    let resume = world.change(campaign, CampaignChange::Resume);
    assert_eq!(refused(&resume), &Refused::EmailQuarantined);
    assert_eq!(world.idle(), None);
}

fn a_death_in_a_cancelled_campaign_quarantines_nobody(world: &mut World) {
    let (campaign, dead) = held(world, 1);
    die_with(world, &dead, 0);
    let alone = claim_solo(world);
    world.change(campaign, CampaignChange::Cancel);
    assert_eq!(die_with(world, &alone, 0).quarantined, 0);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 1);
}

fn deaths_are_told_in_the_history(world: &mut World) {
    let (_, dead) = held(world, 1);
    die_with(world, &dead, 0);
    let alone = claim_solo(world);
    die_with(world, &alone, 0);
    let history = world.reader().history(delivery(&dead, 0), 9).unwrap();
    let states: Vec<_> = history.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [DeliveryState::Pending, DeliveryState::Quarantined]);
    assert!(history[0].number < history[1].number);
}

fn a_worker_that_is_late_is_refused(world: &mut World) {
    let (_, dead) = held(world, 1);
    die_with(world, &dead, 0);
    assert_eq!(refused(&world.begin(&dead, 0)), &Refused::LeaseOver);
    let reply = world.ask(end_request(dead.token, Vec::new()));
    assert_eq!(refused(&reply), &Refused::LeaseOver);
}

fn a_step_ends_as_many_leases_as_it_may_cost(world: &mut World) {
    let steps = |world: &mut World, lanes: &[(&str, u32)]| {
        let campaign = world.running(lanes[0].0, lanes[0].1);
        for (lane, count) in &lanes[1..] {
            world.file(campaign, lane, *count);
        }
        lanes.iter().for_each(|_| drop(world.claim()));
        let mut leases = Vec::new();
        loop {
            let reaped = die(world, Suspects::Nobody);
            leases.push(reaped.leases);
            if !reaped.more {
                return leases;
            }
        }
    };
    // One that is larger than a step has one of its own.
    assert_eq!(steps(world, &[("a.test", 500), ("b.test", 500)]), [1, 1]);
    world.walk(|cursor| Request::Purge {
        target: postrider_store::removal::PurgeTarget::Campaign(CampaignId(1)),
        with_in_doubt: false,
        is_dry_run: false,
        cursor,
    });
    let small = [("a.test", 1), ("b.test", 1), ("c.test", 1)];
    assert_eq!(steps(world, &small), [3]);
}
