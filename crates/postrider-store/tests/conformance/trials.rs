//! What a trial says of whoever a worker had in hand when it died.

use postrider_store::bounds::SUSPECTS_MAX;
use postrider_store::quarantine::{Held, Reaped, Suspect, SuspectEmail, Suspects, Verdict};
use postrider_store::request::CampaignChange;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Refused, Reply, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryState, EmailId, PauseReason, Timestamp, WorkerId,
};

use crate::requests::{resolve_request, suspect};
use crate::suspects::{claim_solo, die, held, is_quarantined};
use crate::world::{TENANT, WORKER, World, delivery, numbers, refused};

scenes! {
    a_deadly_recipient_is_quarantined_at_once_with_the_reason,
    a_deadly_recipient_counts_against_its_email,
    the_worse_word_counts_when_a_suspect_is_named_twice,
    a_deadly_recipient_that_is_released_waits_in_the_solo_lane,
    a_deadly_recipient_of_a_cancelled_campaign_ends_cancelled,
    a_deadly_recipient_that_had_begun_is_in_doubt,
    a_deadly_recipient_that_is_the_last_leaves_its_campaign_finished,
    one_death_is_held_against_nobody_twice,
    a_deadly_email_is_quarantined_at_once_and_its_recipients_wait,
    an_email_is_quarantined_when_three_workers_died_of_it,
    the_death_of_one_worker_counts_once_against_an_email,
    a_released_email_is_suspected_of_nothing,
    more_suspects_than_the_bound_are_refused,
}

pub(crate) const REASON: &str = "rendering it alone was killed by SIGABRT";

pub(crate) fn deadly(held: &Claimed, place: usize) -> Suspect {
    Suspect {
        what: Held::Delivery(delivery(held, place)),
        verdict: Verdict::Deadly(REASON.to_owned()),
    }
}

pub(crate) fn email(verdict: Verdict) -> Suspects {
    let what = Held::Email(TENANT, EmailId::of(b"an email"));
    Suspects::These(vec![Suspect { what, verdict }])
}

/// The worker dies, and the trial of one of its recipients does too.
pub(crate) fn die_deadly(world: &mut World, held: &Claimed, place: usize) -> Reaped {
    die(world, Suspects::These(vec![deadly(held, place)]))
}

/// Claims for a worker of its own, which dies with the email in preparation.
fn die_of_email(world: &mut World, worker: WorkerId, verdict: Verdict) -> Reaped {
    let mut request = world.claim_request(&[]);
    if let Request::Claim { worker: of, .. } = &mut request {
        *of = worker;
    }
    assert!(matches!(world.ask(request), Reply::Claimed(_)));
    reap(world, worker, email(verdict))
}

pub(crate) fn reap(world: &mut World, worker: WorkerId, suspects: Suspects) -> Reaped {
    let request = Request::Reap {
        before: Timestamp::EPOCH,
        worker: Some(worker),
        suspects,
    };
    match world.ask_once(request) {
        Reply::Reaped(reaped) => reaped,
        reply => panic!("{reply:?}"),
    }
}

fn quarantined_emails(world: &World) -> Vec<SuspectEmail> {
    world.reader().quarantined_emails(TENANT, None, 9).unwrap()
}

pub(crate) fn release(world: &mut World, campaign: CampaignId) {
    let select = Selection::of(&[DeliveryState::Quarantined]);
    world.ask_once(resolve_request(campaign, select, Resolution::Retry));
}

fn a_deadly_recipient_is_quarantined_at_once_with_the_reason(world: &mut World) {
    let (campaign, dead) = held(world, 3);
    let reaped = die_deadly(world, &dead, 1);
    assert_eq!((reaped.quarantined, reaped.refiled), (1, 2));
    let receipt = world.receipt(delivery(&dead, 1)).unwrap();
    assert_eq!(receipt.state, DeliveryState::Quarantined);
    assert_eq!(receipt.reply.unwrap().text, REASON);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    let rest = world.claim();
    assert_eq!(
        (numbers(&rest.recipients), rest.lane),
        (vec![0, 2], dead.lane)
    );
}

fn a_deadly_recipient_counts_against_its_email(world: &mut World) {
    let (campaign, dead) = held(world, 4);
    let these = (0..3).map(|place| deadly(&dead, place)).collect();
    assert_eq!(die(world, Suspects::These(these)).quarantined, 3);
    let paused = world.campaign(campaign);
    assert_eq!(paused.paused_because, Some(PauseReason::Quarantine));
    assert_eq!(quarantined_emails(world)[0].recipients, 3);
}

fn the_worse_word_counts_when_a_suspect_is_named_twice(world: &mut World) {
    let (_, dead) = held(world, 2);
    let these = vec![suspect(delivery(&dead, 1)), deadly(&dead, 1)];
    let reaped = die(world, Suspects::These(these));
    assert_eq!((reaped.quarantined, reaped.refiled), (1, 1));
    assert!(is_quarantined(world, delivery(&dead, 1)));
}

fn a_deadly_recipient_that_is_released_waits_in_the_solo_lane(world: &mut World) {
    let (campaign, dead) = held(world, 2);
    die_deadly(world, &dead, 0);
    release(world, campaign);
    let again = claim_solo(world);
    assert_eq!(
        (numbers(&again.recipients), again.recipients[0].deaths),
        (vec![0], 1)
    );
    // So it harms nobody else, and a second death needs no trial.
    let reaped = die(world, Suspects::These(vec![suspect(delivery(&again, 0))]));
    assert_eq!(reaped.quarantined, 1);
    assert!(is_quarantined(world, delivery(&again, 0)));
}

