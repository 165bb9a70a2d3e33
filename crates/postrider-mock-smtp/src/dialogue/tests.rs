//! The dialogue without sockets: what is said, in which order, and what is recorded.

use super::*;
use crate::chance::body_hash;
use crate::log::Accept;
use crate::profile::{Behaviour, Profile};
use crate::tally::Count;
use crate::units::Share;

const NEWS: &str = "MAIL FROM:<news@example.test>\r\n";

struct Client {
    dialogue: Dialogue,
    effects: Effects,
    now_us: i64,
}

impl Client {
    fn of(world: &Arc<World>) -> Self {
        let dialogue = Dialogue::new(Arc::clone(world), 1);
        let mut client = Self {
            dialogue,
            effects: Effects::default(),
            now_us: 0,
        };
        client.send("EHLO client.test\r\n");
        client.effects.replies.clear();
        client
    }

    fn new(profile: Profile) -> Self {
        Self::of(&World::new(profile))
    }

    fn with(behaviour: Behaviour) -> Self {
        Self::new(Profile::sink().with_domain("x.test", behaviour))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Next {
        let times = Times {
            arrived_at_us: self.now_us,
            now_us: self.now_us,
        };
        let mut input = BytesMut::from(bytes.as_ref());
        self.dialogue.advance(&mut input, times, &mut self.effects)
    }

    /// Sends, and answers with the codes of the replies in their order.
    fn codes(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u16> {
        self.send(bytes);
        let replies = String::from_utf8(std::mem::take(&mut self.effects.replies)).unwrap();
        replies
            .lines()
            .map(|line| line[..3].parse().unwrap())
            .collect()
    }

    fn accepts(&self) -> Vec<&Accept> {
        let records = self.effects.records.iter();
        records
            .filter_map(|it| {
                if let Record::Accept(it) = it {
                    Some(it)
                } else {
                    None
                }
            })
            .collect()
    }

    fn counts(&self, counted: fn(&Count) -> bool) -> usize {
        let records = self.effects.records.iter();
        records
            .filter(|it| matches!(it, Record::Count(_, what) if counted(what)))
            .count()
    }
}

fn envelope(recipient: &str) -> String {
    format!("{NEWS}RCPT TO:<{recipient}>\r\nDATA\r\n")
}

#[test]
fn a_pipelined_group_is_answered_in_one_go_and_in_order() {
    let mut client = Client::new(Profile::sink());
    let group = format!("{}x\r\n.\r\n{}", envelope("a@x.test"), envelope("b@x.test"));
    assert_eq!(client.codes(group), [250, 250, 354, 250, 250, 250, 354]);
    assert_eq!(client.codes("y\r\n.\r\nNOOP\r\nQUIT\r\n"), [250, 250, 221]);
    let recipients: Vec<_> = client
        .accepts()
        .iter()
        .map(|it| it.recipient.as_str())
        .collect();
    assert_eq!(recipients, ["a@x.test", "b@x.test"]);
}

#[test]
fn commands_may_arrive_byte_by_byte() {
    let mut client = Client::new(Profile::sink());
    let mut input = BytesMut::new();
    let times = Times {
        arrived_at_us: 0,
        now_us: 0,
    };
    for byte in format!("{}a\r\n.\r\n", envelope("a@x.test")).bytes() {
        input.extend_from_slice(&[byte]);
        client
            .dialogue
            .advance(&mut input, times, &mut client.effects);
    }
    assert_eq!(client.accepts()[0].body_hash, body_hash(b"a\r\n"));
}

#[test]
fn the_log_holds_the_message_without_its_stuffed_dots() {
    let mut client = Client::new(Profile::sink());
    client.now_us = 5;
    client.send(envelope("Ada@X.test"));
    client.now_us = 9;
    client.send("Message-ID: <1@x>\r\nX-Postrider-Campaign: c1\r\n\r\n..a\r\n.\r\n");
    let content = b"Message-ID: <1@x>\r\nX-Postrider-Campaign: c1\r\n\r\n.a\r\n";
    let expected = Accept {
        at_us: 9,
        mail_at_us: 5,
        connection: 1,
        domain: "x.test".to_owned(),
        recipient: "Ada@x.test".to_owned(),
        sender: "news@example.test".to_owned(),
        message_id: Some("<1@x>".to_owned()),
        campaign: Some("c1".to_owned()),
        bytes: content.len() as u64,
        body_hash: body_hash(content),
    };
    assert_eq!(client.accepts(), [&expected]);
}

#[test]
fn commands_out_of_order_are_503() {
    let mut client = Client::of(&World::new(Profile::sink()));
    assert_eq!(client.codes("RCPT TO:<a@x.test>\r\nDATA\r\n"), [503, 503]);
    assert_eq!(client.codes(format!("{NEWS}{NEWS}")), [250, 503]);
    assert_eq!(client.codes("DATA\r\n"), [554], "no recipient was accepted");
    assert_eq!(client.codes("RSET\r\nDATA\r\n"), [250, 503]);
    client.dialogue = Dialogue::new(Arc::clone(&client.dialogue.world), 2);
    assert_eq!(client.codes(NEWS), [503], "nobody has said hello");
    assert_eq!(
        client.codes(format!("HELO me\r\n{NEWS}HELO me\r\n{NEWS}")),
        [250, 250, 250, 250]
    );
}

#[test]
fn bad_lines_are_refused_and_the_next_one_is_read() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(
        client.codes("NOOP\nNOOP\r\n"),
        [500, 250],
        "a bare LF ends no command"
    );
    assert_eq!(client.codes("NO\rOP\r\nNOOP\r\n"), [500, 250]);
    assert_eq!(client.codes("BDAT 5 LAST\r\nVRFY ada\r\n"), [500, 252]);
    assert_eq!(client.codes("\r\n"), [500]);
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(506));
    assert_eq!(
        client.codes(&long),
        [500, 250],
        "513 bytes are one too many"
    );
    assert_eq!(client.codes(&long[1..]), [500, 250]);
    let endless = format!("{}\r\nNOOP\r\n", "x".repeat(100_000));
    assert_eq!(client.codes(endless), [500, 250]);
    assert_eq!(
        client.codes("x".repeat(600)),
        [500],
        "an endless line is refused before its end"
    );
    assert_eq!(client.codes("xxx"), [0; 0]);
    assert_eq!(client.codes("x\r\nNOOP\r\n"), [250]);
}

