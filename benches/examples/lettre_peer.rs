//! A peer of `benches/peers`: ten tasks that build a message for each recipient and send it by
//! lettre.
//!
//! `lettre_peer pool` is its pooled transport as its documentation shows it. `lettre_peer nodelay`
//! is the most that it offers without a fork: a connection for each task, over a socket that we
//! open with TCP_NODELAY, which lettre itself never sets.
//!
//! `lettre_peer pool|nodelay PORT COUNT FOLDER`; the folder holds `letter.html` and `letter.txt`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use lettre::message::MultiPart;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CONNECTIONS: u32 = 10;
const USAGE: &str = "lettre_peer pool|nodelay PORT COUNT FOLDER";

struct Letter {
    html: String,
    text: String,
}

impl Letter {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            html: std::fs::read_to_string(folder.join("letter.html"))?,
            text: std::fs::read_to_string(folder.join("letter.txt"))?,
        })
    }

    fn to(&self, number: usize) -> anyhow::Result<Message> {
        let name = format!("Reader {number}");
        let parts = MultiPart::alternative_plain_html(
            self.text.replace("{{ name }}", &name),
            self.html.replace("{{ name }}", &name),
        );
        Ok(Message::builder()
            .from("News <news@example.test>".parse()?)
            .to(format!("reader{number}@dest.test").parse()?)
            .subject(format!("Hello {name}"))
            .multipart(parts)?)
    }
}

/// What a task sends through.
enum Way {
    Pool(AsyncSmtpTransport<Tokio1Executor>),
    Connection(Box<AsyncSmtpConnection>),
}

impl Way {
    async fn connected(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = ClientId::default();
        let connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name);
        Ok(Self::Connection(Box::new(connection.await?)))
    }

    async fn send(&mut self, message: Message) -> anyhow::Result<()> {
        match self {
            Self::Pool(pool) => pool.send(message).await?,
            Self::Connection(connection) => {
                let bytes = message.formatted();
                connection.send(message.envelope(), &bytes).await?
            }
        };
        Ok(())
    }

    /// The pool ends its connections by itself.
    async fn end(self) -> anyhow::Result<()> {
        if let Self::Connection(mut connection) = self {
            connection.quit().await?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context(USAGE);
    let (way, port, count) = (next()?, next()?.parse()?, next()?.parse::<usize>()?);
    let letter = Arc::new(Letter::read(Path::new(&next()?))?);
    let pool = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(port)
        .pool_config(PoolConfig::new().max_size(CONNECTIONS))
        .build();

    let next_number = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut way = match way.as_str() {
            "pool" => Way::Pool(pool.clone()),
            "nodelay" => Way::connected(port).await?,
            _ => bail!(USAGE),
        };
        let (letter, next_number) = (letter.clone(), next_number.clone());
        tasks.spawn(async move {
            loop {
                let number = next_number.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return way.end().await;
                }
                way.send(letter.to(number)?).await?;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
