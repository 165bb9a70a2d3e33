//! What is counted, as text for Prometheus.
//!
//! The registry is a value of the service; there are no globals. Names are
//! `postrider_<noun>_<unit>[_total]`. Labels come from closed sets: no address, no domain, no
//! name of a campaign. What the store and the pipeline count themselves is read when somebody
//! asks.

mod spans;

mod workers;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::http::{Method, StatusCode};
use postrider_pipeline::intake::IntakeReport;
use postrider_pipeline::{Postrider, Status};
use postrider_store::bounds::PAGE_ROWS_MAX;
use postrider_store::{Reader, Store, StoreError};
use postrider_types::{DeliveryState, Tally, TenantId};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use crate::every_campaign::every_campaign;
use crate::http::Api;
use workers::WorkerMetrics;

type Labels<const N: usize> = [(&'static str, String); N];

/// The states that a delivery only leaves when a person says so: what is in them is counted up.
const OUTCOMES: [DeliveryState; 5] = [
    DeliveryState::Delivered,
    DeliveryState::Bounced,
    DeliveryState::Expired,
    DeliveryState::Failed,
    DeliveryState::Cancelled,
];

/// The metrics of one service.
pub(crate) struct Metrics {
    registry: Registry,
    /// All deliveries at the start: what came before does not count.
    before: Tally,
    store_commits: Counter,
    store_requests: Counter,
    store_failures: Counter,
    store_begins: Counter,
    store_up: Gauge,
    route_up: Gauge,
    outcomes: Family<Labels<1>, Counter>,
    deliveries: Family<Labels<1>, Gauge>,
    unreadable_campaigns: Gauge,
    quarantined_emails: Gauge,
    meanings: Family<Labels<3>, Counter>,
    connections: Gauge,
    messages_in_flight: Gauge,
    pools: Gauge,
    pools_in_trouble: Gauge,
    chunks_held: Gauge,
    bodies_loaded: Counter,
    workers: WorkerMetrics,
    intake_lines: Family<Labels<1>, Counter>,
    http_requests: Family<Labels<3>, Counter>,
}

impl Metrics {
    /// Metrics that count from now on.
    pub(crate) async fn start(store: &Store) -> Result<Self, StoreError> {
        let before = store.read(tally_of_all).await?;
        let mut registry = Registry::with_prefix("postrider");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "What is running", Info::new(version));
        let r = &mut registry;
        spans::register(r, store.counts());
        let metrics = Self {
            before,
            store_commits: register(r, "store_commits", "Commits since the start"),
            store_requests: register(r, "store_requests", "Requests in those commits"),
            store_failures: register(r, "store_failures", "Batches that could not be committed"),
            store_begins: register(
                r,
                "store_begins",
                "Begins in those commits: over them, messages per sync of the disk",
            ),
            store_up: register(r, "store_up", "1 while the store can record"),
            route_up: register(r, "route_up", "1 while the relay can be used"),
            outcomes: register(
                r,
                "outcomes",
                "Deliveries that came to an end since the start",
            ),
            deliveries: register(r, "deliveries", "Deliveries of all campaigns by state, now"),
            unreadable_campaigns: register(
                r,
                "unreadable_campaigns",
                "Campaigns left out of lists and counts, because their rows cannot be read",
            ),
            quarantined_emails: register(
                r,
                "quarantined_emails",
                "Emails in quarantine: what sends them is paused until a person decides",
            ),
            meanings: register(
                r,
                "meanings",
                "Ends of messages and failures to connect since the start, by what they meant",
            ),
            connections: register(r, "connections", "Open SMTP connections"),
            messages_in_flight: register(r, "messages_in_flight", "Messages under way"),
            pools: register(
                r,
                "pools",
                "Routes and sites with connections or trouble, 100 at most",
            ),
            pools_in_trouble: register(r, "pools_in_trouble", "Those of them that get nothing now"),
            chunks_held: register(r, "chunks_held", "Chunks held under a lease"),
            bodies_loaded: register(r, "bodies_loaded", "Bodies loaded from the store"),
            workers: WorkerMetrics::new(r),
            intake_lines: register(r, "intake_lines", "Lines of lists, by what came of them"),
            http_requests: register(r, "http_requests", "Requests by route and class of status"),
            registry,
        };
        metrics.count_intake(&IntakeReport::default());
        Ok(metrics)
    }

    /// Counts what came of a list, or of the part of it that was read.
    pub(crate) fn count_intake(&self, report: &IntakeReport) {
        let count = |result: &str, lines: u64| {
            let labels = [("result", result.to_owned())];
            self.intake_lines.get_or_create(&labels).inc_by(lines);
        };
        count("accepted", report.accepted);
        count("duplicate", report.duplicates);
        count("bad", report.bad);
    }

    /// Counts an answer; `route` is one of the router's own, or `none`.
    pub(crate) fn count_request(&self, method: &Method, route: &str, status: StatusCode) {
        let method = match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            _ => "other",
        };
        let class = format!("{}xx", status.as_u16() / 100);
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("class", class),
        ];
        self.http_requests.get_or_create(&labels).inc();
    }

    /// All metrics as they are now, in the text format of OpenMetrics.
    pub(crate) async fn text(&self, api: &Api) -> Result<String, StoreError> {
        let read = api.postrider.store().read(|reader| {
            let tally = tally_of_all(reader)?;
            let unreadable = reader.unreadable_campaigns();
            Ok((tally, unreadable, quarantined_emails(reader)?))
        });
        let (tally, unreadable_campaigns, quarantined_emails) = read.await?;
        self.look_at_deliveries(&tally);
        set(&self.unreadable_campaigns, unreadable_campaigns as u64);
        set(&self.quarantined_emails, quarantined_emails);
        self.look_at(&api.postrider, &api.status());
        if let Some(workers) = &api.workers {
            self.workers.look_at(workers);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a String takes whatever is written");
        Ok(text)
    }

    fn look_at_deliveries(&self, tally: &Tally) {
        for state in DeliveryState::ALL {
            let labels = [("state", state.name().to_owned())];
            set(&self.deliveries.get_or_create(&labels), tally[state]);
        }
        for state in OUTCOMES {
            let labels = [("outcome", state.name().to_owned())];
            let since_start = tally[state].saturating_sub(self.before[state]);
            set_counter(&self.outcomes.get_or_create(&labels), since_start);
        }
    }

    fn look_at(&self, postrider: &Postrider, status: &Status) {
        let counts = postrider.store().counts();
        set_counter(&self.store_commits, counts.commits());
        set_counter(&self.store_requests, counts.requests());
        set_counter(&self.store_failures, counts.failures());
        set_counter(&self.store_begins, counts.begins());
        set(&self.store_up, u64::from(status.store_trouble.is_none()));
        set(&self.route_up, u64::from(status.route_trouble.is_none()));
        set(&self.connections, status.connections as u64);
        set(&self.messages_in_flight, status.messages_in_flight as u64);
        let in_trouble = status.pools.iter().filter(|pool| pool.trouble.is_some());
        set(&self.pools_in_trouble, in_trouble.count() as u64);
        set(&self.pools, status.pools.len() as u64);
        set(&self.chunks_held, status.chunks_held as u64);
        set_counter(&self.bodies_loaded, status.bodies_loaded);
        for meaning in status.meanings.iter() {
            let labels = [
                ("phase", meaning.phase.to_string()),
                ("class", meaning.class.to_string()),
                ("action", meaning.action.to_string()),
            ];
            set_counter(&self.meanings.get_or_create(&labels), meaning.count);
        }
    }
}

fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn set(gauge: &Gauge<i64, AtomicI64>, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// Takes over what is counted elsewhere.
fn set_counter(counter: &Counter<u64, AtomicU64>, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

/// The deliveries of all campaigns by state, of all tenants.
fn tally_of_all(reader: &dyn Reader) -> Result<Tally, StoreError> {
    let mut sum = Tally::default();
    every_campaign(reader, |_, campaign| {
        for state in DeliveryState::ALL {
            sum.add(state, campaign.tally[state]);
        }
        ControlFlow::<()>::Continue(())
    })?;
    Ok(sum)
}

/// Emails in quarantine, of all tenants that are not deleted: nothing of the others waits for a
/// person.
fn quarantined_emails(reader: &dyn Reader) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, TenantId(0));
    loop {
        let tenants = reader.tenants(after, PAGE_ROWS_MAX)?;
        let Some(last) = tenants.last() else {
            return Ok(count);
        };
        after = last.id;
        for tenant in tenants.iter().filter(|tenant| !tenant.is_deleted()) {
            count += quarantined_emails_of(reader, tenant.id)?;
        }
    }
}

fn quarantined_emails_of(reader: &dyn Reader, tenant: TenantId) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = reader.quarantined_emails(tenant, after, PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = Some(last.email);
        count += page.len() as u64;
    }
}
