use super::*;
use postrider_api::{Erase, Purge};
use postrider_types::{CampaignState, DeliveryState};

/// A started campaign of a tenant, whose audience waits because its relay is nowhere.
async fn waiting(scene: &Scene, tenant: &str, name: &str, addresses: &[&str]) -> CampaignId {
    let client = scene.client.of_tenant(Some(tenant));
    let email = client.put_email(&new_email(), &[]).await.unwrap().id;
    let new = NewCampaign::new(name, email);
    let id = client.create_campaign(&new).await.unwrap().id;
    scene.add(id, &csv(addresses), AfterIntake::Seal).await;
    let started = client.change_campaign(id, CampaignVerb::Start).await;
    started.unwrap();
    id
}

/// A service that reaches nobody.
async fn unreaching() -> Scene {
    let nobody = any_port().await.local_addr().unwrap();
    Scene::start_with(|config| config.route.relay = format!("smtp://{nobody}")).await
}

#[tokio::test]
async fn a_tenant_has_campaigns_and_names_of_its_own() {
    let scene = unreaching().await;
    let acme = scene.client.create_tenant("acme").await.unwrap();
    assert!(acme.id > 1);
    let own = scene.campaign("october").await;
    let theirs = waiting(&scene, "acme", "october", &["ada@a.test"]).await;
    assert_ne!(own, theirs);
    let ids = async |tenant: &str| {
        let client = scene.client.of_tenant(Some(tenant));
        let page = client.campaigns(None, None).await.unwrap();
        page.data.iter().map(|each| each.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("acme").await, [theirs]);
    assert_eq!(ids("default").await, [own]);
    let of_acme = scene.client.of_tenant(Some("acme"));
    let found = of_acme.campaign_named("october").await.unwrap();
    assert_eq!(found.map(|campaign| campaign.tenant_id), Some(acme.id));
    scene.stop().await;
}

#[tokio::test]
async fn the_gauges_count_the_deliveries_of_all_tenants() {
    let scene = unreaching().await;
    scene.client.create_tenant("acme").await.unwrap();
    waiting(&scene, "acme", "october", &["ada@a.test", "bob@b.test"]).await;
    waiting(&scene, "default", "october", &["ada@a.test"]).await;
    let text = scene.client.metrics().await.unwrap();
    let lines = text.lines();
    let states = lines.filter_map(|line| line.strip_prefix("postrider_deliveries{"));
    let counts = states.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(counts.sum::<u64>(), 3, "{text}");
    scene.stop().await;
}

#[tokio::test]
async fn a_deleted_tenant_keeps_nothing_waiting_and_takes_nothing_in() {
    let scene = unreaching().await;
    scene.client.create_tenant("acme").await.unwrap();
    let people = ["ada@a.test", "bob@b.test"];
    let id = waiting(&scene, "acme", "october", &people).await;
    let others = waiting(&scene, "default", "october", &people).await;
    let deleted = scene.client.delete_tenant("acme").await.unwrap();
    assert!(deleted.tenant.deleted_at.is_some());

    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.state, CampaignState::Cancelled);
    let cancelled = campaign.count(DeliveryState::Cancelled);
    assert_eq!(cancelled + deleted.busy, 2, "{campaign:?}");
    assert_eq!(deleted.cancelled, cancelled);
    let other = scene.client.campaign(others).await.unwrap();
    assert_eq!(other.count(DeliveryState::Cancelled), 0);

    // What is there of it may be read and erased.
    let of_acme = scene.client.of_tenant(Some("acme"));
    assert_eq!(of_acme.campaigns(None, None).await.unwrap().data.len(), 1);
    let erase = Erase {
        address: "ada@a.test".to_owned(),
        tenant: Some("acme".to_owned()),
    };
    let erased = of_acme.erase_recipient(&erase);
    assert_eq!(erased.await.unwrap().matched, 1);

    // Who lost the answer asks again.
    let again = scene.client.delete_tenant("acme").await.unwrap();
    assert_eq!(again.tenant, deleted.tenant);
    let tenants = scene.client.tenants(None).await.unwrap().data;
    let names: Vec<_> = tenants.iter().map(|each| each.name.as_str()).collect();
    assert_eq!(names, ["default", "acme"]);
    let lines = std::io::Cursor::new(b"email\neve@a.test\n".to_vec());
    let added = scene
        .client
        .add_recipients(id, AudienceFormat::Csv, lines, AfterIntake::LeaveOpen);
    assert!(added.await.is_err(), "nothing is taken in");
    scene.stop().await;
}

