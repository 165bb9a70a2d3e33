use super::*;
use crate::error::ErrorKind;
use postrider_types::CampaignId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn an_endpoint_that_is_none_is_refused_before_anything_is_sent() {
    for endpoint in ["127.0.0.1:8420", "https://example.test", ""] {
        let error = Client::new(endpoint, "key").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{endpoint}");
    }
    assert!(Client::new("http://127.0.0.1:8420/", "a\nb").is_err());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&endpoint, "key").unwrap().live().await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        format!("the service at {endpoint} cannot be reached")
    );
}

#[test]
fn the_key_does_not_print() {
    let client = Client::new("http://127.0.0.1:1", "very-secret").unwrap();
    assert!(!format!("{client:?}").contains("very-secret"));
}

/// A client of something that gives one answer, whatever is asked, and hangs up.
async fn client_of(answer: &'static [u8]) -> Client {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(answer).await.unwrap();
    });
    Client::new(&endpoint, "key").unwrap()
}

#[tokio::test]
async fn an_answer_that_is_not_ours_is_foreign() {
    let client = client_of(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, ApiError::Foreign { .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Other);
    let client = client_of(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    let error = client.live().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("502 Bad Gateway without a problem"),
        "{error}"
    );
}

#[tokio::test]
async fn an_export_that_breaks_off_ends_with_an_error() {
    let broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{1}\n{\r\n";
    let client = client_of(broken).await;
    let mut export = client.export(CampaignId(1)).await.unwrap();
    assert_eq!(export.next_line().await.unwrap().unwrap(), "{1}\n");
    let error = export.next_line().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

/// A client of something that gives these answers, one to a connection each (an empty one hangs
/// up), and the idempotency keys that it was asked under.
async fn client_of_all(
    answers: Vec<&'static str>,
) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let keys = tokio::spawn(async move {
        let mut keys = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]);
            let mut lines = request.lines();
            let key = lines.find_map(|line| line.strip_prefix("idempotency-key: "));
            keys.push(key.unwrap_or_default().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        keys
    });
    (Client::new(&endpoint, "key").unwrap(), keys)
}

const MADE: &str = "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: 73\r\n\r\n\
    {\"id\":2,\"name\":\"a\",\"created_at\":\"2026-01-01T00:00:00Z\",\"deleted_at\":null}";

const RUNNING: &str = "HTTP/1.1 409 Conflict\r\nconnection: close\r\ncontent-length: 91\r\n\r\n\
    {\"type\":\"t\",\"title\":\"t\",\"status\":409,\"code\":\"idempotency_running\",\"detail\":\"it is running\"}";

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_sent_again_under_the_same_key() {
    let (client, keys) = client_of_all(vec!["", RUNNING, MADE]).await;
    let tenant = client.create_tenant("a").await.unwrap();
    assert_eq!(tenant.id, 2);
    let keys = keys.await.unwrap();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[0].len(), 32);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_request_is_not_sent_for_ever() {
    let (client, keys) = client_of_all(vec!["", "", ""]).await;
    let error = client.create_tenant("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(keys.await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_upload_has_a_key_and_is_sent_once() {
    let (client, keys) = client_of_all(vec![""]).await;
    let lines = std::io::Cursor::new(b"email\n".to_vec());
    let added = client.add_recipients(
        CampaignId(1),
        AudienceFormat::Csv,
        lines,
        AfterIntake::LeaveOpen,
    );
    let error = added.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(keys.await.unwrap()[0].len(), 32);
}
