//! How fast the pipeline sends:
//! `throughput [recipients] [connections] [sqlite|memory] [rtt in ms] [pipelined|lock-step] [relay]`.
//!
//! Without a relay it starts the mock in its own process, that far away. Prints messages a second,
//! commits a message, and round trips a message: the time that all connections took together.

#![expect(clippy::print_stdout, reason = "figures are for a person")]

use std::path::PathBuf;
use std::time::Duration;

use postrider_mock_smtp::{Keyword, MockServer, Profile, Settings as MockSettings};
use postrider_pipeline::{Postrider, Settings, SystemClock, Terms};
use postrider_store::request::CampaignChange::{Seal, Start};
use postrider_store::{Request, Store, memory, sqlite};
use postrider_types::{CampaignId, Email, LaneName, TenantId, Variables};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let recipients: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let store_name = arguments.next().unwrap_or_else(|| "sqlite".to_owned());
    let rtt = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let rtt = Duration::from_millis(rtt);
    let is_lock_step = arguments.next().is_some_and(|how| how == "lock-step");
    let relay = arguments.next();

    let mock = mock(rtt, is_lock_step).await?;
    let relay = relay.unwrap_or_else(|| format!("smtp://{}", mock.local_addr()));
    let directory = tempfile::tempdir()?;
    let clock = SystemClock::start();
    let store = match store_name.as_str() {
        "memory" => memory::open([1; 32], clock.as_now())?,
        _ => sqlite::open(&PathBuf::from(directory.path()), clock.as_now())?,
    };
    let mut settings = Settings::for_relay(&relay)?;
    settings.routes.default.connections_max = connections;
    settings.limits.default.connections_max = connections;
    let postrider = Postrider::start(store, settings, clock).await?;

    let campaign = campaign(&postrider, recipients).await?;
    let commits = postrider.store().counts().commits();
    let started = Instant::now();
    postrider.change_campaign(campaign, Start).await?;
    let finished = postrider.finished(campaign).await?;
    let seconds = started.elapsed().as_secs_f64();
    let commits = postrider.store().counts().commits() - commits;
    postrider.drain(Duration::from_secs(5)).await;
    println!(
        "{store_name}: {:.0} messages/s, {:.3} commits a message, {:.2} round trips a message, {:?}",
        recipients as f64 / seconds,
        commits as f64 / recipients as f64,
        seconds * connections as f64 / rtt.as_secs_f64() / recipients as f64,
        finished.tally,
    );
    Ok(())
}

async fn mock(rtt: Duration, is_lock_step: bool) -> anyhow::Result<MockServer> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut profile = Profile::sink();
    if is_lock_step {
        profile
            .keywords
            .retain(|keyword| *keyword != Keyword::Pipelining);
    }
    let settings = MockSettings {
        rtt,
        ..MockSettings::in_memory()
    };
    Ok(MockServer::start(listener, profile, settings)?)
}

/// A sealed campaign of 10 KB messages to twenty domains, each with a lane of its own.
async fn campaign(postrider: &Postrider, recipients: usize) -> anyhow::Result<CampaignId> {
    let html = format!(
        "<p>Hi {{{{ name }}}}</p>{}",
        "<p>Some news.</p>\n".repeat(600)
    );
    let email = Email::html("News <news@example.test>".parse()?, "Hi {{ name }}", &html);
    let (email, _) = postrider.put_email(TenantId::DEFAULT, email).await?;
    let campaign = postrider
        .create_campaign(TenantId::DEFAULT, "load", email, Terms::HOLD)
        .await?
        .id;
    for first in (0..recipients).step_by(500) {
        let count = 500.min(recipients - first);
        file(postrider.store(), campaign, first, count).await?;
    }
    postrider.change_campaign(campaign, Seal).await?;
    Ok(campaign)
}

async fn file(
    store: &Store,
    campaign: CampaignId,
    first: usize,
    count: usize,
) -> anyhow::Result<()> {
    let domain = format!("d{}.test", first / 500 % 20);
    let reader = |n: usize| -> anyhow::Result<_> {
        let variables = Variables::from_json_object(format!("{{\"name\":\"Reader {n}\"}}"))?;
        Ok((format!("reader-{n}@{domain}").parse()?, variables))
    };
    let recipients = (first..first + count)
        .map(reader)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let lane = LaneName::own(&domain.parse()?);
    let tenant = TenantId::DEFAULT;
    store
        .ask(Request::File {
            tenant,
            campaign,
            lane,
            recipients,
        })
        .await?;
    Ok(())
}
