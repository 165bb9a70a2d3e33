//! CSV: records to recipients.
//!
//! csv-core finds the fields. It never fails: a quote that somebody forgot to close makes it
//! swallow all lines up to the next quote, good ones too. So a record over several physical lines
//! is believed only when its quotes are right. Otherwise its first line is bad, and the others
//! are read again on their own.

mod header;
mod record;

use std::collections::VecDeque;
use std::mem;

use csv_core::Reader;

use self::header::Header;
use self::record::{Record, has_sound_quotes};
use super::Line;
use super::lines::Cut;
use super::trouble::{LineTrouble, ListError};
use crate::bounds::{LINE_BYTES_MAX, RECORD_LINES_MAX};

/// Reads the physical lines of a CSV.
#[derive(Debug)]
pub(super) struct Csv {
    reader: Reader,
    record: Record,
    header: Option<Header>,
    /// The physical lines of a record whose quotes are open; empty when there is none.
    open: Vec<u8>,
    /// The number of the first of those lines, and how many they are.
    open_from: u64,
    open_lines: usize,
    /// Lines to be read again, with their numbers.
    again: VecDeque<(u64, Vec<u8>)>,
}

impl Csv {
    pub(super) fn new() -> Self {
        Self {
            reader: Reader::new(),
            record: Record::new(),
            header: None,
            open: Vec::new(),
            open_from: 0,
            open_lines: 0,
            again: VecDeque::new(),
        }
    }

    /// Reads one physical line.
    pub(super) fn read(
        &mut self,
        number: u64,
        cut: Cut<'_>,
        lines: &mut Vec<Line>,
    ) -> Result<(), ListError> {
        match cut {
            Cut::Line(line) => {
                self.read_line(number, line, lines)?;
                self.read_again(lines)
            }
            Cut::TooLong => {
                while self.is_open() {
                    self.give_up(LineTrouble::Quotes, lines)?;
                    self.read_again(lines)?;
                }
                self.header.as_ref().ok_or(ListError::Header)?;
                lines.push(Err(LineTrouble::TooLong.on(number)));
                Ok(())
            }
        }
    }

    /// After the last line.
    pub(super) fn finish(&mut self, lines: &mut Vec<Line>) -> Result<(), ListError> {
        while self.is_open() {
            self.give_up(LineTrouble::Quotes, lines)?;
            self.read_again(lines)?;
        }
        self.header.as_ref().ok_or(ListError::NoHeader)?;
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.open_lines > 0
    }

    fn read_again(&mut self, lines: &mut Vec<Line>) -> Result<(), ListError> {
        while let Some((number, line)) = self.again.pop_front() {
            self.read_line(number, &line, lines)?;
        }
        Ok(())
    }

    fn read_line(
        &mut self,
        number: u64,
        line: &[u8],
        lines: &mut Vec<Line>,
    ) -> Result<(), ListError> {
        if self.is_open() {
            self.open.extend_from_slice(line);
            self.open_lines += 1;
            if self.open.len() > LINE_BYTES_MAX || self.open_lines > RECORD_LINES_MAX {
                return self.give_up(LineTrouble::TooLong, lines);
            }
        }
        let mut rest = line;
        // A lone carriage return ends a record too, so one line may hold several.
        while self.is_open() || !rest.trim_ascii().is_empty() {
            let begin = rest;
            if !self.record.read(&mut self.reader, &mut rest) {
                if !self.is_open() {
                    self.open.extend_from_slice(begin);
                    self.open_from = number;
                    self.open_lines = 1;
                }
                return Ok(());
            }
            let mut from = number;
            if self.is_open() {
                let raw = &self.open[..self.open.len() - rest.len()];
                if !has_sound_quotes(raw) {
                    return self.give_up(LineTrouble::Quotes, lines);
                }
                from = self.open_from;
                self.open.clear();
                self.open_lines = 0;
            }
            self.take_record(from, lines)?;
        }
        Ok(())
    }

    fn take_record(&mut self, number: u64, lines: &mut Vec<Line>) -> Result<(), ListError> {
        match &self.header {
            Some(header) => {
                let parsed = header.recipient(&self.record);
                lines.push(parsed.map_err(|trouble| trouble.on(number)));
            }
            None => {
                let header = Header::read(&self.record)?;
                self.record.set_columns(header.columns());
                self.header = Some(header);
            }
        }
        self.record.clear();
        Ok(())
    }

    /// The first line of the open record is bad; the others are read again.
    fn give_up(&mut self, trouble: LineTrouble, lines: &mut Vec<Line>) -> Result<(), ListError> {
        self.header.as_ref().ok_or(ListError::Header)?;
        lines.push(Err(trouble.on(self.open_from)));
        let raw = mem::take(&mut self.open);
        let numbered = (self.open_from..).zip(raw.split_inclusive(|byte| *byte == b'\n'));
        for (number, line) in numbered.skip(1).collect::<Vec<_>>().into_iter().rev() {
            self.again.push_front((number, line.to_vec()));
        }
        self.open_lines = 0;
        self.record.clear();
        self.reader.reset();
        Ok(())
    }
}
