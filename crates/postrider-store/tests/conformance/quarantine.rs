//! What a worker cannot work on, and the way back.

use postrider_store::quarantine::{Lift, Subject};
use postrider_store::removal::Walked;
use postrider_store::request::CampaignChange;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Refused, Reply, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryState, EmailId, Outcome, PauseReason, RecipientId,
};

use crate::requests::scheduled_request;
use crate::world::{DONE, TENANT, World, numbers, refused};

scenes! {
    a_recipient_is_quarantined_with_its_reason_and_the_rest_goes_on,
    a_chunk_is_quarantined_but_for_what_is_begun,
    an_email_is_quarantined_and_nothing_more_of_it_is_claimed,
    only_the_holder_of_a_lease_quarantines,
    a_released_recipient_is_pending_and_is_sent,
    a_discarded_recipient_ends_cancelled,
    a_released_email_is_sent_when_a_person_resumes,
    a_campaign_of_a_released_email_says_so_until_a_person_lets_it_run,
    a_campaign_whose_released_email_is_quarantined_again_says_that,
    a_discarded_email_ends_its_campaigns,
    a_campaign_with_a_quarantined_recipient_finishes,
    three_reports_about_recipients_quarantine_their_email,
    a_campaign_that_runs_again_is_held_up_at_its_claim,
}

const REASON: &str = "its message takes 40 MB, and this worker has 10 MB left";

fn quarantine(world: &mut World, held: &Claimed, what: Subject) -> Reply {
    world.ask(Request::Quarantine {
        token: held.token,
        what,
        reason: REASON.to_owned(),
    })
}

fn quarantined(world: &World, campaign: CampaignId) -> u64 {
    world.tally(campaign)[DeliveryState::Quarantined]
}

fn lift(world: &mut World, lift: Lift) -> Walked {
    world.walk(|cursor| Request::LiftEmail {
        tenant: TENANT,
        email: EmailId::of(b"an email"),
        lift,
        cursor,
    })
}

fn resolve(world: &mut World, campaign: CampaignId, into: Resolution) {
    world.ask_once(Request::Resolve {
        campaign,
        select: Selection::of(&[DeliveryState::Quarantined]),
        into,
        reason: "it was looked at".to_owned(),
        from: RecipientId(0),
        is_dry_run: false,
    });
}

fn a_recipient_is_quarantined_with_its_reason_and_the_rest_goes_on(world: &mut World) {
    let campaign = world.running("a.test", 3);
    let held = world.claim();
    let one = Subject::Recipient(held.recipients[1].recipient);
    assert_eq!(quarantine(world, &held, one), DONE);
    assert_eq!(quarantined(world, campaign), 1);
    let receipt = world.receipt(crate::world::delivery(&held, 1)).unwrap();
    assert_eq!(receipt.reply.unwrap().text, REASON);
    world.deliver(&held, 0);
    let state = DeliveryState::Quarantined;
    assert_eq!(
        refused(&world.begin(&held, 1)),
        &Refused::Delivery { state }
    );
    world.end(held.token, Vec::new());
    assert_eq!(numbers(&world.claim().recipients), [2]);
}

fn a_chunk_is_quarantined_but_for_what_is_begun(world: &mut World) {
    let campaign = world.running("a.test", 3);
    let held = world.claim();
    world.begin(&held, 0);
    assert_eq!(quarantine(world, &held, Subject::Chunk), DONE);
    assert_eq!(quarantined(world, campaign), 2);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    let delivered = Outcome::Delivered;
    assert_eq!(world.record(&held, 0, delivered), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.idle(), None);
}

