//! What a command says: data to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people; it may change.
    #[default]
    Text,
    /// One JSON object a line; members may be added, none is taken away.
    Json,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal that can, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of a command, and how it uses them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// How data is written.
    pub(crate) format: Format,
    is_quiet: bool,
    is_coloured: bool,
    is_live: bool,
}

impl Output {
    /// `is_plain` is what NO_COLOR and a dumb terminal ask for.
    pub(crate) fn new(format: Format, is_quiet: bool, colour: Colour, is_plain: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            format,
            is_quiet,
            is_coloured: match colour {
                Colour::Auto => is_terminal && !is_plain,
                Colour::Always => true,
                Colour::Never => false,
            },
            is_live: is_terminal && !is_plain && !is_quiet,
        }
    }

    /// Whether data is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether standard error is a terminal on which lines can be drawn anew.
    pub(crate) fn is_live(self) -> bool {
        self.is_live
    }

    /// A line of data.
    pub(crate) fn line(self, line: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    /// A line of data that is JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        io::stdout().lock().write_all(&line)?;
        Ok(())
    }

    /// A line for people, left out when they want quiet.
    pub(crate) fn note(self, line: impl Display) {
        if !self.is_quiet {
            to_stderr(&line.to_string());
        }
    }

    /// A line about something that a person should look at.
    pub(crate) fn warn(self, line: impl Display) {
        to_stderr(&self.marked("warning", "33", line));
    }

    /// The last line of a command that failed.
    pub(crate) fn error(self, line: impl Display) {
        to_stderr(&self.marked("error", "31", line));
    }

    fn marked(self, mark: &str, colour: &str, line: impl Display) -> String {
        if self.is_coloured {
            format!("\x1b[1;{colour}m{mark}:\x1b[0m {line}")
        } else {
            format!("{mark}: {line}")
        }
    }
}

/// Nobody can be told that standard error is gone.
fn to_stderr(line: &str) {
    writeln!(io::stderr().lock(), "{line}").ok();
}