fn a_deadly_recipient_of_a_cancelled_campaign_ends_cancelled(world: &mut World) {
    let (campaign, dead) = held(world, 2);
    world.change(campaign, CampaignChange::Cancel);
    assert_eq!(die_deadly(world, &dead, 0).quarantined, 0);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 2);
    assert!(quarantined_emails(world).is_empty());
}

fn a_deadly_recipient_that_had_begun_is_in_doubt(world: &mut World) {
    let (_, dead) = held(world, 1);
    world.begin(&dead, 0);
    let reaped = die_deadly(world, &dead, 0);
    assert_eq!((reaped.in_doubt, reaped.quarantined), (1, 0));
    assert_eq!(world.state(&dead, 0), DeliveryState::InDoubt);
}

fn a_deadly_recipient_that_is_the_last_leaves_its_campaign_finished(world: &mut World) {
    let campaign = world.sealed("a.test", 1);
    let dead = world.claim();
    die_deadly(world, &dead, 0);
    let finished = world.campaign(campaign);
    assert_eq!(finished.state, CampaignState::Finished);
    assert!(finished.tally.is_incomplete());
}

fn one_death_is_held_against_nobody_twice(world: &mut World) {
    let (campaign, dead) = held(world, 2);
    let these = Suspects::These(vec![suspect(delivery(&dead, 0)), deadly(&dead, 1)]);
    die(world, these.clone());
    claim_solo(world);
    // The same word once more, when the leases that it is about have ended.
    assert_eq!(reap(world, WorkerId(4), these), Reaped::default());
    assert_eq!(world.tally(campaign)[DeliveryState::Quarantined], 1);
    let emails = world.reader().quarantined_emails(TENANT, None, 9).unwrap();
    assert!(emails.is_empty());
}

fn a_deadly_email_is_quarantined_at_once_and_its_recipients_wait(world: &mut World) {
    let (campaign, _) = held(world, 3);
    let other = world.running("b.test", 1);
    let reaped = die(world, email(Verdict::Deadly(REASON.to_owned())));
    assert_eq!(
        (reaped.emails, reaped.refiled, reaped.quarantined),
        (1, 3, 0)
    );
    let emails = quarantined_emails(world);
    assert_eq!(
        (emails[0].reason.as_str(), emails[0].since),
        (REASON, Some(world.now))
    );
    for campaign in [campaign, other] {
        let paused = world.campaign(campaign);
        assert_eq!(paused.state, CampaignState::Paused);
        assert_eq!(paused.paused_because, Some(PauseReason::Quarantine));
    }
    assert_eq!(world.tally(campaign).open(), 3);
    assert_eq!(world.idle(), None);
}

fn an_email_is_quarantined_when_three_workers_died_of_it(world: &mut World) {
    let campaign = world.running("a.test", 2);
    for worker in 1..=3 {
        assert_eq!(world.campaign(campaign).state, CampaignState::Running);
        let reaped = die_of_email(world, WorkerId(worker), Verdict::Open);
        assert_eq!(reaped.emails, u64::from(worker == 3));
    }
    assert_eq!(world.campaign(campaign).state, CampaignState::Paused);
    let emails = quarantined_emails(world);
    assert_eq!(emails[0].reason, "3 workers died while they prepared it");
    assert_eq!(emails[0].deaths, [1, 2, 3].map(WorkerId));
}

fn the_death_of_one_worker_counts_once_against_an_email(world: &mut World) {
    let campaign = world.running("a.test", 1);
    for lane in ["b.test", "c.test", "d.test"] {
        world.file(campaign, lane, 1);
    }
    for _ in 0..4 {
        world.claim();
    }
    assert_eq!(reap(world, WORKER, email(Verdict::Open)).leases, 4);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    // It is told again after the store came back, with leases that the worker got late.
    world.reopen();
    world.claim();
    reap(world, WORKER, email(Verdict::Open));
    world.claim();
    reap(world, WORKER, email(Verdict::Open));
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
}

fn a_released_email_is_suspected_of_nothing(world: &mut World) {
    let campaign = world.running("a.test", 1);
    for worker in 1..=3 {
        die_of_email(world, WorkerId(worker), Verdict::Open);
    }
    world.walk(|cursor| Request::LiftEmail {
        tenant: TENANT,
        email: EmailId::of(b"an email"),
        lift: postrider_store::quarantine::Lift::Release,
        cursor,
    });
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign });
    for worker in 4..=5 {
        die_of_email(world, WorkerId(worker), Verdict::Open);
    }
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
}

fn more_suspects_than_the_bound_are_refused(world: &mut World) {
    let (_, dead) = held(world, 1);
    let mut these = vec![suspect(delivery(&dead, 0)); SUSPECTS_MAX + 1];
    let ask = |world: &mut World, these: &[Suspect]| {
        world.ask_once(Request::Reap {
            before: Timestamp::EPOCH,
            worker: Some(WORKER),
            suspects: Suspects::These(these.to_vec()),
        })
    };
    let reply = ask(world, &these);
    let Refused::Malformed(reason) = refused(&reply) else {
        panic!("{reply:?}");
    };
    assert!(reason.contains(&SUSPECTS_MAX.to_string()), "{reason}");
    these.pop();
    assert!(matches!(ask(world, &these), Reply::Reaped(_)));
}
