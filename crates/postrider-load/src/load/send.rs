//! The third step of a run: campaigns are started and end, while the service may be killed and
//! paused.

use tokio::time::{Instant, timeout_at};

use super::Load;
use crate::load::drive::{Driver, Made};
use crate::load::proc::Usage;
use crate::load::watch::Watch;
use crate::load::{metrics, proc};
use crate::plan::limits::as_f64;

/// What sending was like.
pub(super) struct Sent {
    /// Why it came to no end.
    pub(super) unfinished: Option<String>,
    pub(super) seconds: f64,
    pub(super) service: Usage,
    pub(super) mock: Usage,
    /// Processors of the machine that anybody kept busy.
    pub(super) machine_cpus: f64,
    pub(super) commits: Option<u64>,
    /// Median of its commits, microseconds.
    pub(super) commit_p50_us: Option<f64>,
    pub(super) watch: Watch,
}

impl Load<'_> {
    /// Campaigns are started, and end.
    pub(super) async fn send(
        &mut self,
        driver: &Driver<'_>,
        campaigns: &[Made],
        deadline: Instant,
    ) -> anyhow::Result<Sent> {
        self.say("sending");
        let before = (self.service.usage(), self.mock.usage());
        let machine_before_us = proc::machine_cpu_us();
        let began = Instant::now();
        let say = self.around.say;
        let metrics_before = driver.client.metrics().await.unwrap_or_default();
        let mut watch = Watch::new(driver.audience.count(), campaigns.len() as u64);
        let sending = timeout_at(deadline, async {
            driver.start(campaigns).await?;
            driver.wait(campaigns, &mut watch, say).await
        });
        let sent = tokio::select! {
            sent = sending => sent,
            error = self.service.disturb(&self.plan.options) => return Err(error),
        };
        let seconds = began.elapsed().as_secs_f64();
        let machine_us = proc::machine_cpu_us().saturating_sub(machine_before_us);
        self.service.up().await?;
        let unfinished = match sent {
            Ok(sent) => {
                sent?;
                None
            }
            Err(_) => {
                let duration = self.plan.options.duration;
                let standing = driver.standing(campaigns).await;
                Some(format!("it did not end within {duration:?}: {standing}"))
            }
        };
        let used = |after: Usage, before: Usage| Usage {
            cpu_us: after.cpu_us.saturating_sub(before.cpu_us),
            ..after
        };
        // What began anew with each life says nothing of the whole.
        let is_one_life = self.service.events.kills_us.is_empty();
        let metrics = match driver.client.metrics().await {
            Ok(metrics) if is_one_life => metrics,
            _ => String::new(),
        };
        Ok(Sent {
            unfinished,
            seconds,
            service: used(self.service.usage(), before.0),
            mock: used(self.mock.usage(), before.1),
            machine_cpus: as_f64(machine_us) / 1e6 / seconds.max(1e-3),
            commits: metrics::commits(&metrics),
            commit_p50_us: metrics::commit_p50_us(&metrics_before, &metrics),
            watch,
        })
    }
}
