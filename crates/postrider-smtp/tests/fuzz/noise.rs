//! Servers that are noise: whatever they say and whenever they say it, the session ends by its
//! deadlines, nothing panics, and nothing is accepted without a 2xx.

use std::time::Duration;

use postrider_smtp::Extensions;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{advance, timeout};

use crate::client::{Fate, Message, Told, paused, send_all};

/// Longer than all deadlines of a session together.
const FOR_EVER: Duration = Duration::from_secs(7 * 24 * 3_600);

#[derive(Debug, Clone)]
enum Step {
    Say(Vec<u8>),
    /// Reads at most so many octets, if the client says any in time.
    Read(usize),
    Wait(Duration),
}

fn any_step() -> impl Strategy<Value = Step> {
    let reply = "[2-5][0-9]{2}[ -]([245]\\.[0-9]\\.[0-9] )?[a-z ]{0,12}\r?\n";
    prop_oneof![
        8 => reply.prop_map(|text| Step::Say(text.into_bytes())),
        8 => prop::sample::select(vec![
            "220 hi\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250-PIPELINING\r\n",
            "250-CHUNKING\r\n", "421 bye\r\n", "250 ok\r\n250 ok\r\n354 go\r\n", "503 what\r\n",
        ]).prop_map(|text| Step::Say(text.as_bytes().to_vec())),
        2 => prop::collection::vec(any::<u8>(), 0..100).prop_map(Step::Say),
        1 => (1_usize..9_000).prop_map(|octets| Step::Say(vec![b'2'; octets])),
        1 => (1_usize..300).prop_map(|lines| Step::Say(b"250-x\r\n".repeat(lines))),
        8 => (1_usize..3_000).prop_map(Step::Read),
        2 => (0_u64..1_500).prop_map(|seconds| Step::Wait(Duration::from_secs(seconds))),
    ]
}

/// Plays the steps and closes; says how many of the replies were 2xx.
async fn play(mut stream: DuplexStream, steps: Vec<Step>) {
    let mut buffer = vec![0; 3_000];
    for step in steps {
        match step {
            Step::Say(bytes) => {
                let saying = stream.write_all(&bytes);
                if !matches!(timeout(FOR_EVER, saying).await, Ok(Ok(()))) {
                    return;
                }
            }
            Step::Read(octets) => {
                let reading = stream.read(&mut buffer[..octets]);
                drop(timeout(Duration::from_secs(1), reading).await);
            }
            Step::Wait(time) => advance(time).await,
        }
    }
}

proptest! {
    #[test]
    fn a_session_with_noise_ends(
        steps in prop::collection::vec(any_step(), 0..40),
        is_courteous: bool,
        chunking: bool,
        capacity in prop_oneof![Just(64 * 1_024_usize), 1_usize..100],
    ) {
        let mut steps = steps;
        if is_courteous {
            let opening = b"220 hi\r\n250-hi\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SIZE\r\n";
            steps.insert(0, Step::Say(opening.to_vec()));
        }
        let heard: Vec<u8> = steps.iter().flat_map(|step| match step {
            Step::Say(bytes) => bytes.clone(),
            _ => Vec::new(),
        }).collect();
        let message = Message { segments: vec![b"a: b\r\n\r\n.c\r\n".repeat(40)], fate: Fate::Go };
        let messages = vec![message; 4];
        let told = paused().block_on(async {
            let (ours, theirs) = duplex(capacity);
            let server = tokio::spawn(play(theirs, steps));
            let extensions = Extensions { chunking, ..Extensions::STANDARD };
            let told = timeout(FOR_EVER, send_all(ours, extensions, &messages)).await;
            server.abort();
            told
        });
        let told = told.expect("the session ends by its deadlines");
        let accepted = told.iter().filter(|told| matches!(told, Told::Accepted)).count();
        let positive = heard.windows(2).filter(|pair| pair.ends_with(b"2")).count();
        prop_assert!(accepted <= positive, "{} accepted, {} said", accepted, positive);
    }
}
