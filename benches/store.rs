//! A store with a running campaign in it, and chunks to put there.

use std::time::Duration;

use bytes::Bytes;
use postrider_store::request::CampaignChange;
use postrider_store::{Backend, Reply, Request};
use postrider_types::{CampaignId, EmailId, InDoubtPolicy, LaneName, TenantId, Variables};

use crate::START;

/// Recipients of a chunk.
pub const CHUNK: usize = 500;

const TENANT: TenantId = TenantId::DEFAULT;
const CAMPAIGN: CampaignId = CampaignId(1);

/// Makes a running campaign.
pub fn start(backend: &mut dyn Backend) {
    let content = Bytes::from_static(b"an email");
    let email = EmailId::of(&content);
    let put = Request::PutEmail {
        tenant: TENANT,
        email,
        content,
    };
    let create = Request::Create {
        tenant: TENANT,
        name: "bench".to_owned(),
        email,
        in_doubt: InDoubtPolicy::Hold,
        in_doubt_retry_after: Duration::from_secs(900),
        send_at: None,
    };
    let start = Request::Change {
        campaign: CAMPAIGN,
        change: CampaignChange::Start,
    };
    apply(backend, vec![put, create, start]);
}

/// A chunk with the variables of an ordinary newsletter, in the lane of this number.
pub fn file(number: usize) -> Request {
    let recipient = |n: usize| {
        let address = format!("first.last{n}@example{number}.test");
        let variables = format!("{{\"name\":\"First Last {n}\",\"city\":\"Anywhere\"}}");
        let variables = Variables::from_json_object(variables).expect("small variables");
        (address.parse().expect("an address"), variables)
    };
    Request::File {
        tenant: TENANT,
        campaign: CAMPAIGN,
        lane: LaneName::from_stored(&format!("example{number}.test")),
        recipients: (0..CHUNK).map(recipient).collect(),
    }
}

/// Applies a batch in one commit; none of it may be refused.
pub fn apply(backend: &mut dyn Backend, batch: Vec<Request>) -> Vec<Reply> {
    let replies = backend.apply(batch, START).expect("a commit");
    let mut refused = replies
        .iter()
        .filter(|reply| matches!(reply, Reply::Refused(_)));
    assert!(refused.next().is_none(), "nothing is refused: {replies:?}");
    replies
}
