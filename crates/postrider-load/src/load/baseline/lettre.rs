//! The pooled transport of lettre, as its documentation shows it: what a Rust program would use
//! that has no dispatcher.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::task::JoinSet;

use super::Work;
use super::content::{SENDER, content};
use crate::bounds::LETTRE_MESSAGES_MAX;

/// Sends; says what was done and how many messages there were.
pub(super) async fn send(
    mock: SocketAddr,
    work: Work,
    within: Duration,
) -> anyhow::Result<(String, u64)> {
    let messages = work.messages.min(LETTRE_MESSAGES_MAX);
    let pool = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(mock.ip().to_string())
        .port(mock.port())
        .pool_config(PoolConfig::new().max_size(work.connections))
        .build();
    let content: Arc<[u8]> = content(work.body_bytes).into();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..work.connections {
        let (pool, content, next) = (pool.clone(), Arc::clone(&content), Arc::clone(&next));
        tasks.spawn(async move {
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && number < messages
            {
                let to = format!("u{number}@sink.test").parse()?;
                let envelope = Envelope::new(Some(SENDER.parse()?), vec![to])?;
                pool.send_raw(&envelope, &content).await?;
            }
            anyhow::Ok(())
        });
    }
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(within, all).await;
    ended.with_context(|| format!("lettre took longer than {within:?}"))??;
    let command = format!(
        "lettre's AsyncSmtpTransport, {} tasks on a pool of {0} connections",
        work.connections
    );
    Ok((command, messages))
}
