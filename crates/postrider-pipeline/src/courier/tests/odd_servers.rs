//! Servers that break what they offer, or speak out of turn.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::*;

const CHUNKS: Extensions = Extensions {
    chunking: true,
    ..Extensions::STANDARD
};

/// What a server answers to a line that begins like this; to others it says nothing.
type Says = &'static [(&'static str, &'static str)];

/// Starts a server of this kind for one connection.
async fn serve(says: Says) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        writer.write_all(b"220 odd.test\r\n").await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let reply = says.iter().find(|(command, _)| line.starts_with(command));
            if let Some((_, reply)) = reply
                && writer.write_all(reply.as_bytes()).await.is_err()
            {
                return;
            }
        }
    });
    address
}

impl Route {
    /// Carries one message over the gate; what was told, up to its end.
    async fn carry(&mut self) -> Vec<Event> {
        let first = Command::Transmit(job(0), body());
        self.commands.send(first).await.unwrap();
        let mut told = Vec::new();
        loop {
            let event = self.next().await;
            if matches!(event, Event::AtGate(_)) {
                let (until, next) = (Timestamp::NEVER, None);
                let dot = Command::Dot { until, next };
                self.commands.send(dot).await.unwrap();
            }
            let is_over = matches!(event, Event::Ended { .. });
            told.push(event);
            if is_over {
                return told;
            }
        }
    }
}

#[tokio::test]
async fn chunks_that_are_not_known_are_told_before_the_end_and_refuse_nobody() {
    let server = serve(&[
        ("EHLO", "250-odd.test\r\n250 CHUNKING\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "250 ok\r\n"),
        ("BDAT", "500 5.5.1 unknown command\r\n"),
    ]);
    let mut route = Route::to(server.await, CHUNKS).await;
    let told = route.carry().await;
    let [.., broken, ended] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        matches!(broken, Event::OfferBroken(CONNECTION, Offer::Chunks)),
        "{broken:?}"
    );
    let Event::Ended {
        end, is_reusable, ..
    } = ended
    else {
        panic!("{ended:?}");
    };
    let End::Refused(trouble) = end else {
        panic!("{end:?}");
    };
    assert!(!trouble.is_permanent() && !is_reusable, "{trouble}");
}

#[tokio::test]
async fn a_reply_out_of_turn_at_the_gate_is_a_refusal_with_its_words() {
    for offers in ["250 odd.test\r\n", "250-odd.test\r\n250 PIPELINING\r\n"] {
        let says: Says = Vec::leak(vec![
            ("EHLO", offers),
            ("MAIL", "250 ok\r\n"),
            ("RCPT", "250 ok\r\n"),
            ("DATA", "354 go\r\n250 early\r\n"),
        ]);
        let mut route = Route::to(serve(says).await, Extensions::STANDARD).await;
        let told = route.carry().await;
        let Some(Event::Ended { end, .. }) = told.last() else {
            panic!("{told:?}");
        };
        let End::Refused(trouble) = end else {
            panic!("{offers}: {end:?}");
        };
        assert!(trouble.is_out_of_step(), "{trouble}");
        assert!(trouble.to_string().contains("250 early"), "{trouble}");
    }
}
