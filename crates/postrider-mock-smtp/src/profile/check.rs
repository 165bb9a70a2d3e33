//! What the types of a profile cannot say: bounds, and keys that must fit one another.
//!
//! Every complaint names the key by its path and says what to do.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::bounds;
use crate::error::MockError;
use crate::profile::{Behaviour, How, Mishap, Profile, Provider};
use crate::world::treatment::Stage;

type Checked = Result<(), MockError>;

/// Checks a whole profile.
pub(super) fn profile(profile: &Profile) -> Checked {
    if profile.connections_max > bounds::CONNECTIONS_MAX {
        return wrong("connections_max", "it must be at most 16384");
    }
    if !(1..=bounds::TIME_SCALE_MAX).contains(&profile.time_scale) {
        return wrong("time_scale", "it must be from 1 to 86400");
    }
    if profile.domain.len() > bounds::DOMAINS_MAX {
        return wrong("domain", "there may be at most 100000 domains");
    }
    if profile.provider.len() > bounds::PROVIDERS_MAX {
        return wrong("provider", "there may be at most 250 providers");
    }
    message_bytes("message_bytes_max", profile.message_bytes_max)?;
    filler_lines("filler_lines", profile.filler_lines)?;
    behaviour("default", &profile.default)?;
    for (name, own) in &profile.domain {
        let path = format!("domain.{name:?}");
        behaviour(&path, own)?;
        knows_its_domain(&path, own)?;
        if let Some(provider) = &own.provider
            && !profile.provider.contains_key(provider)
        {
            let add = format!("there is no such provider; add [provider.{provider}]");
            return wrong(&format!("{path}.provider"), &add);
        }
    }
    providers(profile)?;
    audience(profile)
}

fn providers(profile: &Profile) -> Checked {
    let mut doors: HashMap<IpAddr, &str> = HashMap::new();
    for (name, own) in &profile.provider {
        let path = format!("provider.{name}");
        provider(&path, own)?;
        if let Some(address) = own.address
            && let Some(other) = doors.insert(address, name)
        {
            let taken = format!("{address} is the door of {other}; give each provider its own");
            return wrong(&format!("{path}.address"), &taken);
        }
    }
    if profile.default.provider.is_some() {
        return wrong(
            "default.provider",
            "only a domain has a provider; name it in its table",
        );
    }
    Ok(())
}

fn provider(path: &str, provider: &Provider) -> Checked {
    if provider
        .address
        .is_some_and(|address| !address.is_loopback())
    {
        let key = format!("{path}.address");
        return wrong(
            &key,
            "the mock listens on this machine only; write 127.0.1.N",
        );
    }
    if provider.connections_max == Some(0) || provider.messages_per_connection_max == Some(0) {
        return wrong(
            path,
            "a cap of 0 lets nobody in; write an outage, or a cap of at least 1",
        );
    }
    if let Some(bytes) = provider.message_bytes_max {
        message_bytes(&format!("{path}.message_bytes_max"), bytes)?;
    }
    filler_lines(&format!("{path}.filler_lines"), provider.filler_lines)?;
    if provider.behaviour.provider.is_some() {
        let key = format!("{path}.behaviour.provider");
        return wrong(&key, "a provider has no provider; take the key out");
    }
    behaviour(&format!("{path}.behaviour"), &provider.behaviour)
}

fn behaviour(path: &str, behaviour: &Behaviour) -> Checked {
    if let (Some(after), Some(until)) = (behaviour.greylist_after, behaviour.greylist_until)
        && until.duration() <= after.duration()
    {
        let key = format!("{path}.greylist_until");
        return wrong(
            &key,
            "it must be longer than greylist_after, or nobody gets through",
        );
    }
    if behaviour
        .outage
        .is_some_and(|outage| !outage.is_well_formed())
    {
        let key = format!("{path}.outage");
        return wrong(&key, "lasts must be longer than 0 and shorter than every");
    }
    for (at, reject) in behaviour.reject.iter().enumerate() {
        if reject.stage == Stage::Body {
            let key = format!("{path}.reject[{at}].stage");
            return wrong(
                &key,
                "nothing is said while a message is sent; use \"data\" or \"dot\"",
            );
        }
    }
    for (at, it) in behaviour.mishap.iter().enumerate() {
        mishap(&format!("{path}.mishap[{at}]"), it)?;
    }
    let lists = [
        behaviour.reject.len(),
        behaviour.mishap.len(),
        behaviour.penalties.len(),
    ];
    if lists
        .iter()
        .any(|length| *length > bounds::PROFILE_LIST_MAX)
    {
        return wrong(
            path,
            "reject, mishap and penalties may have at most 64 entries each",
        );
    }
    Ok(())
}

/// A domain is known from RCPT on; before that only a door can speak.
fn knows_its_domain(path: &str, own: &Behaviour) -> Checked {
    let early = |stage: &Stage| *stage < Stage::Rcpt;
    let rejects = own.reject.iter().map(|reject| reject.stage).find(early);
    let mishaps = own.mishap.iter().map(|mishap| mishap.stage).find(early);
    let waits = [Stage::Connect, Stage::Hello, Stage::Mail];
    let waits = waits
        .into_iter()
        .find(|stage| !own.latency.of(*stage).is_none());
    for (key, stage) in [("reject", rejects), ("mishap", mishaps), ("latency", waits)] {
        if let Some(stage) = stage {
            let early = format!("at {:?} no domain is known yet", stage.name());
            let remedy = "put it into [default] or into a provider's behaviour";
            return wrong(&format!("{path}.{key}"), &format!("{early}; {remedy}"));
        }
    }
    Ok(())
}

fn mishap(path: &str, mishap: &Mishap) -> Checked {
    if mishap.accepts && mishap.stage != Stage::Dot {
        let key = format!("{path}.accepts");
        return wrong(
            &key,
            "a message is accepted at the dot; set stage = \"dot\", or take it out",
        );
    }
    let is_silent = matches!(mishap.how, How::Late | How::Close | How::Reset | How::Hold);
    if mishap.stage == Stage::Body && !is_silent {
        let what = format!(
            "{:?} needs a reply, and none is due at \"body\"",
            mishap.how.name()
        );
        return wrong(
            &format!("{path}.how"),
            &format!("{what}; use \"data\" or \"dot\""),
        );
    }
    if mishap.how == How::Late && mishap.delay.duration().is_zero() {
        let key = format!("{path}.delay");
        return wrong(
            &key,
            "\"late\" needs to know by how much; set it, as in \"5s\"",
        );
    }
    Ok(())
}

fn audience(profile: &Profile) -> Checked {
    for (domain, weight) in &profile.audience {
        if *weight == 0 || domain.is_empty() || domain.contains('@') {
            let key = format!("audience.{domain:?}");
            return wrong(&key, "it must be a domain with a weight of at least 1");
        }
    }
    Ok(())
}

fn message_bytes(key: &str, bytes: u64) -> Checked {
    if bytes > bounds::MESSAGE_BYTES_MAX {
        return wrong(key, "it must be at most 1 GiB (1073741824)");
    }
    Ok(())
}

fn filler_lines(key: &str, lines: u32) -> Checked {
    if lines > bounds::FILLER_LINES_MAX {
        return wrong(key, "it must be at most 1000");
    }
    Ok(())
}

fn wrong(key: &str, problem: &str) -> Checked {
    Err(MockError::Key {
        key: key.to_owned(),
        problem: problem.to_owned(),
    })
}
