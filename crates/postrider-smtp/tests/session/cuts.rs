//! A session of four messages, one of them refused at RCPT and one at its end, cut at every octet
//! in both directions: in lock-step, in groups and in chunks.
//!
//! What must hold wherever the cut is: a message is accepted only when its whole reply was read, it
//! is in doubt if and only if its terminator was handed to the stream and that reply was not read,
//! and everything else is known not to have been accepted. And the server agrees: what it accepted
//! is nowhere thought unsent, what it has not is nowhere called accepted, and nothing came twice.

use postrider_smtp::{Extensions, Outgoing};

use crate::courier::{CHUNKS, CHUNKS_IN_LOCK_STEP, GROUPS, Known, LOCK_STEP, carry, mail};
use crate::line::{MANNERS, Manner, Stream};
use crate::receiver::{Receiver, Verdict};

const OFFERS: &[&str] = &["PIPELINING", "CHUNKING", "SIZE", "8BITMIME"];

const WAYS: [Extensions; 4] = [LOCK_STEP, GROUPS, CHUNKS, CHUNKS_IN_LOCK_STEP];

fn mails() -> Vec<Outgoing> {
    [
        ("ada", "a: 1\r\n\r\n.\r\nb\r\n"),
        ("bad", "a: 2\r\n\r\nb\r\n"),
        ("cleo", "a: 3\r\n\r\nspam\r\n"),
        ("dora", "a: 4\r\n\r\n\r\n..\r\n"),
    ]
    .map(|(local, body)| mail(local, body))
    .to_vec()
}

/// The octets of a whole session and where in them each message is decided.
struct Session {
    mails: Vec<Outgoing>,
    verdicts: Vec<Verdict>,
    written: usize,
    read: usize,
}

impl Session {
    async fn of(extensions: Extensions) -> Self {
        Self::with(extensions, mails(), &[250, 550, 554, 250]).await
    }

    /// The session of these messages, which end like this.
    async fn with(extensions: Extensions, mails: Vec<Outgoing>, codes: &[u16]) -> Self {
        let stream = Stream::new(Receiver::new(OFFERS));
        let known = carry(stream.clone(), extensions, &mails).await;
        let shown = known.iter().map(|known| match known {
            Known::Not(trouble) => trouble.reply().unwrap().code,
            Known::Accepted => 250,
            other => panic!("{other:?}"),
        });
        assert_eq!(shown.collect::<Vec<_>>(), codes);
        let line = stream.line();
        Self {
            mails,
            verdicts: line.receiver.verdicts.clone(),
            written: line.handed,
            read: line.read,
        }
    }

    /// Runs the session with a cut and holds what the client believes against the table.
    async fn check(&self, way: Extensions, manner: Manner, read_left: usize, write_left: usize) {
        let stream = Stream::new(Receiver::new(OFFERS));
        {
            let mut line = stream.line();
            (line.manner, line.read_left, line.write_left) = (manner, read_left, write_left);
        }
        let known = carry(stream.clone(), way, &self.mails).await;
        let line = stream.line();
        let place = format!("{way:?} {manner:?} read {read_left} write {write_left}: {known:?}");
        for (index, known) in known.iter().enumerate() {
            let verdict = &self.verdicts[index];
            let is_read = line.read >= verdict.said;
            // The dot binds from its first octet on, a last chunk from its last.
            let binding = verdict.heard - if way.chunking { 0 } else { 2 };
            let is_handed = line.handed >= binding && !verdict.reply.starts_with("550");
            let is_as_expected = match (is_read, is_handed, known) {
                (true, _, Known::Accepted) => verdict.reply.starts_with("250"),
                (true, _, Known::Not(trouble)) => {
                    trouble.is_permanent() && !verdict.reply.starts_with("250")
                }
                (false, true, Known::InDoubt) => true,
                (false, false, Known::Not(trouble)) => !trouble.is_permanent(),
                (false, false, Known::Untried) => true,
                _ => false,
            };
            assert!(is_as_expected, "message {index}, {place}");
            let to = self.mails[index].envelope.forward_path.as_str();
            let copies = line
                .receiver
                .accepted
                .iter()
                .filter(|message| message.to == to);
            let expect = match known {
                Known::Accepted => 1..=1,
                Known::InDoubt => 0..=1,
                Known::Not(_) | Known::Untried => 0..=0,
            };
            assert!(expect.contains(&copies.count()), "message {index}, {place}");
        }
        // The envelope behind a lost dot goes back as if it had never been tried.
        for pair in known.windows(2) {
            if let (Known::InDoubt, Known::Not(trouble)) = (&pair[0], &pair[1]) {
                assert!(trouble.is_neutral(), "{place}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_octet_from_the_server_leaves_exactly_what_is_known() {
    for way in WAYS {
        let session = Session::of(way).await;
        for manner in MANNERS {
            for octets in 0..=session.read {
                session.check(way, manner, octets, usize::MAX).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_at_any_octet_to_the_server_leaves_exactly_what_is_known() {
    for way in WAYS {
        let session = Session::of(way).await;
        for manner in MANNERS {
            for octets in 0..=session.written {
                session.check(way, manner, usize::MAX, octets).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_within_a_message_of_two_chunks_leaves_exactly_what_is_known() {
    let large = "0123456789abcde\r\n".repeat(4_200);
    let mails = vec![mail("ada", &large), mail("bert", "b\r\n")];
    for way in [CHUNKS, CHUNKS_IN_LOCK_STEP] {
        let session = Session::with(way, mails.clone(), &[250, 250]).await;
        let end = session.verdicts[0].heard;
        // Behind the command of the last chunk.
        let border = end - 64 * 1024;
        let near = |place: usize| place - 40..place + 40;
        let cuts = near(border).chain(near(end)).chain((0..end).step_by(4_999));
        for octets in cuts {
            session.check(way, Manner::Loud, usize::MAX, octets).await;
            session.check(way, Manner::Half, usize::MAX, octets).await;
        }
        for octets in 0..=session.read {
            session.check(way, Manner::Loud, octets, usize::MAX).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_is_what_was_sent() {
    for way in WAYS {
        let stream = Stream::new(Receiver::new(OFFERS));
        carry(stream.clone(), way, &mails()).await;
        let line = stream.line();
        let arrived = line.receiver.accepted.iter();
        let arrived = arrived.map(|m| (m.from.as_str(), m.to.as_str(), m.body.as_str()));
        let expect = [
            (
                "bounce-ada@example.test",
                "ada@example.test",
                "a: 1\r\n\r\n.\r\nb\r\n",
            ),
            (
                "bounce-dora@example.test",
                "dora@example.test",
                "a: 4\r\n\r\n\r\n..\r\n",
            ),
        ];
        assert_eq!(arrived.collect::<Vec<_>>(), expect, "{way:?}");
    }
}
