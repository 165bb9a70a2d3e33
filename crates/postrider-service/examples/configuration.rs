//! Prints the pages that are made from the table of keys: `docs/configuration.md`, or with the
//! word `toml` the text of `config/default.toml`.

use std::io::Write;

use postrider_service::config;

fn main() -> std::io::Result<()> {
    let page = match std::env::args().nth(1).as_deref() {
        Some("toml") => config::default_toml(),
        _ => config::reference(),
    };
    std::io::stdout().write_all(page.as_bytes())
}
