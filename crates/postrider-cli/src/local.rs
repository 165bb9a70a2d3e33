//! A service in this process, on a data directory that no other process owns.
//!
//! While it runs, the file [`ENDPOINT_FILE`] in the data directory says where it answers and what
//! its process id is, so that another call with the same `--data` finds it. A file that was left
//! behind by a crash points at nobody, or at somebody whose key is another; both are noticed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_api::Client;
use postrider_service::key::KEY_FILE;
use postrider_service::{
    ApiKey, Config, Service, StartError, StartOptions, StoreKind, listen, telemetry,
};
use tokio::net::TcpListener;

use crate::exit::{Exit, stop};

/// The file that says where the service answers.
const ENDPOINT_FILE: &str = "endpoint";

/// The file by which a data directory is known. A test starts a service and looks for it.
const STORE_FILE: &str = "postrider.sqlite";

/// How long a drain may take.
const DRAIN_AFTER_MAX: Duration = Duration::from_secs(30);

/// How long the end of a service that has failed may take.
const END_AFTER_MAX: Duration = Duration::from_secs(1);

/// The key of a service that has no key file.
pub(crate) const DEV_KEY: &str = "dev";

/// The embedded store, and everything in it sent.
pub(crate) fn sending() -> StartOptions {
    StartOptions {
        store: StoreKind::Sqlite,
        is_sending: true,
        // One that does not find itself tries nobody, and says so.
        program: std::env::current_exe().unwrap_or_default(),
        workers: None,
    }
}

/// A service of ours.
pub(crate) struct Local {
    service: Service,
    endpoint_file: PathBuf,
}

impl Local {
    /// Starts a service with its own key, that sends.
    pub(crate) async fn start(config: Config, listener: TcpListener) -> anyhow::Result<Self> {
        Self::start_on(config, listener, sending()).await
    }

    /// The same with another store, or with workers.
    pub(crate) async fn start_on(
        config: Config,
        listener: TcpListener,
        options: StartOptions,
    ) -> anyhow::Result<Self> {
        let key = own_key(&config)?;
        Self::start_with(config, listener, key, options).await
    }

    /// Starts a service with its own key, that is only looked at and fed.
    pub(crate) async fn start_idle(config: Config, listener: TcpListener) -> anyhow::Result<Self> {
        let key = own_key(&config)?;
        let options = StartOptions {
            is_sending: false,
            ..sending()
        };
        Self::start_with(config, listener, key, options).await
    }

    /// Starts a service with this key.
    pub(crate) async fn start_with(
        config: Config,
        listener: TcpListener,
        key: ApiKey,
        options: StartOptions,
    ) -> anyhow::Result<Self> {
        let data_dir = config.server.data_dir.clone();
        let service = Service::start(config, listener, key, options).await;
        let service = service.map_err(refusal)?;
        let endpoint_file = data_dir.join(ENDPOINT_FILE);
        // A courtesy to other calls: a service without it works as well.
        let endpoint = format!("{}\n{}\n", service.endpoint(), std::process::id());
        if let Err(error) = write_private(&endpoint_file, &endpoint) {
            tracing::warn!(%error, "the file with the endpoint cannot be written");
        }
        Ok(Self {
            service,
            endpoint_file,
        })
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        self.service.endpoint()
    }

    /// Waits until the service is of no use any more, and gives what to say and end with.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let what = self.service.failed().await;
        let sentence = format!(
            "{what}, so the service ends; start it again: what was under way is in doubt at most, \
             and nothing is sent twice"
        );
        stop(Exit::Failed, sentence)
    }

    /// Drains, and closes the store.
    pub(crate) async fn stop(self) {
        self.stop_within(DRAIN_AFTER_MAX).await;
    }

    /// Ends what has failed: nothing is waited for but the store.
    pub(crate) async fn end(self) {
        self.stop_within(END_AFTER_MAX).await;
    }

    /// Drains for so long at most, cuts off what is left, and closes the store.
    pub(crate) async fn stop_within(self, within: Duration) {
        std::fs::remove_file(&self.endpoint_file).ok();
        self.service.stop(within).await;
    }
}

/// A listener that only this machine reaches, on any free port.
pub(crate) async fn any_port() -> anyhow::Result<TcpListener> {
    Ok(listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?)
}

/// The service that owns a data directory and answers.
pub(crate) struct Owner {
    /// A client of it.
    pub(crate) client: Client,
    /// Its process id, as it wrote it.
    pub(crate) pid: String,
}

/// Looks for the owner of a data directory.
pub(crate) async fn owner(data_dir: &Path) -> Option<Owner> {
    let text = std::fs::read_to_string(data_dir.join(ENDPOINT_FILE)).ok()?;
    let mut lines = text.lines().map(str::to_owned);
    let (endpoint, pid) = (lines.next()?, lines.next()?);
    let client = Client::new(&endpoint, &key(data_dir)).ok()?;
    client.version().await.ok()?;
    Some(Owner { client, pid })
}

