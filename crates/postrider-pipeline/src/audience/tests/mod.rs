//! Lists as people send them.

mod csv;
mod ndjson;
mod splits;

use super::{Format, Line, ListError, ListReader, Parsed};

/// A line in short: address and variables, or number and code.
pub(super) type Short = Result<(String, String), (u64, &'static str)>;

pub(super) fn read(
    format: Format,
    list: &[u8],
    piece_bytes: usize,
) -> Result<Vec<Short>, ListError> {
    let mut reader = ListReader::new(format);
    let mut lines = Vec::new();
    for piece in list.chunks(piece_bytes) {
        reader.read(piece, &mut lines)?;
    }
    reader.finish(&mut lines)?;
    let short = |line: Line| match line {
        Ok(Parsed { address, variables }) => {
            Ok((address.as_str().to_owned(), variables.as_json().to_owned()))
        }
        Err(bad) => Err((bad.line, bad.code)),
    };
    Ok(lines.into_iter().map(short).collect())
}

pub(super) fn good(address: &str, variables: &str) -> Short {
    Ok((address.to_owned(), variables.to_owned()))
}
