//! `postrider mock profiles`: what the mock can be asked to be.

use postrider_mock_smtp::BuiltIn;
use serde::Serialize;

use crate::exit::Exit;
use crate::figures::table;
use crate::output::Output;

/// A profile, as JSON.
#[derive(Serialize)]
struct Known {
    name: &'static str,
    summary: &'static str,
    toml: &'static str,
}

/// Lists them, one a line.
pub(super) fn run(output: Output) -> anyhow::Result<Exit> {
    if output.is_json() {
        for profile in BuiltIn::all() {
            output.json(&Known {
                name: profile.name,
                summary: profile.summary(),
                toml: profile.toml,
            })?;
        }
        return Ok(Exit::Done);
    }
    let rows = BuiltIn::all().iter();
    let rows = rows.map(|profile| [profile.name.to_owned(), profile.summary().to_owned()]);
    output.line(table(["PROFILE", "WHAT IT IS"], &rows.collect::<Vec<_>>()))?;
    Ok(Exit::Done)
}
