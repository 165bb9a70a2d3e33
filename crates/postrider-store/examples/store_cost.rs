//! What the sqlite store costs: CPU for each delivery, commits, and the rate of intake.
//!
//! ```sh
//! cargo run --release -p postrider-store --example store_cost -- 100000
//! ```
//!
//! Intake files chunks of 500, eight to a commit, as the writer does under load. Then every chunk
//! is claimed, and each delivery is begun and delivered in commits of 20 requests: the outcomes
//! of ten and the begins of the next ten. Last come the reads that no index serves. CPU is that of the whole process, from
//! `/proc/self/stat`, so it also counts what this program does to make requests; the last number
//! of a line is of commits, or of rows found.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Claimed, Reply, Request, Share, sqlite};
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    Address, CampaignId, DeliveryId, DeliveryState, EmailId, InDoubtPolicy, LaneName, Outcome,
    RecipientId, TenantId, Timestamp, Variables, WorkerId,
};

const TENANT: TenantId = TenantId::DEFAULT;
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const CHUNK: u32 = 500;
const CHUNKS_PER_COMMIT: usize = 8;
const PAIRS_PER_COMMIT: usize = 10;

fn main() {
    let deliveries: u32 = std::env::args()
        .nth(1)
        .map_or(100_000, |n| n.parse().unwrap_or(100_000));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (mut backend, reader) = sqlite::parts(dir.path()).expect("a new store");
    let campaign = campaign(backend.as_mut());
    let intake: Vec<_> = (0..deliveries.div_ceil(CHUNK))
        .map(|chunk| file(campaign, chunk))
        .collect();
    let filed = f64::from(deliveries.div_ceil(CHUNK) * CHUNK);
    measure("intake", filed, || {
        let mut commits = 0;
        for batch in intake.chunks(CHUNKS_PER_COMMIT) {
            apply(backend.as_mut(), batch.to_vec());
            commits += 1;
            backend.idle();
        }
        commits
    });
    measure("chunk listed by lane", filed / f64::from(CHUNK), || {
        reader.lanes(50).expect("a read").len()
    });
    measure("delivery", filed, || deliver_all(backend.as_mut()));
    let stranger: Address = "nobody@example.test".parse().expect("an address");
    measure("receipt passed over by address", filed, || {
        let found = reader.receipts_of(TENANT, &stranger.key(), 10);
        found.expect("a read").len()
    });
    measure("receipt passed over by state", filed, || {
        let (from, state) = (RecipientId(0), Some(DeliveryState::Bounced));
        let page = reader.receipts(TENANT, campaign, from, state, 10);
        page.expect("a read").len()
    });
    let tally = reader
        .campaign(campaign)
        .expect("a read")
        .expect("the campaign")
        .tally;
    println!("tally: {:?}", tally.counts());
    println!("file: {:.1} bytes a recipient", size(dir.path()) / filed);
}

fn apply(backend: &mut dyn Backend, batch: Vec<Request>) -> Vec<Reply> {
    let replies = backend.apply(batch, NOW).expect("a commit");
    let refused = replies
        .iter()
        .find(|reply| matches!(reply, Reply::Refused(_)));
    assert!(refused.is_none(), "{refused:?}");
    replies
}

/// A running campaign.
fn campaign(backend: &mut dyn Backend) -> CampaignId {
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    let put = Request::PutEmail {
        tenant: TENANT,
        email,
        content,
    };
    let create = Request::Create {
        tenant: TENANT,
        name: "cost".to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    let campaign = CampaignId(1);
    let change = CampaignChange::Start;
    apply(
        backend,
        vec![put, create, Request::Change { campaign, change }],
    );
    campaign
}

/// A chunk of recipients with the variables of an ordinary newsletter.
fn file(campaign: CampaignId, chunk: u32) -> Request {
    let recipient = |n: u32| {
        let n = chunk * CHUNK + n;
        let address = format!("first.last{n}@example{}.test", chunk % 50);
        let variables =
            format!("{{\"name\":\"First Last {n}\",\"city\":\"Anywhere\",\"plan\":\"basic\"}}");
        let variables = Variables::from_json_object(variables).expect("small variables");
        (address.parse().expect("an address"), variables)
    };
    Request::File {
        tenant: TENANT,
        campaign,
        lane: LaneName::from_stored(&format!("example{}.test", chunk % 50)),
        recipients: (0..CHUNK).map(recipient).collect(),
    }
}

/// Claims and delivers until nothing is left; answers with the commits that it took.
fn deliver_all(backend: &mut dyn Backend) -> usize {
    let mut commits = 0;
    for claim in 0.. {
        let request = Request::Claim {
            claim,
            worker: WorkerId(1),
            skip: Vec::new(),
            share: Share::WHOLE,
            until: NOW.plus(Duration::from_secs(60)),
        };
        commits += 1;
        let Some(Reply::Claimed(held)) = apply(backend, vec![request]).pop() else {
            break;
        };
        commits += deliver(backend, &held);
    }
    commits
}

fn deliver(backend: &mut dyn Backend, held: &Claimed) -> usize {
    let places: Vec<_> = (0..held.recipients.len()).collect();
    let turns: Vec<&[usize]> = places.chunks(PAIRS_PER_COMMIT).collect();
    let mut batch: Vec<_> = turns[0].iter().map(|place| begin(held, *place)).collect();
    for (n, turn) in turns.iter().enumerate() {
        apply(backend, std::mem::take(&mut batch));
        backend.idle();
        batch.extend(turn.iter().map(|place| record(held, *place)));
        let next = turns.get(n + 1).copied().unwrap_or_default();
        batch.extend(next.iter().map(|place| begin(held, *place)));
    }
    batch.push(Request::End {
        token: held.token,
        filings: Vec::new(),
        throttle: None,
    });
    apply(backend, batch);
    turns.len() + 1
}

fn begin(held: &Claimed, place: usize) -> Request {
    Request::Begin {
        token: held.token,
        delivery: delivery(held, place),
        address: held.recipients[place].address.clone(),
        attempt: 1,
    }
}

fn record(held: &Claimed, place: usize) -> Request {
    let text = format!(
        "2.0.0 Ok: queued as {:012X}",
        held.recipients[place].recipient.0
    );
    Request::Record {
        token: held.token,
        delivery: delivery(held, place),
        address: held.recipients[place].address.clone(),
        attempt: 1,
        outcome: Outcome::Delivered,
        reply: Some(SmtpReply::new(250, "2.0.0".parse().ok(), &text)),
    }
}

fn delivery(held: &Claimed, place: usize) -> DeliveryId {
    DeliveryId {
        tenant: held.tenant,
        campaign: held.campaign,
        recipient: held.recipients[place].recipient,
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn measure(what: &str, count: f64, run: impl FnOnce() -> usize) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let done = run();
    let (time, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let per_second = count / time;
    let micros = cpu / count * 1e6;
    println!("{what}: {per_second:.0}/s, {micros:.1} µs CPU each, {done} in {time:.3} s");
}

/// CPU time of this process, user and system, in seconds; a tick of Linux is 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit(')').next().expect("a name");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("ticks"))
        .sum::<f64>()
        / 100.0
}

fn size(dir: &Path) -> f64 {
    let bytes = std::fs::metadata(dir.join(sqlite::FILE))
        .expect("the file")
        .len();
    f64::from(u32::try_from(bytes / 1024).expect("below 4 TiB")) * 1024.0
}
