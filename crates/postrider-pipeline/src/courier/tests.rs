//! A connection against a server of ours: what reaches the wire, and what the core is told.

use std::net::SocketAddr;

use postrider_message::{Limits, MessageKey, Prepared};
use postrider_mock_smtp::{MockServer, Profile, Settings as MockSettings};
use postrider_store::Claimed;
use postrider_types::{
    CampaignId, ChunkId, ChunkRecipient, Email, EmailId, LaneName, LeaseToken, RecipientId,
    TenantId, Variables,
};
use tokio::net::TcpListener;

use super::*;
use crate::Settings;
use crate::bounds::COMMANDS_WAITING_MAX;

mod odd_servers;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const CONNECTION: ConnectionId = ConnectionId(0);

/// A running courier whose clock began at [`NOW`].
struct Route {
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    clock: SystemClock,
}

impl Route {
    /// To a server that takes everything.
    async fn open() -> (Self, MockServer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mock = MockServer::start(listener, Profile::sink(), MockSettings::in_memory()).unwrap();
        (Self::to(address, Extensions::STANDARD).await, mock)
    }

    async fn to(address: SocketAddr, extensions: Extensions) -> Self {
        let mut settings = Settings::for_relay(&format!("smtp://{address}")).unwrap();
        settings.routes.default.extensions = extensions;
        let (commands, told) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (tell, events) = mpsc::channel(8);
        let clock = SystemClock::starting_at(NOW);
        let courier = Courier {
            connection: CONNECTION,
            allowed: extensions,
            route: Arc::new(settings.routes.default),
            target: None,
            clock,
            composer: Composer {
                key: MessageKey([7; 32]),
                settings: Arc::new(settings.message),
                solo: Arc::default(),
                in_hand: None,
            },
            commands: told,
            events: tell,
        };
        tokio::spawn(courier.run(None));
        let mut route = Self {
            commands,
            events,
            clock,
        };
        let opened = route.next().await;
        assert!(matches!(opened, Event::Connected { .. }), "{opened:?}");
        route
    }

    async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(std::time::Duration::from_secs(30), self.events.recv());
        event
            .await
            .expect("the courier is silent")
            .expect("the courier is gone")
    }

    /// Brings the message of a recipient to the gate, lets its dot out before `until` with the
    /// next one behind it, and says how the first ended.
    async fn send(&mut self, until: Timestamp, next: Option<usize>) -> End {
        let body = body();
        let first = Command::Transmit(job(0), Arc::clone(&body));
        self.commands.send(first).await.unwrap();
        let at_gate = self.next().await;
        assert!(matches!(at_gate, Event::AtGate(_)), "{at_gate:?}");
        let next = next.map(|index| (job(index), body));
        self.commands
            .send(Command::Dot { until, next })
            .await
            .unwrap();
        self.end().await
    }

    async fn end(&mut self) -> End {
        match self.next().await {
            Event::Ended { end, .. } => end,
            other => panic!("{other:?}"),
        }
    }
}

fn accepted(mock: &MockServer) -> [u32; 2] {
    ["0@receiver.test", "1@receiver.test"].map(|to| mock.accepted_of(to))
}

fn body() -> Arc<Body> {
    let from = "News <news@example.test>".parse().unwrap();
    let email = Email::html(from, "Hi", "<p>Hi");
    Arc::new(Body::new(Prepared::new(&email, Limits::STANDARD).unwrap()))
}

fn job(index: usize) -> Job {
    let recipient = |number: u32| ChunkRecipient {
        recipient: RecipientId(number),
        address: format!("{number}@receiver.test").parse().unwrap(),
        variables: Variables::default(),
        attempts: 0,
        first_attempt_at: None,
        deaths: 0,
    };
    let chunk = Claimed {
        token: LeaseToken(1),
        until: Timestamp::NEVER,
        chunk: ChunkId(1),
        tenant: TenantId::DEFAULT,
        campaign: CampaignId(3),
        email: EmailId::of(b""),
        started_at: NOW,
        running_since: NOW,
        lane: LaneName::from_stored("receiver.test"),
        recipients: vec![recipient(0), recipient(1)],
    };
    Job {
        chunk: Arc::new(chunk),
        index,
    }
}

#[tokio::test]
async fn a_dot_in_time_is_written() {
    let (mut route, mock) = Route::open().await;
    let end = route.send(Timestamp::NEVER, Some(1)).await;
    assert!(matches!(end, End::Accepted(_)), "{end:?}");
    assert_eq!(accepted(&mock), [1, 0]);
}

#[tokio::test]
async fn a_dot_that_comes_too_late_is_not_written() {
    let (mut route, mock) = Route::open().await;
    let until = route.clock.now();
    let end = route.send(until, None).await;
    assert!(matches!(end, End::Abandoned), "{end:?}");
    assert_eq!(accepted(&mock), [0, 0]);
}

#[tokio::test]
async fn behind_a_dot_that_comes_too_late_nothing_is_written() {
    let (mut route, mock) = Route::open().await;
    let until = route.clock.now();
    let end = route.send(until, Some(1)).await;
    assert!(matches!(end, End::Abandoned), "{end:?}");
    let next = route.end().await;
    assert!(matches!(next, End::Refused(_)), "{next:?}");
    assert_eq!(accepted(&mock), [0, 0]);
}
