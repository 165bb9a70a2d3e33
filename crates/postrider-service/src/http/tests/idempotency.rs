use super::*;
use serde_json::{Value, json};

const KEY: &str = "Idempotency-Key";

impl Scene {
    fn post(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, path);
        request.header(KEY, key).json(body)
    }
}

async fn json_of(request: RequestBuilder) -> (u16, bool, Value) {
    let response = request.send().await.unwrap();
    let is_replayed = response.headers().contains_key("idempotent-replayed");
    let status = response.status().as_u16();
    (status, is_replayed, response.json().await.unwrap())
}

#[tokio::test]
async fn a_request_that_is_sent_again_under_its_key_is_done_once_and_answered_as_it_was() {
    let scene = Scene::start().await;
    let email_id = scene.email().await.to_string();
    let body = json!({"name": "october", "email_id": email_id});
    let create = || scene.post("/v1/campaigns", "order 7", &body);
    let first = json_of(create()).await;
    assert_eq!((first.0, first.1), (201, false));
    let again = json_of(create()).await;
    assert_eq!((again.0, again.1), (201, true), "not 409 name_taken");
    assert_eq!(first.2, again.2);
    let page = scene.client.campaigns(None, None).await.unwrap();
    assert_eq!(page.data.len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_refusal_is_given_again_too() {
    let scene = Scene::start().await;
    let body = json!({"name": "", "email_id": scene.email().await.to_string()});
    for _ in 0..2 {
        let request = scene.post("/v1/campaigns", "k", &body);
        let problem = scene.refused(request).await;
        assert_eq!(problem.code, Code::InvalidCampaign.name());
        assert_eq!(problem.errors[0].field, "name");
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_key_with_other_content_or_another_path_is_refused() {
    let scene = Scene::start().await;
    let tenant = |name: &str| json!({ "name": name });
    let made = json_of(scene.post("/v1/tenants", "k", &tenant("a"))).await;
    assert_eq!(made.0, 201);
    let mismatch = Code::IdempotencyMismatch.name();
    let other_body = scene.post("/v1/tenants", "k", &tenant("b"));
    assert_eq!(scene.refused(other_body).await.code, mismatch);
    let other_path = scene.post("/v1/purge", "k", &tenant("a"));
    assert_eq!(scene.refused(other_path).await.code, mismatch);
    let other_key = json_of(scene.post("/v1/tenants", "l", &tenant("b"))).await;
    assert_eq!(other_key.0, 201);
    scene.stop().await;
}

#[tokio::test]
async fn a_second_slice_under_the_key_of_the_first_is_refused_and_not_lost() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let slice = |csv: &'static str| {
        let request = scene.request(Method::POST, &path);
        let request = request.header(KEY, "slice 1");
        request.header("content-type", "text/csv").body(csv)
    };
    let first = json_of(slice("email\nada@a.test\n")).await;
    assert_eq!(first.2["accepted"], 1);
    let again = json_of(slice("email\nada@a.test\n")).await;
    assert_eq!((again.1, &again.2["accepted"]), (true, &json!(1)));
    let other = scene.refused(slice("email\nbob@b.test\n")).await;
    assert_eq!(other.code, Code::IdempotencyMismatch.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_key_is_taken_while_its_request_runs() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let (lines, body) = tokio::io::duplex(64);
    let body = futures_util::stream::unfold(body, |mut body| async {
        let mut block = [0; 64];
        let read = tokio::io::AsyncReadExt::read(&mut body, &mut block).await;
        let block = read.map(|read| block[..read].to_vec());
        match block {
            Ok(block) if block.is_empty() => None,
            block => Some((block, body)),
        }
    });
    let request = scene.request(Method::POST, &path).header(KEY, "k");
    let request = request.header("content-type", "text/csv");
    let first = request.body(reqwest::Body::wrap_stream(body));
    let first = tokio::spawn(first.send());
    let second = || {
        let request = scene.request(Method::POST, &path).header(KEY, "k");
        request.header("content-type", "text/csv").body("email\n")
    };
    let taken = tokio::time::timeout(PATIENCE, async {
        while !scene.service.api().is_any_key_taken() {
            tokio::task::yield_now().await;
        }
    });
    taken.await.expect("the first request arrives");
    let problem = scene.refused(second()).await;
    assert_eq!(problem.code, Code::IdempotencyRunning.name());
    let mut lines = lines;
    tokio::io::AsyncWriteExt::write_all(&mut lines, b"email\nada@a.test\n")
        .await
        .unwrap();
    drop(lines);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    scene.stop().await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let scene = Scene::start().await;
    for key in ["", "caf\u{e9}", &"x".repeat(256)] {
        let request = scene.post("/v1/tenants", key, &json!({"name": "a"}));
        let problem = scene.refused(request).await;
        assert_eq!(problem.code, Code::InvalidRequest.name());
        assert!(problem.detail.contains("Idempotency-Key"), "{problem}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn no_answer_that_names_an_address_is_kept() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let path = format!("/v1/campaigns/{id}/resolve");
    let body = json!({
        "states": ["bounced"], "recipients": ["ada@a.test"], "into": "retry", "reason": "mended",
    });
    for _ in 0..2 {
        let (status, is_replayed, problem) = json_of(scene.post(&path, "k", &body)).await;
        assert_eq!((status, is_replayed), (422, false));
        assert!(problem["detail"].as_str().unwrap().contains("ada@a.test"));
    }
    let list = "email\nada@a.test\nbob@\n@b.test\n\"a@b@c\nada@a.test\n";
    let request = scene.request(Method::POST, &format!("/v1/campaigns/{id}/recipients"));
    let request = request.header(KEY, "l").header("content-type", "text/csv");
    let (status, _, report) = json_of(request.body(list)).await;
    assert_eq!((status, &report["accepted"]), (200, &json!(1)));
    assert!(report["bad"].as_u64() > Some(0), "{report}");
    for part in ["ada", "bob", "a.test", "b.test"] {
        assert!(!report.to_string().contains(part), "{report}");
    }
    scene.stop().await;
}
