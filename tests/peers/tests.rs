//! The peers do what the tests that use them rely on.

use std::io::Write as _;
use std::net::SocketAddr;

use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::clients::swaks;
use super::{
    Accepted, Account, AiosmtpdSink, Authority, Exim, OpenSmtpd, Postfix, SmtpServer, SmtpSink,
    Tap, Terms, parse_messages,
};

/// Some servers add a Date and a Message-ID to a message without.
const MESSAGE: &str = "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@x.test>\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 8bit\r\n\r\n.dot\r\n..two dots\r\ncafé\r\n\r\n";

#[tokio::test]
async fn smtp_sink_counts_and_dumps_what_it_accepts() {
    let sink = SmtpSink::dumping().await;
    assert_eq!((sink.messages(), sink.dumped()), (0, vec![]));
    assert_eq!(send(sink.address(), "b@y.test", MESSAGE).await, "250");
    assert_eq!(send(sink.address(), "c@y.test", MESSAGE).await, "250");
    assert_eq!(sink.messages(), 2);
    let mut dumped = sink.dumped();
    dumped.sort_by(|a, b| a.rcpt_args.cmp(&b.rcpt_args));
    assert_eq!(dumped[0].mail_args, "<a@x.test>");
    assert_eq!(dumped[0].rcpt_args, ["<b@y.test>"]);
    assert_eq!(dumped[1].rcpt_args, ["<c@y.test>"]);
    assert_eq!(String::from_utf8_lossy(&dumped[1].data), MESSAGE);
}

#[tokio::test]
async fn smtp_sink_misbehaves_as_told() {
    let sink = SmtpSink::start(&["-f", "RCPT"]).await;
    assert_eq!(send(sink.address(), "b@y.test", MESSAGE).await, "500");
    assert_eq!(sink.messages(), 0);
    let sink = SmtpSink::start(&["-q", "CONNECT"]).await;
    assert_eq!(send(sink.address(), "b@y.test", MESSAGE).await, "");
}

#[tokio::test]
async fn a_dropped_peer_no_longer_listens() {
    let sink = SmtpSink::counting().await;
    let address = sink.address();
    drop(sink);
    let mut turn = tokio::time::interval(std::time::Duration::from_millis(5));
    for _ in 0..1000 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        turn.tick().await;
    }
    panic!("it still listens after five seconds");
}

