//! The process is killed on the way, again and again, and started again with the same command.
//!
//! A kill comes when the receiver has counted so many accepts. By the receiver's own log nobody
//! gets it twice; nobody is left out but those that are listed as in doubt, and these are at most
//! one for each connection and kill.

use std::collections::{HashMap, HashSet};

use postrider_api::ExportLine;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::peers::SmtpSink;
use postrider_tests::{Running, is_full, until};
use postrider_types::DeliveryState;

use crate::house::{CAMPAIGN, House, Mock, beside_others, in_state, people, tally};

const CONNECTIONS: usize = 10;

#[tokio::test]
async fn killed_ten_times_nobody_gets_it_twice() {
    let _turn = beside_others().await;
    let (count, kills) = if is_full() { (10_000, 10) } else { (1_500, 10) };
    let house = House::new();
    // A short pause before each reply keeps every connection busy when the kill comes.
    let busy = Behaviour {
        reply_delay: "2ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let profile = Profile::sink().with_domain("receiver.test", busy);
    let mock = Mock::start(&house, profile).await;
    let counted = async || mock.accepted();
    let scene = Scene::new(&house, &mock.route(), count);
    let receipts = scene.killed(kills, counted).await;

    let accepts = mock.accepts_by_recipient();
    let in_doubt = judge(&receipts, &accepts, count);
    assert!(in_doubt <= kills * CONNECTIONS, "{in_doubt} in doubt");
}

#[tokio::test]
async fn killed_before_a_server_of_postfix_nobody_gets_it_twice() {
    let _turn = beside_others().await;
    let (count, kills) = (600, 4);
    let house = House::new();
    let sink = SmtpSink::dumping().await;
    let route = format!("smtp://{}", sink.address());
    let scene = Scene::new(&house, &route, count);
    let receipts = scene.killed(kills, async || sink.messages()).await;

    let mut accepts = HashMap::new();
    for dumped in sink.dumped() {
        let recipient = dumped.rcpt_args[0].trim_matches(['<', '>']).to_owned();
        *accepts.entry(recipient).or_default() += 1;
    }
    let in_doubt = judge(&receipts, &accepts, count);
    assert!(in_doubt <= kills * CONNECTIONS, "{in_doubt} in doubt");
}

/// The same command, again and again.
struct Scene<'a> {
    house: &'a House,
    words: Vec<String>,
    count: usize,
}

impl<'a> Scene<'a> {
    fn new(house: &'a House, route: &str, count: usize) -> Self {
        let list = house.write("people.csv", people(count, "receiver.test"));
        let text = house.write("hello.txt", "Hello {{ name }}\n");
        let config = format!("[route]\nconnections = {CONNECTIONS}\n");
        let config = house.write("postrider.toml", config);
        let path = |path: std::path::PathBuf| path.to_str().expect("UTF-8").to_owned();
        let (list, text, config) = (path(list), path(text), path(config));
        let words =
            format!("send --name hello --from news@example.test --route {route} --subject Hi");
        let words = words.split(' ');
        let paths = ["--to", &list, "--text", &text, "--config", &config];
        let words = words.chain(paths).map(str::to_owned).collect();
        Self {
            house,
            words,
            count,
        }
    }

    /// Kills it so often on the way, lets it end at last, and gives the receipts.
    async fn killed(&self, kills: usize, accepted: impl AsyncFn() -> u64) -> Vec<ExportLine> {
        for kill in 1..=kills {
            // The last kill comes well before the end.
            let enough = (self.count * kill / (kills + 1)) as u64;
            let mut running = self.start();
            let what = format!("{enough} accepts before kill {kill}");
            until(CAMPAIGN, &what, async || {
                (accepted().await >= enough || !running.is_running()).then_some(())
            })
            .await;
            let killed = running.kill().await;
            assert_eq!(
                killed.code, None,
                "it had ended before it was killed: {killed}"
            );
        }
        let ended = self.start().ended(CAMPAIGN).await;
        let receipts = self.house.export("hello").await;
        let in_doubt = in_state(&receipts, DeliveryState::InDoubt).len();
        let code = if in_doubt == 0 { 0 } else { 7 };
        assert_eq!(ended.code, Some(code), "{in_doubt} in doubt: {ended}");
        receipts
    }

    fn start(&self) -> Running {
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        Running::start(self.house.command(&words))
    }
}

/// Holds the receipts against what the receiver accepted; gives how many are in doubt.
pub(crate) fn judge(
    receipts: &[ExportLine],
    accepts: &HashMap<String, u32>,
    count: usize,
) -> usize {
    let twice: Vec<_> = accepts.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "accepted more than once: {twice:?}");
    let recipients: HashSet<_> = receipts.iter().map(|line| &line.recipient).collect();
    assert_eq!((receipts.len(), recipients.len()), (count, count));
    let in_doubt = in_state(receipts, DeliveryState::InDoubt);
    let delivered = in_state(receipts, DeliveryState::Delivered);
    assert_eq!(
        delivered.len() + in_doubt.len(),
        count,
        "{:?}",
        tally(receipts)
    );
    for recipient in &delivered {
        assert!(accepts.contains_key(recipient), "{recipient} has none");
    }
    for recipient in accepts.keys() {
        assert!(delivered.contains(recipient) || in_doubt.contains(recipient));
    }
    in_doubt.len()
}
