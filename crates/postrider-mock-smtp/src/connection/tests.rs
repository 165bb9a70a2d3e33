//! The shell over a pipe in memory, with Tokio's time paused.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::advance;

use super::*;
use crate::bounds::IN_FLIGHT_MAX;
use crate::clock::Clock;
use crate::connection::tls::Authority;
use crate::log::{Log, read};
use crate::profile::{Behaviour, Profile};
use crate::server::Doors;
use crate::world::plan::Door;
use crate::world::{World, locked};

mod late;

struct Client {
    stream: DuplexStream,
    stop: watch::Sender<bool>,
    shared: Arc<Shared>,
    served: JoinHandle<io::Result<()>>,
}

fn connect(profile: Profile) -> Client {
    connect_logged(profile, None)
}

fn connect_logged(profile: Profile, log: Option<Log>) -> Client {
    let (stream, server_end) = tokio::io::duplex(1 << 20);
    let (stop, is_stopped) = watch::channel(false);
    let shared = Arc::new(Shared {
        world: World::new(profile),
        clock: Clock::start(),
        ledger: Mutex::default(),
        log,
        is_recording_mails: false,
        authority: Authority::new(&[], &[]).unwrap(),
        rtt: Duration::ZERO,
        turns: AtomicU64::new(0),
        doors: Doors::closed(),
    });
    let caller = Caller {
        number: 1,
        door: Door::Common,
        is_secure: false,
    };
    let served = tokio::spawn(serve(server_end, caller, Arc::clone(&shared), is_stopped));
    Client {
        stream,
        stop,
        shared,
        served,
    }
}

/// Logs to a file in the folder; answers with all lines when it is called again at the end.
fn log_in(folder: &tempfile::TempDir) -> (Log, impl Fn() -> Vec<crate::log::Line>) {
    let path = folder.path().join("log.ndjson");
    let log = Log::open(&path, b"").unwrap();
    (log, move || {
        let mut lines = Vec::new();
        read(&path, |line| lines.push(line)).unwrap();
        lines
    })
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    async fn hello(&mut self) {
        self.send("EHLO me\r\n").await;
        self.read_to("250 ").await;
    }

    /// The next reply lines, up to one that begins so.
    async fn read_to(&mut self, start: &str) {
        let mut line = Vec::new();
        loop {
            line.clear();
            while line.last() != Some(&b'\n') {
                line.push(
                    timeout(IDLE_MAX * 2, self.stream.read_u8())
                        .await
                        .unwrap()
                        .unwrap(),
                );
            }
            if line.starts_with(start.as_bytes()) {
                return;
            }
        }
    }

    async fn read_end(&mut self) {
        let mut rest = Vec::new();
        let read = timeout(IDLE_MAX, self.stream.read_to_end(&mut rest)).await;
        assert_eq!(
            read.expect("the mock closes").unwrap(),
            0,
            "{rest:?} is not the end"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn three_slow_replies_take_three_delays_and_others_none() {
    let slow = Behaviour {
        reply_delay: "40ms".parse().unwrap(),
        ..Behaviour::accept()
    };
    let mut client = connect(Profile::sink().with_domain("slow.test", slow));
    client.hello().await;
    let mut took = Vec::new();
    for domain in ["slow.test", "fast.test"] {
        let start = Instant::now();
        client
            .send(&format!("MAIL FROM:<>\r\nRCPT TO:<a@{domain}>\r\nDATA\r\n"))
            .await;
        client.read_to("354").await;
        client.send("x\r\n.\r\n").await;
        client.read_to("250 2.0.0 Ok: queued").await;
        took.push(start.elapsed().as_millis());
    }
    assert!((120..125).contains(&took[0]), "{took:?}");
    assert!(took[1] < 3, "{took:?}");
    assert_eq!(locked(&client.shared.ledger).tally().accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_told_and_closed() {
    let mut client = connect(Profile::sink());
    let start = Instant::now();
    client.read_to("421 4.4.2").await;
    client.read_end().await;
    assert_eq!(start.elapsed().as_secs(), IDLE_MAX.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_said_between_commands_and_not_inside_a_message() {
    let mut client = connect(Profile::sink());
    client.read_to("220").await;
    client.stop.send_replace(true);
    client.read_to("421 4.3.2").await;
    client.read_end().await;

    let mut client = connect(Profile::sink());
    client.hello().await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    client.stop.send_replace(true);
    client.read_end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_log_line_there_is_no_250() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let full = Log::open(&path, b"").unwrap();
    let mut client = connect_logged(Profile::sink(), Some(full));
    client.read_end().await;
    assert_eq!(locked(&client.shared.ledger).tally().accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_a_read_that_follows_a_reply() {
    let folder = tempfile::tempdir().unwrap();
    let (log, lines) = log_in(&folder);
    let mut client = connect_logged(Profile::sink(), Some(log));
    client.read_to("220").await;
    client.hello().await;
    client
        .send("MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    for piece in ["one\r\n", "two\r\n", "three\r\n"] {
        client.send(piece).await;
        advance(Duration::from_secs(1)).await;
    }
    client.send(".\r\nQUIT\r\n").await;
    client.read_to("221").await;
    client.read_end().await;
    let lines = lines();
    let close = lines.iter().find_map(|line| match line {
        crate::log::Line::Close(close) => Some(close),
        _ => None,
    });
    let close = close.expect("it is recorded before the last reply leaves");
    assert_eq!((close.turns, close.messages, close.has_quit), (3, 1, true));
    assert!(matches!(lines[0], crate::log::Line::Open(_)), "{lines:?}");
    assert_eq!(client.shared.turns.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_command_after_a_421_is_a_fault_unless_it_was_under_way() {
    let over_rate = || Behaviour {
        rate: Some("1/h".parse().unwrap()),
        burst: Some(1),
        ..Behaviour::accept()
    };
    let group = "MAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRSET\r\n";
    for (pause, sends, faults) in [
        (Duration::ZERO, "DATA\r\n", 0),
        (IN_FLIGHT_MAX + Duration::from_millis(2), "DATA\r\n", 1),
        (IN_FLIGHT_MAX + Duration::from_millis(2), "QUIT\r\n", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (log, lines) = log_in(&folder);
        let profile = Profile::sink().with_domain("x.test", over_rate());
        let mut client = connect_logged(profile, Some(log));
        client.hello().await;
        client.send(group).await;
        client.send(group).await;
        client.read_to("421").await;
        advance(pause).await;
        client.send(sends).await;
        let served = timeout(LINGER_MAX * 2, &mut client.served).await;
        served
            .expect("the mock lingers not for ever")
            .unwrap()
            .unwrap();
        let found = lines();
        let found = found.iter().filter(|line| {
            matches!(line, crate::log::Line::Fault(fault) if fault.kind == FaultKind::CommandAfter421)
        });
        assert_eq!(found.count(), faults, "{sends:?} after {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_without_quit_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let (log, lines) = log_in(&folder);
    let mut client = connect_logged(Profile::sink(), Some(log));
    client.hello().await;
    let Client {
        stream,
        stop: _running,
        served,
        ..
    } = client;
    drop(stream);
    let served = timeout(IDLE_MAX, served).await;
    served.expect("the connection ends").unwrap().unwrap();
    let lines = lines();
    let is_noted = |line: &crate::log::Line| matches!(line, crate::log::Line::Fault(fault) if fault.kind == FaultKind::NoQuit);
    assert!(lines.iter().any(is_noted), "{lines:?}");
    let is_end =
        |line: &crate::log::Line| matches!(line, crate::log::Line::Close(close) if !close.has_quit);
    assert!(lines.iter().any(is_end), "{lines:?}");
}
