//! What every scene needs: a folder with a data directory, the command, a service, a mock.

mod content;
mod mock;
mod service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_api::ExportLine;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use self::content::{hello, in_state, large, lines_of_json, lines_of_people, people, tally};
pub use self::mock::Mock;
pub use self::service::{Service, assert_balance};
use crate::{Ended, Running};

/// How long anything may take that is over at once on an idle machine.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a whole campaign of a scene may take; ten times what it takes on two cores.
pub const CAMPAIGN: Duration = Duration::from_secs(120);

/// What every call of the client expects that is not about a refusal.
pub const ANSWERS: &str = "the service answers";

/// Scenes that measure time run alone; all others run beside each other.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// The turn of a scene that does not mind others.
pub async fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// The turn of a scene that measures time.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

/// A folder of a scene: the data directory of its service, and whatever files it writes.
pub struct House {
    folder: TempDir,
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

impl House {
    /// An empty one.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the scene");
        Self { folder }
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The file of the store.
    pub fn store_file(&self) -> PathBuf {
        self.data().join("postrider.sqlite")
    }

    /// Writes a file, and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// The command with these words, on the data directory of this house.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = postrider(words);
        command.arg("--data").arg(self.data());
        command.current_dir(self.folder.path());
        command
    }

    /// Runs the command with these words to its end.
    pub async fn run(&self, words: &[&str]) -> Ended {
        Running::start(self.command(words)).ended(CAMPAIGN).await
    }

    /// Starts a service on the data directory and returns when it answers.
    pub async fn serve(&self, config: &str) -> Service {
        self.serve_with(config, "", &[]).await
    }

    /// The same with more words, where fail points do what a plan says
    /// (`postrider_failpoint::plan`), and where a file that may not grow is an error and no death.
    pub async fn serve_with(&self, config: &str, plan: &str, words: &[&str]) -> Service {
        let mut command = self.serving("trap '' XFSZ", config);
        command.env("FAILPOINTS", plan).args(words);
        Service::start(command).await
    }

    /// The same where the system gives each process so much memory and no more (`ulimit -v`).
    /// Allocators ask for far more than they use, so both of ours are told to ask for less.
    pub async fn serve_within(&self, config: &str, address_space_kib: u64) -> Service {
        let limit = format!("ulimit -v {address_space_kib}");
        let mut command = self.serving(&limit, config);
        command.env("MIMALLOC_ARENA_RESERVE", "65536");
        command.env("MALLOC_ARENA_MAX", "2");
        Service::start(command).await
    }

    /// The same where one thread does everything that waits for nobody, so that a fail point which
    /// holds it holds all.
    pub async fn serve_on_one_thread(&self, config: &str, plan: &str) -> Service {
        let mut command = self.serving(":", config);
        command.env("FAILPOINTS", plan);
        command.env("TOKIO_WORKER_THREADS", "1");
        Service::start(command).await
    }

    /// The same with a log that takes nothing, as on a full disk.
    pub async fn serve_unlogged(&self, config: &str) -> Service {
        Service::start(self.serving("exec 2>/dev/full", config)).await
    }

    /// The same as `nohup` starts it: deaf to the end of its terminal.
    pub async fn serve_under_nohup(&self, config: &str) -> Service {
        Service::start(self.serving("trap '' HUP", config)).await
    }

    /// The command `serve`, behind a line of shell.
    fn serving(&self, prelude: &str, config: &str) -> Command {
        let config = self.write("postrider.toml", config);
        let inner = self.command(&["serve", "--listen", "127.0.0.1:0", "-o", "json"]);
        let inner = inner.as_std();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{prelude}; exec \"$@\""), "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(self.folder.path());
        command.env("FAILPOINTS", "");
        command.arg("--config").arg(config);
        command
    }

    /// All recipients of a campaign as they stand, by `receipt export`.
    pub async fn export(&self, campaign: &str) -> Vec<ExportLine> {
        let words = ["receipt", "export", "--campaign", campaign];
        lines_of_json(&self.run(&words).await.with(0).stdout)
    }
}

/// The command under test, without anything that the environment of the tests says to it.
pub fn postrider(words: &[&str]) -> Command {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTRIDER_") {
            command.env_remove(name);
        }
    }
    command.args(words);
    command
}

/// The binary under test. Cargo builds it a folder above the tests that are run.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let folder = test.parent().and_then(Path::parent);
    let program = folder.map(|folder| folder.join("postrider-under-test"));
    program.expect("cargo puts tests into a folder of their own")
}

/// Copies a directory with the files and directories in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory can be made");
    for entry in std::fs::read_dir(from).expect("a directory can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
