//! How the decisions of the world are carried out.

use super::*;

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
    assert_eq!(client.deliver("a@x.test", ".\r\n"), [250, 250, 354, 250]);
    let group = format!("{NEWS}RCPT TO:<a@x.test>\r\nDATA\r\n");
    assert_eq!(client.send(&group), Next::Close);
    assert_eq!(client.said(), [250, 421], "nothing follows a 421");
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
    assert_eq!(client.said(), [250, 550, 550, 250]);
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
        assert_eq!(client.said().len(), replies, "{drop_at:?}");
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
    assert_eq!(client.deliver("a@x.test", ".\r\n"), [250, 250, 354, 451]);
    assert_eq!((client.accepts().len(), client.counts(|_| true)), (0, 1));
    assert_eq!(client.deliver("a@x.test", ".\r\n"), [250, 250, 354, 250]);
}
