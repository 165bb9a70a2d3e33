//! Profiles as text: what reads, what is refused and how, and the built-in ones.

use super::*;

#[test]
fn the_built_in_profiles_read_and_are_found_by_name() {
    assert_eq!(Profile::named("sink").unwrap().default, Behaviour::accept());
    let sample = Profile::named("sample").unwrap();
    assert_eq!(sample.domain.len(), 6);
    assert_eq!(sample.behaviour("slow.test").connections_max, Some(4));
    assert_eq!(sample.behaviour("flaky.test").drop_at, DropAt::Data);
    assert_eq!(sample.behaviour("elsewhere.test"), &Behaviour::accept());
    assert!(Profile::named("nobody").is_none());
    for built_in in BuiltIn::all() {
        let profile = Profile::named(built_in.name).unwrap();
        assert_eq!(profile.name, built_in.name);
        assert!(!built_in.summary().is_empty(), "{}", built_in.name);
    }
}

#[test]
fn an_unknown_key_or_a_bad_value_is_an_error() {
    let check = |text: &str| Profile::from_toml(text).unwrap_err().to_string();
    assert_eq!(check("name = 'x'\nsed = 4"), "the profile cannot be read");
    check("name = 'x'\n[default]\nrate_max = '5/s'");
    check("name = 'x'\n[default]\nrate = '5'");
    check("name = 'x'\n[default]\ndrop_share = 1.5");
    check("name = 'x'\nkeywords = ['TURN']");
    assert!(check("name = 'x'\nconnections_max = 99999").contains("at most 16384"));
}

#[test]
fn what_toml_cannot_read_is_shown_with_its_line() {
    let check = |text: &str, wanted: &[&str]| {
        let error = Profile::from_toml(text).unwrap_err();
        let source = std::error::Error::source(&error)
            .expect("TOML says more")
            .to_string();
        for part in wanted {
            assert!(source.contains(part), "{source:?} does not say {part:?}");
        }
    };
    check(
        "name = 'x'\n[default]\nrat = '5/s'",
        &["line 3", "unknown field `rat`"],
    );
    check(
        "name = 'x'\n[default]\nreject = [{ share = 0.1, reply = '250 fine' }]",
        &[
            "line 3",
            "a reply that refuses",
            "write a code from 400 to 599",
        ],
    );
    check(
        "name = 'x'\n[default.latency]\nrcpt = 'soon'",
        &["line 3", "lognormal(20ms, 0.5)"],
    );
    check(
        "name = 'x'\n[provider.a]\nover_messages = 'shut'",
        &["line 3", "\"shut\""],
    );
}

