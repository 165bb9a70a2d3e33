//! A disk that is full, read-only, slow or torn: no dot is written that was not recorded, the
//! service says what is wrong, and goes on when the disk does.
//!
//! A full disk is a bound on the size of files (RLIMIT_FSIZE), which is set and lifted from outside
//! while the process runs: it needs no right that a container may not have. What a real small disk
//! does is in `a_full_disk_loses_nothing`.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use postrider_api::CampaignVerb;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::{Running, until};
use postrider_types::DeliveryState;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::Command;

use crate::house::{CAMPAIGN, House, Mock, SOON, Service, beside_others, hello, people, postrider};

const COUNT: usize = 600;

#[tokio::test]
async fn while_nothing_can_be_written_nothing_is_sent_and_readyz_says_why() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = receiver(&house).await;
    let service = house.serve(&config(&mock)).await;
    let people = people(COUNT, "receiver.test");
    let id = service.campaign("hello", &hello(), &people).await;
    service.change(id, CampaignVerb::Start).await;
    mock.has_accepted(50).await;
    bound_files(service.pid(), Some(1));
    let why = trouble(&service, "store").await;
    assert!(why.contains("the store cannot write"), "{why}");
    // What had begun before is answered; after that the receiver hears of nobody.
    until(SOON, "messages under way to end", async || {
        (service.metric("postrider_messages_in_flight").await == 0).then_some(())
    })
    .await;
    let accepted = mock.accepted();
    assert!(accepted < COUNT as u64, "it was filled up on the way");
    trouble(&service, "store").await;
    assert_eq!(mock.accepted(), accepted);

    bound_files(service.pid(), None);
    let campaign = service.end_of(id).await;
    assert!(service.client.ready().await.expect("it answers").is_ready);
    assert_eq!(campaign.count(DeliveryState::Delivered), COUNT as u64);
    service.stop().await;
    let accepts = mock.accepts_by_recipient();
    assert_eq!(accepts.len(), COUNT);
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
}

#[tokio::test]
async fn a_disk_that_takes_seconds_for_a_commit_is_said_and_only_slows_down() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = receiver(&house).await;
    let plan = "commit=delay(4000)@25;commit=delay(30)@26..60";
    let service = house.serve_with(&config(&mock), plan, &[]).await;
    let people = people(COUNT, "receiver.test");
    let id = service.campaign("hello", &hello(), &people).await;
    service.change(id, CampaignVerb::Start).await;
    let why = trouble(&service, "store").await;
    assert!(why.contains("busy with one commit"), "{why}");
    let campaign = service.end_of(id).await;
    assert!(service.client.ready().await.expect("it answers").is_ready);
    assert_eq!(campaign.count(DeliveryState::Delivered), COUNT as u64);
    service.stop().await;
    let accepts = mock.accepts_by_recipient();
    assert!(accepts.values().all(|times| *times == 1), "nobody twice");
}

#[tokio::test]
async fn a_torn_page_is_found_before_anything_is_sent() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = receiver(&house).await;
    let service = house.serve(&config(&mock)).await;
    let people = people(COUNT, "receiver.test");
    service.campaign("hello", &hello(), &people).await;
    service.stop().await;
    // What is in the write-ahead log would take the place of what is torn below.
    let log = house.store_file().with_extension("sqlite-wal");
    let bytes = std::fs::metadata(log).map_or(0, |log| log.len());
    assert_eq!(bytes, 0, "a clean end leaves nothing in the log");
    let file = OpenOptions::new().write(true).open(house.store_file());
    let file = file.expect("the store is there");
    let torn = [0xa5; 4_096];
    // Behind the first page come the roots of tables; further on a page may be a free one, which
    // nobody misses.
    for page in 2..6 {
        file.write_all_at(&torn, page * 4_096)
            .expect("it can be torn");
    }
    let refused = house
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .await
        .with(1);
    assert_eq!(refused.stderr.matches("error:").count(), 1, "{refused}");
    for words in [
        "the store holds something unreadable",
        "put a backup in its place",
    ] {
        assert!(refused.stderr.contains(words), "no \"{words}\": {refused}");
    }
    let to = house.path("backup").display().to_string();
    let refused = house.run(&["backup", "--to", &to]).await.with(1);
    assert!(refused.stderr.contains("no backup was made"), "{refused}");
    assert!(!house.path("backup").exists());
    assert_eq!(mock.accepted(), 0);
}

/// Runs a command with a data directory that it cannot write to, by whatever the machine allows.
const READ_ONLY: [(&str, &str); 3] = [
    ("unshare --mount sh -c", MOUNTED),
    ("unshare --user --map-root-user --mount sh -c", MOUNTED),
    (
        "sh -c",
        "chmod -R a-w data && test ! -w data && echo ready && exec \"$@\"",
    ),
];

const MOUNTED: &str = "mount --bind data data && mount -o remount,ro,bind data && echo ready \
    && exec \"$@\"";

#[tokio::test]
async fn on_a_read_only_disk_it_does_not_start_and_says_what_to_do() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = receiver(&house).await;
    house.serve(&config(&mock)).await.stop().await;
    let refused = read_only(&house).await;
    let Some(running) = refused else {
        panic!(
            "no way to a read-only directory was found; run the tests as another user than root"
        );
    };
    let refused = running.ended(SOON).await.with(1);
    assert_eq!(refused.stderr.matches("error:").count(), 1, "{refused}");
    let words = "check that server.data_dir is a directory that this user can write to";
    assert!(refused.stderr.contains(words), "{refused}");
    std::process::Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(house.data())
        .status()
        .expect("chmod runs");
    house.serve(&config(&mock)).await.stop().await;
}

async fn read_only(house: &House) -> Option<Running> {
    let inner = postrider(&["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
    let inner = inner.as_std();
    for (way, script) in READ_ONLY {
        let mut way = way.split(' ');
        let mut command = Command::new(way.next().expect("a program"));
        command.args(way).args([script, "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.current_dir(house.path(""));
        let mut running = Running::start(command);
        if running.first_line_or_end(SOON).await.as_deref() == Some("ready") {
            return Some(running);
        }
    }
    None
}

async fn receiver(house: &House) -> Mock {
    let busy = Behaviour {
        reply_delay: "2ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", busy);
    Mock::start(house, profile).await
}

fn config(mock: &Mock) -> String {
    format!("[route]\nrelay = \"{}\"\n", mock.route())
}

/// Waits until `/readyz` has something to say of a check that it needs, and gives it.
async fn trouble(service: &Service, name: &str) -> String {
    let what = format!("trouble with the {name} at /readyz");
    until(CAMPAIGN, &what, async || {
        let ready = service.client.ready().await.expect("it answers");
        let check = ready.checks.into_iter().find(|check| check.name == name);
        let check = check.expect("there is such a check");
        (!check.is_ok && !ready.is_ready).then_some(check.detail)
    })
    .await
}

/// Bounds the size of files that a process may write to, or lifts the bound.
fn bound_files(pid: u32, current: Option<u64>) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let bound = Rlimit {
        current,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, bound).expect("the bound of a child can be changed");
}
