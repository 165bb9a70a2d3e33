//! Requests as the batcher and the workers make them.

use postrider_store::quarantine::{Held, Suspect, Verdict};
use postrider_store::selection::{Resolution, Selection};
use postrider_store::{Claimed, Filing, Request};
use postrider_types::reply::Reply as SmtpReply;
use postrider_types::{
    CampaignId, DeliveryId, EmailId, InDoubtPolicy, LeaseToken, Outcome, RecipientId, Timestamp,
    Variables,
};

use crate::world::{RETRY_AFTER, TENANT, address, delivery, lane};

pub(crate) fn create_request(name: &str) -> Request {
    create_request_with(name, InDoubtPolicy::Hold, None)
}

pub(crate) fn scheduled_request(name: &str, at: Timestamp) -> Request {
    create_request_with(name, InDoubtPolicy::Hold, Some(at))
}

pub(crate) fn create_request_with(
    name: &str,
    in_doubt: InDoubtPolicy,
    send_at: Option<Timestamp>,
) -> Request {
    Request::Create {
        tenant: TENANT,
        name: name.to_owned(),
        email: EmailId::of(b"an email"),
        in_doubt,
        in_doubt_retry_after: RETRY_AFTER,
        send_at,
    }
}

/// The first step of a decision by a person.
pub(crate) fn resolve_request(
    campaign: CampaignId,
    select: Selection,
    into: Resolution,
) -> Request {
    Request::Resolve {
        campaign,
        select,
        into,
        reason: "the server's log says so".to_owned(),
        from: RecipientId(0),
        is_dry_run: false,
    }
}

pub(crate) fn file_request(campaign: CampaignId, lane_name: &str, count: u32) -> Request {
    let variables = |n: u32| Variables::from_json_object(format!("{{\"n\":{n}}}")).unwrap();
    Request::File {
        tenant: TENANT,
        campaign,
        lane: lane(lane_name),
        recipients: (0..count).map(|n| (address(n), variables(n))).collect(),
    }
}

pub(crate) fn begin_request(held: &Claimed, place: usize, attempt: u16) -> Request {
    Request::Begin {
        token: held.token,
        delivery: delivery(held, place),
        address: held.recipients[place].address.clone(),
        attempt,
    }
}

pub(crate) fn record_request(
    held: &Claimed,
    place: usize,
    attempt: u16,
    outcome: Outcome,
) -> Request {
    let reply = match outcome {
        Outcome::Delivered => Some(SmtpReply::new(250, "2.0.0".parse().ok(), "taken as 4711")),
        Outcome::Deferred { .. } => Some(SmtpReply::new(451, None, "later")),
        Outcome::Bounced => Some(SmtpReply::new(550, "5.1.1".parse().ok(), "no such user")),
        Outcome::Returned => None,
        Outcome::InDoubt | Outcome::Expired | Outcome::Failed => {
            Some(SmtpReply::new(0, None, "our own reason"))
        }
    };
    Request::Record {
        token: held.token,
        delivery: delivery(held, place),
        address: held.recipients[place].address.clone(),
        attempt,
        outcome,
        reply,
    }
}

pub(crate) fn end_request(token: LeaseToken, filings: Vec<Filing>) -> Request {
    Request::End {
        token,
        filings,
        throttle: None,
    }
}

/// A delivery that was in hand when its worker died, and of which nothing else is known.
pub(crate) const fn suspect(delivery: DeliveryId) -> Suspect {
    Suspect {
        what: Held::Delivery(delivery),
        verdict: Verdict::Open,
    }
}
