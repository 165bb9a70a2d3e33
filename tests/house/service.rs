//! A service of the command `serve`, and what scenes ask of it.

use std::path::PathBuf;
use std::time::Duration;

use postrider_api::campaign::{Campaign, CampaignVerb, IntakeReport, NewCampaign};
use postrider_api::{AfterIntake, AudienceFormat, Client, ExportLine, NewEmail};
use postrider_types::{CampaignId, EmailId};
use serde::Deserialize;
use tokio::process::Command;

use super::{ANSWERS, CAMPAIGN, SOON};
use crate::{Ended, Running, until};

/// A service of the command `serve`.
pub struct Service {
    running: Running,
    /// A client with its key.
    pub client: Client,
}

impl Service {
    pub(super) async fn start(command: Command) -> Self {
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
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// The most memory that it has ever had resident, in bytes.
    pub fn resident_bytes_max(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("Linux says how much memory a process has");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u64 = kib.expect("VmHWM in kB").parse().expect("a number");
        kib * 1024
    }

    /// Asks it to end, waits until it has, and checks that it calls that a success.
    pub async fn stop(self) -> Ended {
        self.running.terminate();
        self.running.ended(SOON * 2).await.with(0)
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.running.terminate();
    }

    /// Tells it that its terminal is closed.
    pub fn hang_up(&self) {
        self.running.hang_up();
    }

    /// What it has written to standard error until now.
    pub fn stderr_so_far(&self) -> String {
        self.running.stderr_so_far()
    }

    /// Waits until it has ended by itself.
    pub async fn ended(self) -> Ended {
        self.running.ended(CAMPAIGN).await
    }

    /// Ends it as a crash would.
    pub async fn kill(self) -> Ended {
        self.running.kill().await
    }

    /// Puts an email, creates a campaign for it and adds a list; nothing is started yet.
    pub async fn campaign(&self, name: &str, email: &NewEmail, csv: &str) -> CampaignId {
        let put = self.client.put_email(email, &[]).await.expect(ANSWERS);
        let id = self.create(name, put.id).await;
        let report = self.add(id, csv, AfterIntake::Seal).await;
        assert_eq!((report.bad, report.duplicates), (0, 0), "{report:?}");
        id
    }

    /// Creates a campaign.
    pub async fn create(&self, name: &str, email_id: EmailId) -> CampaignId {
        let name = name.to_owned();
        let new = NewCampaign::new(name, email_id);
        self.client.create_campaign(&new).await.expect(ANSWERS).id
    }

    /// Adds a list.
    pub async fn add(&self, id: CampaignId, csv: &str, then: AfterIntake) -> IntakeReport {
        let lines = std::io::Cursor::new(csv.to_owned().into_bytes());
        let format = AudienceFormat::Csv;
        let report = self.client.add_recipients(id, format, lines, then).await;
        report.expect("the service takes the list")
    }

    /// Changes a campaign.
    pub async fn change(&self, id: CampaignId, verb: CampaignVerb) -> Campaign {
        self.client.change_campaign(id, verb).await.expect(ANSWERS)
    }

    /// Waits until a campaign has ended, checking its balance at every look.
    pub async fn end_of(&self, id: CampaignId) -> Campaign {
        self.end_within(CAMPAIGN, id).await
    }

    /// The same for a campaign that takes longer than most.
    pub async fn end_within(&self, bound: Duration, id: CampaignId) -> Campaign {
        until(bound, "the end of a campaign", async || {
            let campaign = self.client.campaign(id).await.expect(ANSWERS);
            assert_balance(&campaign);
            (campaign.state.is_final() && campaign.open() == 0).then_some(campaign)
        })
        .await
    }

    /// All recipients of a campaign as they stand.
    pub async fn export(&self, id: CampaignId) -> Vec<ExportLine> {
        let mut export = self.client.export(id).await.expect(ANSWERS);
        let mut lines = Vec::new();
        while let Some(line) = export.next().await.expect(ANSWERS) {
            lines.push(line);
        }
        lines
    }

    /// Waits until its workers hold so many chunks together.
    pub async fn has_in_hand(&self, chunks: usize) {
        let what = format!("{chunks} chunks in the hands of workers");
        until(SOON, &what, async || {
            let workers = self.client.workers().await.expect(ANSWERS).data;
            let held: u64 = workers.iter().map(|worker| worker.chunks_held).sum();
            (held >= chunks as u64).then_some(())
        })
        .await;
    }

    /// One metric without labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.client.metrics().await.expect(ANSWERS);
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no metric {name} in\n{text}"));
        value.trim().parse().expect("a whole number")
    }
}

/// The audience is the sum of its states, at all times.
pub fn assert_balance(campaign: &Campaign) {
    let sum: u64 = campaign.tally.values().sum();
    assert_eq!(sum, campaign.audience, "{campaign:?}");
}
