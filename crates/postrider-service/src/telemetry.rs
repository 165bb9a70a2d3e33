//! The log: to standard error, as lines for people or as JSON objects.
//!
//! Addresses are personal data and stand in no event above `trace`; everything else names a
//! recipient by number.

use std::io::{self, IsTerminal};

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not in the syntax of `tracing`.
    #[error(
        "log.filter cannot be {filter:?}; write levels such as \"info\" or \
         \"info,postrider_smtp=debug\""
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A log was set up before in this process.
    #[error("the log is set up already")]
    AlreadySet,
}

/// Sets up the log of this process, to standard error.
///
/// # Errors
/// [`TelemetryError`].
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let has_colour = io::stderr().is_terminal();
    let dispatch = dispatch(log, io::stderr, has_colour)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::AlreadySet)
}

/// A log that goes to `writer`.
fn dispatch<W>(log: &Log, writer: W, has_colour: bool) -> Result<Dispatch, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&log.filter).map_err(|source| TelemetryError::Filter {
        filter: log.filter.clone(),
        source,
    })?;
    // A line that cannot be written is lost. To say so it would be written to the same place, and
    // the second failure ends the process.
    let subscriber = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => subscriber.with_ansi(has_colour).into(),
        LogFormat::Json => subscriber.json().flatten_event(true).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: &Log) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let dispatch = dispatch(log, move || writer.clone(), false).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info!(campaign_id = "cmp_7", "a campaign was changed");
            tracing::debug!("not asked for");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let line = logged(&Log {
            filter: "info".into(),
            format: LogFormat::Json,
        });
        let event: serde_json::Value = serde_json::from_str(line.trim()).unwrap();
        assert_eq!(event["campaign_id"], "cmp_7");
        assert_eq!(event["message"], "a campaign was changed");
    }

    #[test]
    fn a_text_line_is_for_people_and_the_filter_holds() {
        let text = logged(&Log {
            filter: "info".into(),
            format: LogFormat::Text,
        });
        assert!(
            text.contains("a campaign was changed campaign_id=\"cmp_7\""),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        let log = Log {
            filter: "postrider=loudest".into(),
            format: LogFormat::Text,
        };
        let error = dispatch(&log, io::stderr, false).unwrap_err();
        assert!(
            error.to_string().contains("write levels such as"),
            "{error}"
        );
    }
}
