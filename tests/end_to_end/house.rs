//! What every scene needs: a folder with a data directory, the command, a service, a mock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_api::campaign::{Campaign, CampaignVerb, IntakeReport, NewCampaign};
use postrider_api::{AfterIntake, AudienceFormat, Client, ExportLine, NewEmail};
use postrider_mock_smtp::log::{self, Accept, Line};
use postrider_mock_smtp::{MockServer, Profile, Settings};
use postrider_tests::{Ended, Running, until};
use postrider_types::{CampaignId, DeliveryState, EmailId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long anything may take that is over at once on an idle machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// How long a whole campaign of a scene may take; ten times what it takes on two cores.
pub(crate) const CAMPAIGN: Duration = Duration::from_secs(120);

/// What every call of the client expects that is not about a refusal.
pub(crate) const ANSWERS: &str = "the service answers";

/// Scenes that measure time run alone; all others run beside each other.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// The turn of a scene that does not mind others.
pub(crate) async fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// The turn of a scene that measures time.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// A folder of a scene: the data directory of its service, and whatever files it writes.
pub(crate) struct House {
    folder: TempDir,
}

impl House {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the scene");
        Self { folder }
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The file of the store.
    pub(crate) fn store_file(&self) -> PathBuf {
        self.data().join("postrider.sqlite")
    }

    /// Writes a file, and gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// The command with these words, on the data directory of this house.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = postrider(words);
        command.arg("--data").arg(self.data());
        command.current_dir(self.folder.path());
        command
    }

    /// Runs the command with these words to its end.
    pub(crate) async fn run(&self, words: &[&str]) -> Ended {
        Running::start(self.command(words)).ended(CAMPAIGN).await
    }

    /// Starts a service on the data directory and returns when it answers.
    pub(crate) async fn serve(&self, config: &str) -> Service {
        self.serve_with(config, "", &[]).await
    }

    /// The same with more words, where fail points do what a plan says
    /// (`postrider_failpoint::plan`), and where a file that may not grow is an error and no death.
    pub(crate) async fn serve_with(&self, config: &str, plan: &str, words: &[&str]) -> Service {
        let config = self.write("postrider.toml", config);
        let inner = self.command(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
        let inner = inner.as_std();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.folder.path());
        command.env("FAILPOINTS", plan);
        command.arg("--config").arg(config).args(words);
        Service::start(command).await
    }

    /// All recipients of a campaign as they stand, by `receipt export`.
    pub(crate) async fn export(&self, campaign: &str) -> Vec<ExportLine> {
        let words = ["receipt", "export", "--campaign", campaign];
        lines_of_json(&self.run(&words).await.with(0).stdout)
    }
}

/// The command under test, without anything that the environment of the tests says to it.
pub(crate) fn postrider(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider-under-test"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTRIDER_") {
            command.env_remove(name);
        }
    }
    command.args(words);
    command
}

/// A service of the command `serve`.
pub(crate) struct Service {
    running: Running,
    /// A client with its key.
    pub(crate) client: Client,
}

