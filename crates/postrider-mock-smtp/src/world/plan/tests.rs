//! What a plan says for domains and doors.

use super::*;

fn plan(text: &str) -> Plan {
    Plan::new(Profile::from_toml(&format!("name = 'x'\n{text}")).unwrap())
}

#[test]
fn a_domain_says_first_what_its_own_table_says_and_then_what_its_provider_does() {
    let plan = plan(
        "[provider.big.behaviour]\nreply_delay = '40ms'\nrefuse_share = 0.1\n\
         [domain.'a.test']\nprovider = 'big'\nrefuse_share = 0.5\n\
         [domain.'b.test']\nrate = '5/s'\n[default]\nreply_delay = '7ms'",
    );
    let own = &plan.domain("a.test").behaviour;
    assert_eq!(own.refuse_share, crate::units::Share::new(0.5).unwrap());
    assert_eq!(own.reply_delay.to_string(), "40ms");
    assert_eq!(plan.provider_of("a.test"), "big");
    let alone = &plan.domain("b.test").behaviour;
    assert!(
        alone.reply_delay.duration().is_zero(),
        "[default] is for others"
    );
    assert_eq!(
        plan.domain("c.test").behaviour.reply_delay.to_string(),
        "7ms"
    );
    assert_eq!(plan.provider_of("c.test"), "");
}

#[test]
fn only_what_goes_by_the_past_needs_a_lock() {
    let plan = plan(
        "[default]\nrefuse_share = 0.5\nreply_delay = '1ms'\n\
         reject = [{ share = 0.1, reply = '550 no' }]\noutage = { lasts = '1s' }\n\
         [provider.big]\nrate = '5/s'\n[domain.'a.test']\nprovider = 'big'\n\
         [domain.'b.test']\nreject = [{ share = 0.1, reply = '450 no' }]",
    );
    let remembers = |domain| plan.domain(domain).remembers;
    assert_eq!(
        [remembers("x"), remembers("a.test"), remembers("b.test")],
        [false, true, true]
    );
}

#[test]
fn the_time_scale_divides_every_span_and_no_rate() {
    let plan = plan(
        "time_scale = 10\n[domain.'a.test']\nprovider = 'p'\nrate = '5/s'\nreply_delay = '10ms'\n\
         greylist_after = '10s'\npenalties = ['1m']\noutage = { after = '5s', lasts = '10s' }\n\
         latency = { rcpt = 'lognormal(20ms, 0.5)', dot = '30ms' }\n\
         mishap = [{ share = 0.1, stage = 'dot', how = 'late', delay = '40s' }]\n\
         [provider.p]\npenalties = ['1h']",
    );
    let own = &plan.domain("a.test").behaviour;
    assert_eq!(own.rate.unwrap().to_string(), "5/s");
    let latency = [own.latency.rcpt.to_string(), own.latency.dot.to_string()];
    assert_eq!(latency, ["lognormal(2ms, 0.5)", "3ms"]);
    let outage = own.outage.unwrap();
    let spans = [
        own.reply_delay,
        own.greylist_after.unwrap(),
        own.penalties[0],
        outage.after,
        outage.lasts,
        own.mishap[0].delay,
        plan.provider("p").unwrap().penalties[0],
    ];
    let spans = spans.map(|span| span.to_string());
    assert_eq!(spans, ["1ms", "1s", "6s", "500ms", "1s", "4s", "6m"]);
    assert_eq!(
        plan.scaled(Duration::from_secs(1)),
        Duration::from_millis(100)
    );
}

#[test]
fn a_door_offers_its_own_and_for_the_rest_what_the_profile_offers() {
    let plan = plan(
        "hostname = 'mx.test'\nkeywords = ['PIPELINING', 'SIZE']\nrefuses = ['SIZE']\n\
         [provider.a]\naddress = '127.0.1.2'\nhostname = 'a.test'\nsize_offered = 7\n\
         [provider.b]\naddress = '127.0.1.1'\nkeywords = ['SIZE']\n[provider.c]",
    );
    let offer = |name: &str| plan.door(&Door::Provider(name.into())).offer.clone();
    assert_eq!(
        (offer("a").hostname.as_str(), offer("a").size),
        ("a.test", 7)
    );
    assert!(offer("a").honours(Keyword::Size) && offer("a").offers(Keyword::Pipelining));
    assert!(!offer("b").offers(Keyword::Pipelining));
    let common = &plan.door(&Door::Common).offer;
    assert!(common.offers(Keyword::Size) && !common.honours(Keyword::Size));
    let doors: Vec<_> = plan
        .doors()
        .iter()
        .map(|(name, at)| format!("{name} {at}"))
        .collect();
    assert_eq!(doors, ["a 127.0.1.2", "b 127.0.1.1"]);
}
