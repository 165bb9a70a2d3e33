//! TLS with rustls clients: one that is careful, and sees what it must see.

use std::net::SocketAddr;
use std::sync::Arc;

use postrider_mock_smtp::{Certificate, MockServer, Profile, Settings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Client;
use crate::{logged_in, start};

fn profile(table: &str) -> Profile {
    let toml = format!(
        "name = \"tls\"\n[tls]\nis_offered = true\n{table}\n\
         [auth]\nis_required = true\nis_only_after_tls = true\nuser = \"ada\"\npassword = \"pa55\"\n"
    );
    Profile::from_toml(&toml).expect("the profile is right")
}

/// A handshake of a client that trusts the mock's authority alone.
async fn handshake(
    mock: &MockServer,
    stream: TcpStream,
    name: &str,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let authority = CertificateDer::from_pem_slice(mock.authority_pem().as_bytes());
    let mut trusted = RootCertStore::empty();
    trusted
        .add(authority.expect("it is PEM"))
        .expect("it is an authority");
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name or an address");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream);
    Ok(Client(BufReader::new(stream.await?)))
}

/// STARTTLS, and the handshake after it.
async fn upgraded(mock: &MockServer, name: &str) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut client = Client::greeted(mock).await;
    client.say("STARTTLS\r\n").await;
    client.reply_to_be("220 2.0.0").await;
    handshake(mock, client.0.into_inner(), name).await
}

#[tokio::test]
async fn a_message_goes_through_starttls_and_auth() {
    let folder = tempfile::tempdir().unwrap();
    let settings = logged_in(folder.path());
    let path = settings.log.clone().unwrap();
    let mock = start(profile(""), settings).await;
    let mut client = upgraded(&mock, "localhost").await.unwrap();
    client.say("MAIL FROM:<>\r\n").await;
    client.reply_to_be("503").await;
    let offer = client.hello().await;
    assert!(
        offer.contains(&"AUTH PLAIN LOGIN XOAUTH2".to_owned()),
        "{offer:?}"
    );
    client.say("AUTH PLAIN AGFkYQBwYTU1\r\n").await;
    client.reply_to_be("235").await;
    assert!(client.deliver("a@x.test", "<1>").await.starts_with("250"));
    client.say("QUIT\r\n").await;
    client.reply_to_be("221").await;
    assert_eq!(mock.tally().accepted, 1);
    let log = std::fs::read_to_string(path).unwrap();
    assert!(!log.contains("AGFkYQBwYTU1"), "{log}");
}

#[tokio::test]
async fn the_right_certificate_is_for_the_names_and_addresses_that_are_served() {
    let mock = start(profile(""), Settings::in_memory()).await;
    for name in ["localhost", "127.0.0.1", "mock.postrider.test"] {
        upgraded(&mock, name).await.expect(name);
    }
    assert!(upgraded(&mock, "elsewhere.test").await.is_err());
}

#[tokio::test]
async fn a_careful_client_refuses_the_certificates_that_are_wrong_each_for_its_reason() {
    for (certificate, reason) in [
        (Certificate::WrongName, "NotValidForName"),
        (Certificate::Expired, "Expired"),
        (Certificate::SelfSigned, "UnknownIssuer"),
    ] {
        let mut wrong = profile("");
        wrong.tls.certificate = certificate;
        let mock = start(wrong, Settings::in_memory()).await;
        let Err(error) = upgraded(&mock, "localhost").await else {
            panic!("{certificate:?} was taken");
        };
        assert!(
            format!("{error:?}").contains(reason),
            "{certificate:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_handshake_ends_the_connection() {
    let mock = start(
        profile("handshake_failure_share = 1.0"),
        Settings::in_memory(),
    )
    .await;
    assert!(upgraded(&mock, "localhost").await.is_err());
    Client::greeted(&mock).await;
}

#[tokio::test]
async fn a_door_may_speak_tls_from_the_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let authority_file = folder.path().join("authority.pem");
    for rtt_ms in [0, 20] {
        let settings = Settings {
            tls_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            authority_file: Some(authority_file.clone()),
            rtt: std::time::Duration::from_millis(rtt_ms),
            ..Settings::in_memory()
        };
        let mock = start(Profile::sink(), settings).await;
        let written = std::fs::read_to_string(&authority_file).unwrap();
        assert_eq!(written, mock.authority_pem());
        let stream = TcpStream::connect(mock.tls_addr().unwrap()).await.unwrap();
        let mut client = handshake(&mock, stream, "localhost").await.unwrap();
        client.reply_to_be("220").await;
        assert!(!client.hello().await.contains(&"STARTTLS".to_owned()));
        assert!(client.deliver("a@x.test", "<1>").await.starts_with("250"));
        client.say("QUIT\r\n").await;
        client.reply_to_be("221").await;
        assert_eq!(client.rest().await, b"", "TLS is closed in order");
    }
}
