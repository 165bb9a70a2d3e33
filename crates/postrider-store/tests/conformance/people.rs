//! What batcher, people and the service ask in the model test, whatever workers do.

use std::time::Duration;

use postrider_store::Request;
use postrider_store::quarantine::Lift;
use postrider_store::removal::{Cursor, PurgeTarget};
use postrider_store::request::CampaignChange;
use postrider_store::selection::{Resolution, Selection};
use postrider_types::{CampaignId, DeliveryState, EmailId, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use crate::requests::{file_request, resolve_request};
use crate::steps::{CAMPAIGNS, LANES};
use crate::world::{TENANT, lane};

/// One request.
pub(crate) fn asked(start: Timestamp) -> impl Strategy<Value = Request> {
    prop_oneof![
        3 => (campaign(), select(&LANES), 1..6_u32)
            .prop_map(|(campaign, lane, count)| file_request(campaign, lane, count)),
        1 => lift(),
        1 => purge(),
        8 => resolve(),
        1 => Just(Request::StartDue),
        2 => Just(Request::Wake),
        3 => (campaign(), change(start))
            .prop_map(|(campaign, change)| Request::Change { campaign, change }),
        2 => campaign().prop_map(|campaign| Request::Sweep { campaign }),
        3 => campaign().prop_map(|campaign| Request::Unpark { campaign }),
    ]
}

fn campaign() -> impl Strategy<Value = CampaignId> {
    (1..=CAMPAIGNS).prop_map(CampaignId)
}

fn change(start: Timestamp) -> impl Strategy<Value = CampaignChange> {
    let at = (0..600_u64).prop_map(move |s| start.plus(Duration::from_secs(s)));
    prop_oneof![
        1 => Just(CampaignChange::Seal),
        1 => Just(CampaignChange::Start),
        1 => proptest::option::of(at).prop_map(|at| CampaignChange::Schedule { at }),
        2 => Just(CampaignChange::Pause),
        4 => Just(CampaignChange::Resume),
        1 => Just(CampaignChange::Cancel),
    ]
}

/// A decision, mostly about states that it may follow.
fn resolve() -> impl Strategy<Value = Request> {
    let some = proptest::collection::vec(select(&DeliveryState::ALL), 0..2);
    let right = |into: Resolution| (into.follows().to_vec(), into);
    let into = || select(&Resolution::ALL);
    let decision = prop_oneof![9 => into().prop_map(right), 1 => (some, into())];
    (campaign(), decision, proptest::bool::weighted(0.1)).prop_map(
        |(campaign, (states, into), is_dry)| {
            let mut request = resolve_request(campaign, Selection::of(&states), into);
            if let Request::Resolve { is_dry_run, .. } = &mut request {
                *is_dry_run = is_dry;
            }
            request
        },
    )
}

fn purge() -> impl Strategy<Value = Request> {
    let target = prop_oneof![
        campaign().prop_map(PurgeTarget::Campaign),
        select(&LANES).prop_map(|name| PurgeTarget::Lane(lane(name))),
        Just(PurgeTarget::Domain(
            "example.test".parse().expect("it is a domain")
        )),
    ];
    (target, any::<bool>()).prop_map(|(target, with_in_doubt)| Request::Purge {
        with_in_doubt: with_in_doubt && matches!(target, PurgeTarget::Campaign(_)),
        target,
        is_dry_run: false,
        cursor: Cursor::START,
    })
}

fn lift() -> impl Strategy<Value = Request> {
    let lift = prop_oneof![3 => Just(Lift::Release), 1 => Just(Lift::Discard)];
    lift.prop_map(|lift| Request::LiftEmail {
        tenant: TENANT,
        email: EmailId::of(b"an email"),
        lift,
        cursor: Cursor::START,
    })
}
