//! Receipts held against the receiver's log, recipient by recipient, by the mock's own judge.
//!
//! What is expected is said before anything is sent. In the end the judge also hears what each
//! receipt says, and what the content of each message must be; then it gives its verdict.

use postrider_mock_smtp::control::wire::{Expectation, Ruling, Verdict};
use postrider_types::DeliveryState;
use serde::Serialize;

use crate::load::drive::{Driver, Made, insist};
use crate::load::mock::Mock;
use crate::outcome::Outcome;
use crate::plan::audience::{Audience, MARK_BYTES};
use crate::plan::email::{Content, LoadEmail};

/// A receipt as the mock hears it; it knows the states by the same words.
#[derive(Serialize)]
struct ReceiptLine<'a> {
    campaign: &'a str,
    recipient: &'a str,
    state: DeliveryState,
}

/// Tells the mock whom to expect.
pub(crate) async fn announce(
    mock: &Mock,
    audience: &Audience,
    campaigns: &[Made],
) -> anyhow::Result<()> {
    let mut list = mock.list("/expect");
    for campaign in campaigns {
        for number in 0..audience.count() {
            let expectation = Expectation {
                campaign: campaign.key.clone(),
                recipient: audience.address(number),
                content_hash: None,
            };
            list.add(&expectation).await?;
        }
    }
    list.send().await
}

/// What the receipts say, told to the mock.
pub(crate) async fn receipts(
    mock: &Mock,
    driver: &Driver<'_>,
    campaigns: &[Made],
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome {
        planned: driver.audience.count() * campaigns.len() as u64,
        ..Outcome::default()
    };
    let mut list = mock.list("/receipts");
    for campaign in campaigns {
        let export = async || driver.client.export(campaign.id).await;
        let mut export = insist("exporting receipts", export).await?;
        while let Some(line) = export.next().await? {
            outcome.count(line.state);
            let receipt = ReceiptLine {
                campaign: &campaign.key,
                recipient: &line.recipient,
                state: line.state,
            };
            // Whoever is untouched has no receipt.
            if line.state != DeliveryState::Pending {
                list.add(&receipt).await?;
            }
        }
    }
    list.send().await?;
    Ok(outcome)
}

/// Tells the mock what the content of each message must be, from one sample a campaign that is
/// compared with what was put; gives what is wrong with the samples.
pub(crate) async fn contents(
    mock: &Mock,
    audience: &Audience,
    emails: &[LoadEmail],
    campaigns: &[Made],
) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    let mut list = mock.list("/expect");
    for (campaign, email) in campaigns.iter().zip(emails) {
        let Some(sample) = mock.sample(&campaign.key).await? else {
            // Nothing of it was accepted; the verdict says what that means.
            continue;
        };
        let mut content = match content_of(&sample, audience, email) {
            Ok(content) => content,
            Err(wrong) => {
                complaints.extend(
                    wrong
                        .into_iter()
                        .map(|what| format!("{}: {what}", campaign.key)),
                );
                continue;
            }
        };
        for number in 0..audience.count() {
            let expectation = Expectation {
                campaign: campaign.key.clone(),
                recipient: audience.address(number),
                content_hash: Some(content.hash_for(&audience.mark(number))),
            };
            list.add(&expectation).await?;
        }
    }
    list.send().await?;
    Ok(complaints)
}

/// The content of a sample, if the sample is what was put.
fn content_of(
    sample: &[u8],
    audience: &Audience,
    email: &LoadEmail,
) -> Result<Content, Vec<String>> {
    let mark = mark_of(sample, audience).map_err(|what| vec![what])?;
    email.check(sample, &mark)?;
    Content::of(sample, &mark).map_err(|what| vec![what])
}

/// The mark of the recipient in the sample's To field.
fn mark_of(sample: &[u8], audience: &Audience) -> Result<[u8; MARK_BYTES], String> {
    let parsed = mail_parser::MessageParser::default().parse(sample);
    let parsed = parsed.ok_or("the sample cannot be parsed")?;
    let to = parsed.to().and_then(|to| to.first()?.address.as_deref());
    let number = to.and_then(|to| to.strip_prefix('u')?.split_once('@')?.0.parse().ok());
    let number = number.filter(|number| *number < audience.count());
    let number = number.ok_or("the sample is to nobody of the audience")?;
    if to != Some(audience.address(number).as_str()) {
        return Err("the sample is to nobody of the audience".to_owned());
    }
    Ok(audience.mark(number))
}

