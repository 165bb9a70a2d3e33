//! Whatever is wrong, the answer is one sentence that says what, and an exit code that says what
//! kind; nothing panics, and nothing that was accepted is lost by it.

use postrider_api::Campaign;
use postrider_mock_smtp::Profile;
use postrider_tests::Ended;
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, hello, in_state, lines_of_json, people};

/// A house with good files, and a mock that would take everything.
struct Scene {
    house: House,
    mock: Mock,
}

impl Scene {
    async fn new() -> Self {
        let house = House::new();
        house.write("people.csv", people(10, "receiver.test"));
        house.write("hello.txt", "Hello {{ name }}\n");
        let mock = Mock::start(&house, Profile::sink()).await;
        Self { house, mock }
    }

    /// `send` with flags in place of, or beside, those that would do.
    async fn send(&self, others: &[&str]) -> Ended {
        let route = self.mock.route();
        let mut words = vec!["send"];
        let good = [
            ["--name", "hello"],
            ["--from", "News <news@example.test>"],
            ["--subject", "Hi"],
            ["--text", "hello.txt"],
            ["--to", "people.csv"],
            ["--route", &route],
        ];
        let is_given = |flag: &str| others.contains(&flag);
        words.extend(good.iter().filter(|pair| !is_given(pair[0])).flatten());
        words.extend(others);
        self.house.run(&words).await
    }

    /// The good command still does all of it: nothing stands in its way.
    async fn assert_unharmed(&self) {
        self.send(&[]).await.with(0);
        assert_eq!(self.mock.accepted(), 10);
    }
}

/// Refused with this code, by one sentence that holds these words.
#[track_caller]
fn assert_sentence(ended: Ended, code: i32, words: &[&str]) {
    let ended = ended.with(code);
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    let errors = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{ended}");
    for word in words {
        assert!(ended.stderr.contains(word), "no \"{word}\": {ended}");
    }
    assert_eq!(ended.stdout, "", "a refusal is no data");
}

