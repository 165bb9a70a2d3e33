//! The receiver of a scene.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use postrider_mock_smtp::log::{self, Accept, Line};
use postrider_mock_smtp::{MockServer, Profile, Settings};
use tokio::net::TcpListener;

use super::{CAMPAIGN, House};
use crate::until;

/// A mock with an accept log on disk.
pub struct Mock {
    server: MockServer,
    log: PathBuf,
}

impl Mock {
    /// Starts it on a free port; its log is a file of the house.
    pub async fn start(house: &House, profile: Profile) -> Self {
        let log = house.path("accepts.ndjson");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = MockServer::start(listener, profile, Settings::logged(&log));
        let server = server.expect("the mock starts");
        Self { server, log }
    }

    /// Its address as a route.
    pub fn route(&self) -> String {
        format!("smtp://{}", self.server.local_addr())
    }

    /// The file of its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How many accepts it has counted.
    pub fn accepted(&self) -> u64 {
        self.server.tally().accepted
    }

    /// The server itself.
    pub fn server(&self) -> &MockServer {
        &self.server
    }

    /// Waits until it has counted so many accepts.
    pub async fn has_accepted(&self, count: u64) {
        let what = format!("{count} accepts at the mock");
        let look = async || (self.accepted() >= count).then_some(());
        until(CAMPAIGN, &what, look).await;
    }

    /// All accepts in its log, in their order.
    pub fn accepts(&self) -> Vec<Accept> {
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
    pub fn accepts_by_recipient(&self) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        for accept in self.accepts() {
            *counts.entry(accept.recipient).or_default() += 1;
        }
        counts
    }
}
