use super::*;
use postrider_api::{ErrorKind, NewAttachment, NewHeader, Unsubscribe};
use reqwest::StatusCode;

fn pdf(bytes: usize) -> NewAttachment {
    NewAttachment {
        filename: "a.pdf".into(),
        content_type: "application/pdf".into(),
        content: vec![b'x'; bytes].into(),
    }
}

#[tokio::test]
async fn an_email_is_put_once_and_shown_without_its_bodies() {
    let scene = Scene::start().await;
    let email = NewEmail {
        reply_to: Some("answers@example.test".into()),
        html: Some("<p>Hi</p>".into()),
        headers: vec![NewHeader {
            name: "X-Issue".into(),
            value: "7".into(),
        }],
        ..new_email()
    };
    let put = scene.client.put_email(&email, &[pdf(3)]).await.unwrap();
    assert!(put.is_new);
    let again = scene.client.put_email(&email, &[pdf(3)]).await.unwrap();
    assert_eq!((again.id, again.is_new), (put.id, false));
    let other = scene.client.put_email(&email, &[pdf(4)]).await.unwrap();
    assert_ne!(other.id, put.id);

    let shown = scene.client.email(put.id).await.unwrap();
    assert_eq!(shown.from, "\"News\" <news@example.test>");
    assert_eq!(shown.reply_to.as_deref(), Some("answers@example.test"));
    assert_eq!((shown.html_bytes, shown.text_bytes), (9, 6));
    assert_eq!(shown.headers, email.headers);
    assert_eq!(shown.attachments[0].filename, "a.pdf");
    assert_eq!(shown.attachments[0].bytes, 3);
    scene.stop().await;
}

#[tokio::test]
async fn an_email_of_a_list_says_so_and_shows_it() {
    let scene = Scene::start().await;
    let links = Unsubscribe {
        url: Some("https://example.test/leave/{{ token }}".into()),
        ..Unsubscribe::default()
    };
    let mut email = NewEmail {
        list_id: Some("News <news.example.test>".into()),
        unsubscribe: Some(links),
        feedback_id: Some("a:b:c:postrider".into()),
        ..new_email()
    };
    let put = scene.client.put_email(&email, &[]).await.unwrap();
    let shown = scene.client.email(put.id).await.unwrap();
    assert_eq!(shown.list_id, email.list_id);
    assert_eq!(shown.feedback_id, email.feedback_id);
    let shown = shown.unsubscribe.unwrap();
    assert_eq!(shown.url, email.unsubscribe.as_ref().unwrap().url);
    assert_eq!(shown.is_one_click, Some(true), "where there is a url");

    email.unsubscribe.as_mut().unwrap().url = Some("http://example.test/".into());
    email.headers = vec![NewHeader {
        name: "list-ID".into(),
        value: "<other.example.test>".into(),
    }];
    let error = scene.client.put_email(&email, &[]).await.unwrap_err();
    let errors = &error.problem().unwrap().errors;
    let found: Vec<_> = errors
        .iter()
        .map(|item| (item.field.as_str(), item.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("headers[0].name", "header_repeated"),
            ("unsubscribe.url", "link_invalid")
        ]
    );
    scene.stop().await;
}

#[tokio::test]
async fn new_content_answers_201_and_known_content_200() {
    let scene = Scene::start().await;
    for expect in [StatusCode::CREATED, StatusCode::OK] {
        let request = scene.request(Method::POST, "/v1/emails");
        let response = request.json(&new_email()).send().await.unwrap();
        assert_eq!(response.status(), expect);
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_bad_email_is_refused_with_all_of_its_problems_at_once() {
    let scene = Scene::start().await;
    let email = NewEmail {
        from: "not an address".into(),
        subject: " ".into(),
        text: Some("{{ open".into()),
        headers: vec![NewHeader {
            name: "Bcc".into(),
            value: "x".into(),
        }],
        ..NewEmail::default()
    };
    let error = scene.client.put_email(&email, &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let problem = error.problem().unwrap();
    assert_eq!(problem.code, Code::InvalidEmail.name());
    let found: Vec<_> = problem
        .errors
        .iter()
        .map(|item| (item.field.as_str(), item.code.as_str()))
        .collect();
    assert!(found.contains(&("from", "missing_at_sign")), "{found:?}");
    assert!(found.contains(&("subject", "subject_empty")), "{found:?}");
    assert!(
        found.contains(&("headers[0].name", "header_reserved")),
        "{found:?}"
    );
    assert!(found.iter().any(|(field, _)| *field == "text"), "{found:?}");
    scene.stop().await;
}

#[tokio::test]
async fn an_email_over_the_limit_answers_413_with_the_limit_in_either_form() {
    let scene = Scene::start_with(|config| config.email.size_max = 100_000).await;
    // Over the limit of an email, within that of its request; and over both.
    for bytes in [100_001, 5_000_000] {
        let error = scene.client.put_email(&new_email(), &[pdf(bytes)]).await;
        let error = error.unwrap_err();
        let problem = error.problem().expect("the service answers");
        assert_eq!(problem.code, Code::PayloadTooLarge.name());
        assert_eq!(problem.limit, Some(100_000), "{problem}");

        let email = NewEmail {
            text: Some("x".repeat(bytes)),
            ..new_email()
        };
        let error = scene.client.put_email(&email, &[]).await.unwrap_err();
        let problem = error.problem().expect("the service answers");
        assert_eq!((problem.status, problem.limit), (413, Some(100_000)));
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_form_with_a_part_that_is_not_known_is_refused() {
    let scene = Scene::start().await;
    let form = reqwest::multipart::Form::new().text("file", "x");
    let request = scene.request(Method::POST, "/v1/emails").multipart(form);
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    assert!(
        problem.detail.contains("known: email, attachment"),
        "{problem}"
    );

    let empty = reqwest::multipart::Form::new();
    let request = scene.request(Method::POST, "/v1/emails").multipart(empty);
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    scene.stop().await;
}

#[tokio::test]
async fn an_email_that_was_never_put_is_not_found() {
    let scene = Scene::start().await;
    let error = scene.client.email(EmailId::of(b"nothing")).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    let request = scene.request(Method::GET, "/v1/emails/cmp_7");
    let problem = scene.refused(request).await;
    assert_eq!(problem.code, Code::InvalidRequest.name());
    assert!(problem.detail.contains("eml_<64 hex digits>"), "{problem}");
    scene.stop().await;
}
