//! AUTH: what is said, to whom, and what is never seen of it.

use std::io;
use std::sync::{Arc, Mutex};

use postrider_smtp::auth::{Credentials, Mechanism};
use postrider_smtp::dial::Dialer;
use postrider_smtp::site::TlsPolicy;
use postrider_types::{Phase, Scope};

use crate::authority::{Kind, NAME, show};
use crate::server::{
    EMPTY_LINE, GREETING, Line, STARTTLS, Server, check_says, dial, dialer, sentence, target,
};

const REQUIRED: TlsPolicy = TlsPolicy::Starttls { is_verified: true };

/// `\0ada\0open sesame`, as PLAIN tells it.
const PLAIN: &str = "AUTH PLAIN AGFkYQBvcGVuIHNlc2FtZQ==";

/// The same dialer, with something to hide.
fn with_secret(dialer: Dialer, only: Option<Mechanism>) -> Dialer {
    let credentials = Credentials::new("ada".to_owned(), "open sesame".into(), only);
    Dialer {
        credentials: Some(credentials.unwrap()),
        ..dialer
    }
}

/// A session in the clear whose server offers these mechanisms.
fn offering(offer: &'static str, lines: &[Line]) -> Vec<Line> {
    [&[GREETING, ("EHLO client.test", offer)], lines].concat()
}

async fn check_accepted(only: Option<Mechanism>, offer: &'static str, lines: &[Line]) {
    let mut server = Server::start(None, vec![offering(offer, lines)]).await;
    let dialer = with_secret(dialer(&show(Kind::Right).client), only);
    let connection = dial(&dialer, &server, TlsPolicy::Off).await.unwrap();
    connection.quit().await;
    assert_eq!(server.seen().await.rest, "QUIT\r\n", "{offer}");
}

#[tokio::test]
async fn each_mechanism_says_exactly_what_it_should() {
    check_accepted(
        None,
        "250-mx.test\r\n250 AUTH LOGIN PLAIN",
        &[(PLAIN, "235 2.7.0 ok")],
    )
    .await;
    check_accepted(
        None,
        "250-mx.test\r\n250 AUTH=LOGIN",
        &[
            ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
            ("YWRh", "334 UGFzc3dvcmQ6"),
            ("b3BlbiBzZXNhbWU=", "235 ok"),
        ],
    )
    .await;
    check_accepted(
        Some(Mechanism::Xoauth2),
        "250-mx.test\r\n250 AUTH PLAIN XOAUTH2",
        &[(
            "AUTH XOAUTH2 dXNlcj1hZGEBYXV0aD1CZWFyZXIgb3BlbiBzZXNhbWUBAQ==",
            "235 ok",
        )],
    )
    .await;
}

#[tokio::test]
async fn a_log_in_comes_after_the_handshake_and_by_what_is_offered_then() {
    let shown = show(Kind::Right);
    let table = [
        GREETING,
        (
            "EHLO client.test",
            "250-mx.test\r\n250-AUTH LOGIN\r\n250 STARTTLS",
        ),
        STARTTLS[2],
        STARTTLS[3],
        ("EHLO client.test", "250-mx.test\r\n250 AUTH PLAIN"),
        (PLAIN, "235 ok"),
    ];
    let mut server = Server::start(Some(shown.acceptor), vec![table.to_vec()]).await;
    let dialer = with_secret(dialer(&shown.client), None);
    dial(&dialer, &server, REQUIRED).await.unwrap().quit().await;
    let seen = server.seen().await;
    assert_eq!(seen.rest, "QUIT\r\n");
    assert!(seen.handshake.is_some());
}

async fn check_refused(only: Option<Mechanism>, table: Vec<Line>, parts: &[&str]) {
    let mut server = Server::start(None, vec![table]).await;
    let dialer = with_secret(dialer(&show(Kind::Right).client), only);
    let trouble = dial(&dialer, &server, TlsPolicy::Off).await.unwrap_err();
    assert_eq!(trouble.phase(), Phase::Auth);
    assert_eq!(
        (trouble.scope(), trouble.is_permanent()),
        (Scope::Site, false)
    );
    check_says(&sentence(&trouble), parts);
    assert_eq!(server.seen().await.rest, "");
}

#[tokio::test]
async fn a_refused_log_in_holds_the_site_up_and_says_why() {
    const OFFER: &str = "250-mx.test\r\n250 AUTH PLAIN";
    for reply in ["535 5.7.8 bad", "534 5.7.9 weak", "504 5.5.4 unknown"] {
        let table = offering(OFFER, &[(PLAIN, reply)]);
        check_refused(None, table, &[reply, "does not accept the credentials"]).await;
    }
    let table = offering(OFFER, &[(PLAIN, "454 4.7.0 later")]);
    check_refused(None, table, &["deferred at AUTH: 454 4.7.0 later"]).await;
}

