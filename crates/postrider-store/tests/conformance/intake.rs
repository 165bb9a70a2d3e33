//! Emails, campaigns and recipients on their way in.

use bytes::Bytes;
use postrider_store::request::CampaignChange;
use postrider_store::{Refused, Reply, Request};
use postrider_types::bounds::{CHUNK_BYTES_MAX, CHUNK_RECIPIENTS_MAX, VARIABLES_BYTES_MAX};
use postrider_types::{
    Address, CampaignId, CampaignState, DeliveryState, EmailId, RecipientId, TenantId, Variables,
};

use crate::requests::{create_request, file_request};
use crate::world::{OTHER_TENANT, TENANT, World, address, refused};

scenes! {
    an_email_put_twice_is_kept_once,
    an_email_under_a_wrong_id_is_refused,
    an_email_comes_back_byte_for_byte,
    a_campaign_needs_an_email_of_its_tenant,
    a_name_is_taken_within_its_tenant_only,
    a_name_has_bounds,
    numbers_are_dense_over_chunks_and_lanes,
    a_chunk_has_500_recipients_at_most,
    a_chunk_has_256_kib_at_most,
    nothing_is_filed_into_a_sealed_audience,
    nothing_is_filed_after_the_end,
    nothing_is_filed_for_another_tenant,
    a_refused_chunk_leaves_no_trace,
}

fn put(content: &Bytes, email: EmailId, tenant: TenantId) -> Request {
    Request::PutEmail {
        tenant,
        email,
        content: content.clone(),
    }
}

fn an_email_put_twice_is_kept_once(world: &mut World) {
    let content = Bytes::from_static(b"another email");
    let email = EmailId::of(&content);
    assert_eq!(
        world.ask_once(put(&content, email, TENANT)),
        Reply::Put { is_new: true }
    );
    assert_eq!(
        world.ask_once(put(&content, email, TENANT)),
        Reply::Put { is_new: false }
    );
    assert_eq!(
        world.ask_once(put(&content, email, OTHER_TENANT)),
        Reply::Put { is_new: true }
    );
}

fn an_email_under_a_wrong_id_is_refused(world: &mut World) {
    let email = EmailId::of(b"something else");
    let reply = world.ask(put(&Bytes::from_static(b"content"), email, TENANT));
    assert!(matches!(refused(&reply), Refused::Malformed(_)));
    assert_eq!(world.reader().email(TENANT, email).unwrap(), None);
}

fn an_email_comes_back_byte_for_byte(world: &mut World) {
    let bytes = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]);
    for content in [
        bytes.collect::<Bytes>(),
        Bytes::new(),
        Bytes::from_static(&[0; 5]),
    ] {
        let email = EmailId::of(&content);
        world.ask(put(&content, email, TENANT));
        world.reopen();
        assert_eq!(world.reader().email(TENANT, email).unwrap(), Some(content));
        assert_eq!(world.reader().email(OTHER_TENANT, email).unwrap(), None);
    }
}

fn a_campaign_needs_an_email_of_its_tenant(world: &mut World) {
    let mut create = create_request("hello");
    if let Request::Create { tenant, .. } = &mut create {
        *tenant = OTHER_TENANT;
    }
    assert_eq!(refused(&world.ask(create)), &Refused::NoEmail);
}

fn a_name_is_taken_within_its_tenant_only(world: &mut World) {
    let first = world.create("hello");
    let reply = world.ask(create_request("hello"));
    assert_eq!(refused(&reply), &Refused::NameTaken { campaign: first });
    let content = Bytes::from_static(b"an email");
    world.ask(put(&content, EmailId::of(&content), OTHER_TENANT));
    let mut create = create_request("hello");
    if let Request::Create { tenant, .. } = &mut create {
        *tenant = OTHER_TENANT;
    }
    let Reply::Campaign(second) = world.ask(create) else {
        panic!()
    };
    assert_eq!(second.id, CampaignId(first.0 + 1));
    let named = |tenant| {
        world
            .reader()
            .campaign_named(tenant, "hello")
            .unwrap()
            .unwrap()
            .id
    };
    assert_eq!((named(TENANT), named(OTHER_TENANT)), (first, second.id));
    assert_eq!(world.reader().campaigns(TENANT, None, 9).unwrap().len(), 1);
}

