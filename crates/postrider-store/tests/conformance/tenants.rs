//! Tenants, and what deleting one does.

use bytes::Bytes;
use postrider_store::removal::{Cursor, Walked};
use postrider_store::request::CampaignChange;
use postrider_store::{Claimed, Refused, Reply, Request};
use postrider_types::{
    CampaignId, CampaignState, DeliveryState, EmailId, Outcome, Tenant, TenantId,
};

use crate::requests::{create_request, file_request};
use crate::world::{DONE, TENANT, World, refused};

scenes! {
    the_tenant_default_is_always_there,
    a_tenant_is_created_found_by_name_and_listed,
    a_name_is_taken_until_its_tenant_is_deleted,
    deleting_stops_intake_at_once,
    a_leased_delivery_of_a_deleted_tenant_is_not_begun,
    deleting_ends_everything_cancelled_but_what_is_begun,
    a_claim_that_meets_a_deleted_tenant_ends_its_chunk,
    what_comes_back_of_a_deleted_tenant_ends_cancelled,
    only_a_deleted_tenant_is_swept,
    others_go_on,
}

fn created(world: &mut World, name: &str) -> TenantId {
    let name = name.to_owned();
    match world.ask_once(Request::CreateTenant { name }) {
        Reply::Tenant(tenant) => tenant.id,
        reply => panic!("{reply:?}"),
    }
}

fn delete(world: &mut World, tenant: TenantId) {
    let reply = world.ask(Request::DeleteTenant { tenant });
    assert!(
        matches!(&reply, Reply::Tenant(tenant) if tenant.is_deleted()),
        "{reply:?}"
    );
}

fn sweep(world: &mut World, tenant: TenantId) -> Walked {
    world.walk(|cursor| Request::SweepTenant { tenant, cursor })
}

fn put_email(tenant: TenantId) -> Request {
    let content = Bytes::from_static(b"an email");
    Request::PutEmail {
        tenant,
        email: EmailId::of(&content),
        content,
    }
}

fn create(tenant: TenantId, name: &str) -> Request {
    let mut request = create_request(name);
    if let Request::Create { tenant: owner, .. } = &mut request {
        *owner = tenant;
    }
    request
}

fn file(tenant: TenantId, campaign: CampaignId, count: u32) -> Request {
    let mut request = file_request(campaign, "a.test", count);
    if let Request::File { tenant: owner, .. } = &mut request {
        *owner = tenant;
    }
    request
}

/// A running campaign of a tenant, with so many chunks of so many recipients.
fn running(world: &mut World, tenant: TenantId, chunks: u32, count: u32) -> CampaignId {
    world.ask(put_email(tenant));
    let name = format!("of {tenant}, {chunks} by {count}");
    let campaign = match world.ask(create(tenant, &name)) {
        Reply::Campaign(campaign) => campaign.id,
        reply => panic!("{reply:?}"),
    };
    world.change(campaign, CampaignChange::Start);
    for _ in 0..chunks {
        let reply = world.ask_once(file(tenant, campaign, count));
        assert!(matches!(reply, Reply::Filed { .. }), "{reply:?}");
    }
    campaign
}

fn is_nothing_queued(world: &World) -> bool {
    world.reader().lanes(99).unwrap().is_empty()
}

fn the_tenant_default_is_always_there(world: &mut World) {
    let standard = Tenant::standard();
    let tenants = world.reader().tenants(TenantId(0), 9).unwrap();
    assert_eq!(tenants[0], standard);
    let found = world.reader().tenant_named("default").unwrap();
    assert_eq!(found, Some(standard));
    let reply = world.ask(Request::DeleteTenant { tenant: TENANT });
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
}

fn a_tenant_is_created_found_by_name_and_listed(world: &mut World) {
    let first = created(world, "first");
    let second = created(world, "second");
    assert_ne!(first, second);
    assert_ne!(first, TENANT);
    world.reopen();
    let found = world.reader().tenant_named("second").unwrap().unwrap();
    assert_eq!((found.id, found.created_at), (second, world.now));
    let page = world.reader().tenants(first, 9).unwrap();
    assert_eq!(page, [found]);
    let reply = world.ask_once(Request::CreateTenant {
        name: "a b".to_owned(),
    });
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
}

fn a_name_is_taken_until_its_tenant_is_deleted(world: &mut World) {
    let first = created(world, "acme");
    let again = Request::CreateTenant {
        name: "acme".to_owned(),
    };
    let taken = Refused::TenantTaken { tenant: first };
    assert_eq!(refused(&world.ask(again)), &taken);
    delete(world, first);
    let second = created(world, "acme");
    assert_ne!(first, second, "an id is never given again");
    let found = world.reader().tenant_named("acme").unwrap();
    assert_eq!(found.unwrap().id, second);
}