/// The key of a data directory, as text.
pub(crate) fn key(data_dir: &Path) -> String {
    let key = std::fs::read_to_string(data_dir.join(KEY_FILE));
    key.map_or_else(|_| DEV_KEY.to_owned(), |key| key.trim().to_owned())
}

/// Whether there is a store in the directory.
pub(crate) fn is_data_dir(data_dir: &Path) -> bool {
    data_dir.join(STORE_FILE).exists()
}

/// The key in the data directory of the configuration, both made when missing.
fn own_key(config: &Config) -> anyhow::Result<ApiKey> {
    create(&config.server.data_dir)?;
    let (key, _) = ApiKey::load_or_create(&config.server.data_dir)?;
    Ok(key)
}

/// Sets up the log for a command that speaks for itself: errors only, unless asked otherwise.
pub(crate) fn log_errors(config: &Config) -> anyhow::Result<()> {
    let mut log = config.log.clone();
    if log.filter == Config::default().log.filter {
        log.filter = "error".to_owned();
    }
    Ok(telemetry::init(&log)?)
}

/// Writes a file anew, for its user only.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// Makes the directory, with all above it, for its user only, unless it is there.
pub(crate) fn create(data_dir: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    let created = builder.recursive(true).mode(0o700).create(data_dir);
    created.map_err(|error| {
        let data_dir = data_dir.display();
        let sentence =
            format!("cannot make the data directory {data_dir}: {error}; choose another");
        stop(Exit::Failed, sentence)
    })
}

/// A service that did not start, with its exit code.
fn refusal(error: StartError) -> anyhow::Error {
    let exit = match &error {
        StartError::Settings(_) | StartError::DevKey { .. } => Exit::Usage,
        error if error.owner().is_some() => Exit::WrongState,
        _ => Exit::Failed,
    };
    let sentence = match &error {
        // These tell what the system said in their own words.
        StartError::Listen { .. } | StartError::Store(_) => error.to_string(),
        _ => format!("{:#}", anyhow::Error::new(error)),
    };
    stop(exit, sentence)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn config(data_dir: &Path) -> Config {
        let mut config = Config::default();
        config.server.data_dir = data_dir.to_owned();
        config
    }

    #[tokio::test]
    async fn a_running_service_is_found_by_its_data_directory_and_later_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        assert!(owner(&data_dir).await.is_none());
        let service = Local::start(config(&data_dir), any_port().await.unwrap());
        let service = service.await.unwrap();
        assert!(is_data_dir(&data_dir));
        let owner_now = owner(&data_dir).await.unwrap();
        assert_eq!(owner_now.client.endpoint(), service.endpoint());
        assert_eq!(owner_now.pid, std::process::id().to_string());
        service.stop().await;
        assert!(owner(&data_dir).await.is_none());
    }

    /// Whatever is in the directory, and in those inside, that others than its user may open.
    fn open_to_others(dir: &Path) -> Vec<PathBuf> {
        let mut open = Vec::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = std::fs::metadata(&path).unwrap();
            if metadata.is_dir() {
                open.extend(open_to_others(&path));
            }
            if metadata.permissions().mode() & 0o077 != 0 {
                open.push(path);
            }
        }
        open
    }

    #[tokio::test]
    async fn what_a_service_keeps_is_for_its_user_only_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made/data");
        let found = folder.path().join("found");
        std::fs::create_dir(&found).unwrap();
        std::fs::set_permissions(&found, Permissions::from_mode(0o755)).unwrap();
        for data_dir in [&made, &found] {
            create(data_dir).unwrap();
            let service = Local::start(config(data_dir), any_port().await.unwrap());
            let service = service.await.unwrap();
            let open = open_to_others(data_dir);
            service.stop().await;
            assert!(open.is_empty(), "{open:?}");
        }
        let mode = std::fs::metadata(&made).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn a_start_that_fails_tells_what_failed_and_what_the_system_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("spill"), "in the way").unwrap();
        let started = Local::start(config(folder.path()), any_port().await.unwrap()).await;
        let said = started.err().unwrap().to_string();
        for part in ["cannot make the directory", "spill", "File exists"] {
            assert!(said.contains(part), "no {part:?}: {said}");
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_owned_is_refused_with_the_owners_pid() {
        let folder = tempfile::tempdir().unwrap();
        let service = Local::start(config(folder.path()), any_port().await.unwrap());
        let service = service.await.unwrap();
        let second = Local::start(config(folder.path()), any_port().await.unwrap()).await;
        let error = second.err().unwrap();
        assert_eq!(crate::exit::of(&error), Exit::WrongState);
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error}");
        service.stop().await;
    }
}