fn an_email_is_quarantined_and_nothing_more_of_it_is_claimed(world: &mut World) {
    let campaign = world.running("a.test", 2);
    world.file(campaign, "b.test", 2);
    let other = world.running("c.test", 1);
    let held = world.claim();
    assert_eq!(quarantine(world, &held, Subject::Email), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    assert_eq!(world.idle(), None);
    assert_eq!(quarantined(world, campaign), 2);
    assert_eq!(world.campaign(other).state, CampaignState::Paused);
    let emails = world.reader().quarantined_emails(TENANT, None, 9).unwrap();
    assert_eq!(emails[0].reason, REASON);
    let known = |email| world.reader().suspect_email(TENANT, email).unwrap();
    assert_eq!(known(emails[0].email).as_ref(), emails.first());
    assert_eq!(known(EmailId::of(b"another")), None);
    // One that is made later cannot be started.
    let later = world.running("d.test", 1);
    assert_eq!(world.campaign(later).state, CampaignState::Draft);
}

fn only_the_holder_of_a_lease_quarantines(world: &mut World) {
    let campaign = world.running("a.test", 1);
    let held = world.claim();
    world.end(held.token, Vec::new());
    let again = world.claim();
    for what in [
        Subject::Recipient(RecipientId(0)),
        Subject::Chunk,
        Subject::Email,
    ] {
        let reply = quarantine(world, &held, what);
        assert_eq!(refused(&reply), &Refused::LeaseOver);
    }
    let email = EmailId::of(b"an email");
    assert_eq!(world.reader().suspect_email(TENANT, email).unwrap(), None);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    world.deliver(&again, 0);
}

fn a_released_recipient_is_pending_and_is_sent(world: &mut World) {
    let campaign = world.sealed("a.test", 1);
    let held = world.claim();
    world.begin(&held, 0);
    let next_attempt_at = world.in_seconds(1);
    world.record(&held, 0, Outcome::Deferred { next_attempt_at });
    quarantine(world, &held, Subject::Recipient(RecipientId(0)));
    world.end(held.token, Vec::new());
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
    resolve(world, campaign, Resolution::Retry);
    assert_eq!(world.campaign(campaign).state, CampaignState::Running);
    let again = world.claim();
    assert!(again.lane.is_tail(), "{}", again.lane);
    // Nobody could try it meanwhile, so it is no older for that.
    let recipient = &again.recipients[0];
    assert_eq!((recipient.attempts, recipient.first_attempt_at), (1, None));
    world.deliver(&again, 0);
    world.end(again.token, Vec::new());
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn a_discarded_recipient_ends_cancelled(world: &mut World) {
    let campaign = world.sealed("a.test", 1);
    let held = world.claim();
    quarantine(world, &held, Subject::Chunk);
    world.end(held.token, Vec::new());
    resolve(world, campaign, Resolution::Discard);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 1);
}

fn a_released_email_is_sent_when_a_person_resumes(world: &mut World) {
    let campaign = world.sealed("a.test", 3);
    world.running("b.test", 1);
    let held = world.claim();
    quarantine(world, &held, Subject::Email);
    world.end(held.token, Vec::new());
    assert_eq!(lift(world, Lift::Release).matched, 3);
    assert!(
        world
            .reader()
            .quarantined_emails(TENANT, None, 9)
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.campaign(campaign).state, CampaignState::Paused);
    assert_eq!(world.idle(), None);
    world.change(campaign, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign });
    for _ in 0..3 {
        let held = world.claim();
        assert_eq!(held.campaign, campaign);
        world.deliver(&held, 0);
        world.end(held.token, Vec::new());
    }
    assert_eq!(world.campaign(campaign).state, CampaignState::Finished);
}

fn why(world: &World, campaign: CampaignId) -> Option<PauseReason> {
    world.campaign(campaign).paused_because
}