#[tokio::test]
async fn what_a_deleted_tenant_is_given_is_refused_by_that_name() {
    let scene = Scene::start().await;
    let email = scene.client.put_email(&new_email(), &[]).await.unwrap().id;
    scene.client.create_tenant("acme").await.unwrap();
    scene.client.delete_tenant("acme").await.unwrap();
    let code = |error: postrider_api::ApiError| error.problem().unwrap().code.clone();
    let of_acme = scene.client.of_tenant(Some("acme"));
    let put = of_acme.put_email(&new_email(), &[]).await;
    assert_eq!(code(put.unwrap_err()), Code::TenantDeleted.name());
    let new = NewCampaign::new("october", email);
    let created = of_acme.create_campaign(&new).await;
    assert_eq!(code(created.unwrap_err()), Code::TenantDeleted.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_tenant_that_cannot_be_is_refused() {
    let scene = Scene::start().await;
    let code = |error: postrider_api::ApiError| error.problem().unwrap().code.clone();
    scene.client.create_tenant("acme").await.unwrap();
    let taken = scene.client.create_tenant("acme").await.unwrap_err();
    assert_eq!(code(taken), Code::NameTaken.name());
    let none = scene.client.create_tenant("a b").await.unwrap_err();
    assert_eq!(code(none), Code::InvalidTenant.name());
    let stays = scene.client.delete_tenant("default").await.unwrap_err();
    assert_eq!(code(stays), Code::InvalidTenant.name());
    let nobody = scene.client.of_tenant(Some("nobody"));
    let nobody = nobody.campaigns(None, None).await;
    assert_eq!(code(nobody.unwrap_err()), Code::NotFound.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_counts_first_and_ends_what_waits_of_one_campaign() {
    let scene = unreaching().await;
    let people = ["ada@a.test", "bob@b.test"];
    let id = waiting(&scene, "default", "october", &people).await;
    let other = waiting(&scene, "default", "november", &people).await;
    let purge = |is_dry_run| Purge {
        campaign: Some(id),
        is_dry_run,
        ..Purge::default()
    };
    let would = scene.client.purge(&purge(true)).await.unwrap();
    assert_eq!((would.matched + would.busy, would.is_dry_run), (2, true));
    let unchanged = scene.client.campaign(id).await.unwrap();
    assert_eq!(unchanged.count(DeliveryState::Cancelled), 0);

    let done = scene.client.purge(&purge(false)).await.unwrap();
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.count(DeliveryState::Cancelled), done.matched);
    let other = scene.client.campaign(other).await.unwrap();
    assert_eq!(other.count(DeliveryState::Cancelled), 0);
    scene.stop().await;
}

#[tokio::test]
async fn a_purge_of_nothing_or_of_two_things_is_refused() {
    let scene = Scene::start().await;
    let refused = async |purge: Purge| {
        let error = scene.client.purge(&purge).await.unwrap_err();
        error.problem().unwrap().code.clone()
    };
    let nothing = Purge::default();
    assert_eq!(refused(nothing).await, Code::InvalidSelection.name());
    let two = Purge {
        tenant: Some("default".into()),
        lane: Some("a.test".into()),
        ..Purge::default()
    };
    assert_eq!(refused(two).await, Code::InvalidSelection.name());
    let lane_in_doubt = Purge {
        lane: Some("tail-07".into()),
        with_in_doubt: true,
        ..Purge::default()
    };
    assert_eq!(refused(lane_in_doubt).await, Code::InvalidSelection.name());
    scene.stop().await;
}

#[tokio::test]
async fn an_erased_recipient_is_found_by_no_address() {
    let scene = Scene::start().await;
    let people = ["ada@a.test", "bob@b.test"];
    let campaign = scene.sent("october", &people).await;
    let erase = Erase {
        address: "Ada@a.test".into(),
        tenant: None,
    };
    let erased = scene.client.erase_recipient(&erase).await.unwrap();
    assert!(erased.matched > 0);
    let page = scene.client.receipts(campaign.id, None, None, None).await;
    let page = page.unwrap();
    assert_eq!(page.data.len(), 2);
    // The Message-ID is made of the address.
    let has_id = |receipt: &postrider_api::Receipt| receipt.message_id.is_some();
    assert_eq!(
        page.data.iter().map(has_id).collect::<Vec<_>>(),
        [false, true]
    );
    let is_ada = |receipt: &postrider_api::Receipt| receipt.recipient.contains("ada");
    assert!(!page.data.iter().any(is_ada), "{page:?}");
    scene.stop().await;
}

#[tokio::test]
async fn an_empty_quarantine_is_an_empty_list() {
    let scene = Scene::start().await;
    let found = scene.client.quarantine(None).await.unwrap();
    assert_eq!(found, postrider_api::Quarantine::default());
    let nobody = scene.client.of_tenant(Some("nobody"));
    let nobody = nobody.quarantine(None).await.unwrap_err();
    assert_eq!(nobody.problem().unwrap().code, Code::NotFound.name());
    scene.stop().await;
}

#[tokio::test]
async fn receipts_of_a_campaign_that_ended_long_ago_go_by_themselves() {
    let kept = Duration::from_millis(1);
    let scene = Scene::start_with(|config| config.retention.receipts = Some(kept)).await;
    let campaign = scene.sent("october", &["ada@a.test"]).await;
    let gone = tokio::time::timeout(PATIENCE, async {
        loop {
            let page = scene.client.receipts(campaign.id, None, None, None).await;
            if page.unwrap().data.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    gone.await.expect("the receipts go");
    let after = scene.client.campaign(campaign.id).await.unwrap();
    assert_eq!(after.count(DeliveryState::Delivered), 1, "the tally stays");
    scene.stop().await;
}
