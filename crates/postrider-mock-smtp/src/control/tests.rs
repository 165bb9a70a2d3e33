//! The control port as a client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::chance::body_hash;
use crate::control::wire::{Accepts, Problem, Progress, Ruling, State, Verdict};
use crate::profile::Profile;
use crate::server::Settings;

const SOON: Duration = Duration::from_secs(20);

struct House {
    mock: MockServer,
    control: Control,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

impl House {
    async fn of(profile: Profile) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::logged(folder.path().join("log.ndjson"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mock = MockServer::start(listener, profile, settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let control = Control::start(listener, &mock).unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(SOON);
        Self {
            mock,
            control,
            http: http.build().unwrap(),
            folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.control.local_addr())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> T {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Status and answer.
    async fn send(&self, method: &str, path: &str, body: impl Into<String>) -> (u16, String) {
        let method = method.parse().unwrap();
        let request = self.http.request(method, self.url(path)).body(body.into());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn refused(&self, method: &str, path: &str, body: &str, status: u16) -> String {
        let (found, text) = self.send(method, path, body).await;
        assert_eq!(found, status, "{text}");
        let problem: Problem = serde_json::from_str(&text).unwrap();
        problem.error
    }

    /// One message in lock step; the last code.
    async fn deliver(&self, recipient: &str, message: &str) -> String {
        let stream = TcpStream::connect(self.mock.local_addr()).await.unwrap();
        let mut client = Talk(stream);
        client.ask("").await;
        client.ask("EHLO me\r\n").await;
        client.ask("MAIL FROM:<n@e.test>\r\n").await;
        let reply = client.ask(&format!("RCPT TO:<{recipient}>\r\n")).await;
        if !reply.starts_with('2') {
            return reply;
        }
        client.ask("DATA\r\n").await;
        let reply = client.ask(&format!("{message}\r\n.\r\n")).await;
        client.ask("QUIT\r\n").await;
        reply
    }
}

struct Talk(TcpStream);

impl Talk {
    async fn ask(&mut self, text: &str) -> String {
        self.0.write_all(text.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        loop {
            let read = timeout(SOON, self.0.read_buf(&mut reply)).await;
            let is_over = read.unwrap().unwrap() == 0;
            let text = String::from_utf8_lossy(&reply).into_owned();
            let last = text.lines().last().unwrap_or_default();
            if is_over || text.ends_with("\r\n") && last.as_bytes().get(3) == Some(&b' ') {
                return text;
            }
        }
    }
}

fn message(campaign: &str, id: &str, content: &str) -> String {
    format!("Message-ID: <{id}>\r\nX-Postrider-Campaign: {campaign}\r\n\r\n{content}")
}

#[tokio::test]
async fn what_is_expected_and_what_the_client_holds_end_in_a_verdict() {
    let house = House::of(Profile::sink()).await;
    let hash = body_hash(b"hello\r\n");
    let expected = ["a@x.test", "b@x.test"].map(|recipient| {
        json!({"campaign": "c", "recipient": recipient, "content_hash": hash}).to_string()
    });
    let sent = house.send("POST", "/expect", expected.join("\n")).await;
    assert_eq!(sent, (200, json!({"expected": 2}).to_string()));
    house.deliver("a@x.test", &message("c", "1", "hello")).await;
    let verdict: Verdict = house.get("/verdict").await;
    assert_eq!((verdict.verdict, verdict.lost), (Ruling::Fail, 1));
    let receipts = [("a@x.test", State::Delivered), ("b@x.test", State::InDoubt)];
    let receipts = receipts.map(|(recipient, state)| {
        json!({"campaign": "c", "recipient": recipient, "state": state, "attempts": 1}).to_string()
    });
    let sent = house.send("POST", "/receipts", receipts.join("\n")).await;
    assert_eq!(sent, (200, json!({"receipts": 2}).to_string()));
    let verdict: Verdict = house.get("/verdict").await;
    assert_eq!((verdict.verdict, verdict.in_doubt.held), (Ruling::Pass, 1));
    assert_eq!((verdict.bodies.checked, verdict.bodies.corrupted), (1, 0));
    house.deliver("b@x.test", &message("c", "2", "hell0")).await;
    let verdict: Verdict = house.get("/verdict").await;
    assert_eq!(verdict.bodies.corrupted, 1);
    assert_eq!(verdict, house.mock.verdict());
}

#[tokio::test]
async fn numbers_accepts_and_samples_can_be_asked_for() {
    let house = House::of(Profile::sink()).await;
    let first = message("c", "1", "..first");
    house.deliver("a@x.test", &first).await;
    house
        .deliver("a@x.test", &message("c", "2", "second"))
        .await;
    house.deliver("b@x.test", "no header here").await;
    let home: Value = house.get("/").await;
    assert_eq!(home["profile"], "sink");
    assert_eq!(home["smtp"], house.mock.local_addr().to_string());
    let tally: Value = house.get("/tally").await;
    assert_eq!(tally["duplicates_by_campaign"], 1);
    let progress: Progress = house.get("/progress").await;
    assert_eq!((progress.accepted, progress.connections), (3, 3));
    assert_eq!(
        progress.turns,
        3 * 6,
        "EHLO, MAIL, RCPT, DATA, the dot, QUIT"
    );
    let accepts: Accepts = house.get("/accepts?recipient=a@X.test").await;
    assert_eq!((accepts.accepted, accepts.listed.len()), (2, 2));
    assert_eq!(accepts.listed[0].message_id.as_deref(), Some("<1>"));
    let none: Accepts = house.get("/accepts?recipient=nobody@x.test").await;
    assert_eq!((none.accepted, none.listed.len()), (0, 0));
    let (status, sample) = house.send("GET", "/sample?campaign=c", "").await;
    assert_eq!(
        (status, sample),
        (200, format!("{}\r\n", first.replace("..", ".")))
    );
    let why = house.refused("GET", "/sample?campaign=d", "", 404).await;
    assert_eq!(why, "no message of campaign \"d\" is kept");
}

#[tokio::test]
async fn a_list_with_a_mistake_changes_nothing_and_says_where_it_is() {
    let house = House::of(Profile::sink()).await;
    let list = "{\"recipient\":\"a@x.test\"}\n\n{\"recipient\":1}";
    let why = house.refused("POST", "/expect", list, 400).await;
    assert!(why.starts_with("line 3 cannot be read"), "{why}");
    let why = house
        .refused(
            "POST",
            "/receipts",
            "{\"recipient\":\"a\",\"state\":\"lost\"}",
            400,
        )
        .await;
    assert!(why.contains("unknown variant `lost`"), "{why}");
    assert_eq!(house.mock.verdict().expected, 0);
    let why = house.refused("GET", "/nowhere", "", 404).await;
    assert_eq!(why, "there is nothing at /nowhere");
    let why = house.refused("DELETE", "/verdict", "", 405).await;
    assert_eq!(why, "DELETE is not what /verdict is for");
    house.refused("GET", "/accepts", "", 400).await;
    let big = " ".repeat(CONTROL_BODY_BYTES_MAX + 1);
    let why = house.refused("POST", "/expect", &big, 413).await;
    assert!(why.contains("send a longer list in several"), "{why}");
}

#[tokio::test]
async fn the_profile_changes_while_it_runs_and_the_client_is_judged_by_the_new_one() {
    let house = House::of(Profile::sink()).await;
    assert!(house.deliver("a@x.test", "hi").await.starts_with("250"));
    let patch = json!({"domain": {"X.test": {"rate": "1/h", "burst": 1}}}).to_string();
    let (status, served) = house.send("PATCH", "/profile", patch).await;
    assert_eq!(status, 200, "{served}");
    assert_eq!(
        house.send("GET", "/profile", "").await,
        (200, served.clone())
    );
    assert_eq!(Profile::from_toml(&served).unwrap().name, "sink");
    assert!(house.deliver("a@x.test", "hi").await.starts_with("250"));
    assert!(house.deliver("a@x.test", "hi").await.starts_with("421"));
    assert!(house.mock.verdict().reasons[0].starts_with("the limit of x.test (1/h, burst 1"));
    let patch = json!({"domain": {"x.test": null}}).to_string();
    assert_eq!(house.send("PATCH", "/profile", patch).await.0, 200);
    assert!(house.deliver("a@x.test", "hi").await.starts_with("250"));
    let whole = "name = 'closed'\n[default]\nrefuse_share = 1.0";
    assert_eq!(house.send("PUT", "/profile", whole).await.0, 200);
    assert!(house.deliver("a@x.test", "hi").await.starts_with("550"));
    let home: Value = house.get("/").await;
    assert_eq!(home["profile"], "closed");
}

#[tokio::test]
async fn a_profile_that_is_none_is_refused_with_a_sentence_and_the_old_one_stays() {
    let house = House::of(Profile::sink()).await;
    let why = house.refused("PUT", "/profile", "nam = 'x'", 400).await;
    assert!(why.contains("unknown field `nam`"), "{why}");
    house.refused("PATCH", "/profile", "{", 400).await;
    house
        .refused("PATCH", "/profile", r#"{"default":{"rate":"fast"}}"#, 400)
        .await;
    house
        .refused("PATCH", "/profile", r#"{"connections_max":99999}"#, 400)
        .await;
    assert_eq!(house.mock.shared().world.plan().profile, Profile::sink());
}

#[tokio::test]
async fn a_provider_that_comes_with_a_change_has_its_door_and_its_cap() {
    let house = House::of(Profile::sink()).await;
    let patch = json!({"provider": {"big": {"address": "127.0.1.9", "connections_max": 1}}});
    assert_eq!(
        house.send("PATCH", "/profile", patch.to_string()).await.0,
        200
    );
    let home: Home = house.get("/").await;
    let big = home.providers["big"];
    let mut first = Talk(TcpStream::connect(big).await.unwrap());
    assert!(first.ask("").await.starts_with("220"));
    let mut second = Talk(TcpStream::connect(big).await.unwrap());
    assert!(second.ask("").await.starts_with("421"));
    let verdict: Verdict = house.get("/verdict").await;
    assert_eq!(
        verdict.reasons,
        ["provider big saw 2 connections at once, and allows 1"]
    );
}

#[tokio::test]
async fn a_mail_for_two_domains_of_a_provider_counts_once_under_its_rate() {
    let text = "name = 'x'\n[provider.big]\nrate = '100/s'\n[domain.'a.test']\nprovider = 'big'\n\
        [domain.'b.test']\nprovider = 'big'\nrate = '100/s'";
    let house = House::of(Profile::from_toml(text).unwrap()).await;
    let stream = TcpStream::connect(house.mock.local_addr()).await.unwrap();
    let mut client = Talk(stream);
    client.ask("").await;
    client.ask("EHLO me\r\n").await;
    client.ask("MAIL FROM:<n@e.test>\r\n").await;
    for recipient in ["a@a.test", "b@b.test", "c@b.test"] {
        client.ask(&format!("RCPT TO:<{recipient}>\r\n")).await;
    }
    let limits = house.mock.verdict().limits;
    let most = limits
        .iter()
        .map(|it| (it.name.as_str(), it.windows[0].most));
    assert_eq!(
        most.collect::<Vec<_>>(),
        [("b.test", 1), ("provider big", 1)]
    );
}

#[tokio::test]
async fn a_reset_forgets_what_came_online_and_in_the_log() {
    let house = House::of(Profile::sink()).await;
    house.deliver("a@x.test", &message("c", "1", "hi")).await;
    house.deliver("a@x.test", &message("c", "1", "hi")).await;
    assert_eq!(house.send("POST", "/reset", "").await.0, 204);
    let verdict: Verdict = house.get("/verdict").await;
    assert_eq!((verdict.accepted, verdict.verdict), (0, Ruling::Pass));
    assert_eq!(house.get::<Progress>("/progress").await.turns, 0);
    house.refused("GET", "/sample?campaign=c", "", 404).await;
    house.deliver("a@x.test", &message("c", "3", "hi")).await;
    let log = house.folder.path().join("log.ndjson");
    let read = crate::tally::Ledger::read_log(&log).unwrap();
    assert_eq!(
        (read.verdict().accepted, read.verdict().verdict),
        (1, Ruling::Pass)
    );
    let accepts: Accepts = house.get("/accepts?recipient=a@x.test").await;
    assert_eq!((accepts.accepted, accepts.listed.len()), (1, 1));
}

#[tokio::test]
async fn a_control_port_that_others_can_reach_is_refused() {
    let house = House::of(Profile::sink()).await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = Control::start(listener, &house.mock).unwrap_err();
    assert!(error.to_string().contains("a loopback address"), "{error}");
}

#[tokio::test]
async fn a_mock_that_had_to_wait_for_a_processor_says_by_how_much() {
    let house = House::of(Profile::sink()).await;
    // The one thread of this test's runtime is taken away for a while.
    let busy = Duration::from_millis(30);
    tokio::task::yield_now().await;
    let until = tokio::time::Instant::now() + busy;
    while tokio::time::Instant::now() < until {
        std::hint::spin_loop();
    }
    let noticed = async {
        while crate::world::locked(&house.mock.shared().ledger).late_us() < 20_000 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, noticed).await.expect("it is noticed");
}
