//! What a request brings, read strictly: what is not known is refused, never left out in silence.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use postrider_api::Code;
use postrider_types::id::IdError;
use serde::de::DeserializeOwned;

use super::Api;
use super::error::HttpError;
use crate::bounds::{JSON_BYTES_MAX, PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};

/// The `{id}` of a path.
pub(super) struct Id<T>(pub(super) T);

impl<T> FromRequestParts<Arc<Api>> for Id<T>
where
    T: FromStr<Err = IdError>,
{
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, HttpError> {
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|error| HttpError::invalid(error.body_text()))?;
        Ok(Self(text.parse()?))
    }
}

/// The query: each parameter is taken by its name, and what nobody takes is refused by
/// [`Parameters::finish`].
pub(super) struct Parameters {
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let query = parts.uri.query().unwrap_or_default();
        let mut given = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if given.insert(name.to_string(), value.into_owned()).is_some() {
                let detail = format!("the parameter {name:?} is given twice");
                return Err(HttpError::invalid(detail));
            }
        }
        let known = Vec::new();
        Ok(Self { given, known })
    }
}

impl Parameters {
    pub(super) fn take<T>(&mut self, name: &'static str) -> Result<Option<T>, HttpError>
    where
        T: FromStr<Err: Display>,
    {
        self.known.push(name);
        let Some(text) = self.given.remove(name) else {
            return Ok(None);
        };
        let value = text.parse().map_err(|error| {
            HttpError::invalid(format!("the parameter {name} cannot be {text:?}: {error}"))
        });
        value.map(Some)
    }

    /// The parameter `limit` of a list.
    pub(super) fn take_limit(&mut self) -> Result<usize, HttpError> {
        let limit = self.take("limit")?.unwrap_or(PAGE_ENTRIES_DEFAULT);
        if (1..=PAGE_ENTRIES_MAX).contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("the parameter limit is a number from 1 to {PAGE_ENTRIES_MAX}");
        Err(HttpError::invalid(detail))
    }

    /// Refuses what is left.
    pub(super) fn finish(self) -> Result<(), HttpError> {
        let Some(name) = self.given.keys().next() else {
            return Ok(());
        };
        let known = match self.known.as_slice() {
            [] => "none is known here".to_owned(),
            known => format!("known here: {}", known.join(", ")),
        };
        let detail = format!("there is no parameter {name:?}; {known}");
        Err(HttpError::new(Code::UnknownParameter, detail))
    }
}

/// The query of a route that knows no parameter.
pub(super) struct NoParameters;

impl<S: Sync> FromRequestParts<S> for NoParameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let parameters = Parameters::from_request_parts(parts, state).await?;
        parameters.finish().map(|()| Self)
    }
}

/// A small JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(unsupported("application/json"));
        }
        let body = read(request.into_body(), JSON_BYTES_MAX).await?;
        json(&body).map(Self)
    }
}

/// A small JSON body that may be left out.
pub(super) struct MaybeJson<T>(pub(super) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for MaybeJson<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let is_json = media_type(request.headers()).as_deref() == Some("application/json");
        let body = read(request.into_body(), JSON_BYTES_MAX).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(unsupported("application/json"));
        }
        json(&body).map(Self)
    }
}

/// No body, or an empty JSON object.
pub(super) struct NoBody;

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = HttpError;

    async fn from_request(request: Request, _: &S) -> Result<Self, HttpError> {
        let body = read(request.into_body(), JSON_BYTES_MAX).await?;
        let text = body.trim_ascii();
        if text.is_empty() || text == b"{}" {
            return Ok(Self);
        }
        Err(HttpError::invalid("this route takes no body"))
    }
}

/// The whole of a body.
pub(super) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, HttpError> {
    let mut blocks = body.into_data_stream();
    let mut bytes = BytesMut::new();
    while let Some(block) = blocks.next().await {
        let broke_off = "the request broke off before its end";
        let block = block.map_err(|error| HttpError::broke_off(broke_off, &error))?;
        if bytes.len() + block.len() > bytes_max {
            return Err(HttpError::too_large(bytes_max));
        }
        bytes.extend_from_slice(&block);
    }
    Ok(bytes.freeze())
}

pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, HttpError> {
    serde_json::from_slice(body)
        .map_err(|error| HttpError::invalid(format!("the JSON cannot be read: {error}")))
}

/// The content type without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?.trim();
    Some(media_type.to_ascii_lowercase())
}

pub(super) fn unsupported(taken: &str) -> HttpError {
    let detail = format!("the header Content-Type must be {taken}");
    HttpError::new(Code::UnsupportedMediaType, detail)
}
