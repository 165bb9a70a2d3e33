//! How an error is told to people: with its sources, once.

use std::error::Error;

use postrider_smtp::Trouble;
use postrider_types::reply::Reply;

/// An error and its sources, joined by colons.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Why a message was not accepted: the server's refusal, or what happened instead, in our words
/// with code 0. A reply that refuses nothing would be read as if it were an answer.
pub fn reply(trouble: &Trouble) -> Reply {
    let refusal = trouble.reply().filter(|reply| reply.code >= 400);
    let ours = || Reply::new(0, None, &chain(trouble));
    refusal.cloned().unwrap_or_else(ours)
}