/// Puts the verdict into the outcome, and gives why the run fails.
pub(crate) fn judge(outcome: &mut Outcome, verdict: &Verdict) -> Vec<String> {
    outcome.duplicates = verdict.duplicates.max(verdict.duplicates_by_campaign);
    outcome.in_doubt_arrived = verdict.in_doubt.arrived;
    outcome.false_receipts = verdict.false_receipts;
    outcome.unexpected = verdict.unexpected;
    let missing = u64::try_from(outcome.missing().max(0)).unwrap_or(u64::MAX);
    outcome.lost = verdict.lost.max(missing);
    let mut reasons = verdict.reasons.clone();
    if verdict.verdict != Ruling::Pass && reasons.is_empty() {
        reasons.push("the mock's verdict is fail".to_owned());
    }
    let mut say = |is_so: bool, sentence: String| {
        if is_so {
            reasons.push(sentence);
        }
    };
    let (planned, expected) = (outcome.planned, verdict.expected);
    say(
        planned != expected,
        format!("{planned} were planned, and the mock expects {expected}"),
    );
    let missing = outcome.missing();
    say(
        missing != 0,
        format!("{missing} of {planned} have no receipt"),
    );
    let (ours, theirs) = (outcome.in_doubt, verdict.in_doubt.held);
    say(
        ours != theirs,
        format!("{ours} receipts are in doubt, and the mock knows of {theirs}"),
    );
    let open = outcome.deferred
        + [DeliveryState::Pending, DeliveryState::Attempting]
            .iter()
            .filter_map(|state| outcome.others.get(state))
            .sum::<u64>();
    say(open > 0, format!("{open} have come to no end"));
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(count: u64) -> (Outcome, Verdict) {
        let outcome = Outcome {
            planned: count,
            delivered: count,
            ..Outcome::default()
        };
        let verdict = Verdict {
            expected: count,
            accepted: count,
            ..Verdict::default()
        };
        (outcome, verdict)
    }

    #[test]
    fn a_run_that_balances_has_no_reason_to_fail() {
        let (mut outcome, verdict) = passed(10);
        assert_eq!(judge(&mut outcome, &verdict), [""; 0]);
        assert_eq!((outcome.lost, outcome.duplicates), (0, 0));
    }

    #[test]
    fn a_recipient_without_a_receipt_is_lost() {
        let (mut outcome, verdict) = passed(10);
        outcome.delivered = 9;
        assert_eq!(judge(&mut outcome, &verdict).len(), 1);
        assert_eq!(outcome.lost, 1);
    }

    #[test]
    fn what_has_come_to_no_end_fails_a_run() {
        let (mut outcome, verdict) = passed(10);
        outcome.delivered = 7;
        outcome.count(DeliveryState::Deferred);
        outcome.count(DeliveryState::Pending);
        outcome.count(DeliveryState::Attempting);
        assert_eq!(judge(&mut outcome, &verdict), ["3 have come to no end"]);
    }

    #[test]
    fn the_mocks_own_reasons_are_kept() {
        let (mut outcome, mut verdict) = passed(10);
        verdict.verdict = Ruling::Fail;
        assert_eq!(judge(&mut outcome, &verdict).len(), 1);
        verdict.reasons = vec!["2 duplicates".to_owned()];
        verdict.duplicates_by_campaign = 2;
        assert_eq!(judge(&mut outcome, &verdict), ["2 duplicates"]);
        assert_eq!(outcome.duplicates, 2);
    }

    #[test]
    fn a_doubt_that_only_one_side_knows_of_fails_a_run() {
        let (mut outcome, verdict) = passed(10);
        outcome.delivered = 9;
        outcome.in_doubt = 1;
        assert_eq!(judge(&mut outcome, &verdict).len(), 1);
    }

    #[test]
    fn the_sample_says_whose_mark_it_holds() {
        let audience = Audience::new(&crate::plan::spread::Spread::Zipf(3), 10, 1);
        let sample = format!("To: <{}>\r\nSubject: x\r\n\r\nx\r\n", audience.address(4));
        assert_eq!(mark_of(sample.as_bytes(), &audience), Ok(audience.mark(4)));
        for to in ["u4@elsewhere.test", "u99@d1.test", "ada@d1.test"] {
            let sample = format!("To: <{to}>\r\n\r\nx\r\n");
            assert!(mark_of(sample.as_bytes(), &audience).is_err(), "{to}");
        }
    }
}
