//! What deleting a tenant costs: one with 100,000 deliveries waiting and 10,000 leased.
//!
//! ```sh
//! cargo run --release -p postrider-store --example sweep_cost -- 100000 10000
//! ```
//!
//! Beside it another tenant has as many, and between any two steps of the sweep one of its chunks
//! is claimed and one delivery begun, as its worker would. Printed are how long it takes until
//! nothing of the deleted tenant waits, the longest step, and the longest commit of the other's.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use postrider_store::removal::Cursor;
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Claimed, Reply, Request, Share, sqlite};
use postrider_types::{
    CampaignId, DeliveryId, EmailId, InDoubtPolicy, LaneName, TenantId, Timestamp, Variables,
    WorkerId,
};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const CHUNK: u32 = 500;
const OTHER: TenantId = TenantId::DEFAULT;

fn main() {
    let mut counts = std::env::args().skip(1).map(|n| n.parse().ok());
    let waiting: u32 = counts.next().flatten().unwrap_or(100_000);
    let leased: u32 = counts.next().flatten().unwrap_or(10_000);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut backend, reader) = sqlite::parts(dir.path()).expect("a new store");
    let backend = backend.as_mut();
    let create = Request::CreateTenant {
        name: "acme".to_owned(),
    };
    let Reply::Tenant(tenant) = ask(backend, create) else {
        panic!("no tenant")
    };
    let tenant = tenant.id;
    let campaign = fill(backend, tenant, waiting + leased);
    let held = (0..leased.div_ceil(CHUNK)).map(|n| claim(backend, u64::from(n)));
    let held = held.flatten().count();
    let other = fill(backend, OTHER, waiting);
    println!("{held} chunks leased");

    ask(backend, Request::DeleteTenant { tenant });
    let (mut cursor, mut steps) = (Cursor::START, Vec::new());
    let mut others = Vec::new();
    let began = now();
    let mut claims = u64::from(u32::MAX);
    loop {
        let at = now();
        let Reply::Walked(walked) = ask(backend, Request::SweepTenant { tenant, cursor }) else {
            panic!("no step")
        };
        steps.push(at.elapsed());
        let at = now();
        claims += 1;
        if let Some(held) = claim(backend, claims) {
            assert_eq!(held.tenant, OTHER, "nothing of a deleted tenant is claimed");
            ask(backend, begin(&held));
        }
        others.push(at.elapsed());
        backend.idle();
        match walked.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let took = began.elapsed();
    let tally = reader
        .campaign(campaign)
        .expect("a read")
        .expect("it")
        .tally;
    println!(
        "swept in {took:.3?}: {} steps, {:?}",
        steps.len(),
        tally.counts()
    );
    report("steps", steps);
    report("commits of the other tenant between them", others);
    let tally = reader.campaign(other).expect("a read").expect("it").tally;
    println!("the other: {:?}", tally.counts());
}

fn report(what: &str, mut spans: Vec<Duration>) {
    spans.sort_unstable();
    let median = spans[spans.len() / 2];
    let last = spans[spans.len() - 1];
    println!("{what}: median {median:.3?}, longest {last:.3?}");
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn now() -> Instant {
    Instant::now()
}

fn ask(backend: &mut dyn Backend, request: Request) -> Reply {
    let mut replies = backend.apply(vec![request], NOW).expect("a commit");
    let reply = replies.remove(0);
    assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
    reply
}

/// A running campaign of a tenant with so many recipients over fifty lanes.
fn fill(backend: &mut dyn Backend, tenant: TenantId, recipients: u32) -> CampaignId {
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    ask(
        backend,
        Request::PutEmail {
            tenant,
            email,
            content,
        },
    );
    let create = Request::Create {
        tenant,
        name: "cost".to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    let Reply::Campaign(campaign) = ask(backend, create) else {
        panic!("no campaign")
    };
    let (campaign, change) = (campaign.id, CampaignChange::Start);
    ask(backend, Request::Change { campaign, change });
    for chunk in 0..recipients.div_ceil(CHUNK) {
        let recipient = |n: u32| {
            let n = chunk * CHUNK + n;
            let address = format!("first.last{n}@example{}.test", chunk % 50);
            let variables = format!("{{\"name\":\"First Last {n}\",\"plan\":\"basic\"}}");
            let variables = Variables::from_json_object(variables).expect("small variables");
            (address.parse().expect("an address"), variables)
        };
        ask(
            backend,
            Request::File {
                tenant,
                campaign,
                lane: LaneName::from_stored(&format!("example{}.test", chunk % 50)),
                recipients: (0..CHUNK).map(recipient).collect(),
            },
        );
        backend.idle();
    }
    campaign
}

fn claim(backend: &mut dyn Backend, claim: u64) -> Option<Claimed> {
    let request = Request::Claim {
        claim,
        worker: WorkerId(1),
        skip: Vec::new(),
        share: Share::WHOLE,
        until: NOW.plus(Duration::from_secs(60)),
    };
    match ask(backend, request) {
        Reply::Claimed(claimed) => Some(*claimed),
        _ => None,
    }
}

fn begin(held: &Claimed) -> Request {
    Request::Begin {
        token: held.token,
        delivery: DeliveryId {
            tenant: held.tenant,
            campaign: held.campaign,
            recipient: held.recipients[0].recipient,
        },
        address: held.recipients[0].address.clone(),
        attempt: 1,
    }
}