fn a_campaign_of_a_released_email_says_so_until_a_person_lets_it_run(world: &mut World) {
    let at = world.in_seconds(5);
    let draft = match world.ask(scheduled_request("later", at)) {
        Reply::Campaign(campaign) => campaign.id,
        reply => panic!("{reply:?}"),
    };
    let running = world.running("a.test", 2);
    let finished = world.sealed("b.test", 1);
    let by_a_person = world.running("c.test", 1);
    world.change(by_a_person, CampaignChange::Pause);
    let held = [world.claim(), world.claim()];
    for held in &held {
        quarantine(world, held, Subject::Chunk);
        world.end(held.token, Vec::new());
    }
    world.file(running, "a.test", 1);
    let again = world.claim();
    quarantine(world, &again, Subject::Email);
    world.end(again.token, Vec::new());
    world.pass(at.since(world.now));
    world.ask_once(Request::StartDue);
    for held_up in [draft, running] {
        assert_eq!(why(world, held_up), Some(PauseReason::Quarantine));
    }
    assert_eq!(world.campaign(finished).state, CampaignState::Finished);
    lift(world, Lift::Release);
    for campaign in [draft, running, finished] {
        assert_eq!(why(world, campaign), Some(PauseReason::Released));
    }
    assert_eq!(why(world, by_a_person), Some(PauseReason::Person));
    assert_eq!(world.campaign(draft).state, CampaignState::Draft);
    world.change(draft, CampaignChange::Start);
    world.change(running, CampaignChange::Resume);
    for campaign in [draft, running] {
        assert_eq!(world.campaign(campaign).state, CampaignState::Running);
        assert_eq!(why(world, campaign), None);
    }
}

fn a_campaign_whose_released_email_is_quarantined_again_says_that(world: &mut World) {
    let waiting = world.running("a.test", 1);
    let resumed = world.running("b.test", 1);
    let held = world.claim();
    quarantine(world, &held, Subject::Email);
    world.end(held.token, Vec::new());
    lift(world, Lift::Release);
    world.change(resumed, CampaignChange::Resume);
    world.repeat(&Request::Unpark { campaign: resumed });
    let again = world.claim();
    quarantine(world, &again, Subject::Email);
    for campaign in [waiting, resumed] {
        assert_eq!(why(world, campaign), Some(PauseReason::Quarantine));
    }
    world.end(again.token, Vec::new());
}

fn a_discarded_email_ends_its_campaigns(world: &mut World) {
    let campaign = world.running("a.test", 3);
    world.file(campaign, "b.test", 2);
    let held = world.claim();
    quarantine(world, &held, Subject::Email);
    world.end(held.token, Vec::new());
    assert_eq!(lift(world, Lift::Discard).matched, 5);
    let cancelled = world.campaign(campaign);
    assert_eq!(cancelled.state, CampaignState::Cancelled);
    assert_eq!(cancelled.tally[DeliveryState::Cancelled], 5);
    assert!(
        world
            .reader()
            .quarantined_emails(TENANT, None, 9)
            .unwrap()
            .is_empty()
    );
}

fn a_campaign_with_a_quarantined_recipient_finishes(world: &mut World) {
    let campaign = world.sealed("a.test", 2);
    let held = world.claim();
    world.deliver(&held, 0);
    quarantine(world, &held, Subject::Recipient(RecipientId(1)));
    world.end(held.token, Vec::new());
    let finished = world.campaign(campaign);
    assert_eq!(finished.state, CampaignState::Finished);
    assert!(finished.tally.is_incomplete());
}

fn three_reports_about_recipients_quarantine_their_email(world: &mut World) {
    let campaign = world.running("a.test", 4);
    let held = world.claim();
    for place in 0..3 {
        let one = Subject::Recipient(held.recipients[place].recipient);
        quarantine(world, &held, one);
    }
    assert_eq!(world.campaign(campaign).state, CampaignState::Paused);
    world.end(held.token, Vec::new());
}

fn a_campaign_that_runs_again_is_held_up_at_its_claim(world: &mut World) {
    let again = world.sealed("a.test", 1);
    let first = world.claim();
    world.begin(&first, 0);
    world.record(&first, 0, Outcome::Bounced);
    world.end(first.token, Vec::new());
    world.running("b.test", 1);
    let held = world.claim();
    quarantine(world, &held, Subject::Email);
    world.resolve_all(again, DeliveryState::Bounced, "retry");
    assert_eq!(world.campaign(again).state, CampaignState::Running);
    assert_eq!(world.idle(), None);
    assert_eq!(world.campaign(again).state, CampaignState::Paused);
}
