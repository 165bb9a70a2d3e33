//! The process dies at each place where a death matters, and is started again.
//!
//! The places are those of `postrider_failpoint`, from the list on its way in to the end of a lease.
//! By the receiver's own log nobody gets it twice; nobody is left out but those that are listed as
//! in doubt, and these are at most one for each connection and death.

use std::time::Duration;

use postrider_failpoint::FailPoint;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::{Running, until};
use postrider_types::DeliveryState;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::house::{CAMPAIGN, House, Mock, SOON, beside_others, in_state, people};
use crate::killed_ten_times_nobody_gets_it_twice::judge;

const CONNECTIONS: usize = 10;

/// Each fail point, and the time at which the process dies there: late enough that every
/// connection is busy with a message.
const DEATHS: [(FailPoint, u64); FailPoint::ALL.len()] = [
    (FailPoint::InIntake, 2),
    (FailPoint::InReap, 1),
    (FailPoint::AfterClaim, 1),
    (FailPoint::InPrepare, 1),
    (FailPoint::AfterHydrate, 1),
    (FailPoint::InRender, 40),
    (FailPoint::AfterRcpt, 40),
    (FailPoint::MidBody, 3),
    (FailPoint::BeforeBegin, 40),
    (FailPoint::BeforeDot, 40),
    (FailPoint::AtDot, 40),
    (FailPoint::AfterDot, 40),
    (FailPoint::BeforeOutcome, 40),
    (FailPoint::BeforeEnd, 1),
    (FailPoint::Commit, 20),
    (FailPoint::Turn, 100),
];

/// How many deaths are tried at once.
const AT_ONCE: usize = 3;

#[tokio::test]
async fn killed_at_every_fail_point_nobody_gets_it_twice() {
    let _turn = beside_others().await;
    let mut scenes = JoinSet::new();
    let mut failed = Vec::new();
    for (point, time) in DEATHS {
        if scenes.len() == AT_ONCE {
            failed.extend(scenes.join_next().await.and_then(Result::err));
        }
        scenes.spawn(die_at(point, time));
    }
    while let Some(ended) = scenes.join_next().await {
        failed.extend(ended.err());
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_fail_point_is_died_at() {
    assert_eq!(DEATHS.map(|(point, _)| point), FailPoint::ALL);
}

#[tokio::test]
async fn stopped_for_longer_than_its_lease_it_goes_on_and_nobody_gets_it_twice() {
    let _turn = beside_others().await;
    let scene = Scene::new(FailPoint::BeforeDot).await;
    let running = scene.start("before-dot=stop@40");
    let pid = running.pid();
    let is_stopped = async || state_of(pid).filter(|state| *state == 'T').map(drop);
    until(SOON, "a process that has stopped", is_stopped).await;
    // Nothing but the time tells that a lease has run out while its holder stands still.
    let since = Instant::now();
    let is_over = async || (since.elapsed() > LEASE).then_some(());
    until(SOON, "the end of the lease", is_over).await;
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::CONT).expect("a child can be signalled");
    let ended = running.ended(CAMPAIGN).await;
    let in_doubt = scene.judge().await;
    let code = if in_doubt == 0 { 0 } else { 7 };
    assert_eq!(ended.code, Some(code), "{in_doubt} in doubt: {ended}");
    assert!(in_doubt <= CONNECTIONS, "{in_doubt} in doubt");
}

/// The lease of every scene: longer than what must be left of one at a dot.
const LEASE: Duration = Duration::from_secs(3);

async fn die_at(point: FailPoint, time: u64) {
    let scene = Scene::new(point).await;
    let mut deaths = 1;
    if point == FailPoint::InReap {
        // There is something to reap only after another death.
        scene.dies("before-dot=kill@40").await;
        deaths += 1;
    }
    scene.dies(&format!("{}=kill@{time}", point.name())).await;
    let ended = scene.start("").ended(CAMPAIGN).await;
    let in_doubt = scene.judge().await;
    let code = if in_doubt == 0 { 0 } else { 7 };
    assert_eq!(
        ended.code,
        Some(code),
        "{point:?}: {in_doubt} in doubt: {ended}"
    );
    assert!(in_doubt <= deaths * CONNECTIONS, "{point:?}: {in_doubt}");
}

/// The same command, again and again, and what receives its mail.
struct Scene {
    house: House,
    mock: Mock,
    count: usize,
}

impl Scene {
    /// One in which the process comes to this point.
    async fn new(point: FailPoint) -> Self {
        let house = House::new();
        let busy = Behaviour {
            reply_delay: "2ms".parse().expect("a span"),
            ..Behaviour::accept()
        };
        let profile = Profile::sink().with_domain("receiver.test", busy);
        let mock = Mock::start(&house, profile).await;
        let (count, text) = match point {
            // Several chunks.
            FailPoint::InIntake => (1_200, "Hello {{ name }}\n".to_owned()),
            // More than a socket takes at once.
            FailPoint::MidBody => (
                20,
                format!("Hello {{{{ name }}}}\n{}", "And so on.\n".repeat(200_000)),
            ),
            _ => (300, "Hello {{ name }}\n".to_owned()),
        };
        house.write("people.csv", people(count, "receiver.test"));
        house.write("hello.txt", text);
        let config = format!(
            "[route]\nconnections = {CONNECTIONS}\n\
             [lease]\ntime = \"{}s\"\nslice = \"200ms\"\n",
            LEASE.as_secs()
        );
        house.write("postrider.toml", config);
        Self { house, mock, count }
    }

    fn start(&self, plan: &str) -> Running {
        let route = self.mock.route();
        let words = "send --name hello --from news@example.test --subject Hi --text hello.txt \
            --to people.csv --config postrider.toml --route";
        let words: Vec<_> = words.split_whitespace().chain([route.as_str()]).collect();
        let mut command = self.house.command(&words);
        command.env("FAILPOINTS", plan);
        Running::start(command)
    }

    /// Runs it until it dies by this plan.
    async fn dies(&self, plan: &str) {
        let ended = self.start(plan).ended(CAMPAIGN).await;
        assert_eq!(ended.code, None, "it did not die by {plan}: {ended}");
    }

    /// Holds the receipts against what the receiver accepted; gives how many are in doubt.
    async fn judge(&self) -> usize {
        let receipts = self.house.export("hello").await;
        let in_doubt = judge(&receipts, &self.mock.accepts_by_recipient(), self.count);
        let listed = in_state(&receipts, DeliveryState::InDoubt);
        assert_eq!(listed.len(), in_doubt);
        in_doubt
    }
}

/// The letter by which the kernel calls the state of a process.
fn state_of(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.trim_start().chars().next()
}
