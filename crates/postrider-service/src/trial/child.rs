//! The trial itself: a process that limits itself, and then does what a courier would do.
//!
//! It has one thread beside its first, with a stack as large as that of a courier: what overflows
//! the one overflows the other.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use postrider_pipeline::compose::try_alone;
use postrider_pipeline::core::Job;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::TrialError;
use super::ask::Ask;
use crate::bounds::TRIAL_STACK_BYTES;

/// Tries what `input` asks for. That it returns is the answer: whatever the message was, building
/// it kills nobody. An error that is about the message alone is no error here, because it is one
/// failed delivery and no more.
///
/// # Errors
/// [`TrialError`]: there was no trial.
pub fn run(input: impl Read) -> Result<(), TrialError> {
    let ask = Ask::read(input)?;
    let message = ask.dress.settings()?;
    limit(ask.memory_bytes_max, ask.processor_time_max)?;
    let trying = std::thread::Builder::new()
        .name("trial".to_owned())
        .stack_size(TRIAL_STACK_BYTES)
        .spawn(move || {
            let job = ask.claimed.map(|claimed| Job {
                chunk: Arc::new(claimed),
                index: 0,
            });
            let (content, key) = (ask.content, ask.message_key);
            try_alone(content, job.as_ref(), key, ask.email_bytes_max, &message)
        });
    let tried = trying.map_err(TrialError::System)?.join();
    match tried {
        Ok(Ok(()) | Err(_)) => Ok(()),
        Err(_) => Err(TrialError::Panicked),
    }
}

/// Lets this process have no more than that. What it has already is its program and its libraries.
fn limit(memory_bytes_max: u64, processor_time_max: Duration) -> Result<(), TrialError> {
    let bytes = own_bytes().unwrap_or(0).saturating_add(memory_bytes_max);
    set(Resource::As, bytes)?;
    // A core file of somebody else's message helps nobody.
    set(Resource::Core, 0)?;
    // The limit is in whole seconds, and must not come before that of the service.
    set(Resource::Cpu, processor_time_max.as_secs() + 2)
}

fn set(resource: Resource, most: u64) -> Result<(), TrialError> {
    let limit = getrlimit(resource);
    // What was limited before stays so.
    let most = limit.maximum.map_or(most, |maximum| maximum.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(resource, limit).map_err(|error| TrialError::System(error.into()))
}

/// The address space of this process, in bytes.
fn own_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_how_much_address_space_it_has() {
        assert!(own_bytes().unwrap() > 1_000_000);
    }

    #[test]
    fn what_is_no_ask_is_no_trial() {
        assert!(matches!(run(&b"nonsense"[..]), Err(TrialError::Ask)));
    }
}
