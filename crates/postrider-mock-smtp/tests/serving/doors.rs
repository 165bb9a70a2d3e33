//! One address for all, and one for each provider that has one.

use postrider_mock_smtp::{Profile, Settings};

use crate::client::Client;
use crate::start;

fn profile(providers: &[(&str, &str)]) -> Profile {
    let tables = providers.iter().map(|(name, address)| {
        format!(
            "[provider.{name}]\naddress = \"{address}\"\nhostname = \"mx.{name}.test\"\n\
             [domain.\"{name}.test\"]\nprovider = \"{name}\"\n"
        )
    });
    let toml = format!("name = \"doors\"\n{}", tables.collect::<String>());
    Profile::from_toml(&toml).expect("the profile is right")
}

#[tokio::test]
async fn a_provider_has_a_door_of_its_own_with_the_same_port() {
    let two = profile(&[("big", "127.0.1.1"), ("small", "127.0.1.2")]);
    let mock = start(two, Settings::in_memory()).await;
    let doors = mock.provider_addrs();
    assert_eq!(doors.keys().collect::<Vec<_>>(), ["big", "small"]);
    for (name, address) in doors {
        assert_eq!(address.port(), mock.local_addr().port());
        let mut client = Client::connect_to(address).await;
        client.reply_to_be(&format!("220 mx.{name}.test")).await;
        assert_eq!(client.hello().await[0], format!("mx.{name}.test"));
        let reply = client.deliver(&format!("a@{name}.test"), "<1>").await;
        assert!(reply.starts_with("250"), "{reply:?}");
    }
    let mut client = Client::connect(&mock).await;
    client.reply_to_be("220 mock.postrider.test").await;
    assert_eq!(mock.tally().accepted, 2);
}

#[tokio::test]
async fn a_provider_that_is_new_in_a_changed_profile_gets_its_door() {
    let mock = start(profile(&[]), Settings::in_memory()).await;
    assert!(mock.provider_addrs().is_empty());
    mock.change(profile(&[("late", "127.0.1.3")]))
        .await
        .unwrap();
    let mut client = Client::connect_to(mock.provider_addrs()["late"]).await;
    client.reply_to_be("220 mx.late.test").await;
}

#[tokio::test]
async fn an_address_that_nobody_can_listen_at_is_an_error_with_the_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken = tokio::net::TcpListener::bind(("127.0.1.4", port))
        .await
        .unwrap();
    let started = postrider_mock_smtp::MockServer::start(
        listener,
        profile(&[("taken", "127.0.1.4")]),
        Settings::in_memory(),
    );
    let error = started.expect_err("somebody listens there");
    assert_eq!(
        error.to_string(),
        format!("nothing can listen at 127.0.1.4:{port}")
    );
    drop(taken);
}

#[tokio::test]
async fn whoever_asks_for_one_message_more_than_a_connection_may_bring_is_judged_by_it() {
    let toml = "name = 'x'\n[provider.p]\naddress = '127.0.1.5'\n\
                messages_per_connection_max = 2\n[domain.'p.test']\nprovider = 'p'";
    let profile = Profile::from_toml(toml).expect("the profile is right");
    let mock = start(profile, Settings::in_memory()).await;
    let mut client = Client::connect_to(mock.provider_addrs()["p"]).await;
    client.reply_to_be("220").await;
    client.hello().await;
    for message in ["<1>", "<2>"] {
        let reply = client.deliver("a@p.test", message).await;
        assert!(reply.starts_with("250"), "{reply:?}");
    }
    assert!(mock.verdict().is_pass());
    client.say("MAIL FROM:<>\r\n").await;
    client.reply_to_be("421 4.7.0 Too many messages").await;
    client.rest().await;
    let verdict = mock.verdict();
    let reason = "provider p saw 3 messages on one connection, and allows 2";
    assert_eq!(verdict.reasons, [reason]);
}
