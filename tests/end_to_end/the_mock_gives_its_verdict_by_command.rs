//! `postrider mock serve` and `postrider mock verdict`: a person or a script asks what is to be said
//! of a client, and the exit code is the answer.

use postrider_mock_smtp::control::wire::{Ready, Verdict};
use postrider_tests::peers::clients::smtp_source;
use postrider_tests::{Ended, Running, until};

use crate::house::{House, SOON, beside_others, postrider};

/// A mock as a process of its own.
struct Mock {
    running: Running,
    ready: Ready,
}

impl Mock {
    async fn start(house: &House) -> Self {
        let mut command = postrider(&["mock", "serve", "--listen", "127.0.0.1:0"]);
        command.args(["--control", "127.0.0.1:0", "--profile", "providers-like"]);
        command.arg("--log").arg(house.path("log.ndjson"));
        command.arg("--ready-file").arg(house.path("ready"));
        let running = Running::start(command);
        let path = house.path("ready");
        let ready = until(SOON, "the mock is ready", async || {
            serde_json::from_slice(&std::fs::read(&path).ok()?).ok()
        });
        Self {
            ready: ready.await,
            running,
        }
    }

    async fn send(&self, to: &str) {
        let options = ["-c", "-d", "-N", "-m", "5", "-f", "n@e.test", "-t", to];
        smtp_source(&options, self.ready.smtp).await.with(0);
    }
}

async fn verdict(words: &[&str]) -> Ended {
    let words = [&["mock", "verdict"], words].concat();
    Running::start(postrider(&words)).ended(SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_that_runs_is_asked_and_the_files_of_one_that_is_gone_say_the_same() {
    let _turn = beside_others().await;
    let house = House::new();
    let mock = Mock::start(&house).await;
    assert!(!mock.ready.providers.is_empty(), "providers have doors");
    mock.send("r@nobody.test").await;
    let control = format!("http://{}", mock.ready.control.unwrap());
    let ended = verdict(&["--control", &control]).await.with(0);
    assert!(
        ended.stdout.starts_with("messages 0 expected · 5 received"),
        "{ended}"
    );
    assert!(ended.stdout.ends_with("VERDICT  PASS\n"), "{ended}");
    let asked = verdict(&["--control", &control, "-o", "json"])
        .await
        .with(0);
    mock.running.terminate();
    mock.running.ended(SOON).await.with(0);

    let log = house.path("log.ndjson");
    let by_log = ["--log", log.to_str().unwrap(), "-o", "json"];
    let read = verdict(&by_log).await.with(0);
    let of = |ended: &Ended| serde_json::from_str::<Verdict>(&ended.stdout).unwrap();
    assert_eq!(of(&read), of(&asked));

    let list = house.write("expected.ndjson", "{\"recipient\":\"nobody@x.test\"}\n");
    let list = list.to_str().unwrap();
    let failed = verdict(&[&by_log[..], &["--expect", list]].concat())
        .await
        .with(1);
    assert_eq!(
        (of(&failed).lost, of(&failed).unexpected),
        (1, 5),
        "{failed}"
    );
    let held = "{\"recipient\":\"nobody@x.test\",\"state\":\"delivered\"}";
    let held = house.write("receipts.ndjson", held);
    let words = [
        "--log",
        log.to_str().unwrap(),
        "--receipts",
        held.to_str().unwrap(),
    ];
    let failed = verdict(&words).await.with(1);
    assert!(failed.stdout.ends_with("VERDICT  FAIL (1)\n"), "{failed}");
    assert!(
        failed.stdout.contains("because  1 receipt was false"),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_to_ask_or_to_read_a_sentence_says_so() {
    let _turn = beside_others().await;
    let house = House::new();
    let nobody = verdict(&["--control", "http://127.0.0.1:1"]).await.with(5);
    assert!(
        nobody
            .stderr
            .contains("no mock answers at http://127.0.0.1:1"),
        "{nobody}"
    );
    let missing = house.path("missing.ndjson");
    let missing = verdict(&["--log", missing.to_str().unwrap()]).await.with(1);
    assert!(missing.stderr.contains("missing.ndjson"), "{missing}");
    let damaged = house.write("log.ndjson", "{\"kind\":\"sent\"}\n");
    let damaged = verdict(&["--log", damaged.to_str().unwrap()]).await.with(1);
    assert!(damaged.stderr.contains("line 1 of "), "{damaged}");
    let open = postrider(&[
        "mock",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--control",
        "0.0.0.0:0",
    ]);
    let open = Running::start(open).ended(SOON).await.with(2);
    assert!(open.stderr.contains("--control is for loopback"), "{open}");
}