#[tokio::test]
async fn a_refused_token_is_acknowledged_before_the_refusal() {
    let lines = [
        (
            "AUTH XOAUTH2 dXNlcj1hZGEBYXV0aD1CZWFyZXIgb3BlbiBzZXNhbWUBAQ==",
            "334 eyJzdGF0dXMiOiI0MDEifQ==",
        ),
        (EMPTY_LINE, "535 5.7.8 no"),
    ];
    let table = offering("250-mx.test\r\n250 AUTH XOAUTH2", &lines);
    let parts = ["535 5.7.8 no", "does not accept the credentials"];
    check_refused(Some(Mechanism::Xoauth2), table, &parts).await;
}

#[tokio::test]
async fn a_server_that_asks_for_more_is_told_to_stop() {
    let lines = [(PLAIN, "334 bW9yZQ=="), ("*", "501 5.7.0 cancelled")];
    let table = offering("250-mx.test\r\n250 AUTH PLAIN", &lines);
    check_refused(None, table, &["asked for more than PLAIN has to say"]).await;
    let lines = [(PLAIN, "334 bW9yZQ=="), ("*", "334 bW9yZQ==")];
    let table = offering("250-mx.test\r\n250 AUTH PLAIN", &lines);
    check_refused(None, table, &["does not fit what was asked"]).await;
}

#[tokio::test]
async fn a_server_without_a_usable_mechanism_is_told_nothing() {
    let table = offering("250-mx.test\r\n250 AUTH CRAM-MD5 XOAUTH2", &[]);
    check_refused(
        None,
        table,
        &["it offers CRAM-MD5, XOAUTH2", "allows PLAIN, LOGIN"],
    )
    .await;
    check_refused(None, offering("250 mx.test", &[]), &["it offers none"]).await;
}

#[tokio::test]
async fn credentials_make_every_policy_ask_for_a_verified_server() {
    let policies = [
        TlsPolicy::Opportunistic,
        TlsPolicy::Starttls { is_verified: false },
    ];
    for policy in policies {
        let shown = show(Kind::SelfSigned);
        let table = STARTTLS.to_vec();
        let mut server = Server::start(Some(shown.acceptor), vec![table]).await;
        let dialer = with_secret(dialer(&shown.client), None);
        let trouble = dial(&dialer, &server, policy).await.unwrap_err();
        let sentence = sentence(&trouble);
        check_says(&sentence, &["signed by itself"]);
        assert!(
            !sentence.contains("; then"),
            "never in the clear instead: {sentence}"
        );
        assert!(!server.seen().await.rest.contains("AUTH"));
    }
}

#[tokio::test]
async fn credentials_never_go_to_another_machine_in_the_clear() {
    // Known before any connection is tried; nobody has this address.
    let target = target(&["192.0.2.1:25".parse().unwrap()], TlsPolicy::Off);
    let dialer = with_secret(dialer(&show(Kind::Right).client), None);
    let trouble = dialer.dial(&target).await.unwrap_err();
    check_says(&sentence(&trouble), &["only over verified TLS"]);
}

#[tokio::test]
async fn refused_credentials_are_not_tried_at_the_next_host_and_deferred_ones_are() {
    for (reply, is_next_asked) in [("535 5.7.8 bad", false), ("454 4.7.0 later", true)] {
        let offer = "250-mx.test\r\n250 AUTH PLAIN";
        let first = Server::start(None, vec![offering(offer, &[(PLAIN, reply)])]).await;
        let second = Server::start(None, vec![offering(offer, &[(PLAIN, "235 ok")])]).await;
        let dialer = with_secret(dialer(&show(Kind::Right).client), None);
        let target = target(&[first.address, second.address], TlsPolicy::Off);
        assert_eq!(dialer.dial(&target).await.is_ok(), is_next_asked, "{reply}");
    }
}

/// Everything that was traced.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl io::Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn secrets_are_in_no_trace_and_in_no_trouble() {
    let traces = Traces::default();
    let writer = traces.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For all threads, because what one thread alone listens to, another may switch off. What
    // other tests trace in the meantime has the same secrets to hide.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let login = [
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        ("YWRh", "334 UGFzc3dvcmQ6"),
        ("b3BlbiBzZXNhbWU=", "535 5.7.8 bad"),
    ];
    for table in [
        offering("250-mx.test\r\n250 AUTH PLAIN", &[(PLAIN, "535 5.7.8 bad")]),
        offering("250-mx.test\r\n250 AUTH LOGIN", &login),
    ] {
        let server = Server::start(None, vec![table]).await;
        let dialer = with_secret(dialer(&show(Kind::Right).client), None);
        let trouble = dial(&dialer, &server, TlsPolicy::Off).await.unwrap_err();
        for text in [format!("{trouble:?} {dialer:?}"), sentence(&trouble)] {
            check_hides(&text);
        }
    }
    let text = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    check_says(&text, &["EHLO client.test", "mechanism=PLAIN", NAME]);
    check_hides(&text);
}

fn check_hides(text: &str) {
    for secret in ["sesame", "b3BlbiBz", "AGFkYQBv"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
