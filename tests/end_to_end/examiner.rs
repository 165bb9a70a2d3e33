//! A mock that judges, and a client that does exactly what it is told to.

use std::net::SocketAddr;
use std::path::PathBuf;

use postrider_mock_smtp::control::wire::{Expectation, Receipt, State, Verdict};
use postrider_mock_smtp::{Ledger, MockServer, Profile, Settings, body_hash};
use postrider_tests::{until, within};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::house::SOON;

/// A mock with a log, and what it was told.
pub(crate) struct Examiner {
    pub(crate) mock: MockServer,
    folder: TempDir,
    expected: Vec<Expectation>,
    held: Vec<Receipt>,
}

impl Examiner {
    /// With this profile, given without its name.
    pub(crate) async fn under(toml: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let profile =
            Profile::from_toml(&format!("name = 'x'\n{toml}")).expect("the profile is right");
        let settings = Settings {
            authority_file: Some(folder.path().join("ca.pem")),
            ..Settings::logged(folder.path().join("log.ndjson"))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self {
            mock: MockServer::start(listener, profile, settings).expect("it starts"),
            folder,
            expected: Vec::new(),
            held: Vec::new(),
        }
    }

    /// A client that has said hello.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.mock.local_addr()).await
    }

    /// A delivery is to arrive, perhaps with this content.
    pub(crate) fn expect(&mut self, campaign: &str, recipient: &str, content: Option<&str>) {
        let expectation = Expectation {
            campaign: campaign.to_owned(),
            recipient: recipient.to_owned(),
            content_hash: content.map(|content| body_hash(content.as_bytes())),
        };
        self.mock.expect(&expectation).expect("there is room");
        self.expected.push(expectation);
    }

    /// The client says how a delivery stands.
    pub(crate) fn hold(&mut self, campaign: &str, recipient: &str, state: State) {
        let receipt = Receipt {
            campaign: campaign.to_owned(),
            recipient: recipient.to_owned(),
            state,
        };
        self.mock.hold(&receipt).expect("there is room");
        self.held.push(receipt);
    }

    /// Where it takes mail for all domains.
    pub(crate) fn address(&self) -> SocketAddr {
        self.mock.local_addr()
    }

    /// The certificate that its clients are to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What is said of the client, when the log says the same: the end of a connection may be
    /// under way.
    pub(crate) async fn verdict(&self) -> Verdict {
        until(SOON, "the log says what the mock says", async || {
            let verdict = self.mock.verdict();
            (self.by_log() == verdict).then_some(verdict)
        })
        .await
    }

    fn by_log(&self) -> Verdict {
        let log = self.folder.path().join("log.ndjson");
        let mut ledger = Ledger::read_log(&log).expect("the log can be read");
        for expectation in &self.expected {
            ledger.expect(expectation).expect("there is room");
        }
        for receipt in &self.held {
            ledger.hold(receipt).expect("there is room");
        }
        ledger.verdict()
    }

    /// Passes, online and by the log.
    pub(crate) async fn passes(&self) -> Verdict {
        let verdict = self.verdict().await;
        assert_eq!(verdict.reasons, [""; 0]);
        assert!(verdict.is_pass());
        verdict
    }

    /// Passes with so many accepts.
    pub(crate) async fn accepts(&self, accepted: u64) -> Verdict {
        let verdict = self.passes().await;
        assert_eq!(verdict.accepted, accepted);
        verdict
    }

    /// Fails for one reason, which begins so.
    pub(crate) async fn fails(&self, reason: &str) {
        let verdict = self.verdict().await;
        assert!(!verdict.is_pass(), "it is not failed: {reason}");
        let [said] = verdict.reasons.as_slice() else {
            panic!("not one reason: {:?}", verdict.reasons);
        };
        assert!(said.starts_with(reason), "{said:?} instead of {reason:?}");
    }
}

/// A client that says what it is told to, and waits where it is told to.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// One that has said hello, if it was let in.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let mut client = Self(BufReader::new(stream));
        let greeting = client.reply().await;
        if greeting == "220" {
            client.ask("EHLO client.test\r\n").await;
        }
        client
    }

    /// Says something and does not wait.
    pub(crate) async fn say(&mut self, text: &str) {
        self.0
            .get_mut()
            .write_all(text.as_bytes())
            .await
            .expect("it reads");
    }

    /// The code of the next reply; empty at the end of the connection.
    pub(crate) async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            within(SOON, "a reply", read).await.ok();
            if line.as_bytes().get(3) != Some(&b'-') {
                line.truncate(3);
                return line;
            }
        }
    }

    /// Says something; the code of the reply.
    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.say(text).await;
        self.reply().await
    }

    /// One message in lock step; the code that ended it.
    pub(crate) async fn deliver(&mut self, campaign: &str, recipient: &str, id: u32) -> String {
        self.deliver_content(campaign, recipient, id, "hello\r\n")
            .await
    }

    /// The same with this content, its dots stuffed already.
    pub(crate) async fn deliver_content(
        &mut self,
        campaign: &str,
        recipient: &str,
        id: u32,
        content: &str,
    ) -> String {
        let header = format!("Message-ID: <{id}@e.test>\r\nX-Postrider-Campaign: {campaign}");
        for (command, expected) in [
            ("MAIL FROM:<n@e.test>\r\n".to_owned(), "250"),
            (format!("RCPT TO:<{recipient}>\r\n"), "250"),
            ("DATA\r\n".to_owned(), "354"),
        ] {
            let code = self.ask(&command).await;
            if code != expected {
                return code;
            }
        }
        self.ask(&format!("{header}\r\n\r\n{content}.\r\n")).await
    }

    /// Leaves in order.
    pub(crate) async fn quit(mut self) {
        self.ask("QUIT\r\n").await;
    }
}
