//! The question before what cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::exit::{Exit, stop};

/// Asks a person at a terminal; nobody else can say yes but by the flag. `stake` says what is
/// lost.
pub(crate) fn confirm(stake: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        let sentence = format!("{stake}; say --yes to do it. Nothing was changed");
        return Err(stop(Exit::Unconfirmed, sentence));
    }
    // A question has no line break behind it.
    write!(io::stderr().lock(), "{stake}. Do it? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(stop(
            Exit::Unconfirmed,
            "not confirmed; nothing was changed",
        )),
    }
}
