//! What leaves the process: a dot and the next envelope are one write.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postrider_pipeline::{Postrider, Settings, SystemClock, Terms};
use postrider_store::request::CampaignChange::{Seal, Start};
use postrider_store::{Request, memory};
use postrider_types::{DeliveryState, Email, LaneName, TenantId, Variables};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const RECIPIENTS: usize = 200;

/// What a server saw.
#[derive(Debug, Default)]
struct Seen {
    /// Dots behind which a whole envelope came in the same read.
    joined: AtomicUsize,
    /// Dots that were the end of what was read.
    alone: AtomicUsize,
}

/// Takes everything, and offers PIPELINING. A command or a dot is a line; what is between DATA and
/// the dot is not looked at.
async fn serve(mut stream: TcpStream, seen: Arc<Seen>) -> std::io::Result<()> {
    stream.write_all(b"220 mx.test\r\n").await?;
    let mut unread = Vec::new();
    let mut is_in_data = false;
    while stream.read_buf(&mut unread).await? > 0 {
        let mut replies = String::new();
        loop {
            let end: &[u8] = if is_in_data { b"\r\n.\r\n" } else { b"\r\n" };
            let Some(at) = unread.windows(end.len()).position(|part| part == end) else {
                break;
            };
            let line: Vec<u8> = unread.drain(..at + end.len()).collect();
            if std::mem::take(&mut is_in_data) {
                let rest = String::from_utf8_lossy(&unread);
                let is_joined = rest.starts_with("MAIL FROM") && rest.ends_with("DATA\r\n");
                let count = if is_joined { &seen.joined } else { &seen.alone };
                count.fetch_add(1, Ordering::Relaxed);
                replies.push_str("250 2.0.0 queued\r\n");
            } else {
                is_in_data = line.starts_with(b"DATA");
                replies.push_str(match &line[..4] {
                    b"EHLO" => "250-mx.test\r\n250 PIPELINING\r\n",
                    b"DATA" => "354 go on\r\n",
                    b"QUIT" => "221 bye\r\n",
                    _ => "250 2.0.0 ok\r\n",
                });
            }
        }
        stream.write_all(replies.as_bytes()).await?;
    }
    Ok(())
}

async fn start_server() -> anyhow::Result<(SocketAddr, Arc<Seen>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let seen = Arc::<Seen>::default();
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared)));
        }
    });
    Ok((address, seen))
}

/// Sends one campaign to [`RECIPIENTS`] readers of one domain, and says how many got it.
async fn send_through(address: SocketAddr) -> anyhow::Result<u64> {
    let clock = SystemClock::start();
    let store = memory::open([1; 32], clock.as_now())?;
    let settings = Settings::for_relay(&format!("smtp://{address}"))?;
    let postrider = Postrider::start(store, settings, clock).await?;
    let from = "News <news@example.test>".parse()?;
    let email = Email::html(from, "Hi", "<p>Some news.</p>");
    let tenant = TenantId::DEFAULT;
    let (email, _) = postrider.put_email(tenant, email).await?;
    let campaign = postrider
        .create_campaign(tenant, "news", email, Terms::HOLD)
        .await;
    let campaign = campaign?.id;
    let reader = |n| -> anyhow::Result<_> {
        let address = format!("reader-{n}@example.org").parse()?;
        Ok((address, Variables::default()))
    };
    let recipients: anyhow::Result<_> = (0..RECIPIENTS).map(reader).collect();
    let file = Request::File {
        tenant,
        campaign,
        lane: LaneName::own(&"example.org".parse()?),
        recipients: recipients?,
    };
    postrider.store().ask(file).await?;
    postrider.change_campaign(campaign, Seal).await?;
    postrider.change_campaign(campaign, Start).await?;
    let finished = postrider.finished(campaign).await?;
    postrider.drain(Duration::from_secs(5)).await;
    Ok(finished.tally[DeliveryState::Delivered])
}

#[tokio::test]
async fn most_dots_leave_with_the_next_envelope_in_one_write() -> anyhow::Result<()> {
    let (address, seen) = start_server().await?;
    let sending = tokio::time::timeout(Duration::from_secs(60), send_through(address));
    let delivered = sending.await??;
    assert_eq!(delivered, RECIPIENTS as u64);
    let joined = seen.joined.load(Ordering::Relaxed);
    let alone = seen.alone.load(Ordering::Relaxed);
    assert_eq!(joined + alone, RECIPIENTS);
    // The first dots of ten connections, and the last, have nobody to go with.
    assert!(
        joined >= RECIPIENTS * 3 / 4,
        "{joined} joined, {alone} alone"
    );
    Ok(())
}