#[test]
fn mail_may_be_longer_than_other_commands() {
    let mut client = Client::new(Profile::sink());
    let domain = format!("{0}.{0}.{0}.{1}", "d".repeat(63), "d".repeat(60));
    let route = format!("@{0}.{0}.{0}.{0}:", "r".repeat(62));
    let mail = format!("MAIL FROM:<{route}a@{domain}> SIZE=2000000 BODY=8BITMIME\r\n");
    assert!((501..555).contains(&mail.len()), "{}", mail.len());
    assert_eq!(client.codes(mail), [250]);
}

#[test]
fn a_client_that_only_makes_mistakes_is_closed() {
    let mut client = Client::new(Profile::sink());
    assert_eq!(client.send("WHAT\r\n".repeat(100)), Next::Read);
    assert_eq!(client.send("WHAT\r\n"), Next::Close);
    assert_eq!(client.codes("").last(), Some(&421));
}

#[test]
fn a_message_over_the_size_is_552_at_mail_and_at_the_dot() {
    let mut client = Client::new(Profile {
        message_bytes_max: 10,
        ..Profile::sink()
    });
    assert_eq!(
        client.codes("MAIL FROM:<> SIZE=11\r\nMAIL FROM:<> SIZE=10\r\n"),
        [552, 250]
    );
    assert_eq!(client.codes("RSET\r\n"), [250]);
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("123456789\r\n.\r\n"), [552]);
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("12345678\r\n.\r\n"), [250]);
    assert_eq!(client.accepts().len(), 1);
}