#[tokio::test]
async fn aiosmtpd_keeps_the_very_bytes_that_it_accepted() {
    let server = AiosmtpdSink::start().await;
    keeps_and_refuses(server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn postfix_keeps_the_very_bytes_that_it_accepted() {
    let server = Postfix::start(&Terms::default()).await;
    keeps_and_refuses(server.address(), async || server.accepted().await).await;
}

#[tokio::test]
async fn exim_keeps_the_very_bytes_that_it_accepted() {
    let server = Exim::start(&Terms::default()).await;
    keeps_and_refuses(server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn opensmtpd_keeps_the_very_bytes_that_it_accepted() {
    let server = OpenSmtpd::start().await;
    keeps_and_refuses(server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn opensmtpd_refuses_a_client_that_does_not_wait() {
    let server = OpenSmtpd::start().await;
    let mut stream = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    assert_eq!(reply_code(&mut stream).await, "220");
    stream.write_all(b"EHLO client.test\r\n").await.unwrap();
    assert_eq!(reply_code(&mut stream).await, "250");
    let group = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n";
    stream.write_all(group).await.unwrap();
    assert_eq!(reply_code(&mut stream).await, "500");
}

#[tokio::test]
async fn smtp_server_keeps_the_very_bytes_that_it_accepted() {
    let server = SmtpServer::start(&Terms::default()).await;
    keeps_and_refuses(server.address(), async || server.accepted()).await;
}

#[tokio::test]
async fn a_tap_counts_the_turns_of_a_client_and_changes_nothing() {
    let server = AiosmtpdSink::start().await;
    let tap = Tap::before(server.address()).await;
    assert_eq!(send(tap.address(), "b@y.test", MESSAGE).await, "250");
    let turns = tap.turns();
    assert_eq!((turns.connections, turns.mails, turns.pipelined), (1, 1, 0));
    // EHLO, MAIL, RCPT, DATA, and the message, which is seen when it is answered.
    assert_eq!(turns.turns, 5);
    assert_eq!(server.accepted().len(), 1);
}

#[tokio::test]
async fn postfix_takes_mail_only_after_starttls_and_a_login() {
    let (terms, ca) = guarded(&["PLAIN", "LOGIN"]);
    let server = Postfix::start(&terms).await;
    guards(server.address(), &ca, async || server.accepted().await).await;
}

#[tokio::test]
async fn exim_takes_mail_only_after_starttls_and_a_login() {
    let (terms, ca) = guarded(&["PLAIN", "LOGIN"]);
    let server = Exim::start(&terms).await;
    guards(server.address(), &ca, async || server.accepted()).await;
}

#[tokio::test]
async fn smtp_server_takes_mail_only_after_starttls_and_a_login() {
    let (terms, ca) = guarded(&["PLAIN", "LOGIN"]);
    let server = SmtpServer::start(&terms).await;
    guards(server.address(), &ca, async || server.accepted()).await;
}

/// Terms that ask for all, and a file with the certificate of the authority behind them.
fn guarded(mechanisms: &[&'static str]) -> (Terms, NamedTempFile) {
    let authority = Authority::new("ours");
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(authority.pem().as_bytes()).unwrap();
    let terms = Terms {
        identity: Some(authority.identity(&["localhost", "127.0.0.1"])),
        account: Some(Account {
            user: "ada".to_owned(),
            password: "love lace".to_owned(),
            mechanisms: mechanisms.to_vec(),
        }),
    };
    (terms, file)
}

/// Takes nothing in clear, nothing without a login, and one message for each right login.
async fn guards(
    address: SocketAddr,
    ca: &NamedTempFile,
    accepted: impl AsyncFn() -> Vec<Accepted>,
) {
    let envelope = ["--to", "b@y.test", "--from", "a@x.test"];
    let ca = ca.path().to_str().unwrap();
    let tls = ["--tls", "--tls-verify", "--tls-ca-path", ca];
    let in_clear = swaks(&envelope, address).await;
    assert_ne!(in_clear.code, Some(0), "{in_clear}");
    let unknown = swaks(&[&envelope[..], &tls].concat(), address).await;
    assert_ne!(unknown.code, Some(0), "{unknown}");
    for mechanism in ["PLAIN", "LOGIN"] {
        let login = ["--auth", mechanism, "--auth-user", "ada", "--auth-password"];
        let login = [&envelope[..], &tls, &login].concat();
        let right = [&login[..], &["love lace"]].concat();
        swaks(&right, address).await.with(0);
        let wrong = [&login[..], &["byron"]].concat();
        swaks(&wrong, address).await.with(28);
    }
    assert_eq!(accepted().await.len(), 2);
}

/// Accepts a message with its bytes, and refuses one to somebody whose name begins with `bad`.
async fn keeps_and_refuses(address: SocketAddr, accepted: impl AsyncFn() -> Vec<Accepted>) {
    assert!(accepted().await.is_empty());
    assert_eq!(send(address, "b@y.test", MESSAGE).await, "250");
    assert_eq!(send(address, "bad@y.test", MESSAGE).await, "550");
    let accepted = accepted().await;
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].mail_from, "a@x.test");
    assert_eq!(accepted[0].rcpt_tos, ["b@y.test"]);
    assert_eq!(String::from_utf8_lossy(&accepted[0].data), MESSAGE);
}

#[tokio::test]
async fn a_parsed_message_shows_headers_and_content_decoded() {
    let parsed = parse_messages(&[MESSAGE, "Subject: two\r\n\r\n"]).await;
    assert_eq!(parsed[0].header("subject"), Some("Grüße"));
    assert_eq!(parsed[0].structure, ["text/plain"]);
    assert_eq!(parsed[0].defects, [""; 0]);
    let part = parsed[0].part("text/plain").unwrap();
    assert_eq!(part.charset.as_deref(), Some("utf-8"));
    assert_eq!(
        String::from_utf8_lossy(&part.content),
        ".dot\r\n..two dots\r\ncafé\r\n\r\n"
    );
    assert_eq!(parsed[1].header("Subject"), Some("two"));
    assert_eq!(parsed[1].header("To"), None);
}

#[tokio::test]
async fn a_message_larger_than_a_pipe_is_parsed() {
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
    let message = format!("Subject: big\r\n\r\n{}", line.repeat(40_000));
    let parsed = parse_messages(&[&message, &message]).await;
    assert_eq!(parsed[1].parts[0].content.len(), line.len() * 40_000);
}

/// One transaction in lock step; the code of the reply that ended it, empty at a hang-up.
async fn send(address: SocketAddr, recipient: &str, message: &str) -> String {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let stuffed = message.replace("\r\n.", "\r\n..");
    let commands = [
        String::new(),
        "EHLO client.test\r\n".to_owned(),
        "MAIL FROM:<a@x.test>\r\n".to_owned(),
        format!("RCPT TO:<{recipient}>\r\n"),
        "DATA\r\n".to_owned(),
        format!("{stuffed}.\r\n"),
    ];
    let mut code = String::new();
    for command in commands {
        stream.write_all(command.as_bytes()).await.ok();
        code = reply_code(&mut stream).await;
        if !code.starts_with(['2', '3']) {
            break;
        }
    }
    code
}

async fn reply_code(stream: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok();
        if line.as_bytes().get(3) != Some(&b'-') {
            line.truncate(3);
            return line;
        }
    }
}
