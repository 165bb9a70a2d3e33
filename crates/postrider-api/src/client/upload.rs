//! Bodies of requests that are more than a little JSON.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::email::{NewAttachment, NewEmail};
use crate::error::ApiError;

/// Bytes that are read and sent at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// Why the source of an upload stopped before its end, if it did.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps an error for the caller, and gives its like to the connection.
    fn keep(&self, error: io::Error) -> io::Error {
        let like = io::Error::new(error.kind(), "the source of the upload failed");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        like
    }
}

/// A body that is read as it is sent, and where to look for what went wrong with reading.
pub(super) fn body(source: impl AsyncRead + Send + 'static) -> (Body, Failure) {
    let failure = Failure::default();
    let source = (Box::pin(source), BytesMut::new(), failure.clone());
    let blocks = stream::try_unfold(source, |(mut source, mut block, failure)| async move {
        block.reserve(BLOCK_BYTES);
        match source.read_buf(&mut block).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some((block.split().freeze(), (source, block, failure)))),
            Err(error) => Err(failure.keep(error)),
        }
    });
    (Body::wrap_stream(blocks), failure)
}

/// An email with its attachments as parts.
pub(super) fn form(email: &NewEmail, attachments: &[NewAttachment]) -> Result<Form, ApiError> {
    let json = serde_json::to_string(email).expect("an email is written as JSON without fail");
    let json = part("email", Bytes::from(json), "application/json")?;
    let mut form = Form::new().part("email", json);
    for file in attachments {
        let part = part(&file.filename, file.content.clone(), &file.content_type)?;
        form = form.part("attachment", part.file_name(file.filename.clone()));
    }
    Ok(form)
}

fn part(name: &str, content: Bytes, content_type: &str) -> Result<Part, ApiError> {
    let length = content.len() as u64;
    let part = Part::stream_with_length(content, length).mime_str(content_type);
    part.map_err(|_| {
        ApiError::Settings(format!(
            "the content type \"{content_type}\" of {name} is not one such as application/pdf"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_that_is_none_is_refused_with_the_name_of_its_file() {
        let attachment = NewAttachment {
            filename: "a.pdf".into(),
            content_type: "pdf".into(),
            content: Bytes::new(),
        };
        let error = form(&NewEmail::default(), &[attachment]).unwrap_err();
        assert!(error.to_string().contains("of a.pdf"), "{error}");
    }
}
