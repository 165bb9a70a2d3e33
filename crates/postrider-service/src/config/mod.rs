//! The configuration: one file, one table of keys, and every problem at once.
//!
//! The defaults are [`Config::default`]; a TOML file and then `POSTRIDER_` variables say what
//! differs. Each key stands once in the table of keys (`keys.rs`) with its unit, its allowed range
//! and its meaning; `config/default.toml` and `docs/configuration.md` are printed from that table
//! and tested against it. The file is walked with the positions of its keys and values, so that a
//! [`Problem`] can name its line, and reading goes on after each problem.
//!
//! Units are always written (`"20/s"`, `"5m"`, `"64MiB"`): a bare number is refused where a unit
//! is meant, because whoever reads it would have to guess.
//!
//! Nothing here opens a file, and only [`environment::read`] reads the environment. Nothing here
//! checks what the machine says about a value: whether a port is free, a directory writable or a
//! relay reachable shows when the service starts.

mod dkim;
pub mod environment;
mod given;
mod keys;
mod kind;
mod lookup;
mod print;
mod problem;
mod reading;
mod relations;
#[cfg(test)]
mod tests;
mod unit;
mod values;
mod walk;

pub use dkim::Dkim;
pub use print::{default_toml, reference};
pub use problem::{Place, Problem};
pub use reading::{Places, Reading};
pub use values::{
    Cache, Config, Deliver, Email, InDoubt, Intake, Lease, Limit, Limits, Log, LogFormat, Message,
    Mx, Retention, Route, Secret, Server, Tables, Timeouts, TlsChoice, Trial, Workers,
};

pub(crate) use dkim::numbered;
pub(crate) use keys::ROUTE_TABLE;
pub(crate) use problem::in_order;

impl Config {
    /// The defaults, changed by the text of a file and then by variables of the environment.
    ///
    /// `file_name` is only named in problems; an empty `text` is a valid file. Of `environment`
    /// only names that begin with `POSTRIDER_` are looked at.
    ///
    /// # Errors
    /// All problems of both, those of the file first and in its order.
    pub fn load(
        text: &str,
        file_name: &str,
        environment: &[(String, String)],
    ) -> Result<Self, Vec<Problem>> {
        let reading = Reading::of(text, file_name, environment);
        if reading.problems.is_empty() {
            Ok(reading.config)
        } else {
            Err(reading.problems)
        }
    }
}
