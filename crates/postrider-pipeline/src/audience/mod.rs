//! From the bytes of a list to recipients, without I/O.
//!
//! Pieces of any size go in, recipients and bad lines come out, the same ones however the list
//! was cut into pieces. A bad line never stops the good ones: it is named with its number, a
//! stable code and a reason. Only a CSV header can make a whole list unreadable, and it comes
//! before any recipient.
//!
//! What is held is one line; a list may be of any size.

mod csv;
mod format;
mod json;
mod known;
mod lines;
mod ndjson;
mod runs;
#[cfg(test)]
mod tests;
mod trouble;

pub use format::Format;
pub use known::Known;
pub use trouble::{BadLine, ListError};

use postrider_types::{Address, Variables};

use self::csv::Csv;
use self::lines::Lines;

/// One good line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Where the message goes.
    pub address: Address,
    /// Everything else on the line.
    pub variables: Variables,
}

/// A line with content, good or bad.
pub type Line = Result<Parsed, BadLine>;

/// Reads a list piece by piece.
#[derive(Debug)]
pub struct ListReader {
    lines: Lines,
    /// `None` for NDJSON, which needs no memory from line to line.
    csv: Option<Box<Csv>>,
}

impl ListReader {
    /// A reader at the beginning of a list.
    pub fn new(format: Format) -> Self {
        let csv = (format == Format::Csv).then(|| Box::new(Csv::new()));
        Self {
            lines: Lines::default(),
            csv,
        }
    }

    /// Reads the next piece, and appends the lines that are complete with it to `lines`.
    ///
    /// # Errors
    /// [`ListError`] when the header of a CSV is none; nothing of the list can be read then.
    pub fn read(&mut self, mut piece: &[u8], lines: &mut Vec<Line>) -> Result<(), ListError> {
        while let Some((number, cut)) = self.lines.cut(&mut piece) {
            match &mut self.csv {
                Some(csv) => csv.read(number, cut, lines)?,
                None => ndjson::read(number, cut, lines),
            }
        }
        Ok(())
    }

    /// The list is over: appends the last line, if it has no line end, and what is still open.
    ///
    /// # Errors
    /// [`ListError`] when a CSV had no header.
    pub fn finish(mut self, lines: &mut Vec<Line>) -> Result<(), ListError> {
        let last = self.lines.finish();
        match (&mut self.csv, last) {
            (Some(csv), last) => {
                if let Some((number, cut)) = last {
                    csv.read(number, cut, lines)?;
                }
                csv.finish(lines)
            }
            (None, Some((number, cut))) => {
                ndjson::read(number, cut, lines);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }
}
