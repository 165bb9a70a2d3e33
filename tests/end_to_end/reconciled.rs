//! A campaign whose arrival at a server is held against what was rendered.
//!
//! It goes to our own mock first, from a copy of the same store: what a server accepted for a
//! recipient must be the very octets that the mock was sent for that recipient. One recipient in
//! ten begins with `bad`, whom no server knows.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_api::ExportLine;
use postrider_mock_smtp::{Profile, body_hash};
use postrider_tests::peers::{Accepted, parse_messages};
use postrider_types::DeliveryState;

use crate::house::{House, Mock, beside_others, copy, in_state};
use crate::letter::{Letter, assert_canonical};

/// The smallest messages that still hold everything: servers are to do work, not to copy.
const ATTACHMENT_BYTES: u32 = 1_000;

/// How many of those that arrived a mail program reads.
const READ_MAX: usize = 20;

/// Sends a campaign to a server, with these keys of `[route]`, and holds the receipts against what it accepted.
pub(crate) async fn takes(
    server: SocketAddr,
    config: &str,
    count: usize,
    accepted: impl AsyncFn() -> Vec<Accepted>,
) {
    let _turn = beside_others().await;
    let campaign = Campaign::prepared(count).await;
    let hashes = campaign.rendered().await;
    let route = format!("smtp://{server}");
    let receipts = campaign.sent_to(&route, config).await;
    campaign.assert_receipts(&receipts);
    campaign.assert_arrived(&accepted().await, &hashes).await;
}

/// A campaign that was started without a route: nothing is sent yet, and the date is set.
struct Campaign {
    house: House,
    letter: Letter,
    list: PathBuf,
    /// The name of each recipient by address.
    names: HashMap<String, String>,
}

impl Campaign {
    async fn prepared(count: usize) -> Self {
        let house = House::new();
        let letter = Letter::in_house(&house, ATTACHMENT_BYTES);
        let mut csv = "email,name\n".to_owned();
        let mut names = HashMap::new();
        for number in 0..count {
            let kind = if number % 10 == 7 { "bad" } else { "a" };
            let (address, name) = (
                format!(
                    "{kind}{number}@{}.test",
                    ["one", "two", "three"][number % 3]
                ),
                format!(".Zoë <{number}> & Söhne"),
            );
            writeln!(csv, "{address},{name}").expect("a String takes all");
            names.insert(address, name);
        }
        let list = house.write("people.csv", csv);
        let campaign = Self {
            house,
            letter,
            list,
            names,
        };
        campaign.start().await;
        campaign
    }

    async fn start(&self) {
        let words = self.letter.words(&["email", "put"]);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let put = self.house.run(&words).await.with(0).stdout;
        let email = put.trim();
        let create = ["campaign", "create", "--name", "real", "--email", email];
        self.house.run(&create).await.with(0);
        let list = self.list.to_str().expect("a path in UTF-8");
        let fill = ["campaign", "recipients", "real", "--to", list, "--seal"];
        self.house.run(&fill).await.with(0);
        let start = ["campaign", "start", "real"];
        self.house.run(&start).await.with(0);
    }

    /// Sends a copy of it by this route, to the end; the receipts.
    async fn sent_to(&self, route: &str, config: &str) -> Vec<ExportLine> {
        let house = House::new();
        copy(&self.house.data(), &house.data());
        // A receiver that is short of breath for a moment is asked again soon.
        let retry = "[retry]\ndelay_min = \"1s\"\n";
        let config = house.write("postrider.toml", format!("[route]\n{config}\n{retry}"));
        let (list, config) = (self.list.to_str(), config.to_str());
        let [list, config] = [list, config].map(|path| path.expect("a path in UTF-8"));
        let command = ["send", "--name", "real", "--route", route, "--to", list];
        let command = [&command[..], &["--config", config]].concat();
        let words = self.letter.words(&command);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        house.run(&words).await.with(0);
        house.export("real").await
    }

    /// The hash of what is rendered for each recipient, as our own mock gets it.
    async fn rendered(&self) -> HashMap<String, String> {
        let house = House::new();
        let mock = Mock::start(&house, Profile::sink()).await;
        self.sent_to(&mock.route(), "").await;
        let accepts = mock.accepts().into_iter();
        let hashes: HashMap<_, _> = accepts
            .map(|accept| (accept.recipient, accept.body_hash))
            .collect();
        assert_eq!(hashes.len(), self.names.len());
        hashes
    }

    /// The good are delivered, the bad are bounced with the server's own reply, each at once.
    fn assert_receipts(&self, receipts: &[ExportLine]) {
        assert_eq!(receipts.len(), self.names.len());
        for receipt in receipts {
            let reply = receipt.reply.as_ref().expect("the server replied");
            let said = (receipt.state, reply.code, reply.enhanced.as_deref());
            if is_bad(&receipt.recipient) {
                let bounced = (DeliveryState::Bounced, 550, Some("5.1.1"));
                assert_eq!(said, bounced, "{receipt:?}");
            } else {
                assert_eq!(
                    (said.0, said.1),
                    (DeliveryState::Delivered, 250),
                    "{receipt:?}"
                );
            }
            assert_eq!(receipt.attempts, 1, "{receipt:?}");
        }
        let bad = in_state(receipts, DeliveryState::Bounced).len();
        assert_eq!(bad, self.names.len() / 10);
    }

    /// Each good recipient was accepted exactly once, with the octets that were rendered.
    async fn assert_arrived(&self, accepted: &[Accepted], hashes: &HashMap<String, String>) {
        let mut seen = BTreeSet::new();
        for message in accepted {
            let [recipient] = message.rcpt_tos.as_slice() else {
                panic!("one recipient a message: {:?}", message.rcpt_tos);
            };
            assert!(seen.insert(recipient.as_str()), "{recipient} has it twice");
            assert_eq!(message.mail_from, "news@example.test");
            assert_canonical(&message.data);
            let hash = body_hash(&message.data);
            assert_eq!(hash, hashes[recipient], "{recipient} got other octets");
        }
        let addresses = self.names.keys().map(String::as_str);
        let good: BTreeSet<_> = addresses.filter(|address| !is_bad(address)).collect();
        assert_eq!(seen, good);

        let some = &accepted[..READ_MAX.min(accepted.len())];
        let texts: Vec<_> = some.iter().map(|message| &message.data).collect();
        for (message, parsed) in some.iter().zip(parse_messages(&texts).await) {
            let recipient = &message.rcpt_tos[0];
            let name = &self.names[recipient];
            self.letter.assert_arrived(&parsed, recipient, name);
        }
    }
}

fn is_bad(recipient: &str) -> bool {
    recipient.starts_with("bad")
}
