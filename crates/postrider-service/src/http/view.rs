//! What the store and the pipeline know, as the API says it.

use std::time::Duration;

use postrider_api::campaign::BadLine;
use postrider_api::email::Attachment;
use postrider_api::{
    Campaign, Email, Held, HeldReason, IntakeReport, LogEntry, NewHeader, Pool, ProblemItem,
    Refusal, Reply, Time, Unsubscribe, Worker,
};
use postrider_message::PrepareError;
use postrider_pipeline::Status;
use postrider_pipeline::core::RefusalGroup;
use postrider_pipeline::intake;
use postrider_pipeline::status::PoolStatus;
use postrider_types::{CampaignState, DeliveryState, EmailId, Timestamp};

use crate::workers::Presence;

pub(super) fn campaign(campaign: &postrider_types::Campaign, status: &Status) -> Campaign {
    let is_running = campaign.state == CampaignState::Running;
    Campaign {
        id: campaign.id,
        name: campaign.name.clone(),
        email_id: campaign.email,
        state: campaign.state,
        is_sealed: campaign.is_sealed,
        audience: campaign.tally.audience(),
        tally: DeliveryState::ALL
            .into_iter()
            .map(|state| (state, campaign.tally[state]))
            .collect(),
        is_incomplete: campaign.tally.is_incomplete(),
        held: if is_running { held(status) } else { Vec::new() },
        in_doubt: campaign.in_doubt,
        in_doubt_retry_after_seconds: campaign.in_doubt_retry_after.as_secs(),
        send_at: campaign.send_at.map(Time),
        paused_because: campaign.paused_because,
        tenant_id: campaign.tenant.0,
        created_at: campaign.created_at.into(),
        started_at: campaign.started_at.map(Time),
        ended_at: campaign.ended_at.map(Time),
    }
}

/// What keeps everything from being sent.
fn held(status: &Status) -> Vec<Held> {
    let draining = status.is_draining.then(|| Held {
        reason: HeldReason::Draining,
        detail: "this service is stopping, or does not send; it goes on when one sends again"
            .to_owned(),
        since: None,
    });
    let store = status.store_trouble.as_ref().map(|trouble| Held {
        reason: HeldReason::Store,
        detail: trouble.clone(),
        since: None,
    });
    let route = status.route_trouble.as_ref().map(|(trouble, since)| Held {
        reason: HeldReason::Route,
        detail: trouble.to_string(),
        since: Some((*since).into()),
    });
    [draining, store, route].into_iter().flatten().collect()
}

pub(super) fn pool(pool: &PoolStatus) -> Pool {
    let (trouble, since) = pool.trouble.clone().unzip();
    Pool {
        route: pool.route_name.to_string(),
        site: pool.site.to_string(),
        open: pool.open as u64,
        busy: pool.busy as u64,
        connections_max: pool.connections_max as u64,
        trouble: trouble.map(|trouble| trouble.to_string()),
        trouble_since: since.map(Into::into),
    }
}

/// A worker; `age` tells how long ago an instant is.
pub(super) fn worker(
    number: usize,
    presence: &Presence,
    age: impl Fn(Timestamp) -> Duration,
) -> Worker {
    let status = &presence.status;
    let seconds = |at: Option<Timestamp>| at.map(|at| age(at).as_secs());
    Worker {
        number: number as u64,
        pid: presence.pid,
        started_at: presence.started_at.map(Time),
        restarts: presence.restarts,
        last_progress_at: presence.progress_at.map(Time),
        last_progress_age_seconds: seconds(presence.progress_at),
        last_answer_age_seconds: seconds(presence.answered_at),
        last_end: presence.last_end.clone(),
        resident_bytes: presence.resident_bytes(),
        connections: status.connections as u64,
        messages_in_flight: status.messages_in_flight as u64,
        chunks_held: status.chunks_held as u64,
    }
}

pub(super) fn refusal(group: &RefusalGroup) -> Refusal {
    Refusal {
        line: group.line.clone(),
        count: group.count,
        last_at: group.last_at.into(),
        class: group.class.to_string(),
        action: group.action.map(|action| action.to_string()),
        rule: group.rule.clone(),
    }
}

pub(super) fn email(id: EmailId, email: &postrider_types::Email) -> Email {
    let bytes = |body: &Option<String>| body.as_ref().map_or(0, String::len) as u64;
    Email {
        id,
        from: email.from.to_string(),
        reply_to: email.reply_to.as_ref().map(ToString::to_string),
        subject: email.subject.clone(),
        html_bytes: bytes(&email.html),
        text_bytes: bytes(&email.text),
        headers: email
            .headers
            .iter()
            .map(|header| NewHeader {
                name: header.name.clone(),
                value: header.value.clone(),
            })
            .collect(),
        list_id: email.list_id.clone(),
        unsubscribe: email.unsubscribe.as_ref().map(|links| Unsubscribe {
            url: links.url.clone(),
            mailto: links.mailto.clone(),
            is_one_click: Some(links.is_one_click),
        }),
        feedback_id: email.feedback_id.clone(),
        attachments: email
            .attachments
            .iter()
            .map(|attachment| Attachment {
                filename: attachment.filename.clone(),
                content_type: attachment.content_type.clone(),
                bytes: attachment.content.len() as u64,
            })
            .collect(),
        content_bytes: email.content_bytes() as u64,
    }
}

pub(super) fn email_problems(error: &PrepareError) -> Vec<ProblemItem> {
    let problems = error.problems().iter();
    let item = |problem: &postrider_message::Problem| ProblemItem {
        field: problem.field.to_string(),
        code: problem.code.to_owned(),
        detail: problem.detail.clone(),
    };
    problems.map(item).collect()
}

pub(super) fn report(report: &intake::IntakeReport, is_sealed: bool) -> IntakeReport {
    IntakeReport {
        lines: report.lines,
        accepted: report.accepted,
        duplicates: report.duplicates,
        bad: report.bad,
        errors: report
            .errors
            .iter()
            .map(|bad| BadLine {
                line: bad.line,
                code: bad.code.to_owned(),
                detail: bad.detail.clone(),
            })
            .collect(),
        is_sealed,
    }
}

pub(super) fn reply(reply: &postrider_types::Reply) -> Reply {
    Reply {
        code: reply.code,
        enhanced: reply.enhanced.map(|enhanced| enhanced.to_string()),
        text: reply.text.clone(),
    }
}

pub(super) fn log_entry(entry: &postrider_types::LogEntry) -> LogEntry {
    LogEntry {
        number: entry.number,
        campaign_id: entry.delivery.campaign,
        recipient_id: entry.delivery.recipient,
        recipient: entry.address.as_str().to_owned(),
        attempt: entry.attempt,
        state: entry.state,
        reply: entry.reply.as_ref().map(reply),
        at: entry.at.into(),
    }
}

/// An instant that will come; `None` for one that will not.
pub(super) fn coming(at: Option<Timestamp>) -> Option<Time> {
    at.filter(|at| *at != Timestamp::NEVER).map(Time)
}