fn deleting_stops_intake_at_once(world: &mut World) {
    let tenant = created(world, "acme");
    let campaign = running(world, tenant, 1, 1);
    delete(world, tenant);
    for request in [
        put_email(tenant),
        create(tenant, "another"),
        file(tenant, campaign, 1),
        Request::Change {
            campaign,
            change: CampaignChange::Resume,
        },
    ] {
        assert_eq!(refused(&world.ask(request)), &Refused::TenantDeleted);
    }
    let nobody = TenantId(99);
    assert_eq!(refused(&world.ask(put_email(nobody))), &Refused::NoTenant);
    sweep(world, tenant);
}

fn a_leased_delivery_of_a_deleted_tenant_is_not_begun(world: &mut World) {
    let tenant = created(world, "acme");
    running(world, tenant, 1, 2);
    let held = world.claim();
    delete(world, tenant);
    let state = CampaignState::Cancelled;
    assert_eq!(
        refused(&world.begin(&held, 0)),
        &Refused::Campaign { state }
    );
    world.end(held.token, Vec::new());
}

fn deleting_ends_everything_cancelled_but_what_is_begun(world: &mut World) {
    let tenant = created(world, "acme");
    let big = running(world, tenant, 6, 400);
    let small = running(world, tenant, 1, 3);
    let held: Vec<Claimed> = (0..2).map(|_| world.claim()).collect();
    let begun = &held[0];
    assert_eq!(world.begin(begun, 7), DONE);
    delete(world, tenant);
    let walked = sweep(world, tenant);
    assert_eq!((walked.matched, walked.busy), (6 * 400 + 3 - 1, 1));
    assert!(is_nothing_queued(world));
    for campaign in [big, small] {
        assert_eq!(world.campaign(campaign).state, CampaignState::Cancelled);
        assert_eq!(
            world.campaign(campaign).tally.open(),
            u64::from(campaign == big)
        );
    }
    assert_eq!(world.record(begun, 7, Outcome::Delivered), DONE);
    for held in &held {
        assert_eq!(world.end(held.token, Vec::new()), DONE);
    }
    let tally = world.tally(big);
    assert_eq!(tally[DeliveryState::Delivered], 1);
    assert_eq!(tally[DeliveryState::Cancelled], 6 * 400 - 1);
    assert!(is_nothing_queued(world));
    // A second sweep finds nothing.
    assert_eq!(sweep(world, tenant), Walked::default());
}

fn a_claim_that_meets_a_deleted_tenant_ends_its_chunk(world: &mut World) {
    let tenant = created(world, "acme");
    let campaign = running(world, tenant, 1, 2);
    delete(world, tenant);
    let other = world.running("b.test", 1);
    assert_eq!(world.claim().campaign, other);
    assert_eq!(world.tally(campaign)[DeliveryState::Cancelled], 2);
}

fn what_comes_back_of_a_deleted_tenant_ends_cancelled(world: &mut World) {
    let tenant = created(world, "acme");
    let campaign = running(world, tenant, 2, 2);
    let held = world.claim();
    world.begin(&held, 0);
    let lost = world.claim();
    world.begin(&lost, 0);
    delete(world, tenant);
    let next_attempt_at = world.in_seconds(9);
    let deferred = Outcome::Deferred { next_attempt_at };
    assert_eq!(world.record(&held, 0, deferred), DONE);
    assert_eq!(world.end(held.token, Vec::new()), DONE);
    let before = world.in_seconds(2_000);
    world.repeat(&Request::reap(before));
    let tally = world.tally(campaign);
    assert_eq!(tally[DeliveryState::Cancelled], 3);
    assert_eq!(tally[DeliveryState::InDoubt], 1);
    assert!(is_nothing_queued(world));
    sweep(world, tenant);
}

fn only_a_deleted_tenant_is_swept(world: &mut World) {
    let tenant = created(world, "acme");
    let cursor = Cursor::START;
    let reply = world.ask(Request::SweepTenant { tenant, cursor });
    assert!(
        matches!(refused(&reply), Refused::Malformed(_)),
        "{reply:?}"
    );
    let tenant = TenantId(99);
    let reply = world.ask(Request::SweepTenant { tenant, cursor });
    assert_eq!(refused(&reply), &Refused::NoTenant);
}

fn others_go_on(world: &mut World) {
    let tenant = created(world, "acme");
    running(world, tenant, 1, 2);
    let other = world.running("a.test", 2);
    delete(world, tenant);
    sweep(world, tenant);
    let held = world.claim();
    assert_eq!(held.campaign, other);
    world.deliver(&held, 0);
    assert_eq!(world.tally(other)[DeliveryState::Delivered], 1);
}
