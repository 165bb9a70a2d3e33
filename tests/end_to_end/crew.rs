//! A service with two workers, and a receiver at which something is always under way.

use postrider_api::{CampaignVerb, Worker};
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::until;
use postrider_types::CampaignId;
use rustix::process::Pid;

use crate::house::{ANSWERS, House, Mock, SOON, Service, hello, lines_of_people};

/// Connections of each worker.
pub(crate) const CONNECTIONS: usize = 8;

/// Domains enough that both workers have some.
pub(crate) const DOMAINS: usize = 8;

/// Short leases, so that whoever stands still is soon noticed.
pub(crate) const SOONER: &str =
    "[lease]\ntime = \"2s\"\nslice = \"200ms\"\n[trial]\ntime_max = \"1s\"\n";

/// A mock that is never done at once.
pub(crate) async fn busy_mock(house: &House) -> Mock {
    let busy = Behaviour {
        reply_delay: "4ms".parse().expect("a span"),
        ..Behaviour::accept()
    };
    let domains = (0..DOMAINS).map(|n| format!("r{n}.test"));
    let profile = domains.fold(Profile::sink(), |profile, domain| {
        profile.with_domain(&domain, busy.clone())
    });
    Mock::start(house, profile).await
}

/// The configuration of a service that sends to it with so many workers.
pub(crate) fn config(mock: &Mock, workers: usize) -> String {
    format!(
        "[route]\nrelay = \"{}\"\nconnections = {CONNECTIONS}\n[workers]\ncount = {workers}\n",
        mock.route()
    )
}

/// So many people at each domain.
pub(crate) fn list(each: usize) -> String {
    let lines = (0..DOMAINS).map(|n| lines_of_people(each, &format!("r{n}.test")));
    format!("email,name\n{}", lines.collect::<String>())
}

/// Starts a campaign to a list.
pub(crate) async fn started(service: &Service, list: &str) -> CampaignId {
    let id = service.campaign("hello", &hello(), list).await;
    service.change(id, CampaignVerb::Start).await;
    id
}

/// The workers, once both live.
pub(crate) async fn living(service: &Service) -> Vec<Worker> {
    until(SOON, "two workers that live", async || {
        let workers = service.client.workers().await.expect(ANSWERS).data;
        assert_eq!(workers.len(), 2);
        workers
            .iter()
            .all(|worker| worker.pid.is_some())
            .then_some(workers)
    })
    .await
}

/// The process with a number.
pub(crate) fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).expect("a process has a number above 0")
}

/// Waits until these workers have ended.
pub(crate) async fn are_gone(workers: Vec<Worker>) {
    for worker in workers {
        is_gone(worker.pid.expect("it lived")).await;
    }
}

/// Waits until this process has ended; one that nobody waits for has ended too.
pub(crate) async fn is_gone(process: u32) {
    until(SOON, "the end of a process", async || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
        let has_ended = stat.map_or(true, |stat| stat.contains(") Z "));
        has_ended.then_some(())
    })
    .await;
}

/// The only child of this process, once it has one.
pub(crate) async fn child_of(process: u32) -> u32 {
    until(SOON, "a child of a process", async || {
        // Each thread has children of its own.
        let tasks = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
        let children = tasks.flatten().filter_map(|task| {
            let children = std::fs::read_to_string(task.path().join("children"));
            children.ok()?.trim().parse().ok()
        });
        children.last()
    })
    .await
}
