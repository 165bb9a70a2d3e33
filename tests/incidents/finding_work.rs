//! The payload in the job, its other half: finding the next work costs the same however much waits.
//!
//! There, the scheduler loaded all that was pending to find what came next, so a backlog made
//! itself longer. Here a claim asks two indexes: which lane's turn it is, and what is first in it.

use std::time::Duration;

use bytes::Bytes;
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Claimed, Reply, Request, Share, sqlite};
use postrider_tests::house::alone;
use postrider_tests::is_full;
use postrider_types::{
    CampaignId, EmailId, InDoubtPolicy, LaneName, TenantId, Timestamp, Variables, WorkerId,
};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);
const CAMPAIGN: CampaignId = CampaignId(1);

/// Chunks of the small store.
const FEW: usize = 300;

/// Lanes over which the chunks of either store are spread.
const LANES: usize = 2;

/// Claims of one measurement, in one commit; and how often each store is measured.
const CLAIMS: usize = 40;
const ROUNDS: usize = 25;

/// How much more a claim may cost where a thousand times as much waits.
const RATIO_MAX: f64 = 1.5;

/// The same for the quick size, on a machine that does other things. With a search of the lane in
/// the place of its index, it was 7.
const RATIO_MAX_QUICK: f64 = 3.0;

#[tokio::test]
async fn finding_the_next_work_costs_the_same_however_many_chunks_wait() {
    let _turn = alone().await;
    let (many, ratio_max) = if is_full() {
        (300_000, RATIO_MAX)
    } else {
        (30_000, RATIO_MAX_QUICK)
    };
    let (mut few, mut many) = (Waiting::new(FEW), Waiting::new(many));
    let found = ratio(&mut few, &mut many, Waiting::claim_and_give_back);
    assert!(
        found < ratio_max,
        "finding some costs {found:.2} times as much"
    );
    few.throttle_all();
    many.throttle_all();
    let nothing = ratio(&mut few, &mut many, Waiting::find_nothing);
    println!("finding some costs {found:.2} times as much, finding none {nothing:.2}");
    assert!(
        nothing < ratio_max,
        "finding none costs {nothing:.2} times as much"
    );
}

/// How many times as much processor time it takes in the second store; of each the least of many
/// turns.
fn ratio(few: &mut Waiting, many: &mut Waiting, look: fn(&mut Waiting)) -> f64 {
    let mut least = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        least.0 = least.0.min(time(few, look));
        least.1 = least.1.min(time(many, look));
    }
    least.1.as_secs_f64() / least.0.as_secs_f64()
}

/// The processor time of this thread, so that what else the machine does counts little.
fn time(store: &mut Waiting, look: fn(&mut Waiting)) -> Duration {
    let before = processor_time();
    look(store);
    processor_time() - before
}

fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (spent.tv_sec, spent.tv_nsec);
    let nanos = u32::try_from(nanos).expect("less than a second");
    Duration::new(
        seconds.try_into().expect("no time before the thread"),
        nanos,
    )
}

/// A store in which so many chunks wait.
struct Waiting {
    backend: Box<dyn Backend>,
    claims: u64,
    _folder: TempDir,
}

impl Waiting {
    fn new(chunks: usize) -> Self {
        const FILED_AT_ONCE: usize = 500;
        let folder = TempDir::new().expect("a folder");
        let (backend, _) = sqlite::parts(folder.path()).expect("a new store");
        let mut store = Self {
            backend,
            claims: 0,
            _folder: folder,
        };
        store.apply(campaign());
        for from in (0..chunks).step_by(FILED_AT_ONCE) {
            let to = chunks.min(from + FILED_AT_ONCE);
            store.apply((from..to).map(file).collect());
            store.backend.idle();
        }
        store
    }

    fn apply(&mut self, batch: Vec<Request>) -> Vec<Reply> {
        let replies = self.backend.apply(batch, NOW).expect("a commit");
        let refused = replies.iter().find(|r| matches!(r, Reply::Refused(_)));
        assert!(refused.is_none(), "{refused:?}");
        replies
    }

    /// A worker takes chunks, and gives them back as they are.
    fn claim_and_give_back(&mut self) {
        let claimed = self.claim(CLAIMS);
        assert_eq!(claimed.len(), CLAIMS);
        let ends = claimed.iter().map(|claimed| end(claimed, None));
        self.apply(ends.collect());
    }

    /// A worker asks, and all that waits is throttled.
    fn find_nothing(&mut self) {
        assert!(self.claim(CLAIMS).is_empty());
    }

    /// Every lane's limits say: not before an instant.
    fn throttle_all(&mut self) {
        for _ in 0..LANES {
            let claimed = self.claim(1).pop().expect("a lane is left");
            self.apply(vec![end(&claimed, Some(NOW.plus(HOUR)))]);
        }
    }

    /// So many claims in one commit; what they found.
    fn claim(&mut self, count: usize) -> Vec<Claimed> {
        let claims = (0..count).map(|_| {
            self.claims += 1;
            Request::Claim {
                claim: self.claims,
                worker: WorkerId(1),
                skip: Vec::new(),
                share: Share::WHOLE,
                until: NOW.plus(HOUR),
            }
        });
        let claims = claims.collect();
        let replies = self.apply(claims).into_iter();
        replies
            .filter_map(|reply| match reply {
                Reply::Claimed(claimed) => Some(*claimed),
                _ => None,
            })
            .collect()
    }
}

fn end(claimed: &Claimed, not_until: Option<Timestamp>) -> Request {
    Request::End {
        token: claimed.token,
        filings: Vec::new(),
        throttle: not_until.map(|at| (claimed.lane.clone(), at)),
    }
}

/// The requests that make a running campaign.
fn campaign() -> Vec<Request> {
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    vec![
        Request::PutEmail {
            tenant: TenantId::DEFAULT,
            email,
            content,
        },
        Request::Create {
            tenant: TenantId::DEFAULT,
            name: "large".to_owned(),
            email,
            in_doubt: InDoubtPolicy::Hold,
            in_doubt_retry_after: HOUR,
            send_at: None,
        },
        Request::Change {
            campaign: CAMPAIGN,
            change: CampaignChange::Start,
        },
    ]
}

/// A chunk with one recipient, in one of the lanes.
fn file(chunk: usize) -> Request {
    let domain = format!("lane{}.test", chunk % LANES);
    let address = format!("a{chunk}@{domain}");
    Request::File {
        tenant: TenantId::DEFAULT,
        campaign: CAMPAIGN,
        lane: LaneName::from_stored(&domain),
        recipients: vec![(address.parse().expect("an address"), Variables::default())],
    }
}
