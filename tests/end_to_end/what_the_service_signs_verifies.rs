//! A service with two keys and a return path sends a campaign, and what arrives verifies: the
//! signatures, the one-click fields that they cover, and who a bounce would be about.
//!
//! A key that others can read stops the start with a sentence.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use postrider_api::{CampaignVerb, NewEmail, Unsubscribe};
use postrider_message::{MessageKey, verp};
use postrider_tests::Running;
use postrider_tests::peers::{AiosmtpdSink, parse_messages, verify_by_dkimpy, verify_by_opendkim};
use postrider_types::DeliveryState;

use crate::house::{CAMPAIGN, House, beside_others};
use crate::signatures_verify::{ED25519, RSA, identities};

const RECIPIENTS: usize = 20;

#[tokio::test]
async fn what_the_service_signs_verifies_and_bounces_are_told_apart() {
    let _turn = beside_others().await;
    let house = House::new();
    let sink = AiosmtpdSink::start().await;
    let route = format!("[route]\nrelay = \"smtp://{}\"\n", sink.address());
    let service = house.serve(&(route + &signing(&house, 0o600))).await;
    let email = NewEmail {
        from: "News <news@daily.example.test>".to_owned(),
        subject: "Grüße, {{ name }}".to_owned(),
        html: Some("<p>Hi  {{ name }}\t</p>\n\n".to_owned()),
        text: Some("Hi  {{ name }} \n.\n\n".to_owned()),
        list_id: Some("daily.example.test".to_owned()),
        unsubscribe: Some(Unsubscribe {
            url: Some("https://example.test/leave?who={{ email|urlencode }}".to_owned()),
            ..Unsubscribe::default()
        }),
        ..NewEmail::default()
    };
    let people = (0..RECIPIENTS).map(|number| format!("a{number}@receiver.test,Zoë {number}\n"));
    let csv = "email,name\n".to_owned() + &people.collect::<String>();
    let id = service.campaign("signed", &email, &csv).await;
    service.change(id, CampaignVerb::Start).await;
    let delivered = service.end_of(id).await.count(DeliveryState::Delivered);
    assert_eq!(delivered, RECIPIENTS as u64);
    service.stop().await;

    let accepted = sink.accepted();
    assert_eq!(accepted.len(), RECIPIENTS);
    let messages: Vec<_> = accepted.iter().map(|accepted| &accepted.data).collect();
    let (_, keys) = identities();
    for verdicts in [
        verify_by_dkimpy(&messages, &keys).await,
        verify_by_opendkim(&messages, &keys).await,
    ] {
        for verdicts in verdicts {
            assert_eq!(verdicts.len(), 2, "RSA and Ed25519");
            assert!(
                verdicts.iter().all(|verdict| verdict.is_valid),
                "{verdicts:?}"
            );
        }
    }
    for (accepted, parsed) in accepted.iter().zip(parse_messages(&messages).await) {
        let to = accepted.rcpt_tos[0].replace('@', "%40");
        let link = format!("<https://example.test/leave?who={to}>");
        assert_eq!(parsed.header("List-Unsubscribe"), Some(link.as_str()));
        let post = parsed.header("List-Unsubscribe-Post");
        assert_eq!(post, Some("List-Unsubscribe=One-Click"));
    }

    // Each has a return path of its own, which nobody without the key of the store can read.
    let mut paths: Vec<_> = accepted
        .iter()
        .map(|accepted| accepted.mail_from.as_str())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), RECIPIENTS);
    for path in paths {
        let token = path
            .strip_prefix("bounce+")
            .and_then(|rest| rest.strip_suffix("@bounces.test"));
        let token = token.expect("a return path as it was configured");
        assert_eq!(token.len(), verp::TOKEN_BYTES);
        assert_eq!(verp::decode(&MessageKey([0; 32]), token), None);
    }
}

#[tokio::test]
async fn a_key_that_others_can_read_stops_the_start() {
    let house = House::new();
    let config = house.write("postrider.toml", signing(&house, 0o644));
    let mut command = house.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--config").arg(config);
    let ended = Running::start(command).ended(CAMPAIGN).await;
    assert_ne!(ended.code, Some(0));
    let sentence = "rsa.pem, which has mode 644: others can get at the secret in it; chmod 600 it";
    assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
    assert!(!ended.stderr.contains("PRIVATE"), "{}", ended.stderr);
}

/// The configuration of two keys, in files with this mode, and of a return path.
fn signing(house: &House, mode: u32) -> String {
    let table = |(selector, name, pem): (&str, &str, &str)| {
        let path = house.write(name, pem);
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode can be set");
        format!(
            "[[dkim]]\ndomain = \"example.test\"\nselector = \"{selector}\"\nkey_file = {path:?}\n"
        )
    };
    let keys = [("r1", "rsa.pem", RSA), ("e1", "ed25519.pem", ED25519)];
    let tables: String = keys.into_iter().map(table).collect();
    format!("[message]\nreturn_path = \"bounce+{{token}}@bounces.test\"\n{tables}")
}
