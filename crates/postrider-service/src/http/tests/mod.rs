//! The API over real sockets: the real router over a store in memory, driven by the client.

mod campaigns;
mod decisions;
mod documents;
mod emails;
mod idempotency;
mod operators;
mod quarantine;
mod receipts;
mod recipients;
mod removal;
mod requests;
mod schedule;
mod tenants;
mod vanished;

use std::time::Duration;

use postrider_api::{
    AfterIntake, AudienceFormat, Campaign, CampaignVerb, Client, Code, IntakeReport, NewCampaign,
    NewEmail, Problem,
};
use postrider_mock_smtp::{Behaviour, MockServer, Profile, Settings};
use postrider_types::{CampaignId, EmailId};
use reqwest::{Method, RequestBuilder, Response};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::key::ApiKey;
use crate::service::{Service, StartOptions, StoreKind};

/// The longest that anything in a test may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Addresses that begin so are refused for good by the mock.
const REFUSED_PREFIX: &str = "bounce";

/// A service over a store in memory, a client of it, and a mail server for it to send to.
struct Scene {
    service: Service,
    client: Client,
    http: reqwest::Client,
    mock: MockServer,
}

impl Scene {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(change, true).await
    }

    /// A service that sends nothing.
    async fn idle() -> Self {
        Self::start_as(|_| {}, false).await
    }

    async fn start_as(change: impl FnOnce(&mut Config), is_sending: bool) -> Self {
        let behaviour = Behaviour {
            refuse_local_prefix: Some(REFUSED_PREFIX.to_owned()),
            ..Behaviour::accept()
        };
        let profile = Profile {
            default: behaviour,
            ..Profile::sink()
        };
        let mock = MockServer::start(any_port().await, profile, Settings::in_memory()).unwrap();
        let mut config = Config::default();
        config.route.relay = format!("smtp://{}", mock.local_addr());
        change(&mut config);
        let options = StartOptions {
            store: StoreKind::Memory,
            is_sending,
            program: std::path::PathBuf::new(),
            workers: None,
        };
        let key = ApiKey::of("secret");
        let service = Service::start(config, any_port().await, key, options)
            .await
            .unwrap();
        let client = Client::new(&service.endpoint(), "secret").unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            service,
            client,
            http,
            mock,
        }
    }

    /// A request without a key.
    fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.service.endpoint());
        self.http.request(method, url).timeout(PATIENCE)
    }

    /// A request with the key.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path).bearer_auth("secret")
    }

    /// The problem that a request ends with.
    async fn refused(&self, request: RequestBuilder) -> Problem {
        problem(request.send().await.unwrap()).await
    }

    async fn email(&self) -> EmailId {
        self.client.put_email(&new_email(), &[]).await.unwrap().id
    }

    async fn campaign(&self, name: &str) -> CampaignId {
        let new = NewCampaign::new(name, self.email().await);
        self.client.create_campaign(&new).await.unwrap().id
    }

    async fn add(&self, campaign: CampaignId, csv: &str, then: AfterIntake) -> IntakeReport {
        let lines = std::io::Cursor::new(csv.to_owned().into_bytes());
        let added = self
            .client
            .add_recipients(campaign, AudienceFormat::Csv, lines, then);
        added.await.unwrap()
    }

    /// A campaign that was sent to these addresses, all of it.
    async fn sent(&self, name: &str, addresses: &[&str]) -> Campaign {
        let campaign = self.campaign(name).await;
        self.add(campaign, &csv(addresses), AfterIntake::Seal).await;
        let started = self.client.change_campaign(campaign, CampaignVerb::Start);
        started.await.unwrap();
        let finished = self.service.postrider().finished(campaign);
        let finished = tokio::time::timeout(PATIENCE, finished).await;
        finished.expect("the campaign finishes").unwrap();
        self.client.campaign(campaign).await.unwrap()
    }

    async fn stop(self) {
        self.service.stop(PATIENCE).await;
        self.mock.stop().await;
    }
}

async fn any_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn new_email() -> NewEmail {
    NewEmail {
        from: "News <news@example.test>".into(),
        subject: "Hi".into(),
        text: Some("Hello.".into()),
        ..NewEmail::default()
    }
}

fn csv(addresses: &[&str]) -> String {
    let mut text = "email\n".to_owned();
    for address in addresses {
        text.push_str(address);
        text.push('\n');
    }
    text
}

/// The problem in an answer, and that it is one in every respect.
async fn problem(response: Response) -> Problem {
    let header = |name| response.headers().get(name).map(|v| v.to_str().unwrap());
    assert_eq!(header("content-type"), Some("application/problem+json"));
    let request_id = header("request-id").unwrap().to_owned();
    let status = response.status().as_u16();
    let path = response.url().path().to_owned();
    let problem: Problem = response.json().await.unwrap();
    assert_eq!(problem.request_id, Some(request_id));
    assert_eq!(problem.instance, Some(path));
    assert_eq!(problem.status, status);
    let code = Code::from_name(&problem.code).expect("the code is a known one");
    assert_eq!(problem.status, code.status());
    assert!(!problem.detail.is_empty());
    problem
}