fn a_name_has_bounds(world: &mut World) {
    for name in [String::new(), "x".repeat(201)] {
        let reply = world.ask(create_request(&name));
        assert!(matches!(refused(&reply), Refused::Malformed(_)));
    }
    world.create(&"x".repeat(200));
}

fn numbers_are_dense_over_chunks_and_lanes(world: &mut World) {
    let one = world.create("one");
    let two = world.create("two");
    assert_eq!(world.file(one, "a.test", 3), RecipientId(0));
    assert_eq!(world.file(two, "a.test", 2), RecipientId(0));
    assert_eq!(world.file(one, "b.test", 1), RecipientId(3));
    assert_eq!(world.file(one, "a.test", 1), RecipientId(4));
    assert_eq!(world.tally(one)[DeliveryState::Pending], 5);
}

fn a_chunk_has_500_recipients_at_most(world: &mut World) {
    let campaign = world.create("hello");
    let most = u32::try_from(CHUNK_RECIPIENTS_MAX).unwrap();
    for count in [0, most + 1] {
        let reply = world.ask(file_request(campaign, "a.test", count));
        assert!(matches!(refused(&reply), Refused::Malformed(_)), "{count}");
    }
    world.file(campaign, "a.test", most);
}

fn a_chunk_has_256_kib_at_most(world: &mut World) {
    let campaign = world.create("hello");
    let large = "x".repeat(VARIABLES_BYTES_MAX - 64);
    let json = format!("{{\"x\":\"{large}\"}}");
    let recipient = |n| {
        (
            address(n),
            Variables::from_json_object(json.clone()).unwrap(),
        )
    };
    let mut request = file_request(campaign, "a.test", 1);
    let mut fill = |count| {
        if let Request::File { recipients, .. } = &mut request {
            *recipients = (0..count).map(recipient).collect();
        }
        request.clone()
    };
    let most = u32::try_from(CHUNK_BYTES_MAX / VARIABLES_BYTES_MAX).unwrap();
    let reply = world.ask(fill(most + 1));
    assert!(matches!(refused(&reply), Refused::Malformed(_)));
    assert!(matches!(world.ask(fill(most)), Reply::Filed { .. }));
}

fn nothing_is_filed_into_a_sealed_audience(world: &mut World) {
    let campaign = world.sealed("a.test", 1);
    let reply = world.ask(file_request(campaign, "a.test", 1));
    assert_eq!(refused(&reply), &Refused::Sealed);
}

fn nothing_is_filed_after_the_end(world: &mut World) {
    let cancelled = world.running("a.test", 1);
    world.change(cancelled, CampaignChange::Cancel);
    let reply = world.ask(file_request(cancelled, "a.test", 1));
    let state = CampaignState::Cancelled;
    assert_eq!(refused(&reply), &Refused::Campaign { state });
}

fn nothing_is_filed_for_another_tenant(world: &mut World) {
    let campaign = world.create("hello");
    let mut request = file_request(campaign, "a.test", 1);
    if let Request::File { tenant, .. } = &mut request {
        *tenant = OTHER_TENANT;
    }
    assert_eq!(refused(&world.ask(request)), &Refused::NoCampaign);
    let reply = world.ask(file_request(CampaignId(99), "a.test", 1));
    assert_eq!(refused(&reply), &Refused::NoCampaign);
}

fn a_refused_chunk_leaves_no_trace(world: &mut World) {
    let campaign = world.running("a.test", 1);
    world.ask(file_request(campaign, "b.test", 0));
    let lanes = world.reader().lanes(9).unwrap();
    assert_eq!(lanes.len(), 1);
    let filed = world.ask(file_request(campaign, "b.test", 1));
    let Reply::Filed { chunk, first } = filed else {
        panic!("{filed:?}")
    };
    assert_eq!((chunk.0, first), (2, RecipientId(1)));
    let stranger: Address = "x@example.test".parse().unwrap();
    assert!(
        world
            .reader()
            .receipts_of(TENANT, &stranger.key(), 9)
            .unwrap()
            .is_empty()
    );
}
