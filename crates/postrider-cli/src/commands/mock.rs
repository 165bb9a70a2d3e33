//! `postrider mock`: a pretend mail server, and what it says of those who bring it mail.

mod profiles;
mod serve;
mod verdict;

use std::path::Path;

use clap::Subcommand;
use postrider_mock_smtp::Profile;

use crate::call::Call;
use crate::content;
use crate::exit::{Exit, stop};

const SERVE_EXAMPLE: &str = "\
Examples:
  postrider mock serve
  postrider mock serve --profile providers-like --log accepts.ndjson --control 127.0.0.1:2580";

const PROFILES_EXAMPLE: &str = "\
Examples:
  postrider mock profiles
  postrider mock profiles -o json";

const VERDICT_EXAMPLE: &str = "\
Examples:
  postrider mock verdict
  postrider mock verdict --log accepts.ndjson --expect expected.ndjson --receipts receipts.ndjson";

/// What can be done with the mock.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take mail and throw it away, counting; prints the tally when it is told to stop
    #[command(after_help = SERVE_EXAMPLE)]
    Serve(serve::Serve),
    /// List the profiles that come with it
    #[command(after_help = PROFILES_EXAMPLE)]
    Profiles,
    /// Say whether the client that brought it mail did what it should; the exit code is 1 if not
    #[command(after_help = VERDICT_EXAMPLE)]
    Verdict(verdict::Of),
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Serve(serve) => serve.run(call.output).await,
        Command::Profiles => profiles::run(call.output),
        Command::Verdict(of) => of.run(call.output).await,
    }
}

/// A built-in profile, or one from a file.
pub(crate) fn profile(name: &str) -> anyhow::Result<Profile> {
    if let Some(profile) = Profile::named(name) {
        return Ok(profile);
    }
    let path = Path::new(name);
    if !name.ends_with(".toml") && !path.exists() {
        let sentence = format!(
            "there is no profile \"{name}\": `postrider mock profiles` lists them, and a TOML file \
             is one too"
        );
        return Err(stop(Exit::Usage, sentence));
    }
    let text = String::from_utf8(content::bytes(path)?);
    let text = text.map_err(|_| stop(Exit::Usage, format!("{name} is not UTF-8")))?;
    Profile::from_toml(&text).map_err(|error| {
        let error = anyhow::Error::from(error);
        stop(Exit::Usage, format!("{name}: {error:#}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_built_in_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, "name = 'own'").unwrap();
        assert_eq!(profile("sample").unwrap(), Profile::sample());
        assert_eq!(profile(path.to_str().unwrap()).unwrap().name, "own");
    }

    #[test]
    fn a_profile_that_is_wrong_is_the_callers_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.toml");
        std::fs::write(&path, "nam = 'own'").unwrap();
        for name in ["sampel", path.to_str().unwrap(), "/nonexistent/p.toml"] {
            let error = profile(name).unwrap_err();
            assert_eq!(crate::exit::of(&error), Exit::Usage, "{error:#}");
        }
    }
}
