//! How a command ends: the exit codes, and which failure has which.
//!
//! The numbers are a promise to scripts and never change their meaning.

use std::io;
use std::process::ExitCode;

use postrider_api::{ApiError, ErrorKind};

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Done = 0,
    /// Something failed.
    Failed = 1,
    /// The command line, a file that it names, or the configuration cannot be used.
    Usage = 2,
    /// There is no such campaign, email, receipt or store.
    NotFound = 3,
    /// The state of things does not allow it; nothing was changed.
    WrongState = 4,
    /// The service or the relay cannot be reached.
    Unreachable = 5,
    /// It needs a yes, and got none.
    Unconfirmed = 6,
    /// Done in part: not everybody was delivered, bounced or suppressed.
    Partly = 7,
    /// The load ran, and missed what `--assert` or `--compare` expects of it; 99, so that no other
    /// failure is taken for it.
    Missed = 99,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure whose exit code is known where it happens: one sentence, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Stop {
    exit: Exit,
    sentence: String,
}

/// A failure with its exit code.
pub(crate) fn stop(exit: Exit, sentence: impl Into<String>) -> anyhow::Error {
    let sentence = sentence.into();
    Stop { exit, sentence }.into()
}

/// The exit code of a failure.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    let mut chain = error.chain();
    let known = chain.find_map(|cause| {
        let stop = cause.downcast_ref::<Stop>().map(|stop| stop.exit);
        stop.or_else(|| cause.downcast_ref::<ApiError>().map(of_call))
    });
    known.unwrap_or(Exit::Failed)
}

fn of_call(error: &ApiError) -> Exit {
    match error.kind() {
        ErrorKind::Unreachable => Exit::Unreachable,
        ErrorKind::NotFound => Exit::NotFound,
        ErrorKind::InvalidState => Exit::WrongState,
        ErrorKind::Unauthorized | ErrorKind::Invalid | ErrorKind::Other => match error {
            ApiError::Settings(_) => Exit::Usage,
            _ => Exit::Failed,
        },
    }
}

/// Whether the failure is only that nobody reads our output any more, as behind `| head`.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// A failure as people read it: each cause after a colon, and what to do about the common ones.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = as_commands(&format!("{error:#}"));
    let hint = error.chain().find_map(|cause| {
        let call = cause.downcast_ref::<ApiError>()?;
        match call.kind() {
            ErrorKind::Unreachable => Some(
                "start one with `postrider serve`, name another with --endpoint, or work on a \
                 directory with --data",
            ),
            ErrorKind::Unauthorized => Some(
                "name the file with the key by --key-file, or set POSTRIDER_KEY; \
                 `postrider serve` says where the file is",
            ),
            _ => None,
        }
    });
    if let Some(hint) = hint {
        sentence.push_str("\n  ");
        sentence.push_str(hint);
    }
    sentence
}

/// Routes of the API that its problems point to, and what a person types instead. Longer ones come
/// first.
const ROUTES: &[(&str, &str)] = &[
    (
        "GET /v1/receipts?address=…",
        "`postrider receipt find ADDRESS`",
    ),
    ("GET /v1/quarantine", "`postrider quarantine list`"),
    ("GET /v1/campaigns", "`postrider campaign list`"),
    ("GET /v1/tenants", "`postrider tenant list`"),
    ("POST /v1/emails", "`postrider email put`"),
];

/// What the API says of its routes, as commands.
fn as_commands(sentence: &str) -> String {
    let replace = |text: String, (route, command): &(&str, &str)| text.replace(route, command);
    ROUTES.iter().fold(sentence.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use postrider_api::{Code, Problem};

    use super::*;

    fn refused(code: Code) -> anyhow::Error {
        ApiError::Refused(Box::new(Problem::new(code, "because"))).into()
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        let check = |code, exit| assert_eq!(of(&refused(code)), exit, "{code}");
        check(Code::NotFound, Exit::NotFound);
        check(Code::InvalidState, Exit::WrongState);
        check(Code::AudienceSealed, Exit::WrongState);
        check(Code::NameTaken, Exit::WrongState);
        check(Code::Unauthorized, Exit::Failed);
        check(Code::InvalidEmail, Exit::Failed);
        check(Code::StoreUnavailable, Exit::Failed);
    }

    #[test]
    fn a_context_does_not_hide_the_exit_code() {
        let error = Err::<(), _>(refused(Code::NotFound)).context("looking for it");
        let error = error.unwrap_err();
        assert_eq!(of(&error), Exit::NotFound);
        assert_eq!(sentence(&error), "looking for it: because");
    }

    #[test]
    fn what_nobody_sorted_has_failed() {
        assert_eq!(of(&anyhow::anyhow!("odd")), Exit::Failed);
        assert_eq!(of(&stop(Exit::Unconfirmed, "no")), Exit::Unconfirmed);
        let unusable = ApiError::Settings("no endpoint".to_owned());
        assert_eq!(of(&unusable.into()), Exit::Usage);
    }

    #[test]
    fn a_wrong_key_says_where_keys_come_from() {
        assert!(sentence(&refused(Code::Unauthorized)).contains("--key-file"));
    }

    #[test]
    fn a_person_is_told_commands_and_not_routes() {
        let detail = "there is no such tenant; GET /v1/tenants lists those there are";
        let problem = Problem::new(Code::NotFound, detail);
        let error = ApiError::Refused(Box::new(problem)).into();
        assert_eq!(
            sentence(&error),
            "there is no such tenant; `postrider tenant list` lists those there are"
        );
    }

    #[test]
    fn a_closed_pipe_is_known_behind_any_context() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_closed_pipe(
            &anyhow::Error::from(closed).context("writing")
        ));
        assert!(!is_closed_pipe(&anyhow::anyhow!("odd")));
    }
}
