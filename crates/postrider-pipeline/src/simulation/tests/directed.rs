//! Mutations that chance seldom meets, met on purpose; and the same steps by the true rules.

use std::time::Duration;

use postrider_store::quarantine::{Subject, Suspects};
use postrider_store::request::CampaignChange;
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Reply, Request, Share};
use postrider_types::{
    CampaignId, DeliveryId, DeliveryState, EmailId, InDoubtPolicy, LaneName, Outcome, RecipientId,
    TenantId, Variables, WorkerId,
};

use crate::settings::Settings;
use crate::simulation::oracle::{Try, Violation};
use crate::simulation::world::World;
use crate::simulation::{Mutation, Options};

/// The one campaign.
const CAMPAIGN: CampaignId = CampaignId(1);

/// How old a doubt must be before its delivery may be sent again.
const RETRY_AFTER: Duration = Duration::from_secs(700);

/// How long leases last.
const LEASE: Duration = Duration::from_secs(30);

/// A running campaign of so many recipients, each in a chunk and a lane of its own.
fn scene(mutation: Option<Mutation>, recipients: u64) -> World {
    let settings = Settings::for_relay("smtp://127.0.0.1:25").unwrap();
    let options = Options {
        mutation,
        is_logged: false,
    };
    let mut world = World::new(1, &settings, options);
    let content = bytes::Bytes::from_static(b"an email");
    let (tenant, email) = (TenantId::DEFAULT, EmailId::of(&content));
    let put = Request::PutEmail {
        tenant,
        email,
        content,
    };
    let create = Request::Create {
        tenant,
        name: "hello".to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: RETRY_AFTER,
        send_at: None,
    };
    world.apply(put).unwrap();
    world.apply(create).unwrap();
    for number in 0..recipients {
        world.oracle.filed.insert(CAMPAIGN, number + 1);
        let address = format!("0@d{number}.test").parse().unwrap();
        let file = Request::File {
            tenant,
            campaign: CAMPAIGN,
            lane: LaneName::from_stored(&format!("d{number}.test")),
            recipients: vec![(address, Variables::default())],
        };
        world.apply(file).unwrap();
    }
    let (campaign, change) = (CAMPAIGN, CampaignChange::Start);
    world.apply(Request::Change { campaign, change }).unwrap();
    world.apply(Request::Unpark { campaign }).unwrap();
    world
}

