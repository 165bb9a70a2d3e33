//! Mail programs that are in use everywhere do what they should in the eyes of the mock: an
//! examiner that fails them would be wrong.

use postrider_tests::peers::clients::{nodemailer, smtp_source, smtplib, swaks};
use serde_json::json;

use crate::examiner::Examiner;
use crate::house::beside_others;

/// It offers all it can.
const OPEN: &str = "[tls]\nis_offered = true";

/// It takes mail only after STARTTLS and AUTH.
const GUARDED: &str = "[tls]\nis_offered = true\n[auth]\nis_required = true\n\
    is_only_after_tls = true\nuser = 'ada'\npassword = 'lovelace'";

#[tokio::test(flavor = "multi_thread")]
async fn smtp_source_passes_on_many_connections() {
    let _turn = beside_others().await;
    let examiner = Examiner::under(OPEN).await;
    let options = "-d -N -s 10 -m 300 -l 2048 -f n@e.test -t r@x.test";
    let options: Vec<_> = options.split(' ').collect();
    smtp_source(&options, examiner.address()).await.with(0);
    let verdict = examiner.accepts(300).await;
    assert_eq!(verdict.recipients, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_passes_with_pipelining_and_through_tls_with_a_login() {
    let _turn = beside_others().await;
    let mut examiner = Examiner::under(OPEN).await;
    examiner.expect("", "a@x.test", Some("one\r\n.two\r\n"));
    // It ends the last line by itself.
    let message = "Message-ID: <1@swaks.test>\\nSubject: hi\\n\\none\\n.two";
    let envelope = ["--to", "a@x.test", "--from", "n@e.test", "--data", message];
    let options = [&envelope[..], &["--pipeline"]].concat();
    let ended = swaks(&options, examiner.address()).await.with(0);
    assert!(ended.stdout.contains("PIPELINING"), "{ended}");
    let verdict = examiner.accepts(1).await;
    assert_eq!((verdict.bodies.checked, verdict.lost), (1, 0));

    for mechanism in ["PLAIN", "LOGIN"] {
        let examiner = Examiner::under(GUARDED).await;
        let ca = examiner.ca();
        let tls = [
            "--tls",
            "--tls-verify",
            "--tls-ca-path",
            ca.to_str().unwrap(),
        ];
        let login = [
            "--auth",
            mechanism,
            "--auth-user",
            "ada",
            "--auth-password",
            "lovelace",
        ];
        let options = [&envelope[..], &tls, &login].concat();
        swaks(&options, examiner.address()).await.with(0);
        examiner.accepts(1).await;
        let wrong = [
            "--auth",
            mechanism,
            "--auth-user",
            "ada",
            "--auth-password",
            "byron",
        ];
        let options = [&envelope[..], &tls, &wrong].concat();
        swaks(&options, examiner.address()).await.with(28);
        swaks(&envelope, examiner.address()).await.with(23);
        examiner.accepts(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn smtplib_passes_with_utf8_addresses_and_through_tls_with_a_login() {
    let _turn = beside_others().await;
    let examiner = Examiner::under(OPEN).await;
    let mut order = json!({
        "to": ["zoë-{n}@x.test", "b-{n}@y.test"], "from": "grüße@e.test", "subject": "Grüße",
        "text": ".one\n..two\n", "campaign": "c1", "messages": 20,
    });
    smtplib(&order, examiner.address()).await.with(0);
    assert_eq!(examiner.accepts(40).await.recipients, 40);

    let mut examiner = Examiner::under(GUARDED).await;
    for n in 0..20 {
        examiner.expect("c2", &format!("a-{n}@x.test"), Some(".one\r\n..two\r\n"));
    }
    order["to"] = json!(["a-{n}@x.test"]);
    order["from"] = json!("n@e.test");
    order["campaign"] = json!("c2");
    order["ca"] = json!(examiner.ca());
    order["user"] = json!("ada");
    order["password"] = json!("lovelace");
    smtplib(&order, examiner.address()).await.with(0);
    assert_eq!(examiner.accepts(20).await.bodies.checked, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodemailer_passes_with_its_pool_and_through_tls_with_a_login() {
    let _turn = beside_others().await;
    let mut examiner = Examiner::under(OPEN).await;
    let mut order = json!({
        "to": "a-{n}@x.test", "from": "n@e.test", "subject": "Grüße", "text": ".one\n..two\n",
        "campaign": "c1", "messages": 100, "connections": 5,
    });
    for n in 0..100 {
        examiner.expect("c1", &format!("a-{n}@x.test"), None);
    }
    nodemailer(&order, examiner.address()).await.with(0);
    examiner.accepts(100).await;
    let tally = examiner.mock.tally();
    assert!(tally.connections <= 5, "{} connections", tally.connections);

    let examiner = Examiner::under(GUARDED).await;
    order["ca"] = json!(examiner.ca());
    order["user"] = json!("ada");
    order["password"] = json!("lovelace");
    nodemailer(&order, examiner.address()).await.with(0);
    examiner.accepts(100).await;
}
