//! Files of one JSON object a line, read from the oldest.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::bounds::LOG_LINE_BYTES_MAX;
use crate::error::MockError;

/// Reads a list that somebody wrote: expectations, or receipts. Empty lines are left out.
///
/// # Errors
/// [`MockError`] when the file cannot be read, a line of it is none of `T`, or `each` says so.
pub fn read_lines<T: DeserializeOwned>(
    path: &Path,
    each: impl FnMut(T) -> Result<(), MockError>,
) -> Result<(), MockError> {
    read(path, Last::Whole, each)
}

/// What a last line without its end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// A line as good as any.
    Whole,
    /// Torn: whoever wrote it was killed. It is left out.
    Torn,
}

/// Reads a file line by line.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    last: Last,
    mut each: impl FnMut(T) -> Result<(), MockError>,
) -> Result<(), MockError> {
    let failed = |source| MockError::Log {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let bounded = &mut (&mut file).take(LOG_LINE_BYTES_MAX as u64);
        let bytes = bounded.read_until(b'\n', &mut text).map_err(failed)?;
        let is_last = text.last() != Some(&b'\n') && bytes < LOG_LINE_BYTES_MAX;
        if is_last && (bytes == 0 || last == Last::Torn) {
            break;
        }
        if last == Last::Whole && text.trim_ascii().is_empty() {
            continue;
        }
        let damaged = |source| MockError::LogLine {
            path: path.to_owned(),
            line,
            source,
        };
        each(serde_json::from_slice(&text).map_err(damaged)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str, last: Last) -> Result<Vec<u32>, MockError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.ndjson");
        std::fs::write(&path, text).unwrap();
        let mut found = Vec::new();
        read(&path, last, |number| {
            found.push(number);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn a_last_line_without_its_end_counts_in_a_list_and_not_in_a_log() {
        assert_eq!(read_all("1\n2\n3", Last::Whole).unwrap(), [1, 2, 3]);
        assert_eq!(read_all("1\n2\n3", Last::Torn).unwrap(), [1, 2]);
        assert_eq!(read_all("1\n\n2\n", Last::Whole).unwrap(), [1, 2]);
        assert_eq!(read_all("", Last::Whole).unwrap(), [0; 0]);
    }

    #[test]
    fn a_damaged_line_is_told_by_its_number() {
        let error = read_all("1\nx\n", Last::Whole).unwrap_err();
        assert!(
            matches!(error, MockError::LogLine { line: 2, .. }),
            "{error:?}"
        );
    }
}
