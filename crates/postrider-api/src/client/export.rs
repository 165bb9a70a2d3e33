//! An export as it arrives.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use crate::error::ApiError;
use crate::receipt::ExportLine;

/// Longest line of an export in bytes; ours are below 2 KiB.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The recipients of a campaign, one JSON object a line.
///
/// When the service breaks off, the last call is an error: an export that ends without one is
/// complete.
#[derive(Debug)]
pub struct Export {
    endpoint: String,
    response: Response,
    /// What arrived and is not read yet.
    rest: BytesMut,
}

impl Export {
    pub(super) fn new(endpoint: String, response: Response) -> Self {
        Self {
            endpoint,
            response,
            rest: BytesMut::new(),
        }
    }

    /// The next recipient, or `None` behind the last one.
    ///
    /// # Errors
    /// [`ApiError`] when the service breaks off.
    pub async fn next(&mut self) -> Result<Option<ExportLine>, ApiError> {
        let Some(line) = self.next_line().await? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&line).map_err(|error| ApiError::Foreign {
            endpoint: self.endpoint.clone(),
            reason: error.to_string(),
        });
        parsed.map(Some)
    }

    /// The next line as it is written, with its line break, or `None` behind the last one.
    ///
    /// # Errors
    /// As [`Export::next`].
    pub async fn next_line(&mut self) -> Result<Option<Bytes>, ApiError> {
        let mut searched = 0;
        loop {
            let found = self.rest[searched..].iter().position(|byte| *byte == b'\n');
            if let Some(at) = found {
                return Ok(Some(self.rest.split_to(searched + at + 1).freeze()));
            }
            searched = self.rest.len();
            if searched > LINE_BYTES_MAX {
                return Err(ApiError::Foreign {
                    endpoint: self.endpoint.clone(),
                    reason: format!("a line of more than {LINE_BYTES_MAX} bytes"),
                });
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.rest.extend_from_slice(&bytes),
                Ok(None) if self.rest.is_empty() => return Ok(None),
                Ok(None) => return Ok(Some(self.rest.split().freeze())),
                Err(source) => {
                    return Err(ApiError::Unreachable {
                        endpoint: self.endpoint.clone(),
                        source: source.without_url(),
                    });
                }
            }
        }
    }
}
