//! Messages in chunks.

use super::*;

const TO: &str = "RCPT TO:<a@x.test>\r\n";

fn client() -> Client {
    Client::new(Profile::sink())
}

#[test]
fn a_message_in_chunks_is_one_message() {
    let mut client = client();
    assert_eq!(client.codes(format!("{NEWS}{TO}")), [250, 250]);
    assert_eq!(
        client.replies("BDAT 3\r\n.\r\n"),
        "250 2.0.0 Ok: 3 octets\r\n"
    );
    assert_eq!(
        client.replies("BDAT 3 LAST\r\n..\n"),
        "250 2.0.0 Ok: queued as 1.1\r\n"
    );
    assert_eq!(client.accepts()[0].body_hash, body_hash(b".\r\n..\n"));
    assert_eq!(client.accepts()[0].bytes, 6);
    client.codes(format!("{NEWS}{TO}"));
    assert_eq!(client.codes("BDAT 1\r\naBDAT 0 LAST\r\n"), [250, 250]);
    assert_eq!(client.accepts()[1].body_hash, body_hash(b"a"));
}

#[test]
fn whole_messages_in_chunks_may_be_streamed_in_one_group() {
    let mut client = client();
    let one = format!("{NEWS}{TO}BDAT 4 LAST\r\nRSET");
    assert_eq!(client.codes(one.repeat(3)), [250; 9]);
    assert_eq!(client.accepts().len(), 3);
    assert_eq!(client.faults(), []);
}

#[test]
fn octets_may_arrive_one_by_one() {
    let mut client = client();
    let all = format!("{NEWS}{TO}BDAT 4\r\na\r\nbBDAT 2 LAST\r\ncd");
    let mut codes = Vec::new();
    for byte in all.bytes() {
        codes.extend(client.codes([byte]));
    }
    assert_eq!(codes, [250; 4]);
    assert_eq!(client.accepts()[0].body_hash, body_hash(b"a\r\nbcd"));
    assert_eq!(client.faults(), []);
}

#[test]
fn a_refusal_is_said_when_all_octets_were_read() {
    let mut client = client();
    client.now_us += 1_000_000;
    assert_eq!(
        client.codes("BDAT 10 LAST\r\nRSET\r\n"),
        [0; 0],
        "four are to come"
    );
    assert_eq!(client.codes("123"), [0; 0]);
    assert_eq!(client.codes("4"), [503], "there is no transaction");
    assert_eq!(client.faults(), [FaultKind::Order]);
    client.codes(NEWS);
    assert_eq!(client.codes("BDAT 2\r\nxxBDAT 2 LAST\r\nxx"), [554, 503]);
    assert_eq!(client.faults(), [], "the second was under way");
}

#[test]
fn after_the_last_chunk_another_one_is_503() {
    let mut client = client();
    client.codes(format!("{NEWS}{TO}BDAT 1 LAST\r\nx"));
    assert_eq!(client.codes("BDAT 1 LAST\r\nx"), [503]);
    assert_eq!(client.accepts().len(), 1);
}

#[test]
fn data_and_chunks_do_not_mix() {
    let mut client = client();
    client.codes(format!("{NEWS}{TO}BDAT 1\r\nx"));
    assert_eq!(
        client.codes_in_turn(&["DATA", "RCPT TO:<b@x.test>"]),
        [503, 503]
    );
    assert_eq!(
        client.codes_in_turn(&["RSET", "BDAT 0 LAST"]),
        [250, 503],
        "RSET ends it"
    );
    assert!(client.accepts().is_empty());
    assert_eq!(client.faults(), [FaultKind::Order; 3]);
}

#[test]
fn chunks_over_the_size_are_552() {
    let mut client = Client::new(Profile {
        message_bytes_max: 5,
        ..Profile::sink()
    });
    client.codes(format!("{NEWS}{TO}"));
    assert_eq!(client.codes("BDAT 3\r\nxxx"), [250]);
    assert_eq!(
        client.codes("BDAT 3 LAST\r\nxxxBDAT 1 LAST\r\nx"),
        [552, 503]
    );
    assert!(client.accepts().is_empty());
}

#[test]
fn a_chunk_of_no_known_size_closes() {
    let mut client = client();
    client.codes(format!("{NEWS}{TO}"));
    assert_eq!(client.send("BDAT many LAST\r\n"), Next::Close);
    assert_eq!(client.said(), [501]);
}

#[test]
fn without_the_offer_nobody_knows_of_chunks() {
    let mut client = Client::new(Profile {
        keywords: vec![Keyword::Pipelining],
        ..Profile::sink()
    });
    client.codes(format!("{NEWS}{TO}"));
    assert_eq!(client.codes("BDAT 4 LAST\r\nRSET\r\n"), [500, 250]);
    let mut liar = Client::new(Profile {
        refuses: vec![Keyword::Chunking],
        ..Profile::sink()
    });
    liar.codes(format!("{NEWS}{TO}"));
    assert_eq!(liar.codes("BDAT 6 LAST\r\nRSET\r\n"), [502]);
    assert_eq!(liar.faults(), []);
}

#[test]
fn drops_apply_to_chunks_as_to_a_message_after_data() {
    for (drop_at, accepted) in [
        (DropAt::Data, 0),
        (DropAt::Body, 0),
        (DropAt::BeforeAccept, 0),
        (DropAt::AfterAccept, 1),
    ] {
        let mut client = Client::with(Behaviour {
            drop_share: Share::ALL,
            drop_at,
            ..Behaviour::accept()
        });
        let group = format!("{NEWS}{TO}BDAT 1 LAST\r\nx");
        assert_eq!(client.send(group), Next::Drop, "{drop_at:?}");
        assert_eq!(client.said(), [250, 250], "{drop_at:?}");
        assert_eq!(client.accepts().len(), accepted, "{drop_at:?}");
        assert_eq!(
            client.counts(|what| matches!(what, Count::Dropped)),
            1,
            "{drop_at:?}"
        );
    }
}