#[tokio::test]
async fn an_unknown_configuration_key_is_named_with_its_line_and_the_nearest_known_one() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    let text = "[route]\nconections = 3\n[retry]\njitter = 9.0\n";
    scene.house.write("own.toml", text);
    let words = [
        "own.toml:2",
        "conections",
        "route.connections",
        "own.toml:4",
        "jitter",
    ];
    let checked = scene.house.run(&["config", "check", "own.toml"]).await;
    assert_sentence(checked, 2, &words);
    let sent = scene.send(&["--config", "own.toml"]).await;
    assert_sentence(sent, 2, &words);
    let served = scene.house.run(&["serve", "--config", "own.toml"]).await;
    assert_sentence(served, 2, &words);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    for flag in ["--to", "--text", "--html", "--attach", "--config"] {
        let sent = scene.send(&[flag, "nowhere.xyz"]).await;
        assert_sentence(sent, 2, &["cannot read nowhere.xyz"]);
    }
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn an_email_that_cannot_be_sent_is_refused_with_the_place() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    scene.house.write("broken.txt", "Hello\n{{ name \n");
    let broken = scene.send(&["--text", "broken.txt"]).await;
    assert_sentence(broken, 1, &["text: line 2"]);
    let from = scene
        .send(&["--from", "news@", "--text", "broken.txt"])
        .await;
    assert_sentence(from, 1, &["2 things", "from:", "text:"]);
    scene.house.write("large.txt", "large \n".repeat(1_600_000));
    let large = scene.send(&["--text", "large.txt"]).await;
    assert_sentence(large, 1, &["at most 10000000 bytes"]);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_missing_variable_fails_its_recipients_and_says_which() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    scene.house.write("odd.txt", "Hello {{ nmae }}\n");
    let sent = scene
        .send(&["--text", "odd.txt", "--name", "odd"])
        .await
        .with(7);
    assert!(
        sent.stderr.contains("receipt list --state failed"),
        "{sent}"
    );
    let receipts = scene.house.export("odd").await;
    assert_eq!(in_state(&receipts, DeliveryState::Failed).len(), 10);
    let reply = receipts[0].reply.as_ref().expect("it says why");
    assert!(reply.text.contains("nmae"), "{reply:?}");
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_list_without_a_column_email_is_refused_and_can_be_mended() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    scene
        .house
        .write("names.csv", "name,address\nAda,ada@receiver.test\n");
    let sent = scene.send(&["--to", "names.csv"]).await;
    assert_sentence(sent, 1, &["email", "header"]);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_bad_line_is_reported_and_stops_no_other() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    let mut list = people(10, "receiver.test");
    list.insert_str(list.find("a3@").unwrap(), "no address,Nobody\n");
    scene.house.write("some.csv", list);
    let sent = scene.send(&["--to", "some.csv"]).await;
    assert!(sent.stderr.contains("line 5"), "{sent}");
    assert!(sent.stderr.contains("10 added"), "{sent}");
    assert_eq!(scene.mock.accepted(), 10);
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_said_before_anything_is_taken_in() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    // Port 1 is the tcpmux of the eighties: nobody listens there.
    let sent = scene.send(&["--route", "smtp://127.0.0.1:1"]).await;
    assert_sentence(sent, 5, &["smtp://127.0.0.1:1", "Nothing was sent"]);
    let sent = scene.send(&["--route", "http://127.0.0.1:1"]).await;
    assert_sentence(sent, 2, &["http://127.0.0.1:1"]);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_wrong_key_and_a_service_that_is_not_there_are_told_apart() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    let config = format!("[route]\nrelay = \"{}\"\n", scene.mock.route());
    let service = scene.house.serve(&config).await;
    let endpoint = service.client.endpoint().to_owned();
    scene.house.write("wrong.key", "0123456789abcdef\n");
    let show = |endpoint: &str| {
        let words = [
            "campaign",
            "list",
            "--key-file",
            "wrong.key",
            "--endpoint",
            endpoint,
        ];
        let mut command = crate::house::postrider(&words);
        command.current_dir(scene.house.path(""));
        postrider_tests::Running::start(command).ended(crate::house::SOON)
    };
    assert_sentence(
        show(&endpoint).await,
        1,
        &["key", "--key-file", "POSTRIDER_KEY"],
    );
    assert_sentence(
        show("http://127.0.0.1:1").await,
        5,
        &["http://127.0.0.1:1", "postrider serve"],
    );
    service.stop().await;
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_a_directory_without_store_stays_empty() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    let show = scene.house.run(&["campaign", "show", "nix"]).await;
    assert_sentence(show, 3, &["there is no store in"]);
    assert!(!scene.house.data().exists(), "looking makes nothing");
    scene.assert_unharmed().await;
    let show = scene.house.run(&["campaign", "show", "nix"]).await;
    assert_sentence(show, 3, &["\"nix\""]);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_and_a_port_that_is_taken_are_named() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    scene
        .house
        .write("data", "a file where the directory should be");
    let sent = scene.send(&[]).await;
    assert_sentence(sent, 1, &["data directory", "choose another"]);
    std::fs::remove_file(scene.house.data()).unwrap();
    let taken = scene.mock.server().local_addr().to_string();
    let served = scene.house.run(&["serve", "--listen", &taken]).await;
    assert_sentence(served, 1, &[&taken]);
    scene.assert_unharmed().await;
}

#[tokio::test]
async fn a_campaign_that_a_person_stopped_is_not_taken_up_again() {
    let _turn = beside_others().await;
    let scene = Scene::new().await;
    let service = scene.house.serve("").await;
    let list = people(5, "receiver.test");
    let id = service.campaign("other", &hello(), &list).await;
    service.stop().await;
    let cancel = scene.house.run(&["campaign", "cancel", "other"]).await;
    assert_sentence(cancel, 6, &["--yes", "Nothing was changed"]);
    let shown = scene
        .house
        .run(&["campaign", "show", "other", "-o", "json"])
        .await;
    let shown: Campaign = lines_of_json(&shown.with(0).stdout).remove(0);
    assert_eq!((shown.id, shown.open()), (id, 5));
    let cancel = ["campaign", "cancel", "other", "--yes"];
    scene.house.run(&cancel).await.with(0);
    let resumed = scene.house.run(&["campaign", "resume", "other"]).await;
    assert_sentence(resumed, 4, &["cancelled"]);
    scene.assert_unharmed().await;
}
