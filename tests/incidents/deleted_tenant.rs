//! Work that can never finish (Customer.io, 2018): a tenant is deleted while much of it waits.
//!
//! There, the way in stayed open for accounts that were gone, and their jobs were written back
//! again and again, until a database that all shared ran out of memory. Here, deleting a tenant is
//! one call: it shuts the way in, ends what waits, takes what is leased out of the hands of the
//! workers, and leaves nothing of it behind.

use std::collections::BTreeSet;
use std::time::Duration;

use postrider_api::{
    AfterIntake, ApiError, AudienceFormat, CampaignVerb, Code, IntakeReport, NewCampaign, Problem,
    Purge,
};
use postrider_mock_smtp::log::Accept;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::house::{
    ANSWERS, House, Mock, SOON, Service, alone, hello, lines_of_people, people,
};
use postrider_tests::{is_full, until, within};
use postrider_types::{CampaignId, CampaignState, DeliveryState};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::after_the_end::{assert_at_most_one_each, assert_not_stored};

const TENANT: &str = "acme";
const WORKERS: usize = 2;

/// The domain of the other tenant, and its rate a second.
const OTHER: &str = "other.test";
const OTHER_RATE: usize = 50;

/// How long a tenant of the incident's size may take to go.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// What the neighbour keeps of its throughput.
const SHARE_MIN: f64 = 0.95;

/// How large the scene is.
struct Size {
    /// Domains of the tenant; each has one connection, which is busy nearly all the time.
    domains: usize,
    each: usize,
    /// How many are accepted before the tenant goes.
    enough: u64,
    /// How much of the other tenant there is, in seconds at its rate.
    other_seconds: usize,
}

impl Size {
    fn of_this_run() -> Self {
        if is_full() {
            Self {
                domains: 40,
                each: 2_500,
                enough: 1_000,
                other_seconds: 30,
            }
        } else {
            Self {
                domains: 10,
                each: 1_000,
                enough: 100,
                other_seconds: 6,
            }
        }
    }

    fn domain_names(&self) -> impl Iterator<Item = String> {
        (0..self.domains).map(|number| format!("acme{number}.test"))
    }

    /// How many of the tenant's recipients wait.
    fn all(&self) -> u64 {
        (self.domains * self.each) as u64
    }

    fn list(&self) -> String {
        let lines = self.domain_names().map(|d| lines_of_people(self.each, &d));
        format!("email,name\n{}", lines.collect::<String>())
    }
}

#[tokio::test]
async fn a_deleted_tenant_is_gone_from_every_queue_and_costs_no_other_anything() {
    let _turn = alone().await;
    let size = Size::of_this_run();
    let house = House::new();
    let mock = slow_for_the_tenant(&house, &size).await;
    let service = house.serve(&config(&mock, &size)).await;
    let other = start_other(&service, &size).await;
    let id = start_tenant(&service, &size).await;
    let (list, upload) = open_upload(&service, id);
    service.has_in_hand(size.domains).await;
    mock.has_accepted(size.enough).await;

    let before = Instant::now();
    let deleted = service.client.delete_tenant(TENANT).await.expect(ANSWERS);
    let took = before.elapsed();
    let accepted_until_then = accepts_of_tenant(&mock);
    assert_refused_midway(list, upload).await;
    assert_shut(&service, id).await;

    let campaign = until(SOON, "the end of what had begun", async || {
        let campaign = service.client.campaign(id).await.expect(ANSWERS);
        (campaign.open() == 0).then_some(campaign)
    })
    .await;
    assert_eq!(campaign.state, CampaignState::Cancelled);
    let delivered = campaign.count(DeliveryState::Delivered);
    let cancelled = campaign.count(DeliveryState::Cancelled);
    assert_eq!(delivered + cancelled, campaign.audience, "{campaign:?}");
    assert!(campaign.audience >= size.all(), "{campaign:?}");
    // What was between begin and outcome at the end of the call ended by itself.
    assert!(deleted.busy <= size.domains as u64, "{deleted:?}");
    // The answer counts whoever ended, by the walk or by a worker that met them.
    assert!(
        deleted.cancelled + size.domains as u64 >= cancelled,
        "{deleted:?}"
    );
    let accepts = accepts_of_tenant(&mock);
    assert_eq!(accepts.len() as u64, delivered);
    assert_at_most_one_each(&accepts[accepted_until_then.len()..]);
    assert_nothing_waits(&service, id, &size).await;

    let other = service.end_of(other).await;
    let all = (size.other_seconds * OTHER_RATE) as u64;
    assert_eq!(other.count(DeliveryState::Delivered), all);
    service.stop().await;
    assert_not_stored(&house, id);
    let by_recipient = mock.accepts_by_recipient();
    assert!(by_recipient.values().all(|times| *times == 1), "one each");
    if is_full() {
        assert!(took < GONE_WITHIN, "{cancelled} were gone after {took:?}");
        let share = share_around_the_deletion(&mock);
        println!("{cancelled} gone after {took:?}; the neighbour had {share:.3} of its rate");
        assert!(share >= SHARE_MIN, "{share:.3} of its rate around it");
    }
}

