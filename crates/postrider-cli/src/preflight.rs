//! Whether the relays are there, before a list of people is taken in for them.

use std::time::Duration;

use anyhow::Error;
use postrider_service::Config;
use postrider_service::reach::{self, Lead};
use postrider_service::wiring::{self, SettingsError};

use crate::exit::{Exit, stop};

/// How long the relay may take until a session stands.
const SESSION_AFTER_MAX: Duration = Duration::from_secs(10);

/// Opens a session by every route of a configuration that leads to a relay, and ends it.
///
/// A relay that is not one is a mistake of the caller; one that gives no session is unreachable.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let settings = wiring::settings(config).map_err(|error| unusable(config, error))?;
    let unreached = reach::unreached(&settings.routes, SESSION_AFTER_MAX).await;
    if unreached.is_empty() {
        return Ok(());
    }
    let sentences = unreached.into_iter().map(|(name, trouble)| {
        let relay = relay_of(config, &name);
        format!("{relay} cannot be reached ({:#})", Error::new(trouble))
    });
    let sentences: Vec<_> = sentences.collect();
    let sentence = format!(
        "the relay {}; start it, or name another with --route. Nothing was sent and nothing was \
         changed",
        sentences.join("; the relay ")
    );
    Err(stop(Exit::Unreachable, sentence))
}

/// Refuses a configuration of which any route leads away from this machine, by address or by name.
pub(crate) async fn stay_here(config: &Config) -> anyhow::Result<()> {
    let settings = wiring::settings(config).map_err(|error| unusable(config, error))?;
    let sentence = match reach::leaving(&settings.routes).await {
        Ok(None | Some((_, Lead::Here))) => return Ok(()),
        Ok(Some((name, Lead::Anywhere))) => format!(
            "the route {name} delivers to the mail hosts of domains, which are not on this machine"
        ),
        Ok(Some((name, Lead::Away(address)))) => {
            let relay = relay_of(config, &name);
            format!("{relay} leads to {address}, which is not on this machine")
        }
        Err((_, trouble)) => {
            let sentence = format!("{:#}", Error::new(trouble));
            return Err(stop(Exit::Unreachable, sentence));
        }
    };
    Err(stop(Exit::Usage, sentence))
}

/// The relay of a route as it was written, with the table of the route unless it is the default one.
fn relay_of(config: &Config, name: &str) -> String {
    match config.routes.get(name) {
        Some(route) => format!("{} of [routes.{name}]", route.relay),
        None => config.route.relay.clone(),
    }
}

/// The relay is named where it is what is wrong, unless it may have a password in it.
fn unusable(config: &Config, error: SettingsError) -> Error {
    let relay = &config.route.relay;
    let is_relay = matches!(&error, SettingsError::Relay { key, .. } if key == "route.relay");
    let is_shown = is_relay && !relay.contains('@');
    let error = Error::new(error);
    let sentence = match is_shown {
        true => format!("{relay}: {error:#}"),
        false => format!("{error:#}"),
    };
    stop(Exit::Usage, sentence)
}

#[cfg(test)]
mod tests {
    use postrider_service::config::Deliver;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::exit;

    /// The address of a relay that is not there.
    async fn nobody() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    async fn checked_against(greeting: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting.as_bytes()).await.unwrap();
            let mut heard = [0; 512];
            for reply in ["250 mx.example.test\r\n", "221 bye\r\n"] {
                // Whoever was refused has gone.
                if !matches!(stream.read(&mut heard).await, Ok(1..)) {
                    return;
                }
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        let mut config = Config::default();
        config.route.relay = format!("smtp://{address}");
        let checked = check(&config).await;
        server.await.unwrap();
        checked
    }

    #[tokio::test]
    async fn a_relay_that_gives_a_session_is_reachable() {
        checked_against("220 mx.example.test ESMTP\r\n")
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_relay_that_greets_otherwise_is_unreachable() {
        for (greeting, word) in [
            ("554 go away\r\n", "554 go away"),
            ("HTTP/1.1 400 Bad Request\r\n", "does not speak SMTP"),
        ] {
            let error = checked_against(greeting).await.unwrap_err();
            assert_eq!(exit::of(&error), Exit::Unreachable);
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[tokio::test]
    async fn a_relay_that_is_not_there_is_unreachable_and_says_what_to_do() {
        let mut config = Config::default();
        config.route.relay = format!("smtp://{}", nobody().await);
        let error = check(&config).await.unwrap_err();
        assert_eq!(exit::of(&error), Exit::Unreachable);
        assert!(error.to_string().contains("--route"), "{error}");
    }

    #[tokio::test]
    async fn a_relay_that_is_not_on_this_machine_is_noticed() {
        let mut config = Config::default();
        stay_here(&config).await.unwrap();
        for relay in ["smtp://192.0.2.1:25", "smtps://[2001:db8::1]"] {
            config.route.relay = relay.to_owned();
            let error = stay_here(&config).await.unwrap_err();
            assert_eq!(exit::of(&error), Exit::Usage);
            assert!(error.to_string().contains("not on this machine"), "{error}");
        }
    }

    #[tokio::test]
    async fn every_relay_that_is_not_there_is_named_with_its_route() {
        let mut config = Config::default();
        let default = format!("smtp://{}", nobody().await);
        config.route.relay.clone_from(&default);
        let mut named = config.route.clone();
        named.relay = format!("smtp://{}", nobody().await);
        let expect = format!("{} of [routes.two]", named.relay);
        config.routes.insert("two".to_owned(), named);
        let error = check(&config).await.unwrap_err();
        assert_eq!(exit::of(&error), Exit::Unreachable);
        let sentence = error.to_string();
        assert!(sentence.contains(&default), "{sentence}");
        assert!(sentence.contains(&expect), "{sentence}");
    }

    #[tokio::test]
    async fn a_named_route_that_leaves_this_machine_is_noticed() {
        for (relay, deliver) in [
            ("smtp://192.0.2.1:25", Deliver::Relay),
            ("smtp://127.0.0.1:25", Deliver::Mx),
        ] {
            let mut config = Config::default();
            let mut named = config.route.clone();
            named.relay = relay.to_owned();
            named.deliver = deliver;
            config.routes.insert("two".to_owned(), named);
            let error = stay_here(&config).await.unwrap_err();
            assert_eq!(exit::of(&error), Exit::Usage);
            let sentence = error.to_string();
            assert!(sentence.contains("not on this machine"), "{sentence}");
            assert!(sentence.contains("two"), "{sentence}");
        }
    }
}