#[test]
fn a_parameter_that_was_not_offered_is_555() {
    let mut client = Client::new(Profile {
        keywords: vec![],
        ..Profile::sink()
    });
    assert_eq!(
        client.codes("MAIL FROM:<> SIZE=1\r\nMAIL FROM:<> BODY=8BITMIME\r\n"),
        [555, 555]
    );
    client.send("RSET\r\nEHLO me\r\n");
    assert_eq!(
        client.effects.replies,
        b"250 Ok\r\n250 mock.postrider.test\r\n"
    );
}

#[test]
fn ehlo_offers_what_the_profile_says() {
    let mut client = Client::new(Profile::sink());
    client.send("EHLO me\r\n");
    let expected = "250-mock.postrider.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n\
                    250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
    assert_eq!(client.effects.replies, expected.as_bytes());
}

#[test]
fn the_101st_recipient_is_452() {
    let mut client = Client::new(Profile::sink());
    client.codes(NEWS);
    assert_eq!(
        client.codes("RCPT TO:<a@x.test>\r\n".repeat(100)),
        [250; 100]
    );
    assert_eq!(client.codes("RCPT TO:<a@x.test>\r\n"), [452]);
    assert_eq!(client.codes("DATA\r\n.\r\n"), [354, 250]);
    assert_eq!(client.accepts().len(), 100);
}

#[test]
fn above_the_rate_421_closes_and_other_domains_go_on() {
    let rate = Some("10/s".parse().unwrap());
    let slow = Behaviour {
        rate,
        burst: Some(1),
        ..Behaviour::accept()
    };
    let world = World::new(Profile::sink().with_domain("x.test", slow));
    let mut client = Client::of(&world);
    assert_eq!(
        client.codes(format!("{}.\r\n", envelope("a@x.test"))),
        [250, 250, 354, 250]
    );
    let group = format!("{NEWS}RCPT TO:<a@x.test>\r\nDATA\r\n");
    assert_eq!(client.send(&group), Next::Close);
    assert_eq!(client.codes(""), [250, 421], "nothing follows a 421");
    assert_eq!(client.counts(|what| matches!(what, Count::OverRate)), 1);

    let mut later = Client::of(&world);
    assert_eq!(later.codes(envelope("a@elsewhere.test")), [250, 250, 354]);
    later.codes(".\r\n");
    later.now_us = 100_000;
    assert_eq!(later.codes(envelope("a@x.test")), [250, 250, 354]);
}

#[test]
fn every_mail_is_recorded_when_it_arrived_whatever_was_said_to_it() {
    let mut client = Client::with(Behaviour {
        refuse_share: Share::ALL,
        ..Behaviour::accept()
    });
    let times = Times {
        arrived_at_us: 3,
        now_us: 8,
    };
    let two = format!("{NEWS}RCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@y.test>\r\n");
    let mut input = BytesMut::from(two.as_bytes());
    client
        .dialogue
        .advance(&mut input, times, &mut client.effects);
    assert_eq!(client.codes(""), [250, 550, 550, 250]);
    let records = client.effects.records.iter();
    let mails: Vec<_> = records
        .filter_map(|it| {
            if let Record::Mail(it) = it {
                Some(it)
            } else {
                None
            }
        })
        .map(|mail| (mail.at_us, mail.domain.as_str()))
        .collect();
    assert_eq!(mails, [(3, "x.test"), (3, "y.test")]);
}

#[test]
fn a_place_lasts_from_rcpt_until_the_last_reply_leaves() {
    let delay = "40ms".parse().unwrap();
    let behaviour = Behaviour {
        connections_max: Some(1),
        reply_delay: delay,
        ..Behaviour::accept()
    };
    let world = World::new(Profile::sink().with_domain("x.test", behaviour));
    let group = format!("{NEWS}RCPT TO:<a@x.test>\r\n");
    let is_turned_away = || Client::of(&world).send(&group) == Next::Close;

    let mut holder = Client::of(&world);
    assert!(matches!(holder.send(&group), Next::Wait { .. }));
    assert!(is_turned_away());
    assert!(matches!(holder.send("DATA\r\n"), Next::Wait { .. }));
    assert_eq!(holder.send(""), Next::Read);
    assert!(matches!(holder.send(".\r\n"), Next::Wait { .. }));
    assert!(is_turned_away(), "the 250 has not left");
    assert_eq!(holder.send(""), Next::Read);
    assert!(!is_turned_away());

    holder.send(&group);
    assert!(is_turned_away());
    holder.send("RSET\r\n");
    assert!(!is_turned_away(), "a reset gives the place back");
    holder.send(&group);
    drop(holder);
    assert!(!is_turned_away(), "the end of a connection gives it back");
}

