use super::*;

fn read(text: &str) -> Providers {
    Providers::read(text, "providers.toml").unwrap()
}

fn name_of<'a>(table: &'a Providers, domain: &str, hosts: &[&str]) -> Option<&'a str> {
    let provider = table.of(domain, hosts.iter().copied());
    provider.map(|provider| provider.name.as_str())
}

#[test]
fn every_built_in_provider_is_found_by_its_own_example() {
    let table = Providers::built_in();
    for provider in table.iter() {
        let example = provider.example.as_deref().expect(&provider.name);
        let found = table.of(example, [example]).unwrap();
        assert_eq!(found.name, provider.name, "{example}");
    }
}

#[test]
fn every_figure_that_is_built_in_has_a_source_and_a_date() {
    let table = Providers::built_in();
    let (limits, sources) = table.default_limits();
    check_sources("default", limits, sources);
    for provider in table.iter() {
        check_sources(&provider.name, &provider.limits, &provider.sources);
    }
}

fn check_sources(name: &str, limits: &Limits, sources: &[Source]) {
    let figures = [
        ("connections_max", limits.connections_max.is_some()),
        (
            "messages_per_connection_max",
            limits.messages_per_connection_max.is_some(),
        ),
        ("rate", limits.rate.is_some()),
        ("tls_required", limits.is_tls_required),
    ];
    for (key, _) in figures.iter().filter(|(_, is_given)| *is_given) {
        let source = sources.iter().find(|source| source.key == *key);
        let source = source.unwrap_or_else(|| panic!("{name}: {key} has no source"));
        assert!(source.place.len() > 10, "{name}: {source:?}");
    }
}

#[test]
fn the_providers_that_rules_of_classification_name_are_here() {
    let table = Providers::built_in();
    for (domain, host, expect) in [
        ("gmail.com", "alt1.gmail-smtp-in.l.google.com", "google"),
        ("firm.test", "aspmx2.googlemail.com", "google"),
        ("aol.com", "mx-aol.mail.gm0.yahoodns.net", "yahoo"),
        (
            "hotmail.com",
            "hotmail-com.olc.protection.outlook.com",
            "outlook",
        ),
        (
            "firm.test",
            "firm-test.mail.protection.outlook.com",
            "microsoft365",
        ),
        ("firm.test", "firm-test.o-v1.mx.microsoft", "microsoft365"),
        ("me.com", "mx02.mail.icloud.com", "icloud"),
        ("web.de", "mx-ha02.web.de", "gmx"),
        ("wanadoo.fr", "smtp-in.orange.fr", "orange"),
        ("", "email-smtp.us-east-1.amazonaws.com", "ses"),
    ] {
        assert_eq!(name_of(&table, domain, &[host]), Some(expect), "{host}");
    }
    assert_eq!(name_of(&table, "firm.test", &["mx.notgoogle.com"]), None);
    assert_eq!(name_of(&table, "notgmx.net", &["mx.notgmx.net"]), None);
}

#[test]
fn a_domain_that_is_listed_wins_over_its_hosts_and_the_longest_suffix_over_shorter_ones() {
    let table = read(
        "[provider.one]\nhosts = ['example.test']\n\
         [provider.two]\nhosts = ['mx.example.test']\n\
         [provider.three]\ndomains = ['third.test']",
    );
    assert_eq!(name_of(&table, "a.test", &["b.example.test"]), Some("one"));
    assert_eq!(
        name_of(&table, "a.test", &["1.mx.example.test"]),
        Some("two")
    );
    assert_eq!(
        name_of(&table, "third.test", &["b.example.test"]),
        Some("three")
    );
}

#[test]
fn a_table_of_the_users_adds_and_replaces() {
    let table = Providers::built_in().with(read(
        "[default]\nconnections_max = 3\n\
         [provider.google]\nhosts = ['google.com']\nconnections_max = 50\n\
         [provider.mine]\nhosts = ['orange.fr']",
    ));
    let google = table.named("google").unwrap();
    assert_eq!(google.limits.connections_max, Some(50));
    assert!(!google.limits.is_tls_required);
    assert_eq!(table.iter().filter(|p| p.name == "google").count(), 1);
    assert_eq!(
        name_of(&table, "a.test", &["smtp-in.orange.fr"]),
        Some("mine")
    );
    let unknown = table.limits(&SiteName::of_host("mx.example.test"));
    assert_eq!(unknown.connections_max, Some(3));
    assert_eq!(unknown.messages_per_connection_max, Some(100));
}

#[test]
fn a_site_is_allowed_what_its_provider_allows_and_the_default_for_the_rest() {
    let table = Providers::built_in();
    let limits = |site: SiteName| {
        let limits = table.limits(&site);
        (limits.connections_max, limits.messages_per_connection_max)
    };
    assert_eq!(limits(SiteName::of_provider("google")), (Some(5), Some(50)));
    assert_eq!(limits(SiteName::of_provider("yahoo")), (Some(10), Some(20)));
    assert_eq!(
        limits(SiteName::of_host("mx.a.test")),
        (Some(10), Some(100))
    );
    let mimecast = SiteName::of_host("eu-smtp-inbound-1.mimecast.com");
    assert_eq!(limits(mimecast), (Some(10), Some(100)));
    let mailgun = SiteName::of_relay("smtp.mailgun.org", 587);
    assert_eq!(limits(mailgun), (Some(7000), Some(3)));
}

/// What is wrong with a table, one problem a line.
fn check(text: &str, expect: &str) {
    let error = Providers::read(text, "mine.toml").unwrap_err();
    assert_eq!(error.to_string(), expect);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    check(
        "[provider.a]\nhosts = ['a.test']\n[provider.b]\nhosts = ['.A.test.']",
        "mine.toml: [provider.b]: a.test stands in [provider.a] too; delete one",
    );
    check(
        "[provider.a]",
        "mine.toml: [provider.a]: name its hosts, its domains, or both",
    );
    check(
        "[provider.'A.b']\nhosts = ['com']\nconnections_max = 0\nrate = 'fast'",
        "mine.toml: [provider.A.b]: a provider's name is lower-case letters, digits and hyphens, at \
         most 32\n\
         mine.toml: [provider.A.b] hosts: `com` is not a suffix of host names such as google.com: \
         two labels or more, the last two without *\n\
         mine.toml: [provider.A.b] connections_max: at least 1; to hold a destination back, close \
         its rate\n\
         mine.toml: [provider.A.b] rate: a rate is written like 20/s, 1000/h, 1/10m or 50/s burst \
         10; 0 is closed",
    );
    check(
        "[provider.a]\nhosts = ['a.test']\nexample = 'mx.b.test'",
        "mine.toml: [provider.a] example: mx.b.test matches none of its hosts and domains",
    );
    check(
        "[provider.a]\nhosts = ['a.test']\nrate = '1/s'\n[provider.a.source]\nrate = 'somewhere'\n\
         connections_max = 'there, 2026-01-01'",
        "mine.toml: [provider.a] source.connections_max: connections_max is not set here; set it, \
         or delete its source\n\
         mine.toml: [provider.a] source.rate: write where it stands and when: `a page, 2026-08-04`",
    );
}

#[test]
fn what_is_no_table_of_providers_is_told_with_its_line() {
    let error = Providers::read("[default]\n\nconnection_max = 5", "mine.toml").unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.starts_with("mine.toml: line 3: "), "{sentence}");
    assert!(sentence.contains("`connections_max`"), "{sentence}");
}
