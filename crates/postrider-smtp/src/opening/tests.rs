//! When credentials go out, and what of them is shown.

use secrecy::ExposeSecret as _;

use super::*;

fn opening(is_protected: bool) -> Opening {
    let credentials = Credentials::new("ada".to_owned(), "secret".into(), None);
    Opening::new(Plan {
        name: "client.test".parse().unwrap(),
        starttls: StartTls::Never,
        credentials: Some(credentials.unwrap()),
        is_protected,
    })
}

/// What is said after these replies, or why nothing is.
fn said(opening: &mut Opening, replies: &[&str]) -> Result<String, String> {
    let mut line = String::new();
    for reply in replies {
        opening.receive(reply.as_bytes());
        opening
            .step()
            .map_err(|trouble| format!("{:?}", trouble.cause()))?;
        line = String::from_utf8_lossy(opening.take_command().expose_secret()).into_owned();
    }
    Ok(line)
}

const OFFER: [&str; 2] = ["220 mx.test\r\n", "250-mx.test\r\n250 AUTH PLAIN\r\n"];

#[test]
fn credentials_go_out_only_when_they_are_protected() {
    let refused = said(&mut opening(false), &OFFER).unwrap_err();
    assert!(refused.contains("Unprotected"), "{refused}");
    let line = said(&mut opening(true), &OFFER).unwrap();
    assert!(line.starts_with("AUTH PLAIN "), "{line}");
}

#[test]
fn a_handshake_protects_only_when_it_verified_the_server() {
    for is_verified in [false, true] {
        let mut opening = opening(false);
        opening.secured(is_verified);
        assert_eq!(said(&mut opening, &OFFER[1..]).is_ok(), is_verified);
    }
}

#[test]
fn an_opening_never_shows_what_it_is_about_to_say() {
    let mut opening = opening(true);
    for reply in OFFER {
        opening.receive(reply.as_bytes());
        opening.step().unwrap();
    }
    // How the response begins, in text and in octets.
    let shown = format!("{opening:?}");
    assert!(
        !shown.contains("AGFk") && !shown.contains("65, 71, 70, 107"),
        "{shown}"
    );
}
