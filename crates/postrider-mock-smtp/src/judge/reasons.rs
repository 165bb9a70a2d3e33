//! Why a verdict fails, in sentences.

use crate::judge::faults::Faults;
use crate::judge::verdict::{CapVerdict, LimitVerdict, Verdict};

/// How many limits and caps are told by name; the rest are a number.
const NAMED_MAX: usize = 20;

/// A sentence for each kind of wrong, and for each limit; none when nothing is wrong.
pub(super) fn of(verdict: &Verdict, faults: &Faults) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut say = |count: u64, sentence: &dyn Fn() -> String| {
        if count > 0 {
            reasons.push(sentence());
        }
    };
    deliveries(verdict, &mut say);
    let exceeded = verdict.limits.iter().filter(|it| it.is_exceeded);
    named(&mut reasons, "limits", exceeded.map(limit));
    let exceeded = verdict.connections.iter().filter(|it| it.is_exceeded);
    let caps = exceeded.map(|it| cap(it, "connections at once"));
    named(&mut reasons, "caps on connections", caps);
    let exceeded = verdict.messages_per_connection.iter();
    let exceeded = exceeded.filter(|it| it.is_exceeded);
    let caps = exceeded.map(|it| cap(it, "messages on one connection"));
    named(&mut reasons, "caps on messages", caps);
    reasons.extend(faults.grave().map(|(count, first)| {
        let (kind, connection, detail) = (first.kind, first.connection, &first.detail);
        let times = counted(count, "time");
        format!("the client broke the protocol ({kind}) {times}, first on connection {connection}: {detail}")
    }));
    if verdict.untracked > 0 {
        let untracked = verdict.untracked;
        reasons.push(format!(
            "the mock had no room to keep track of {untracked} things, so it cannot vouch for the rest"
        ));
    }
    reasons
}

fn deliveries(verdict: &Verdict, say: &mut dyn FnMut(u64, &dyn Fn() -> String)) {
    say(verdict.duplicates, &|| {
        let accepts = was(verdict.duplicates, "accept");
        format!("{accepts} a repetition of the same Message-ID and recipient")
    });
    say(verdict.duplicates_by_campaign, &|| {
        let accepts = was(verdict.duplicates_by_campaign, "accept");
        format!("{accepts} a repetition of the same campaign and recipient")
    });
    say(verdict.lost, &|| {
        let lost = was(verdict.lost, "delivery");
        format!("{lost} lost: expected, not accepted, and not excused by a receipt or a refusal")
    });
    say(verdict.unexpected, &|| {
        let unexpected = was(verdict.unexpected, "delivery");
        format!("{unexpected} accepted though nobody expected it")
    });
    say(verdict.false_receipts, &|| {
        let receipts = was(verdict.false_receipts, "receipt");
        format!("{receipts} false: delivered without an accept, or another end with one")
    });
    say(verdict.bodies.corrupted, &|| {
        let corrupted = was(verdict.bodies.corrupted, "message");
        let checked = verdict.bodies.checked;
        format!("{corrupted} corrupted: of {checked} whose content was known, its hash is another")
    });
}

fn limit(limit: &LimitVerdict) -> String {
    let LimitVerdict {
        name,
        rate,
        burst,
        windows,
        jitter_us,
        ..
    } = limit;
    let over = windows.iter().filter(|it| it.most > it.bound);
    let over = over.map(|it| format!("{} in {} s ({} allowed)", it.most, it.seconds, it.bound));
    let over = over.collect::<Vec<_>>().join(", ");
    format!(
        "the limit of {name} ({rate}, burst {burst}, jitter {jitter_us} us) was exceeded: {over}"
    )
}

fn cap(cap: &CapVerdict, what: &str) -> String {
    let (provider, most) = (&cap.provider, cap.most);
    let allowed = cap.cap.unwrap_or_default();
    format!("provider {provider} saw {most} {what}, and allows {allowed}")
}

fn named(reasons: &mut Vec<String>, what: &str, sentences: impl Iterator<Item = String>) {
    let before = reasons.len();
    let mut rest = 0_u64;
    for sentence in sentences {
        if reasons.len() - before < NAMED_MAX {
            reasons.push(sentence);
        } else {
            rest += 1;
        }
    }
    if rest > 0 {
        reasons.push(format!("{rest} more {what} were exceeded"));
    }
}

fn was(count: u64, noun: &str) -> String {
    let verb = if count == 1 { "was" } else { "were" };
    format!("{} {verb}", counted(count, noun))
}

fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}