fn claim(world: &mut World, worker: u64, claim: u64) -> Claimed {
    let request = Request::Claim {
        claim,
        worker: WorkerId(worker),
        skip: Vec::new(),
        share: Share::WHOLE,
        until: world.now.plus(LEASE),
    };
    match world.apply(request).unwrap() {
        Reply::Claimed(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// The delivery to the first recipient of a chunk.
fn first_of(claimed: &Claimed) -> DeliveryId {
    DeliveryId {
        tenant: claimed.tenant,
        campaign: claimed.campaign,
        recipient: claimed.recipients[0].recipient,
    }
}

/// Begins an attempt, and lets its dot out.
fn begin(world: &mut World, claimed: &Claimed, attempt: u16) -> Try {
    let one = Try {
        delivery: first_of(claimed),
        token: claimed.token,
        attempt,
    };
    let request = Request::Begin {
        token: claimed.token,
        delivery: one.delivery,
        address: claimed.recipients[0].address.clone(),
        attempt,
    };
    let reply = world.apply(request).unwrap();
    assert_eq!(reply, Reply::Done { more: false });
    one
}

fn record(
    world: &mut World,
    claimed: &Claimed,
    one: Try,
    outcome: Outcome,
) -> Result<Reply, Violation> {
    world.apply(Request::Record {
        token: one.token,
        delivery: one.delivery,
        address: claimed.recipients[0].address.clone(),
        attempt: one.attempt,
        outcome,
        reply: None,
    })
}

fn reap(world: &mut World) -> Result<Reply, Violation> {
    world.apply(Request::Reap {
        before: world.now,
        worker: None,
        suspects: Suspects::Nobody,
    })
}

fn take(world: &mut World, one: Try) -> Result<(), Violation> {
    world.oracle.accept(&mut world.host.rows, one)
}

/// A worker finds its connection closed before the dot and says so, and what it said comes a second
/// time when another worker has sent the message.
fn an_outcome_that_comes_again(mutation: Option<Mutation>) -> Result<(), Violation> {
    let mut world = scene(mutation, 1);
    let first = claim(&mut world, 1, 1);
    let unsent = begin(&mut world, &first, 1);
    record(&mut world, &first, unsent, Outcome::Returned)?;
    let end = Request::End {
        token: first.token,
        filings: Vec::new(),
        throttle: None,
    };
    world.apply(end)?;
    let second = claim(&mut world, 2, 1);
    let sent = begin(&mut world, &second, 1);
    world.oracle.dot(&mut world.host.rows, sent)?;
    take(&mut world, sent)?;
    record(&mut world, &first, unsent, Outcome::Returned)?;
    record(&mut world, &second, sent, Outcome::Delivered)?;
    Ok(())
}

/// A worker is stopped after the dot; its lease runs out; a person has the message sent again; and
/// then the first worker goes on, and says that the message was refused.
fn a_worker_that_goes_on_too_late(mutation: Option<Mutation>) -> Result<(), Violation> {
    let mut world = scene(mutation, 1);
    let first = claim(&mut world, 1, 1);
    let refused = begin(&mut world, &first, 1);
    world.oracle.dot(&mut world.host.rows, refused)?;
    world.oracle.disturb(WorkerId(1));
    world.now = world.now.plus(LEASE * 2);
    reap(&mut world)?;
    world.now = world.now.plus(RETRY_AFTER);
    let resolve = Request::Resolve {
        campaign: CAMPAIGN,
        select: Selection::of(&[DeliveryState::InDoubt]),
        into: Resolution::Retry,
        reason: "nobody complained".to_owned(),
        from: RecipientId(0),
        is_dry_run: false,
    };
    world.apply(resolve)?;
    let second = claim(&mut world, 2, 1);
    let sent = begin(&mut world, &second, 2);
    world.oracle.dot(&mut world.host.rows, sent)?;
    record(&mut world, &first, refused, Outcome::Bounced)?;
    take(&mut world, sent)?;
    record(&mut world, &second, sent, Outcome::Delivered)?;
    Ok(())
}

/// A worker stands still before its begin; its lease runs out, and another worker is given the
/// chunk; and then the first goes on.
fn a_begin_that_comes_too_late(mutation: Option<Mutation>) -> Result<(), Violation> {
    let mut world = scene(mutation, 1);
    let first = claim(&mut world, 1, 1);
    world.now = world.now.plus(LEASE * 2);
    reap(&mut world)?;
    let second = claim(&mut world, 2, 1);
    let request = Request::Begin {
        token: first.token,
        delivery: first_of(&first),
        address: first.recipients[0].address.clone(),
        attempt: 1,
    };
    world.apply(request)?;
    world.oracle.examine(&mut world.host.rows)?;
    begin(&mut world, &second, 1);
    Ok(())
}

/// A worker cannot use the email, and says so when its lease has run out; what it says comes when
/// a person may have released the email already.
fn an_email_that_is_put_aside_too_late(mutation: Option<Mutation>) -> Result<(), Violation> {
    let mut world = scene(mutation, 1);
    let claimed = claim(&mut world, 1, 1);
    world.oracle.find_unusable(claimed.tenant, claimed.email);
    world.now = world.now.plus(LEASE * 2);
    reap(&mut world)?;
    world.apply(Request::Quarantine {
        token: claimed.token,
        what: Subject::Email,
        reason: "it cannot be read".to_owned(),
    })?;
    Ok(())
}

/// More leases run out at once than one step of the reaper may end.
fn many_leases_that_run_out(mutation: Option<Mutation>) -> Result<(), Violation> {
    let mut world = scene(mutation, 20);
    for number in 0..20 {
        claim(&mut world, 1, number);
    }
    world.now = world.now.plus(LEASE * 2);
    reap(&mut world)?;
    Ok(())
}

fn check(scene: fn(Option<Mutation>) -> Result<(), Violation>, mutation: Mutation) {
    scene(None).expect("the true rules do nothing wrong");
    let noticed = scene(Some(mutation)).expect_err("nothing was noticed");
    println!("{mutation}: noticed: {noticed}");
}

#[test]
fn a_begin_without_a_live_lease_is_noticed() {
    check(a_begin_that_comes_too_late, Mutation::BeginWithoutLease);
}

#[test]
fn an_outcome_that_is_taken_from_any_lease_is_noticed() {
    check(an_outcome_that_comes_again, Mutation::RecordWithoutToken);
}

#[test]
fn a_late_outcome_that_overwrites_a_newer_attempt_is_noticed() {
    check(a_worker_that_goes_on_too_late, Mutation::LateOverNewer);
}

#[test]
fn a_reaper_without_a_limit_is_noticed() {
    check(many_leases_that_run_out, Mutation::ReapWithoutLimit);
}

#[test]
fn what_is_put_aside_without_a_lease_is_noticed() {
    check(
        an_email_that_is_put_aside_too_late,
        Mutation::QuarantineWithoutLease,
    );
}
