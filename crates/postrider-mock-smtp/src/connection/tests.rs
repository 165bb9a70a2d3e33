//! The shell over a pipe in memory, with Tokio's time paused.

use tokio::io::DuplexStream;
use tokio::time::Instant;

use super::*;
use crate::profile::{Behaviour, Profile};

struct Client {
    stream: DuplexStream,
    stop: watch::Sender<bool>,
    shared: Arc<Shared>,
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
    });
    tokio::spawn(serve(server_end, 1, Arc::clone(&shared), is_stopped));
    Client {
        stream,
        stop,
        shared,
    }
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
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
    let mut took = Vec::new();
    for domain in ["slow.test", "fast.test"] {
        let start = Instant::now();
        client
            .send(&format!(
                "EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@{domain}>\r\nDATA\r\n"
            ))
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
    client
        .send("EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    client.stop.send_replace(true);
    client.read_end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_log_line_there_is_no_250() {
    let full = Log::open(std::path::Path::new("/dev/full")).unwrap();
    let mut client = connect_logged(Profile::sink(), Some(full));
    client
        .send("EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n")
        .await;
    client.read_to("354").await;
    client.send("x\r\n.\r\n").await;
    client.read_end().await;
    assert_eq!(locked(&client.shared.ledger).tally().accepted, 0);
}