impl Service {
    async fn start(command: Command) -> Self {
        #[derive(Deserialize)]
        struct Started {
            endpoint: String,
            key_file: PathBuf,
            pid: u32,
        }
        let mut running = Running::start(command);
        let line = running.first_line(SOON).await;
        let started: Started = serde_json::from_str(&line).expect("serve says where it answers");
        assert_eq!(started.pid, running.pid());
        let key = std::fs::read_to_string(started.key_file).expect("the key can be read");
        let client = Client::new(&started.endpoint, &key).expect("an endpoint and a key");
        Self { running, client }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Asks it to end, waits until it has, and checks that it calls that a success.
    pub(crate) async fn stop(self) -> Ended {
        self.running.terminate();
        self.running.ended(SOON * 2).await.with(0)
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.running.terminate();
    }

    /// What it has written to standard error until now.
    pub(crate) fn stderr_so_far(&self) -> String {
        self.running.stderr_so_far()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(self) -> Ended {
        self.running.ended(CAMPAIGN).await
    }

    /// Ends it as a crash would.
    pub(crate) async fn kill(self) -> Ended {
        self.running.kill().await
    }

    /// Puts an email, creates a campaign for it and adds a list; nothing is started yet.
    pub(crate) async fn campaign(&self, name: &str, email: &NewEmail, csv: &str) -> CampaignId {
        let put = self.client.put_email(email, &[]).await.expect(ANSWERS);
        let id = self.create(name, put.id).await;
        let report = self.add(id, csv, AfterIntake::Seal).await;
        assert_eq!((report.bad, report.duplicates), (0, 0), "{report:?}");
        id
    }

    /// Creates a campaign.
    pub(crate) async fn create(&self, name: &str, email_id: EmailId) -> CampaignId {
        let name = name.to_owned();
        let new = NewCampaign::new(name, email_id);
        self.client.create_campaign(&new).await.expect(ANSWERS).id
    }

    /// Adds a list.
    pub(crate) async fn add(&self, id: CampaignId, csv: &str, then: AfterIntake) -> IntakeReport {
        let lines = std::io::Cursor::new(csv.to_owned().into_bytes());
        let format = AudienceFormat::Csv;
        let report = self.client.add_recipients(id, format, lines, then).await;
        report.expect("the service takes the list")
    }

    /// Changes a campaign.
    pub(crate) async fn change(&self, id: CampaignId, verb: CampaignVerb) -> Campaign {
        self.client.change_campaign(id, verb).await.expect(ANSWERS)
    }

    /// Waits until a campaign has ended, checking its balance at every look.
    pub(crate) async fn end_of(&self, id: CampaignId) -> Campaign {
        self.end_within(CAMPAIGN, id).await
    }

    /// The same for a campaign that takes longer than most.
    pub(crate) async fn end_within(&self, bound: Duration, id: CampaignId) -> Campaign {
        until(bound, "the end of a campaign", async || {
            let campaign = self.client.campaign(id).await.expect(ANSWERS);
            assert_balance(&campaign);
            (campaign.state.is_final() && campaign.open() == 0).then_some(campaign)
        })
        .await
    }

    /// All recipients of a campaign as they stand.
    pub(crate) async fn export(&self, id: CampaignId) -> Vec<ExportLine> {
        let mut export = self.client.export(id).await.expect(ANSWERS);
        let mut lines = Vec::new();
        while let Some(line) = export.next().await.expect(ANSWERS) {
            lines.push(line);
        }
        lines
    }

    /// One metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.client.metrics().await.expect(ANSWERS);
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no metric {name} in\n{text}"));
        value.trim().parse().expect("a whole number")
    }
}

/// The audience is the sum of its states, at all times.
pub(crate) fn assert_balance(campaign: &Campaign) {
    let sum: u64 = campaign.tally.values().sum();
    assert_eq!(sum, campaign.audience, "{campaign:?}");
}

/// A mock with an accept log on disk.
pub(crate) struct Mock {
    server: MockServer,
    log: PathBuf,
}

impl Mock {
    /// Starts it on a free port; its log is a file of the house.
    pub(crate) async fn start(house: &House, profile: Profile) -> Self {
        let log = house.path("accepts.ndjson");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = MockServer::start(listener, profile, Settings::logged(&log));
        let server = server.expect("the mock starts");
        Self { server, log }
    }

    /// Its address as a route.
    pub(crate) fn route(&self) -> String {
        format!("smtp://{}", self.server.local_addr())
    }

    /// The file of its log.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// How many accepts it has counted.
    pub(crate) fn accepted(&self) -> u64 {
        self.server.tally().accepted
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &MockServer {
        &self.server
    }

    /// Waits until it has counted so many accepts.
    pub(crate) async fn has_accepted(&self, count: u64) {
        let what = format!("{count} accepts at the mock");
        let look = async || (self.accepted() >= count).then_some(());
        until(CAMPAIGN, &what, look).await;
    }

    /// All accepts in its log, in their order.
    pub(crate) fn accepts(&self) -> Vec<Accept> {
        let mut accepts = Vec::new();
        log::read(&self.log, |line| {
            if let Line::Accept(accept) = line {
                accepts.push(accept);
            }
        })
        .expect("the accept log can be read");
        accepts
    }

    /// How often each recipient stands in its log.
    pub(crate) fn accepts_by_recipient(&self) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        for accept in self.accepts() {
            *counts.entry(accept.recipient).or_default() += 1;
        }
        counts
    }
}

/// How many recipients are in each state.
pub(crate) fn tally(lines: &[ExportLine]) -> BTreeMap<DeliveryState, usize> {
    let mut tally = BTreeMap::new();
    for line in lines {
        *tally.entry(line.state).or_default() += 1;
    }
    tally
}

/// The recipients that are in a state.
pub(crate) fn in_state(lines: &[ExportLine], state: DeliveryState) -> BTreeSet<String> {
    let lines = lines.iter().filter(|line| line.state == state);
    lines.map(|line| line.recipient.clone()).collect()
}

/// A list of `count` people at a domain, `a0@…` on, with a header line.
pub(crate) fn people(count: usize, domain: &str) -> String {
    format!("email,name\n{}", lines_of_people(count, domain))
}

/// The same without the header line.
pub(crate) fn lines_of_people(count: usize, domain: &str) -> String {
    let mut csv = String::new();
    for number in 0..count {
        writeln!(csv, "a{number}@{domain},Name {number}").expect("a String takes all");
    }
    csv
}

/// A small email with one variable.
pub(crate) fn hello() -> NewEmail {
    NewEmail {
        from: "News <news@example.test>".to_owned(),
        subject: "Hi {{ name }}".to_owned(),
        text: Some("Hello {{ name }},\nthere is news.\n".to_owned()),
        ..NewEmail::default()
    }
}

/// JSON lines.
pub(crate) fn lines_of_json<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Copies a directory with the files and directories in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for entry in std::fs::read_dir(from).expect("a directory can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
