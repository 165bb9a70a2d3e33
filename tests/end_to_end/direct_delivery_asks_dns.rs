//! Direct delivery asks DNS who takes mail for a domain, and believes only a clear answer.
//!
//! The name server and the receivers are the scene's own, on loopback; the domains are invented, and
//! nothing else is asked or dialled.

use std::collections::{BTreeSet, HashMap};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use postrider_api::{CampaignVerb, ExportLine};

use postrider_mock_smtp::Profile;
use postrider_tests::name_server::{Fault, NameServer, Zone};
use postrider_tests::until;
use postrider_types::{CampaignId, DeliveryState};

use crate::house::{CAMPAIGN, House, Mock, Service, beside_others, hello, lines_of_people, people};

/// A service that asks `server` and dials the hosts it names at the port of `mock`.
async fn serve(house: &House, server: &NameServer, mock: &Mock) -> Service {
    let port = mock.server().local_addr().port();
    let name_server = server.address();
    let config = format!(
        "[route]\n\
         deliver = \"mx\"\n\
         [mx]\n\
         nameservers = [\"{name_server}\"]\n\
         port = {port}\n\
         loopback = true\n"
    );
    house.serve(&config).await
}

/// All recipients, as soon as everybody has an end who is not at one of the domains in `open`.
async fn all_but(service: &Service, id: CampaignId, open: &[&str]) -> Vec<ExportLine> {
    until(CAMPAIGN, "an end for everyone else", async || {
        let lines = service.export(id).await;
        let is_ended = |line: &ExportLine| is_at(line, open) || !line.state.is_open();
        lines.iter().all(is_ended).then_some(lines)
    })
    .await
}

/// Whether this recipient's domain is one of `domains`.
fn is_at(line: &ExportLine, domains: &[&str]) -> bool {
    let (_, domain) = line.recipient.rsplit_once('@').expect("an address");
    domains.contains(&domain)
}

/// State and code of everybody at a domain; all of them had the same.
fn outcome(lines: &[ExportLine], domain: &str) -> (DeliveryState, Option<u16>) {
    let at_domain = lines
        .iter()
        .filter(|line| line.recipient.ends_with(&format!("@{domain}")));
    let outcomes: BTreeSet<_> = at_domain
        .map(|line| (line.state, line.reply.as_ref().map(|reply| reply.code)))
        .collect();
    assert_eq!(outcomes.len(), 1, "{domain}: {outcomes:?}");
    outcomes.into_iter().next().expect("there is one")
}

#[tokio::test]
async fn everyone_is_delivered_bounced_or_kept_as_dns_says() {
    let _turn = beside_others().await;
    let server = NameServer::start(
        Zone::new()
            .mx("shared-a.test", 10, "mx.shared.test")
            .mx("shared-b.test", 10, "mx.shared.test")
            .address("mx.shared.test", "127.0.0.1")
            // Nobody listens at the better host.
            .mx("second.test", 10, "dead.test")
            .mx("second.test", 20, "mx.shared.test")
            .address("dead.test", "127.0.0.9")
            .address("implicit.test", "127.0.0.1")
            .cname("alias.test", "shared-a.test")
            .mx("null.test", 0, ".")
            .mx("inside.test", 10, "inside.test")
            .address("inside.test", "10.255.255.1")
            .fault(
                "broken.test",
                RecordType::MX,
                Fault::Code(ResponseCode::ServFail),
            ),
    )
    .await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let service = serve(&house, &server, &mock).await;
    let delivered = [
        "shared-a.test",
        "shared-b.test",
        "second.test",
        "implicit.test",
        "alias.test",
    ];
    let bounced = [("null.test", 556), ("gone.test", 550)];
    // A server that fails, and a host at an address that mail may not be sent to, by a slip of
    // whoever keeps the zone: neither says that there is no such mailbox.
    let kept = ["inside.test", "broken.test"];
    let mut list = people(5, "shared-a.test");
    let others = bounced.map(|(domain, _)| domain);
    for domain in delivered[1..].iter().chain(&others).chain(&kept) {
        list.push_str(&lines_of_people(5, domain));
    }
    let id = service.campaign("direct", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    let lines = all_but(&service, id, &kept).await;

    for domain in delivered {
        assert_eq!(
            outcome(&lines, domain).0,
            DeliveryState::Delivered,
            "{domain}"
        );
    }
    for (domain, code) in bounced {
        let expect = (DeliveryState::Bounced, Some(code));
        assert_eq!(outcome(&lines, domain), expect, "{domain}");
    }
    let kept_lines: Vec<_> = lines.iter().filter(|line| is_at(line, &kept)).collect();
    assert!(
        kept_lines.iter().all(|line| line.state.is_open()),
        "DNS never said no"
    );
    assert_eq!(kept_lines.len(), 5 * kept.len());
    let accepts = mock.accepts_by_recipient();
    assert_eq!(accepts.len(), 5 * delivered.len());
    assert!(accepts.values().all(|count| *count == 1), "{accepts:?}");
    assert_eq!(server.asked("shared-a.test", RecordType::MX), 1);

    service.change(id, CampaignVerb::Cancel).await;
    service.end_of(id).await;
    service.stop().await;
}

#[tokio::test]
async fn domains_of_one_provider_share_what_it_allows_of_a_connection() {
    let _turn = beside_others().await;
    // By the table, icloud.com takes five messages on a connection, whatever the domain.
    const ALLOWED: usize = 5;
    let server = NameServer::start(
        Zone::new()
            .mx("one.test", 10, "mx01.mail.icloud.com")
            .mx("two.test", 10, "mx01.mail.icloud.com")
            .address("mx01.mail.icloud.com", "127.0.0.1"),
    )
    .await;
    let house = House::new();
    let mock = Mock::start(&house, Profile::sink()).await;
    let service = serve(&house, &server, &mock).await;
    let list = people(30, "one.test") + &lines_of_people(30, "two.test");
    let id = service.campaign("provider", &hello(), &list).await;
    service.change(id, CampaignVerb::Start).await;
    service.end_of(id).await;

    let mut by_connection: HashMap<u64, usize> = HashMap::new();
    for accept in mock.accepts() {
        *by_connection.entry(accept.connection).or_default() += 1;
    }
    assert_eq!(by_connection.values().sum::<usize>(), 60);
    let most = by_connection.values().max().expect("there is one");
    assert_eq!(*most, ALLOWED, "{by_connection:?}");
    service.stop().await;
}
