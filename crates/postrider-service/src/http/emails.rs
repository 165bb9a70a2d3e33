//! `/v1/emails`: content, put once and known by the id that is made of it.

use std::sync::Arc;

use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postrider_api::{Code, Email, NewEmail, NewHeader, ProblemItem, PutEmail};
use postrider_message::{Limits, Prepared, codec};
use postrider_pipeline::report::chain;
use postrider_types::bounds::ATTACHMENTS_MAX;
use postrider_types::{Attachment, EmailId, Header, Mailbox, Unsubscribe};

use super::error::HttpError;
use super::extract::{Id, Parameters, json, media_type, read, unsupported};
use super::tenants::ever_named;
use super::{Api, view};

/// A sender in the place of one that is wrong, so that the rest of the email is checked too.
const PLACEHOLDER: &str = "placeholder@example.invalid";

/// `POST /v1/emails`: 201 for new content, 200 for content that is there already.
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    mut query: Parameters,
    request: Request,
) -> Result<Response, HttpError> {
    let tenant = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = ever_named(api.store(), tenant.as_deref()).await?;
    let _permit = api
        .uploads
        .acquire()
        .await
        .map_err(|_| HttpError::internal("the semaphore of uploads is closed"))?;
    let (email, attachments) = received(request, &api).await?;
    let limits = Limits {
        email_bytes_max: api.email_bytes_max,
    };
    let with_limit = |error: HttpError| error.with_limit(api.email_bytes_max);
    let checked = checked(email, attachments, limits).await;
    let email = checked.map_err(with_limit)?;
    let put = api.postrider.put_email(tenant, email).await;
    let (id, is_new) = put.map_err(|error| with_limit(error.into()))?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, axum::Json(PutEmail { id, is_new })).into_response())
}

/// `GET /v1/emails/{id}`
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Id(id): Id<EmailId>,
    mut query: Parameters,
) -> Result<axum::Json<Email>, HttpError> {
    let tenant = query.take::<String>("tenant")?;
    query.finish()?;
    let tenant = ever_named(api.store(), tenant.as_deref()).await?;
    let content = api.store().read(move |reader| reader.email(tenant, id));
    let Some(content) = content.await? else {
        let detail = "there is no such email; POST /v1/emails puts one";
        return Err(HttpError::new(Code::NotFound, detail));
    };
    let email = codec::decode(&content).map_err(|error| HttpError::internal(chain(&error)))?;
    Ok(axum::Json(view::email(id, &email)))
}

/// The email and its attachments as they were sent.
///
/// The request may be larger than its content, because text is escaped in JSON; whatever is too
/// large for the request is too large for an email, and the limit that is named is that one.
async fn received(request: Request, api: &Api) -> Result<(NewEmail, Vec<Attachment>), HttpError> {
    let bytes_max = api.email_request_bytes_max();
    let received = match media_type(request.headers()).as_deref() {
        Some("application/json") => read(request.into_body(), bytes_max)
            .await
            .and_then(|body| Ok((json(&body)?, Vec::new()))),
        Some("multipart/form-data") => parts(request, bytes_max).await,
        _ => Err(unsupported("application/json or multipart/form-data")),
    };
    received.map_err(|error| {
        if error.problem.limit.is_none() {
            return error;
        }
        let bytes_max = api.email_bytes_max;
        let detail = format!("an email takes at most {bytes_max} bytes with its attachments");
        HttpError::new(Code::PayloadTooLarge, detail).with_limit(bytes_max)
    })
}

/// An email as a form: one part `email` of JSON, and a part `attachment` for each file.
async fn parts(
    request: Request,
    bytes_max: usize,
) -> Result<(NewEmail, Vec<Attachment>), HttpError> {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| HttpError::invalid(error.body_text()))?;
    let mut email = None;
    let mut attachments = Vec::new();
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|error| HttpError::form(&error, bytes_max))?
    {
        match part.name() {
            Some("email") if email.is_none() => {
                let body = part.bytes().await;
                let body = body.map_err(|error| HttpError::form(&error, bytes_max))?;
                email = Some(json(&body)?);
            }
            Some("email") => return Err(HttpError::invalid("the part email is there twice")),
            // One more than allowed is enough for the check that says so.
            Some("attachment") if attachments.len() <= ATTACHMENTS_MAX => {
                attachments.push(attachment(part, bytes_max).await?);
            }
            Some("attachment") => {}
            name => {
                let name = name.unwrap_or_default();
                let detail = format!("there is no part {name:?}; known: email, attachment");
                return Err(HttpError::invalid(detail));
            }
        }
    }
    let email = email.ok_or_else(|| HttpError::invalid("the part email is missing"))?;
    Ok((email, attachments))
}

async fn attachment(part: Field<'_>, bytes_max: usize) -> Result<Attachment, HttpError> {
    let filename = part.file_name().unwrap_or_default().to_owned();
    let content_type = part.content_type().unwrap_or("application/octet-stream");
    let content_type = content_type.to_owned();
    let content = part.bytes().await;
    Ok(Attachment {
        filename,
        content_type,
        content: content.map_err(|error| HttpError::form(&error, bytes_max))?,
    })
}

/// The email as a value. When one of its mailboxes is wrong, everything else that is wrong with
/// it is found here as well; otherwise the pipeline finds it.
async fn checked(
    new: NewEmail,
    attachments: Vec<Attachment>,
    limits: Limits,
) -> Result<postrider_types::Email, HttpError> {
    let mut problems = Vec::new();
    let from = mailbox("from", &new.from, &mut problems);
    let reply_to = new.reply_to.as_deref();
    let reply_to = reply_to.map(|text| mailbox("reply_to", text, &mut problems));
    let header = |header: NewHeader| Header {
        name: header.name,
        value: header.value,
    };
    let email = postrider_types::Email {
        from,
        reply_to,
        subject: new.subject,
        html: new.html,
        text: new.text,
        headers: new.headers.into_iter().map(header).collect(),
        attachments,
        list_id: new.list_id,
        unsubscribe: new.unsubscribe.map(unsubscribe),
        feedback_id: new.feedback_id,
    };
    if problems.is_empty() {
        return Ok(email);
    }
    let prepared = tokio::task::spawn_blocking(move || Prepared::new(&email, limits)).await;
    match prepared {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => problems.extend(view::email_problems(&error)),
        Err(error) => return Err(HttpError::internal(chain(&error))),
    }
    Err(HttpError::invalid_email(problems))
}

fn unsubscribe(new: postrider_api::Unsubscribe) -> Unsubscribe {
    Unsubscribe {
        is_one_click: new.is_one_click.unwrap_or_else(|| new.url.is_some()),
        url: new.url,
        mailto: new.mailto,
    }
}

fn mailbox(field: &str, text: &str, problems: &mut Vec<ProblemItem>) -> Mailbox {
    text.parse()
        .unwrap_or_else(|error: postrider_types::AddressError| {
            problems.push(ProblemItem {
                field: field.to_owned(),
                code: error.code().to_owned(),
                detail: error.to_string(),
            });
            PLACEHOLDER.parse().expect("the placeholder is an address")
        })
}
