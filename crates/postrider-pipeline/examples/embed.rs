//! A newsletter backend in Rust, without the service: one email to a hundred readers.

use std::time::Duration;

use postrider_mock_smtp::{MockServer, Profile, Settings as MockSettings};
use postrider_pipeline::{Postrider, Settings, SystemClock};
use postrider_store::request::CampaignChange::{Seal, Start};
use postrider_store::{Request, memory};
use postrider_types::{Email, LaneName, TenantId, Variables};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mock = MockServer::start(listener, Profile::sink(), MockSettings::in_memory())?;
    let clock = SystemClock::start();
    let store = memory::open(rand::random(), clock.as_now())?;
    let settings = Settings::for_relay(&format!("smtp://{}", mock.local_addr()))?;
    let postrider = Postrider::start(store, settings, clock).await?;

    let email = Email::html(
        "News <news@example.test>".parse()?,
        "Hi {{ name }}",
        "<p>Hi!</p>",
    );
    let (email, _) = postrider.put_email(TenantId::DEFAULT, &email).await?;
    let campaign = postrider
        .create_campaign(TenantId::DEFAULT, "hello", email)
        .await?
        .id;
    let reader = |n| -> anyhow::Result<_> {
        let variables = Variables::from_json_object(format!("{{\"name\":\"Reader {n}\"}}"))?;
        Ok((format!("reader-{n}@example.test").parse()?, variables))
    };
    let recipients = (1..=100).map(reader).collect::<anyhow::Result<Vec<_>>>()?;
    let lane = LaneName::own(&"example.test".parse()?);
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
    postrider.change_campaign(campaign, Seal).await?;
    postrider.change_campaign(campaign, Start).await?;

    let finished = postrider.finished(campaign).await?;
    postrider.drain(Duration::from_secs(5)).await;
    println!(
        "{:?}; the mock accepted {}",
        finished.tally,
        mock.stop().await.accepted
    );
    Ok(())
}