/// A receiver that is slow for the tenant, so that much of it is always under way.
async fn slow_for_the_tenant(house: &House, size: &Size) -> Mock {
    let slow = Behaviour {
        reply_delay: "100ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = size
        .domain_names()
        .fold(Profile::sink(), |profile, domain| {
            profile.with_domain(&domain, slow.clone())
        });
    Mock::start(house, profile).await
}

fn config(mock: &Mock, size: &Size) -> String {
    format!(
        "[route]\nrelay = \"{}\"\nconnections = {}\n\
         [workers]\ncount = {WORKERS}\n[lease]\nchunks_max = 64\n\
         [limits.default]\nrate = \"2/s\"\nconnections = 1\n\
         [limits.domain.\"{OTHER}\"]\nrate = \"{OTHER_RATE}/s burst 1\"\nconnections = 5\n",
        mock.route(),
        size.domains + 5,
    )
}

/// The campaign of the other tenant, which runs all the while.
async fn start_other(service: &Service, size: &Size) -> CampaignId {
    let list = people(size.other_seconds * OTHER_RATE, OTHER);
    let id = service.campaign("other", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    id
}

/// The campaign of the tenant, whose audience stays open.
async fn start_tenant(service: &Service, size: &Size) -> CampaignId {
    let client = &service.client;
    client.create_tenant(TENANT).await.expect(ANSWERS);
    let tenant = client.of_tenant(Some(TENANT));
    let put = tenant.put_email(&hello(), &[]).await.expect(ANSWERS);
    let new = NewCampaign::new("large", put.id);
    let id = tenant.create_campaign(&new).await.expect(ANSWERS).id;
    service.add(id, &size.list(), AfterIntake::LeaveOpen).await;
    service.change(id, CampaignVerb::Start).await;
    id
}

type Upload = tokio::task::JoinHandle<Result<IntakeReport, ApiError>>;

/// A list that is on its way in: what is written here is what the service gets.
fn open_upload(service: &Service, id: CampaignId) -> (tokio::io::DuplexStream, Upload) {
    let (list, lines) = tokio::io::duplex(1 << 16);
    let client = service.client.clone();
    let upload = tokio::spawn(async move {
        let then = AfterIntake::LeaveOpen;
        let format = AudienceFormat::Csv;
        client.add_recipients(id, format, lines, then).await
    });
    (list, upload)
}

/// A list that was on its way in when the tenant went is refused, and says why.
async fn assert_refused_midway(mut list: tokio::io::DuplexStream, upload: Upload) {
    let lines = format!("email,name\n{}", lines_of_people(2_000, "late.test"));
    // The service may hang up before it has read everything.
    list.write_all(lines.as_bytes()).await.ok();
    drop(list);
    let answered = within(SOON, "the end of an upload", upload).await;
    let answered = answered.expect("it does not panic");
    let problem = problem_of(answered.expect_err("nothing is taken in"));
    assert_eq!(problem.code, Code::TenantDeleted.name(), "{problem:?}");
}

/// Whoever brings something for the tenant is told that it is gone.
async fn assert_shut(service: &Service, id: CampaignId) {
    let tenant = service.client.of_tenant(Some(TENANT));
    let put = tenant.put_email(&hello(), &[]).await;
    let problem = problem_of(put.expect_err("no email is taken"));
    let expect = (409, Code::TenantDeleted.name());
    assert_eq!((problem.status, problem.code.as_str()), expect);
    let lines = std::io::Cursor::new(people(1, "late.test").into_bytes());
    let (format, then) = (AudienceFormat::Csv, AfterIntake::LeaveOpen);
    let added = service.client.add_recipients(id, format, lines, then).await;
    let problem = problem_of(added.expect_err("no list is taken"));
    assert_eq!(
        problem.current_state,
        Some(CampaignState::Cancelled),
        "{problem:?}"
    );
    let resumed = service
        .client
        .change_campaign(id, CampaignVerb::Resume)
        .await;
    problem_of(resumed.expect_err("it stays cancelled"));
}

fn problem_of(error: ApiError) -> Problem {
    match error {
        ApiError::Refused(problem) => *problem,
        error => panic!("not a refusal: {error:?}"),
    }
}

fn accepts_of_tenant(mock: &Mock) -> Vec<Accept> {
    let mut accepts = mock.accepts();
    accepts.retain(|accept| accept.domain != OTHER);
    accepts
}

/// A purge would find nothing: neither of the campaign, nor in any of its lanes.
async fn assert_nothing_waits(service: &Service, id: CampaignId, size: &Size) {
    let dry = |campaign, lane| Purge {
        campaign,
        lane,
        is_dry_run: true,
        ..Purge::default()
    };
    let lanes: BTreeSet<_> = size.domain_names().collect();
    let by_lane = lanes.into_iter().map(|lane| dry(None, Some(lane)));
    for purge in by_lane.chain([dry(Some(id), None)]) {
        let found = service.client.purge(&purge).await.expect(ANSWERS);
        assert_eq!((found.matched, found.busy), (0, 0), "{purge:?}");
    }
}

/// What the other tenant got in the ten seconds around the deletion, as a share of what it got in
/// the rest of its campaign.
fn share_around_the_deletion(mock: &Mock) -> f64 {
    const BEFORE_US: i64 = 2_000_000;
    const WINDOW_US: i64 = 10_000_000;
    let last = accepts_of_tenant(mock).last().map(|accept| accept.at_us);
    let from = last.expect("the tenant had some accepted") - BEFORE_US;
    let window = from..from + WINDOW_US;
    let times = mock.server().mail_times_of(OTHER);
    let whole_us = times[times.len() - 1] - times[0];
    let inside = times.iter().filter(|at| window.contains(at)).count();
    let outside = (times.len() - inside) as f64 / (whole_us - WINDOW_US) as f64;
    inside as f64 / WINDOW_US as f64 / outside
}
