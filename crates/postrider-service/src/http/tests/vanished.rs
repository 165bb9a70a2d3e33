//! Clients that say nothing more, in the middle of something.

use super::*;
use postrider_types::DeliveryState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Short, so that a test can wait for it.
const AFTER_MAX: Duration = Duration::from_millis(200);

/// A second listener over the API of a scene, that has little patience. It serves until the sender
/// is dropped.
async fn impatient(scene: &Scene) -> (std::net::SocketAddr, oneshot::Sender<()>) {
    let listener = any_port().await;
    let address = listener.local_addr().unwrap();
    let router = crate::http::router(scene.service.api(), AFTER_MAX);
    let (running, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    tokio::spawn(crate::http::serve::serve(
        listener, router, AFTER_MAX, stopped,
    ));
    (address, running)
}

/// All that comes before the other side hangs up.
async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await;
    read.expect("the connection is closed").unwrap();
    text
}

#[tokio::test]
async fn an_upload_that_stops_in_the_middle_frees_its_key_and_keeps_what_came() {
    let scene = Scene::idle().await;
    let (address, running) = impatient(&scene).await;
    let id = scene.campaign("october").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/campaigns/{id}/recipients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret\r\n\
         content-type: text/csv\r\nidempotency-key: k\r\ncontent-length: 1000\r\n\r\n\
         email\nada@a.test\nbob@b.test\neve@"
    );
    stream.write_all(head.as_bytes()).await.unwrap();

    let answer = to_the_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("\"incomplete\""), "{answer}");
    assert!(answer.contains("\"accepted\":2"), "{answer}");
    assert!(
        answer.contains("nothing of the body came for 200ms"),
        "{answer}"
    );
    assert!(!scene.service.api().is_any_key_taken());
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!(campaign.count(DeliveryState::Pending), 2);

    let again = scene.request(Method::POST, &format!("/v1/campaigns/{id}/recipients"));
    let again = again.header("idempotency-key", "k");
    let again = again.header("content-type", "text/csv");
    let again = again.body(csv(&["ada@a.test", "bob@b.test", "eve@c.test"]));
    let report: IntakeReport = again.send().await.unwrap().json().await.unwrap();
    assert_eq!((report.accepted, report.duplicates), (1, 2));
    drop(running);
    scene.stop().await;
}

#[tokio::test]
async fn a_head_that_never_ends_and_an_idle_connection_are_closed() {
    let scene = Scene::idle().await;
    let (address, running) = impatient(&scene).await;
    let live = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    for begun in ["", "GET /livez HTTP/1.1\r\nho", live] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let answer = to_the_end(&mut stream).await;
        assert_eq!(
            answer.starts_with("HTTP/1.1 200"),
            begun == live,
            "{answer}"
        );
    }
    drop(running);
    scene.stop().await;
}
