//! The fields of one record.

use csv_core::{ReadRecordResult, Reader};
use memchr::memchr;

use crate::audience::trouble::LineTrouble;
use crate::bounds::{COLUMNS_MAX, LINE_BYTES_MAX};

/// The fields of one record, unescaped, one behind the other.
#[derive(Debug)]
pub(super) struct Record {
    /// Large enough for any record.
    text: Box<[u8]>,
    pub(super) text_bytes: usize,
    /// Where each field ends in `text`. One more than there are columns, so that a field too many
    /// is seen; further ones overwrite the last.
    ends: Vec<usize>,
    pub(super) fields: usize,
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            text: vec![0; LINE_BYTES_MAX + 2].into(),
            text_bytes: 0,
            ends: vec![0; COLUMNS_MAX + 1],
            fields: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.text_bytes = 0;
        self.fields = 0;
    }

    /// Reads off the front of `line`; says whether the record is complete.
    pub(super) fn read(&mut self, reader: &mut Reader, line: &mut &[u8]) -> bool {
        loop {
            let end = self.fields.min(self.ends.len() - 1);
            let (result, read, wrote, ended) = reader.read_record(
                line,
                &mut self.text[self.text_bytes..],
                &mut self.ends[end..],
            );
            *line = &line[read..];
            self.text_bytes += wrote;
            self.fields += ended;
            match result {
                ReadRecordResult::Record => return true,
                ReadRecordResult::OutputEndsFull => {}
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return false,
                ReadRecordResult::OutputFull => unreachable!("a record is bounded before"),
            }
        }
    }

    /// From now on there are this many columns.
    pub(super) fn set_columns(&mut self, columns: usize) {
        self.ends.truncate(columns + 1);
    }

    /// The fields, of which there must be no more than are kept.
    pub(super) fn fields(&self) -> Result<impl Iterator<Item = &str>, LineTrouble> {
        let text = str::from_utf8(&self.text[..self.text_bytes]).map_err(|_| LineTrouble::Utf8)?;
        let ends = &self.ends[..self.fields];
        // Invalid fields may happen to be valid side by side.
        if !ends.iter().all(|end| text.is_char_boundary(*end)) {
            return Err(LineTrouble::Utf8);
        }
        let begins = std::iter::once(&0).chain(ends);
        Ok(begins.zip(ends).map(|(begin, end)| &text[*begin..*end]))
    }
}

/// Whether each quote that opens a field of `record` is closed, and nothing but a comma or the
/// end follows the closing one (RFC 4180 §2).
pub(super) fn has_sound_quotes(record: &[u8]) -> bool {
    let mut rest = record.trim_ascii_end();
    loop {
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            let mut at = 0;
            loop {
                let Some(quote) = memchr(b'"', &quoted[at..]) else {
                    return false;
                };
                at += quote + 1;
                match quoted.get(at) {
                    Some(b'"') => at += 1,
                    Some(b',') | None => break,
                    Some(_) => return false,
                }
            }
            rest = &quoted[at..];
        } else {
            rest = &rest[memchr(b',', rest).unwrap_or(rest.len())..];
        }
        match rest.strip_prefix(b",") {
            Some(next) => rest = next,
            None => return true,
        }
    }
}
