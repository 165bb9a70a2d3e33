//! Replies that do not arrive, as they are recorded.

use super::*;
use crate::log::Unanswered;

fn unanswered(client: &mut Client) -> Vec<Unanswered> {
    let records = std::mem::take(&mut client.effects.records);
    let lines = records.into_iter().filter_map(|it| match it {
        Record::Unanswered(line) => Some(line),
        _ => None,
    });
    lines.collect()
}

/// One message to a magic address under the campaign `c`; what is recorded of its reply: whether
/// it was accepted, and whether that the client cannot know is beyond doubt.
fn check(local_part: &str, expected: &[(bool, bool)]) {
    let mut client = Client::new(Profile::sink());
    let recipient = format!("{local_part}@x.test");
    client.deliver(&recipient, "X-Postrider-Campaign: c\r\n\r\nhello\r\n.\r\n");
    let lines = unanswered(&mut client);
    let found = lines.iter().map(|it| (it.is_accepted, it.is_doubtless));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{local_part}");
    for line in lines {
        assert_eq!(line.recipient, recipient);
        assert_eq!(line.campaign.as_deref(), Some("c"));
    }
}

#[test]
fn a_reply_to_the_dot_that_does_not_arrive_whole_is_recorded_and_others_are_not() {
    check("ok", &[]);
    check("atdata-554", &[]);
    check("bounce", &[]);
    check("drop-after-dot", &[(true, true)]);
    check("drop-unaccepted", &[(false, true)]);
    check("half", &[(true, true)]);
}

#[test]
fn a_reply_that_is_late_is_missing_when_the_client_has_left_before() {
    let mut client = Client::new(Profile::sink());
    let message = "X-Postrider-Campaign: c\r\n\r\nhello\r\n.\r\n";
    client.deliver("late-5s@x.test", message);
    assert!(unanswered(&mut client).is_empty(), "it may still arrive");
    let left = client.dialogue.unheard();
    assert!(
        matches!(&left[..], [Record::Unanswered(line)] if line.is_accepted && line.is_doubtless),
        "{left:?}"
    );
    client.deliver("late-5s@x.test", message);
    // The wait is over.
    client.send("");
    assert!(client.dialogue.unheard().is_empty());
}

#[test]
fn whoever_is_cut_off_in_a_message_may_know_better() {
    let mut client = Client::with(Behaviour {
        drop_share: Share::ALL,
        drop_at: DropAt::Body,
        ..Behaviour::accept()
    });
    client.deliver("a@x.test", "hello\r\n.\r\n");
    let lines = unanswered(&mut client);
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].is_doubtless && !lines[0].is_accepted && lines[0].campaign.is_none());
}