#[test]
fn a_delay_is_for_rcpt_data_and_dot_of_that_domain() {
    let delay: crate::units::Span = "40ms".parse().unwrap();
    let mut client = Client::with(Behaviour {
        reply_delay: delay,
        ..Behaviour::accept()
    });
    let wait = |held_from| Next::Wait {
        delay: delay.duration(),
        held_from,
    };
    let mut input = BytesMut::from(envelope("a@x.test").as_bytes());
    let times = Times {
        arrived_at_us: 0,
        now_us: 0,
    };
    let mut advance = |client: &mut Client| {
        client.effects.replies.clear();
        client
            .dialogue
            .advance(&mut input, times, &mut client.effects)
    };
    assert_eq!(
        advance(&mut client),
        wait("250 2.1.0 Ok\r\n".len()),
        "MAIL is answered at once"
    );
    assert_eq!(advance(&mut client), wait(0), "DATA");
    assert_eq!(advance(&mut client), Next::Read);
    assert_eq!(client.send(".\r\n"), wait(0), "the dot");
    assert_eq!(
        client.accepts().len(),
        1,
        "it is accepted before the reply waits"
    );
    assert_eq!(client.codes("NOOP\r\n"), [250, 250]);
}

#[test]
fn a_drop_before_the_accept_records_no_accept() {
    for drop_at in [DropAt::Data, DropAt::Body, DropAt::BeforeAccept] {
        let mut client = Client::with(Behaviour {
            drop_share: Share::ALL,
            drop_at,
            ..Behaviour::accept()
        });
        let next = match client.send(envelope("a@x.test")) {
            Next::Read => client.send("x\r\n.\r\n"),
            next => next,
        };
        assert_eq!(next, Next::Drop, "{drop_at:?}");
        assert_eq!(client.accepts().len(), 0, "{drop_at:?}");
        assert_eq!(
            client.counts(|what| matches!(what, Count::Dropped)),
            1,
            "{drop_at:?}"
        );
        let replies = if drop_at == DropAt::Data { 2 } else { 3 };
        assert_eq!(client.codes("").len(), replies, "{drop_at:?}");
    }
}

#[test]
fn a_drop_after_the_accept_records_it_and_says_nothing() {
    let mut client = Client::with(Behaviour {
        drop_share: Share::ALL,
        drop_at: DropAt::AfterAccept,
        drop_times_max: Some(1),
        ..Behaviour::accept()
    });
    client.codes(envelope("a@x.test"));
    assert_eq!(client.send("x\r\n.\r\n"), Next::Drop);
    assert_eq!(client.accepts().len(), 1);
    assert_eq!(client.effects.replies, b"");
}

#[test]
fn a_deferral_at_the_dot_is_451_and_records_no_accept() {
    let mut client = Client::with(Behaviour {
        defer_share: Share::ALL,
        defer_at: crate::profile::DeferAt::Dot,
        defer_times_max: Some(1),
        ..Behaviour::accept()
    });
    let group = format!("{}.\r\n", envelope("a@x.test"));
    assert_eq!(client.codes(&group), [250, 250, 354, 451]);
    assert_eq!((client.accepts().len(), client.counts(|_| true)), (0, 1));
    assert_eq!(client.codes(&group), [250, 250, 354, 250]);
}

#[test]
fn bare_line_ends_in_a_message_are_noted() {
    let mut client = Client::new(Profile::sink());
    client.codes(envelope("a@x.test"));
    assert_eq!(client.codes("a\n.\nb\r\n.\r\n"), [250]);
    let is_noted = |record: &Record| matches!(record, Record::BareLineEnds(2));
    assert!(
        client.effects.records.iter().any(is_noted),
        "{:?}",
        client.effects.records
    );
}
