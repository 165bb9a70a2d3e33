use super::*;
use postrider_types::{DeliveryState, RecipientId};
use std::collections::BTreeMap;

const PEOPLE: [&str; 3] = ["ada@a.test", "bob@b.test", "bounce-1@c.test"];

#[tokio::test]
async fn receipts_say_what_became_of_each_recipient() {
    let scene = Scene::start().await;
    let campaign = scene.sent("october", &PEOPLE).await;
    assert_eq!(campaign.count(DeliveryState::Delivered), 2);
    assert_eq!(campaign.count(DeliveryState::Bounced), 1);
    assert!(campaign.is_incomplete);
    assert_eq!(campaign.open(), 0);

    let page = scene.client.receipts(campaign.id, None, None, None).await;
    let page = page.unwrap();
    assert_eq!((page.data.len(), page.has_more), (3, false));
    let bounced = scene
        .client
        .receipts(campaign.id, Some(DeliveryState::Bounced), None, None)
        .await
        .unwrap();
    let [receipt] = bounced.data.as_slice() else {
        panic!("one bounced: {bounced:?}");
    };
    assert_eq!(receipt.recipient, "bounce-1@c.test");
    assert_eq!(receipt.campaign, "october");
    assert_eq!(receipt.attempts, 1);
    assert!((500..600).contains(&receipt.reply.as_ref().unwrap().code));

    let found = scene.client.receipts_of("Ada@A.test").await.unwrap();
    assert_eq!(found.data.len(), 1);
    assert_eq!(found.data[0].state, DeliveryState::Delivered);
    let message_id = found.data[0].message_id.as_deref().unwrap();
    assert!(message_id.ends_with("@example.test>"), "{message_id}");
    let nobody = scene.client.receipts_of("eve@a.test").await.unwrap();
    assert_eq!(nobody.data, []);
    scene.stop().await;
}

#[tokio::test]
async fn a_pool_with_an_open_connection_is_listed() {
    let scene = Scene::start().await;
    scene.sent("october", &PEOPLE).await;
    let pools = scene.client.pools().await.unwrap().data;
    let [pool] = pools.as_slice() else {
        panic!("one relay: {pools:?}");
    };
    assert_eq!(pool.route, "default");
    assert!(pool.site.starts_with("127.0.0.1:"), "{pool:?}");
    assert!(pool.open >= 1 && pool.busy <= pool.open, "{pool:?}");
    assert_eq!((&pool.trouble, pool.trouble_since), (&None, None));
    scene.stop().await;
}

#[tokio::test]
async fn refusals_that_say_the_same_are_one_line_with_what_they_mean() {
    let scene = Scene::start().await;
    let people = ["bounce-1@a.test", "ada@a.test", "bounce-2@b.test"];
    scene.sent("october", &people).await;
    let refusals = scene.client.refusals().await.unwrap().data;
    let [refusal] = refusals.as_slice() else {
        panic!("one group: {refusals:?}");
    };
    assert_eq!(refusal.count, 2);
    assert!(refusal.line.starts_with("550 5.1.1 "), "{refusal:?}");
    assert_eq!(refusal.class, "bounced");
    assert_eq!(refusal.action.as_deref(), Some("suppress"));
    assert_eq!(refusal.rule, "no-such-recipient");
    scene.stop().await;
}

#[tokio::test]
async fn receipts_of_a_campaign_are_read_page_by_page() {
    let scene = Scene::start().await;
    let campaign = scene.sent("october", &PEOPLE).await;
    let mut seen = Vec::new();
    let mut from = None;
    loop {
        let page = scene
            .client
            .receipts(campaign.id, None, from, Some(2))
            .await;
        let page = page.unwrap();
        seen.extend(page.data.iter().map(|receipt| receipt.recipient_id.0));
        let Some(next) = page.next else { break };
        from = Some(RecipientId(next.parse().unwrap()));
    }
    assert_eq!(seen, [0, 1, 2]);
    scene.stop().await;
}

