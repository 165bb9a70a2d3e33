//! A server program in a process group of its own, with a folder, a log, and a port that was free.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::READY_WITHIN;

/// A free port can be taken by another program before the server has it; then the next is tried.
pub(super) const PORTS_TRIED_MAX: u32 = 5;
const CONNECT_EVERY: Duration = Duration::from_millis(10);
const LOG: &str = "server.log";
const GUARD: &str = include_str!("guard.sh");

/// A running server. Its whole process group is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    address: SocketAddr,
    folder: TempDir,
    child: Child,
}

impl Daemon {
    /// Starts the program that `prepare` gives for an empty folder and a free address, and
    /// returns when it greets. The program must stay in the foreground and in its process group.
    pub(super) async fn start(name: &str, prepare: impl Fn(&Path, SocketAddr) -> Command) -> Self {
        let mut log = String::new();
        for _ in 0..PORTS_TRIED_MAX {
            let folder = open_folder().expect("a folder for the server");
            let address = free_address().expect("a free port");
            let command = prepare(folder.path(), address);
            let child = guarded(&command, folder.path()).spawn().expect("sh starts");
            let mut daemon = Self {
                address,
                folder,
                child,
            };
            let greets = timeout(READY_WITHIN, greets(&mut daemon.child, address)).await;
            log = daemon.log();
            match greets {
                Ok(true) => return daemon,
                Ok(false) => {}
                Err(_) => panic!("{name} does not greet within {READY_WITHIN:?}; it said: {log}"),
            }
        }
        panic!("{name} ended at once, {PORTS_TRIED_MAX} times; it said: {log}");
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `prepare` was given; everybody may look into it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written to its outputs.
    pub(super) fn log(&self) -> String {
        let log = std::fs::read(self.folder().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let group = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = group.and_then(Pid::from_raw) {
            // It may have ended already.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

/// Whether this process may do what only root may.
pub(super) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A server that changes to other users needs one who may.
///
/// # Panics
/// When this is not root.
pub(super) fn assert_root(name: &str) {
    assert!(
        is_root(),
        "only root can start {name}, which changes to users of its own: run the tests as root, \
         for example in a container"
    );
}

/// A folder where servers that have given root's rights up may work too.
pub(super) fn open_folder() -> io::Result<TempDir> {
    let folder = TempDir::new()?;
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777))?;
    Ok(folder)
}

/// The listener is closed again: most servers can only be told a port.
pub(super) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Connects until the server answers; `false` when it has ended instead.
pub(super) async fn greets(child: &mut Child, address: SocketAddr) -> bool {
    let mut turn = interval(CONNECT_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        if let Ok(stream) = TcpStream::connect(address).await {
            // Whatever comes is an answer; a sink told to hang up at CONNECT says nothing.
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.ok();
            return matches!(child.try_wait(), Ok(None));
        }
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
    }
}

/// The command under the guard, as the leader of a new process group.
fn guarded(command: &Command, folder: &Path) -> Command {
    let command = command.as_std();
    let log = std::fs::File::create(folder.join(LOG)).expect("a file for the log");
    let mut guarded = Command::new("sh");
    guarded
        .args(["-c", GUARD, "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("one more handle"))
        .stderr(log)
        .current_dir(folder);
    for (name, value) in command.get_envs() {
        guarded.env(name, value.unwrap_or_default());
    }
    guarded
}
