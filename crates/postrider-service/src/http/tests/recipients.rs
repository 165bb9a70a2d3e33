use super::*;
use postrider_api::{ApiError, ErrorKind};
use std::io;
use tokio::io::{AsyncRead, ReadBuf};

#[tokio::test]
async fn a_list_is_taken_in_and_what_is_bad_or_known_is_counted() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let list = "email,name\nada@a.test,Ada\nnobody,X\nADA@a.test,Ada\nbob@b.test,Bob\n";
    let report = scene.add(id, list, AfterIntake::LeaveOpen).await;
    assert_eq!((report.lines, report.accepted), (4, 2));
    assert_eq!((report.duplicates, report.bad), (1, 1));
    assert_eq!(report.errors[0].line, 3);
    assert_eq!(report.errors[0].code, "missing_at_sign");
    assert!(!report.is_sealed);

    let again = scene.add(id, list, AfterIntake::Seal).await;
    assert_eq!((again.accepted, again.duplicates), (0, 3));
    assert!(again.is_sealed);
    let campaign = scene.client.campaign(id).await.unwrap();
    assert_eq!((campaign.audience, campaign.is_sealed), (2, true));

    let metrics = scene.client.metrics().await.unwrap();
    assert!(metrics.contains("postrider_intake_lines_total{result=\"accepted\"} 2"));
    assert!(metrics.contains("postrider_intake_lines_total{result=\"duplicate\"} 4"));
    assert!(metrics.contains("postrider_intake_lines_total{result=\"bad\"} 2"));
    scene.stop().await;
}

#[tokio::test]
async fn ndjson_is_taken_by_its_content_type() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let lines: &[u8] = b"{\"email\":\"ada@a.test\",\"name\":\"Ada\"}\n{\"name\":\"Bob\"}\n";
    let added =
        scene
            .client
            .add_recipients(id, AudienceFormat::Ndjson, lines, AfterIntake::LeaveOpen);
    let report = added.await.unwrap();
    assert_eq!((report.accepted, report.bad), (1, 1));
    scene.stop().await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_at_all_is_refused_however_long_it_is() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let long = format!("name\n{}", "Ada\n".repeat(2_000_000)).into_bytes();
    let lines = io::Cursor::new(long);
    let added = scene
        .client
        .add_recipients(id, AudienceFormat::Csv, lines, AfterIntake::Seal);
    let error = added.await.unwrap_err();
    let problem = error
        .problem()
        .expect("the answer arrives, not a broken pipe");
    assert_eq!(problem.code, Code::InvalidAudience.name());
    assert_eq!(problem.errors[0].code, "missing_email_column");
    assert!(!scene.client.campaign(id).await.unwrap().is_sealed);
    scene.stop().await;
}

#[tokio::test]
async fn a_sealed_audience_takes_nobody() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    scene
        .add(id, &csv(&["ada@a.test"]), AfterIntake::Seal)
        .await;
    let lines: &[u8] = b"email\nbob@b.test\n";
    let added = scene
        .client
        .add_recipients(id, AudienceFormat::Csv, lines, AfterIntake::Seal);
    let error = added.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert_eq!(error.problem().unwrap().code, Code::AudienceSealed.name());
    scene.stop().await;
}

#[tokio::test]
async fn a_list_of_another_type_is_refused() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let path = format!("/v1/campaigns/{id}/recipients");
    let request = scene.request(Method::POST, &path).body("email\n");
    let request = request.header("content-type", "application/xml");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::UnsupportedMediaType.name());

    let path = format!("{path}?seal=perhaps");
    let request = scene.request(Method::POST, &path).body("email\n");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    scene.stop().await;
}

/// A file that breaks after its first lines.
struct Breaks(Option<&'static [u8]>);

impl AsyncRead for Breaks {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(match self.0.take() {
            Some(lines) => {
                buffer.put_slice(lines);
                Ok(())
            }
            None => Err(io::Error::other("the disk is gone")),
        })
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_is_the_callers_error_and_seals_nothing() {
    let scene = Scene::start().await;
    let id = scene.campaign("october").await;
    let lines = Breaks(Some(b"email\nada@a.test\n"));
    let added = scene
        .client
        .add_recipients(id, AudienceFormat::Csv, lines, AfterIntake::Seal);
    let error = added.await.unwrap_err();
    assert!(matches!(&error, ApiError::Input(source) if source.to_string() == "the disk is gone"));
    assert!(!scene.client.campaign(id).await.unwrap().is_sealed);
    scene.stop().await;
}
