//! How fast the pipeline sends: `throughput [recipients] [connections] [sqlite|memory] [relay]`.
//!
//! Without a relay it starts the mock in its own process. Prints messages a second, and commits
//! and CPU a message.

#![expect(clippy::print_stdout, reason = "figures are for a person")]

use std::path::PathBuf;
use std::time::Duration;

use postrider_mock_smtp::{MockServer, Profile, Settings as MockSettings};
use postrider_pipeline::{Postrider, Settings, SystemClock};
use postrider_store::request::CampaignChange::{Seal, Start};
use postrider_store::{Request, memory, sqlite};
use postrider_types::{Email, LaneName, TenantId, Variables};
use tokio::time::Instant;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let recipients: usize = arguments.next().map_or(Ok(20_000), |text| text.parse())?;
    let connections: usize = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let store_name = arguments.next().unwrap_or_else(|| "sqlite".to_owned());
    let relay = arguments.next();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mock = MockServer::start(listener, Profile::sink(), MockSettings::in_memory())?;
    let relay = relay.unwrap_or_else(|| format!("smtp://{}", mock.local_addr()));
    let directory = tempfile::tempdir()?;
    let clock = SystemClock::start();
    let store = match store_name.as_str() {
        "memory" => memory::open([1; 32], clock.as_now())?,
        _ => sqlite::open(&PathBuf::from(directory.path()), clock.as_now())?,
    };
    let mut settings = Settings::for_relay(&relay)?;
    settings.route.connections_max = connections;
    settings.limits.default.connections_max = connections;
    let postrider = Postrider::start(store, settings, clock).await?;

    let html = format!(
        "<p>Hi {{{{ name }}}}</p>{}",
        "<p>Some news.</p>\n".repeat(600)
    );
    let email = Email::html("News <news@example.test>".parse()?, "Hi {{ name }}", &html);
    let (email, _) = postrider.put_email(TenantId::DEFAULT, &email).await?;
    let campaign = postrider
        .create_campaign(TenantId::DEFAULT, "load", email)
        .await?
        .id;
    for first in (0..recipients).step_by(500) {
        let reader = |n: usize| -> anyhow::Result<_> {
            let variables = Variables::from_json_object(format!("{{\"name\":\"Reader {n}\"}}"))?;
            Ok((
                format!("reader-{n}@d{}.test", n / 500 % 20).parse()?,
                variables,
            ))
        };
        let count = 500.min(recipients - first);
        let recipients = (first..first + count)
            .map(reader)
            .collect::<anyhow::Result<Vec<_>>>()?;
        let lane = LaneName::own(&format!("d{}.test", first / 500 % 20).parse()?);
        let tenant = TenantId::DEFAULT;
        postrider
            .store()
            .ask(Request::File {
                tenant,
                campaign,
                lane,
                recipients,
            })
            .await?;
    }
    postrider.change_campaign(campaign, Seal).await?;
    let commits = postrider.store().counts().commits();
    let started = Instant::now();
    postrider.change_campaign(campaign, Start).await?;
    let finished = postrider.finished(campaign).await?;
    let seconds = started.elapsed().as_secs_f64();
    let commits = postrider.store().counts().commits() - commits;
    postrider.drain(Duration::from_secs(5)).await;
    println!(
        "{store_name}: {:.0} messages/s, {:.3} commits a message, {:?}",
        recipients as f64 / seconds,
        commits as f64 / recipients as f64,
        finished.tally,
    );
    Ok(())
}
