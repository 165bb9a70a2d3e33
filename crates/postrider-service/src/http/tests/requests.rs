use super::*;
use crate::http::stop::Stage;
use postrider_api::{ErrorKind, Readiness};
use reqwest::StatusCode;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// Every route, with a method that it knows.
const KEYED: [(&str, &str); 31] = [
    ("POST", "/v1/emails"),
    ("GET", "/v1/emails/eml_1"),
    ("POST", "/v1/campaigns"),
    ("GET", "/v1/campaigns"),
    ("GET", "/v1/campaigns/cmp_1"),
    ("POST", "/v1/campaigns/cmp_1/recipients"),
    ("GET", "/v1/campaigns/cmp_1/receipts"),
    ("GET", "/v1/campaigns/cmp_1/export"),
    ("POST", "/v1/campaigns/cmp_1/seal"),
    ("POST", "/v1/campaigns/cmp_1/start"),
    ("POST", "/v1/campaigns/cmp_1/pause"),
    ("POST", "/v1/campaigns/cmp_1/cancel"),
    ("POST", "/v1/campaigns/cmp_1/schedule"),
    ("POST", "/v1/campaigns/cmp_1/resolve"),
    ("GET", "/v1/campaigns/cmp_1/history"),
    ("GET", "/v1/receipts"),
    ("GET", "/v1/tenants"),
    ("POST", "/v1/tenants"),
    ("POST", "/v1/tenants/default/delete"),
    ("POST", "/v1/purge"),
    ("POST", "/v1/recipients/erase"),
    ("GET", "/v1/quarantine"),
    ("GET", "/v1/quarantine/emails/eml_1"),
    ("GET", "/v1/quarantine/chunks/1"),
    ("POST", "/v1/quarantine/chunks/1/release"),
    ("POST", "/v1/quarantine/chunks/1/discard"),
    ("POST", "/v1/quarantine/emails/eml_1/release"),
    ("POST", "/v1/quarantine/emails/eml_1/discard"),
    ("GET", "/v1/pools"),
    ("GET", "/v1/refusals"),
    ("GET", "/v1/version"),
];

