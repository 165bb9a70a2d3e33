//! A list of recipients: where it comes from, how it is written, and what was wrong with it.

use std::path::{Path, PathBuf};
use std::pin::Pin;

use clap::{Args, ValueEnum};
use postrider_api::{AfterIntake, ApiError, AudienceFormat, Client, IntakeReport};
use postrider_types::CampaignId;
use tokio::fs::File;
use tokio::io::AsyncRead;

use crate::exit::{Exit, stop};
use crate::figures::{count, counted};
use crate::output::Output;

/// A list as flags.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListArguments {
    /// The list: a file, or - for standard input
    #[arg(long = "to", value_name = "FILE")]
    path: PathBuf,

    /// How the list is written [default: by the file's name, else csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<ListFormat>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A header line with a column `email`, then a line for each recipient
    Csv,
    /// A JSON object with a field `email` on each line
    Ndjson,
}

impl From<ListFormat> for AudienceFormat {
    fn from(format: ListFormat) -> Self {
        match format {
            ListFormat::Csv => Self::Csv,
            ListFormat::Ndjson => Self::Ndjson,
        }
    }
}

/// A list that is open and not read yet.
pub(crate) struct List {
    format: AudienceFormat,
    lines: Pin<Box<dyn AsyncRead + Send>>,
}

impl ListArguments {
    /// Opens the list, so that a missing file is known before anything else happens.
    pub(crate) async fn open(&self) -> anyhow::Result<List> {
        let path = self.path.as_path();
        let format = self.format.unwrap_or_else(|| format_of(path)).into();
        if path == Path::new("-") {
            let lines = Box::pin(tokio::io::stdin());
            return Ok(List { format, lines });
        }
        let cannot = |reason: String| {
            let sentence = format!("cannot read {}", path.display());
            stop(Exit::Usage, reason).context(sentence)
        };
        let file = File::open(path).await;
        let file = file.map_err(|error| cannot(error.to_string()))?;
        let metadata = file.metadata().await;
        if metadata.is_ok_and(|metadata| metadata.is_dir()) {
            return Err(cannot("it is a directory".to_owned()));
        }
        let lines = Box::pin(file);
        Ok(List { format, lines })
    }
}

impl List {
    /// A list that was made here.
    pub(crate) fn of_csv(csv: String) -> Self {
        Self {
            format: AudienceFormat::Csv,
            lines: Box::pin(std::io::Cursor::new(csv.into_bytes())),
        }
    }

    /// Adds all of it to a campaign.
    pub(crate) async fn add(
        self,
        client: &Client,
        campaign: CampaignId,
        then: AfterIntake,
    ) -> Result<IntakeReport, ApiError> {
        let Self { format, lines } = self;
        client.add_recipients(campaign, format, lines, then).await
    }
}

fn format_of(path: &Path) -> ListFormat {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("ndjson" | "jsonl") => ListFormat::Ndjson,
        _ => ListFormat::Csv,
    }
}

/// Says what came of a list: one line, and each bad line that is known.
pub(crate) fn report(report: &IntakeReport, output: Output) {
    for bad in &report.errors {
        output.warn(format_args!(
            "line {}: {}: {}",
            bad.line, bad.code, bad.detail
        ));
    }
    let listed = report.errors.len() as u64;
    if report.bad > listed {
        output.warn(format_args!(
            "{} more, {} in all",
            counted(report.bad - listed, "bad line"),
            count(report.bad)
        ));
    }
    output.note(format_args!(
        "{} read: {} added, {} in the audience already, {} bad",
        counted(report.lines, "line"),
        count(report.accepted),
        count(report.duplicates),
        count(report.bad)
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_list_says_how_it_is_written() {
        let check = |name, format| assert_eq!(format_of(Path::new(name)), format, "{name}");
        check("people.csv", ListFormat::Csv);
        check("people.NDJSON", ListFormat::Ndjson);
        check("people.jsonl", ListFormat::Ndjson);
        check("people.txt", ListFormat::Csv);
        check("-", ListFormat::Csv);
    }

    #[tokio::test]
    async fn a_list_that_is_no_file_is_known_before_anything_is_sent() {
        for path in ["/nonexistent/people.csv", "/"] {
            let path = PathBuf::from(path);
            let list = ListArguments { path, format: None };
            let error = list.open().await.err().unwrap();
            assert_eq!(crate::exit::of(&error), Exit::Usage);
            assert!(error.to_string().starts_with("cannot read /"), "{error}");
        }
    }
}
