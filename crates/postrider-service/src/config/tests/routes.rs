//! Several routes: what each copies, and what is said of a bad one.

use super::super::{Config, Deliver};
use super::{check, load, pairs, problems};

#[test]
fn a_named_route_copies_from_the_default_one_what_it_does_not_say() {
    let config = load(
        "[routes.google]\ndomains = ['gmail.com', 'googlemail.com']\nconnections = 4\n\
         [routes.direct]\ndomains = ['else.test']\ndeliver = 'mx'\n\
         [route]\nconnections = 9\nhostname = 'mx.test'\n",
    );
    let google = &config.routes["google"];
    assert_eq!((google.connections, google.domains.len()), (4, 2));
    assert_eq!(google.hostname.as_str(), "mx.test");
    assert_eq!(google.deliver, Deliver::Relay);
    let direct = &config.routes["direct"];
    assert_eq!((direct.deliver, direct.connections), (Deliver::Mx, 9));
    assert_eq!(config.route.connections, 9);
}

#[test]
fn a_variable_reaches_a_named_route() {
    let environment = [
        ("POSTRIDER_ROUTES__GOOGLE__PASSWORD", "correct horse"),
        (
            "POSTRIDER_ROUTES__GOOGLE__DOMAINS",
            "gmail.com, googlemail.com",
        ),
    ];
    let text = "[routes.google]\nuser = 'me'\n";
    let config = Config::load(text, "", &pairs(&environment)).unwrap();
    assert_eq!(config.routes["google"].domains.len(), 2);
    assert!(!config.routes["google"].password.is_empty());
    assert!(config.route.password.is_empty());
}

#[test]
fn a_secret_is_never_shown() {
    let environment = [("POSTRIDER_ROUTE__PASSWORD", "correct horse")];
    let text = "[route]\nuser = 'me'\n";
    let config = Config::load(text, "", &pairs(&environment)).unwrap();
    assert!(!format!("{config:?}").contains("correct"));
    let environment = [("POSTRIDER_ROUTE__PASSWORD", "correct\nhorse")];
    let found = problems(text, &environment);
    assert!(
        found.iter().all(|problem| !problem.contains("correct")),
        "{found:?}"
    );
    check(
        "[route]\npassword = 'correct horse'",
        "postrider.toml:2:12: route.password: is a secret, which does not stand in this file; \
         expected \"\" in a file; the secret itself only as a variable of the environment",
    );
}

#[test]
fn what_one_route_says_must_go_together() {
    check(
        "[route]\nuser = 'me'",
        "postrider.toml:2:8: route.user: has no password; give password_file, or the password as \
         a variable of the environment",
    );
    check(
        "[route]\ndeliver = 'mx'\nuser = 'me'\npassword_file = 'x'",
        "postrider.toml:3:8: route.user: logs in at relays alone, and this route delivers to mail \
         hosts of domains; give it user = \"\"",
    );
    check(
        "[routes.empty]\nconnections = 3",
        "postrider.toml:2:15: routes.empty.connections: is of a route that takes no domain; give \
         it `domains`",
    );
}

#[test]
fn what_proves_a_user_does_not_stand_alone() {
    let wrong = "does nothing without a user; give one by `user`";
    check(
        "[route]\npassword_file = 'x'",
        &format!("postrider.toml:2:17: route.password_file: {wrong}"),
    );
    check(
        "[route]\nauth = 'xoauth2'",
        &format!("postrider.toml:2:8: route.auth: {wrong}"),
    );
    assert_eq!(
        problems("", &[("POSTRIDER_ROUTE__PASSWORD", "x")]),
        [format!(
            "POSTRIDER_ROUTE__PASSWORD: route.password: {wrong}"
        )]
    );
    check(
        "[route]\nuser = 'me'\npassword_file = 'x'\n\
         [routes.a]\ndomains = ['a.test']\nuser = ''\nauth = 'login'",
        &format!("postrider.toml:7:8: routes.a.auth: {wrong}"),
    );
    // A named route that does not log in copies what proves the user, and that is well.
    load(
        "[route]\nuser = 'me'\npassword_file = 'x'\n\
         [routes.a]\ndomains = ['a.test']\nuser = ''\ndeliver = 'mx'",
    );
    // What the named routes share may stand in [route].
    load("[route]\npassword_file = 'x'\n[routes.a]\ndomains = ['a.test']\nuser = 'me'");
}

#[test]
fn a_domain_goes_by_one_route() {
    check(
        "[routes.a]\ndomains = ['x.test', 'y.test']\n[routes.b]\ndomains = ['y.test']",
        "postrider.toml:4:11: routes.b.domains: has y.test, which routes.a takes too; give it to \
         one",
    );
}

#[test]
fn a_key_or_a_name_of_a_route_that_is_none_is_told() {
    check(
        "[routes.google]\nconections = 3",
        "postrider.toml:2:1: routes.google.conections: unknown key; did you mean \
         routes.google.connections?",
    );
    check(
        "[routes.Google]\nconnections = 3",
        "postrider.toml:1:9: routes.Google: is no name of a route; expected lower-case letters, \
         digits and hyphens, such as [routes.google]; the default route is [route]",
    );
    // Status and log call [route] so.
    assert_eq!(problems("[routes.default]\nconnections = 3", &[]).len(), 1);
}