#[test]
fn keys_that_do_not_fit_one_another_are_named_with_what_to_do() {
    let check = |text: &str, key: &str, remedy: &str| {
        let error = Profile::from_toml(&format!("name = 'x'\n{text}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(key) && error.contains(remedy), "{error:?}");
    };
    check("time_scale = 0", "time_scale", "from 1 to 86400");
    check(
        "[domain.'x.test']\nprovider = 'a'",
        "domain.\"x.test\".provider",
        "add [provider.a]",
    );
    check(
        "[provider.a]\naddress = '8.8.8.8'",
        "provider.a.address",
        "write 127.0.1.N",
    );
    let same_door = "[provider.a]\naddress = '127.0.1.1'\n[provider.b]\naddress = '127.0.1.1'";
    check(
        same_door,
        "provider.b.address",
        "give each provider its own",
    );
    check(
        "[provider.a]\nconnections_max = 0",
        "provider.a",
        "at least 1",
    );
    check(
        "[provider.a.behaviour]\nprovider = 'b'",
        "provider.a.behaviour.provider",
        "take the key out",
    );
    let mishap = |keys: &str| format!("[default]\nmishap = [{{ share = 0.1, {keys} }}]");
    let accepts = mishap("stage = 'rcpt', how = 'close', accepts = true");
    check(&accepts, "default.mishap[0].accepts", "set stage = \"dot\"");
    check(
        &mishap("stage = 'body', how = 'half'"),
        "default.mishap[0].how",
        "use \"data\"",
    );
    check(
        &mishap("stage = 'dot', how = 'late'"),
        "default.mishap[0].delay",
        "as in \"5s\"",
    );
    let reject = "[default]\nreject = [{ share = 0.1, stage = 'body', reply = '550 no' }]";
    check(reject, "default.reject[0].stage", "use \"data\"");
    check(
        "[default]\noutage = { lasts = '9s', every = '9s' }",
        "default.outage",
        "shorter than every",
    );
    let grey = "[default]\ngreylist_after = '9s'\ngreylist_until = '9s'";
    check(grey, "default.greylist_until", "longer than greylist_after");
    check(
        "[audience]\n'x.test' = 0",
        "audience.\"x.test\"",
        "at least 1",
    );
    check(
        "message_bytes_max = 2000000000",
        "message_bytes_max",
        "at most 1 GiB",
    );
    check("filler_lines = 2000", "filler_lines", "at most 1000");
}

#[test]
fn every_profile_survives_being_written_and_read() {
    for built_in in BuiltIn::all() {
        let profile = built_in.profile();
        assert_eq!(
            Profile::from_toml(&profile.to_toml()).unwrap(),
            profile,
            "{}",
            built_in.name
        );
        let json = serde_json::to_string(&profile).unwrap();
        let read: Profile = serde_json::from_str(&json).unwrap();
        assert_eq!(read, profile, "{}", built_in.name);
    }
}

#[test]
fn a_domain_is_found_in_lower_case() {
    let profile = Profile::from_toml("name = 'x'\n[domain.'Big.Test']\nburst = 3").unwrap();
    assert_eq!(profile.behaviour("big.test").burst, Some(3));
}

#[test]
fn a_load_test_finds_domains_to_draw_in_every_profile_and_all_are_reserved_names() {
    for built_in in BuiltIn::all() {
        let profile = built_in.profile();
        assert!(!profile.audience.is_empty(), "{}", built_in.name);
        for domain in profile.audience.keys().chain(profile.domain.keys()) {
            assert!(domain.ends_with(".test"), "{domain} may belong to somebody");
        }
    }
}

/// The keys that a table may have, as the reader of TOML names them when it meets another.
fn keys_of(text: &str) -> Vec<String> {
    let error = Profile::from_toml(&format!("name = 'x'\n{text}")).unwrap_err();
    let source = std::error::Error::source(&error)
        .expect("TOML says more")
        .to_string();
    let (_, expected) = source.split_once("expected ").expect(&source);
    let quoted = expected.split('`').skip(1).step_by(2).map(str::to_owned);
    quoted.collect()
}

#[test]
fn every_key_of_a_profile_is_documented() {
    let page = include_str!("../../../../docs/mock.md");
    let mishap = "[default]\nmishap = [{ nope = 1 }]";
    let reject = "[default]\nreject = [{ nope = 1 }]";
    for table in [
        "nope = 1",
        "tls = { nope = 1 }",
        "auth = { nope = 1 }",
        "limits = { nope = 1 }",
        "[provider.a]\nnope = 1",
        "[default]\nnope = 1",
        "[default.latency]\nnope = 1",
        "[default.outage]\nnope = 1",
        mishap,
        reject,
    ] {
        let keys = keys_of(table);
        assert!(keys.len() > 2, "{table}: {keys:?}");
        for key in keys {
            let is_named = page
                .split(|it: char| !it.is_alphanumeric() && it != '_')
                .any(|word| word == key);
            assert!(is_named, "{key} of {table:?} is not in docs/mock.md");
        }
    }
}

#[test]
fn every_built_in_profile_and_mishap_is_documented() {
    let page = include_str!("../../../../docs/mock.md");
    for built_in in BuiltIn::all() {
        assert!(
            page.contains(&format!("| `{}` |", built_in.name)),
            "{}",
            built_in.name
        );
    }
    let error =
        Profile::from_toml("name = 'x'\n[default]\nmishap = [{ how = 'nope' }]").unwrap_err();
    let source = std::error::Error::source(&error)
        .expect("TOML says more")
        .to_string();
    let (_, expected) = source.split_once("expected ").expect(&source);
    for how in expected.split('`').skip(1).step_by(2) {
        assert!(page.contains(&format!("`{how}`")), "{how}");
    }
}
