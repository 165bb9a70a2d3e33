//! A newsletter backend in Rust, without the service: one email to a hundred readers.
#![expect(clippy::print_stdout, reason = "an example speaks to a person")]
use std::{env::temp_dir, fmt::Write as _, sync::Arc, time::Duration};

use postrider_mock_smtp::{MockServer, Profile, Settings as MockSettings};
use postrider_pipeline::{
    Postrider, Settings, SystemClock, Terms, audience::Format, intake::Audiences,
};
use postrider_store::memory;
use postrider_store::request::CampaignChange::{Seal, Start};
use postrider_types::{Email, TenantId};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mock = MockServer::start(listener, Profile::sink(), MockSettings::in_memory())?;
    let settings = Settings::for_relay(&format!("smtp://{}", mock.local_addr()))?;
    let clock = SystemClock::start();
    let store = memory::open(rand::random(), clock.as_now())?;
    let (lists, limits) = (settings.intake, settings.limits.clone());
    let audiences = Audiences::new(&store, Arc::new(clock), lists, &limits, temp_dir());
    let postrider = Postrider::start(store, settings, clock).await?;

    let tenant = TenantId::DEFAULT;
    let email = Email::html("news@example.test".parse()?, "Hi {{ name }}", "<p>Hi!");
    let (email, _) = postrider.put_email(tenant, email).await?;
    let campaign = postrider
        .create_campaign(tenant, "hello", email, Terms::HOLD)
        .await?
        .id;
    postrider.change_campaign(campaign, Start).await?;

    let mut list = "email,name\n".to_owned();
    (1..=100).try_for_each(|n| writeln!(list, "reader-{n}@example.test,Reader {n}"))?;
    let mut audience = audiences.open(tenant, campaign).await?;
    audience.read_from(Format::Csv, list.as_bytes()).await?;
    postrider.change_campaign(campaign, Seal).await?;

    let tally = postrider.finished(campaign).await?.tally;
    postrider.drain(Duration::from_secs(5)).await;
    anyhow::ensure!(mock.stop().await.accepted == 100, "the receiver disagrees");
    println!("{tally:?}");
    Ok(())
}