#[tokio::test]
async fn the_feed_gives_every_entry_once_and_then_waits_at_its_end() {
    let scene = Scene::start().await;
    scene.sent("october", &PEOPLE).await;
    let mut numbers = Vec::new();
    let mut outcomes = BTreeMap::new();
    let mut after = 0;
    loop {
        let feed = scene.client.feed(after, Some(2)).await.unwrap();
        for entry in &feed.data {
            numbers.push(entry.number);
            outcomes.insert(entry.recipient.clone(), entry.state);
        }
        after = feed.next;
        if !feed.has_more {
            break;
        }
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!(outcomes.len(), 3);
    assert_eq!(outcomes["bounce-1@c.test"], DeliveryState::Bounced);
    let end = scene.client.feed(after, None).await.unwrap();
    assert_eq!((end.data.len(), end.next), (0, after));
    scene.stop().await;
}

#[tokio::test]
async fn an_export_has_everyone_also_those_to_whom_nothing_happened() {
    let scene = Scene::start().await;
    let sent = scene.sent("october", &PEOPLE).await;
    let draft = scene.campaign("may").await;
    let people: Vec<String> = (0..1_234)
        .map(|n| format!("p{n}@d{}.test", n % 7))
        .collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    scene
        .add(draft, &csv(&people), AfterIntake::LeaveOpen)
        .await;

    let lines = exported(&scene, sent.id).await;
    assert_eq!(lines.len(), 3);
    assert_eq!(lines["bounce-1@c.test"]["state"], "bounced");
    assert_eq!(lines["ada@a.test"]["reply"]["code"], 250);
    let found = scene.client.receipts_of("ada@a.test").await.unwrap();
    let message_id = found.data[0].message_id.clone().unwrap();
    assert_eq!(lines["ada@a.test"]["message_id"], message_id);

    let lines = exported(&scene, draft).await;
    assert_eq!(lines.len(), 1_234, "nobody is missing, nobody twice");
    let untouched = &lines["p7@d0.test"];
    assert_eq!(untouched["campaign"], "may");
    assert_eq!(untouched["state"], "pending");
    assert_eq!(untouched["attempts"], 0);
    assert!(untouched["at"].is_null() && untouched["reply"].is_null());
    scene.stop().await;
}

/// An export by address; every line has the keys of the format, in its order.
async fn exported(scene: &Scene, id: CampaignId) -> BTreeMap<String, serde_json::Value> {
    let mut export = scene.client.export(id).await.unwrap();
    let mut lines = BTreeMap::new();
    while let Some(line) = export.next_line().await.unwrap() {
        let text = std::str::from_utf8(&line).unwrap();
        let keys = [
            "campaign",
            "recipient",
            "state",
            "attempts",
            "message_id",
            "reply",
            "at",
        ];
        let places = keys.map(|key| text.find(&format!("\"{key}\":")).expect(key));
        assert!(places.is_sorted(), "{text}");
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(value.as_object().unwrap().len(), keys.len());
        let recipient = value["recipient"].as_str().unwrap().to_owned();
        assert!(
            lines.insert(recipient, value).is_none(),
            "{text} is there twice"
        );
    }
    lines
}

#[tokio::test]
async fn receipts_are_asked_for_by_address_or_as_a_feed() {
    let scene = Scene::start().await;
    let get = |query: &str| scene.request(Method::GET, &format!("/v1/receipts{query}"));
    for query in [
        "",
        "?address=a@b.test&after=1",
        "?address=nobody",
        "?after=-1",
    ] {
        let problem = scene.refused(get(query)).await;
        assert_eq!(problem.code, Code::InvalidRequest.name(), "{query}");
    }
    for query in [
        "?after=0&limit=0",
        "?after=0&limit=1000",
        "?after=0&after=1",
    ] {
        let problem = scene.refused(get(query)).await;
        assert_eq!(problem.code, Code::InvalidRequest.name(), "{query}");
    }
    scene.stop().await;
}