const OPEN: [&str; 3] = ["/livez", "/readyz", "/metrics"];

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[tokio::test]
async fn nothing_under_v1_is_done_without_the_key() {
    let scene = Scene::start().await;
    for (name, path) in KEYED {
        for header in [
            None,
            Some("Bearer wrong"),
            Some("Basic secret"),
            Some("Bearer"),
        ] {
            let mut request = scene.stranger(method(name), path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let problem = problem(response).await;
            assert_eq!(
                problem.code,
                Code::Unauthorized.name(),
                "{name} {path} {header:?}"
            );
        }
    }
    let stranger = Client::new(&scene.service.endpoint(), "wrong").unwrap();
    let error = stranger.version().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    scene.stop().await;
}

#[tokio::test]
async fn those_who_watch_need_no_key() {
    let scene = Scene::start().await;
    for path in OPEN {
        let response = scene.stranger(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(response.headers().contains_key("request-id"));
    }
    scene.stop().await;
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_on_every_route() {
    let scene = Scene::start().await;
    let open = OPEN.map(|path| ("GET", path));
    for (name, path) in KEYED.into_iter().chain(open) {
        let path = path.replace("eml_1", &EmailId::of(b"").to_string());
        let request = scene.request(method(name), &format!("{path}?limt=5"));
        let problem = scene.refused(request).await;
        assert_eq!(problem.code, Code::UnknownParameter.name(), "{name} {path}");
        assert!(problem.detail.contains("\"limt\""), "{problem}");
    }
    let request = scene.request(Method::GET, "/v1/campaigns?limt=5");
    let problem = scene.refused(request).await;
    assert!(
        problem
            .detail
            .contains("known here: tenant, name, after, limit"),
        "{problem}"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_wrong_path_and_a_wrong_method_are_problems_too() {
    let scene = Scene::start().await;
    let problem = scene
        .refused(scene.request(Method::GET, "/v2/campaigns"))
        .await;
    assert_eq!(problem.code, Code::NotFound.name());
    let request = scene.request(Method::DELETE, "/v1/campaigns/cmp_1");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let problem = super::problem(response).await;
    assert_eq!(problem.code, Code::MethodNotAllowed.name());
    scene.stop().await;
}

#[tokio::test]
async fn the_service_says_who_it_is_and_how_it_is() {
    let scene = Scene::start().await;
    scene.client.live().await.unwrap();
    let version = scene.client.version().await.unwrap();
    assert_eq!(version.version, env!("CARGO_PKG_VERSION"));
    let readiness = scene.client.ready().await.unwrap();
    assert!(readiness.is_ready);
    let names: Vec<_> = readiness.checks.iter().map(|c| c.name.as_str()).collect();
    let expect = ["engine", "store", "backup", "drain", "route", "workers"];
    assert_eq!(names, expect);
    scene.stop().await;
}

#[tokio::test]
async fn the_metrics_count_commits_deliveries_and_requests() {
    let scene = Scene::start().await;
    scene
        .sent("october", &["ada@a.test", "bounce-1@b.test"])
        .await;
    let request = scene.request(Method::GET, "/v1/nothing?address=ada@a.test");
    scene.refused(request).await;
    let text = scene.client.metrics().await.unwrap();
    let value = |series: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let line = line.unwrap_or_else(|| panic!("{series} is missing in\n{text}"));
        line.trim().parse().unwrap()
    };
    assert!(value("postrider_store_commits_total ") > 0);
    assert_eq!(value("postrider_store_failures_total "), 0);
    assert_eq!(value("postrider_outcomes_total{outcome=\"delivered\"} "), 1);
    assert_eq!(value("postrider_outcomes_total{outcome=\"bounced\"} "), 1);
    let meant = "postrider_meanings_total{phase=\"dot\",class=\"delivered\",action=\"none\"} ";
    assert_eq!(value(meant), 1);
    assert_eq!(value("postrider_deliveries{state=\"pending\"} "), 0);
    assert_eq!(value("postrider_bodies_loaded_total "), 1);
    assert_eq!(
        (value("postrider_store_up "), value("postrider_route_up ")),
        (1, 1)
    );
    let put = "postrider_http_requests_total{method=\"POST\",route=\"/v1/emails\",class=\"2xx\"} ";
    assert_eq!(value(put), 1);
    let lost = "postrider_http_requests_total{method=\"GET\",route=\"none\",class=\"4xx\"} ";
    assert_eq!(value(lost), 1);
    assert!(text.contains("postrider_build_info{version="));
    assert!(!text.contains("a.test"), "no address and no domain");
    scene.stop().await;
}

#[tokio::test]
async fn a_drain_waits_for_what_is_under_way_and_keeps_it() {
    let scene = Scene::start().await;
    let (upload, mut lines) = uploading(&scene).await;
    let rest = async {
        lines.write_all(b"bob@b.test\n").await.unwrap();
        drop(lines);
    };
    tokio::join!(scene.service.stop(PATIENCE), rest);
    let report = upload.await.unwrap().unwrap();
    assert_eq!(report.accepted, 2);
    let error = scene.client.live().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    scene.mock.stop().await;
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_when_the_drain_is_over() {
    let scene = Scene::start().await;
    let (upload, lines) = uploading(&scene).await;
    let stopped = scene.service.stop(Duration::from_millis(50));
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("the drain ends");
    drop(lines);
    let error = upload.await.unwrap().unwrap_err();
    assert!(error.is_transient(), "{error}");
    scene.mock.stop().await;
}

type Upload = tokio::task::JoinHandle<Result<IntakeReport, postrider_api::ApiError>>;

/// An upload of which the service has one recipient, and the way to give it more.
async fn uploading(scene: &Scene) -> (Upload, tokio::io::DuplexStream) {
    let id = scene.campaign("october").await;
    let (mut sender, lines) = tokio::io::duplex(64);
    let client = scene.client.clone();
    let upload = tokio::spawn(async move {
        let added = client.add_recipients(id, AudienceFormat::Csv, lines, AfterIntake::LeaveOpen);
        added.await
    });
    sender.write_all(b"email\nada@a.test\n").await.unwrap();
    let is_in = async {
        while scene.client.campaign(id).await.unwrap().audience == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, is_in)
        .await
        .expect("the recipient is taken in");
    (upload, sender)
}

#[tokio::test]
async fn a_service_that_drains_takes_nothing_new_and_says_so() {
    let scene = Scene::start().await;
    let api = scene.service.api();
    api.stop.advance(Stage::Draining);
    // Asked without a connection: a draining service takes no new ones.
    let ask = async |method: Method, path: &str| {
        let request = axum::extract::Request::builder().method(method).uri(path);
        let request = request.header("authorization", "Bearer secret");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let router = crate::http::router(Arc::clone(&api), PATIENCE);
        let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 100_000).await;
        (status, body.unwrap())
    };
    let (status, body) = ask(Method::POST, "/v1/campaigns").await;
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status.as_u16(), problem.code.as_str()),
        (503, Code::Draining.name())
    );
    assert!(problem.is_retryable);
    let (status, body) = ask(Method::GET, "/readyz").await;
    let readiness: Readiness = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.as_u16(), readiness.is_ready), (503, false));
    let (status, _) = ask(Method::GET, "/v1/campaigns").await;
    assert_eq!(status, StatusCode::OK, "looking goes on");
    drop(api);
    scene.stop().await;
}
