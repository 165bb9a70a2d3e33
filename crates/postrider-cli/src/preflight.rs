//! Whether the relay is there, before a list of people is taken in for it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use postrider_service::{Config, wiring};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::exit::{Exit, stop};

/// How long the relay may take to greet.
const GREETING_AFTER_MAX: Duration = Duration::from_secs(10);

/// Bytes of a greeting line that are looked at (RFC 5321 §4.5.3.1.5).
const GREETING_BYTES_MAX: u64 = 512;

/// Connects to the relay of a configuration, and hears its greeting.
///
/// A relay that may not be used is a mistake of the caller; one that does not greet is
/// unreachable.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let relay = &config.route.relay;
    let settings = wiring::settings(config);
    let settings = settings.map_err(|error| stop(Exit::Usage, format!("{relay}: {error}")))?;
    let addresses = settings.route.relay.addresses().await;
    let addresses = addresses.map_err(|error| stop(Exit::Usage, format!("{relay}: {error}")))?;
    let greeted = timeout(GREETING_AFTER_MAX, greeting(&addresses)).await;
    let reason = match greeted {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => format!("no greeting within {} s", GREETING_AFTER_MAX.as_secs()),
    };
    let sentence = format!(
        "the relay {relay} cannot be reached ({reason}); start it, or name another with --route. \
         Nothing was sent and nothing was changed"
    );
    Err(stop(Exit::Unreachable, sentence))
}

async fn greeting(addresses: &[SocketAddr]) -> anyhow::Result<()> {
    let stream = TcpStream::connect(addresses).await?;
    let mut line = Vec::new();
    let mut stream = BufReader::new(stream).take(GREETING_BYTES_MAX);
    stream
        .read_until(b'\n', &mut line)
        .await
        .context("it broke off")?;
    let line = String::from_utf8_lossy(&line);
    match line.trim_end() {
        line if line.starts_with("220") => Ok(()),
        "" => bail!("it closed the connection without a greeting"),
        line => bail!("it greeted with {line:?}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::exit;

    async fn checked_against(greeting: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting.as_bytes()).await.unwrap();
        });
        let mut config = Config::default();
        config.route.relay = format!("smtp://{address}");
        let checked = check(&config).await;
        server.await.unwrap();
        checked
    }

    #[tokio::test]
    async fn a_relay_that_greets_is_reachable() {
        checked_against("220 mx.example.test ESMTP\r\n")
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_relay_that_greets_otherwise_or_not_at_all_is_unreachable() {
        for (greeting, word) in [
            ("554 go away\r\n", "554 go away"),
            ("", "without a greeting"),
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
    async fn a_relay_that_is_not_on_this_machine_is_the_callers_mistake() {
        let mut config = Config::default();
        config.route.relay = "smtp://192.0.2.1:25".to_owned();
        let error = check(&config).await.unwrap_err();
        assert_eq!(exit::of(&error), Exit::Usage);
    }
}
