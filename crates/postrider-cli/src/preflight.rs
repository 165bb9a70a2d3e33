//! Whether the relay is there, before a list of people is taken in for it.

use std::time::Duration;

use anyhow::Error;
use postrider_service::reach::{self, Lead};
use postrider_service::{Config, wiring};

use crate::exit::{Exit, stop};

/// How long the relay may take until a session stands.
const SESSION_AFTER_MAX: Duration = Duration::from_secs(10);

/// Opens a session with the relay of a configuration, and ends it.
///
/// A relay that is not one is a mistake of the caller; one that gives no session is unreachable.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let relay = &config.route.relay;
    let settings = wiring::settings(config);
    let settings = settings.map_err(|error| unusable(relay, error))?;
    let reached = reach::reach(&settings.routes.default, SESSION_AFTER_MAX).await;
    reached.map_err(|trouble| {
        let sentence = format!(
            "the relay {relay} cannot be reached ({:#}); start it, or name another with --route. \
             Nothing was sent and nothing was changed",
            Error::new(trouble)
        );
        stop(Exit::Unreachable, sentence)
    })
}

/// Refuses a route that leads away from this machine, by address or by name.
pub(crate) async fn stay_here(config: &Config) -> anyhow::Result<()> {
    let relay = &config.route.relay;
    let settings = wiring::settings(config);
    let settings = settings.map_err(|error| unusable(relay, error))?;
    match reach::leads_to(&settings.routes.default).await {
        Ok(Lead::Here) => Ok(()),
        Ok(Lead::Anywhere) => Err(stop(
            Exit::Usage,
            "the route delivers to the mail hosts of domains, which are not on this machine",
        )),
        Ok(Lead::Away(address)) => Err(stop(
            Exit::Usage,
            format!("{relay} leads to {address}, which is not on this machine"),
        )),
        Err(trouble) => Err(stop(
            Exit::Unreachable,
            format!("{:#}", Error::new(trouble)),
        )),
    }
}

/// The relay is named, unless it may have a password in it.
fn unusable(relay: &str, error: impl Into<Error>) -> Error {
    let error = error.into();
    let sentence = match relay.contains('@') {
        true => format!("{error:#}"),
        false => format!("{relay}: {error:#}"),
    };
    stop(Exit::Usage, sentence)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::exit;

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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::default();
        config.route.relay = format!("smtp://{}", listener.local_addr().unwrap());
        drop(listener);
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
}
