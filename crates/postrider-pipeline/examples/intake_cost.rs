//! What taking in a list costs: `cargo run --release -p postrider-pipeline --example intake_cost
//! -- [lines] [csv|ndjson] [dedup MiB] [memory]`.
//!
//! A list that is made as it is read (email, name, city; of each twenty lines one is bad and two
//! repeat an earlier address; half of it at five large domains, half at 20,000 others) goes into
//! a SQLite store in a fresh directory, or into a memory store. Printed are the rate, the most
//! memory that the process had, and what the store did; then the same list comes again, and once
//! more after a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::stream::{Stream, iter};
use postrider_pipeline::intake::{Audiences, Format, IntakeReport};
use postrider_pipeline::settings::{DomainLimit, IntakeSettings, LimitSettings};
use postrider_pipeline::{Clock, SystemClock};
use postrider_store::{Reply, Request, Store, memory, sqlite};
use postrider_types::{CampaignId, EmailId, InDoubtPolicy, TenantId};

const PIECE_LINES: u32 = 1_000;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its figures are for a person")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number_at = |at: usize, default: u32| match arguments.get(at) {
        Some(text) => text
            .parse()
            .with_context(|| format!("{text} is not a number")),
        None => Ok(default),
    };
    let lines = number_at(0, 1_000_000)?;
    let format = match arguments.get(1).map_or("csv", String::as_str) {
        "csv" => Format::Csv,
        "ndjson" => Format::Ndjson,
        other => bail!("{other} is not csv or ndjson"),
    };
    let settings = IntakeSettings {
        errors_max: 100,
        dedup_bytes_max: number_at(2, 256)? as usize * 1024 * 1024,
    };
    let dir = tempfile::tempdir()?;
    let clock = SystemClock::start();
    let store = match arguments.get(3) {
        Some(_) => memory::open([7; 32], clock.as_now())?,
        None => sqlite::open(dir.path(), clock.as_now())?,
    };
    let campaign = create(&store).await?;
    let audiences = || audiences(&store, clock, settings, dir.path());
    let first = audiences();
    for (what, audiences) in [
        ("new", &first),
        ("again", &first),
        ("restarted", &audiences()),
    ] {
        let commits = store.counts().commits();
        let (report, seconds) = take_in(audiences, campaign, format, lines).await?;
        let commits = store.counts().commits() - commits;
        println!(
            "{what}: {} lines in {seconds:.2} s = {:.0}/s; {} accepted, {} duplicates, {} bad; \
             {commits} commits; VmHWM {} MB",
            report.lines,
            f64::from(lines) / seconds,
            report.accepted,
            report.duplicates,
            report.bad,
            peak_kib()? / 1024,
        );
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures real time")]
async fn take_in(
    audiences: &Audiences,
    campaign: CampaignId,
    format: Format,
    lines: u32,
) -> anyhow::Result<(IntakeReport, f64)> {
    let started = std::time::Instant::now();
    let mut intake = audiences.open(TenantId::DEFAULT, campaign).await?;
    let report = intake.read(format, list(format, lines)).await?;
    Ok((report, started.elapsed().as_secs_f64()))
}

fn audiences(
    store: &Store,
    clock: SystemClock,
    settings: IntakeSettings,
    spill_dir: &Path,
) -> Audiences {
    let limits = LimitSettings {
        default: DomainLimit {
            rate: None,
            connections_max: 10,
        },
        domains: [].into(),
        recipient_rate: None,
        spent_at: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(clock);
    Audiences::new(store, clock, settings, &limits, spill_dir.to_owned())
}

async fn create(store: &Store) -> anyhow::Result<CampaignId> {
    let tenant = TenantId::DEFAULT;
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    store
        .ask(Request::PutEmail {
            tenant,
            email,
            content,
        })
        .await?;
    let name = "cost".to_owned();
    let create = Request::Create {
        tenant,
        name,
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    match store.ask(create).await? {
        Reply::Campaign(campaign) => Ok(campaign.id),
        other => bail!("the campaign was not created: {other:?}"),
    }
}

fn list(format: Format, lines: u32) -> impl Stream<Item = std::io::Result<Bytes>> {
    let header = match format {
        Format::Csv => "email,name,city\n",
        Format::Ndjson => "",
    };
    let pieces = (0..lines.div_ceil(PIECE_LINES)).map(move |piece| {
        let begin = piece * PIECE_LINES;
        let numbers = begin..lines.min(begin + PIECE_LINES);
        let text: String = numbers.map(|number| line(format, number)).collect();
        Ok(Bytes::from(text))
    });
    iter(std::iter::once(Ok(Bytes::from(header))).chain(pieces))
}

fn line(format: Format, number: u32) -> String {
    let recipient = match number % 20 {
        // Repeats the one that is ten lines up.
        5 | 15 => number.saturating_sub(10) / 20 * 20 + 1,
        _ => number,
    };
    let at = if number % 20 == 7 { "" } else { "@" };
    // Scattered over the domains as in a list that is sorted by something else.
    let scattered = recipient.wrapping_mul(2_654_435_761);
    let domain = match scattered >> 31 {
        0 => format!("large-{}.test", scattered % 5),
        _ => format!("domain-{}.test", scattered % 20_000),
    };
    let email = format!("recipient.{recipient}{at}{domain}");
    match format {
        Format::Csv => format!("{email},Ada Lovelace {recipient},London\n"),
        Format::Ndjson => format!(
            "{{\"email\":\"{email}\",\"name\":\"Ada Lovelace {recipient}\",\"city\":\"London\"}}\n"
        ),
    }
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let figure = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(figure.context("VmHWM is in /proc/self/status")?.parse()?)
}
