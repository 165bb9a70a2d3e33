//! The socket in the data directory, and who has connected to it.
//!
//! Only processes that this service has started are served: the kernel says which process has
//! connected. The file is for this user alone all the same.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use super::WorkersError;

/// The name of the socket in the data directory.
const SOCKET_FILE: &str = "workers.sock";

/// The longest path of a socket on Linux, without the zero behind it (`unix(7)`).
const PATH_BYTES_MAX: usize = 107;

/// Where workers connect. The file is removed with it.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    listener: UnixListener,
    /// The processes that are to connect, each once.
    expected: Mutex<HashMap<i32, oneshot::Sender<UnixStream>>>,
}

impl Socket {
    /// Listens in a data directory that this process owns: whatever socket is there is left over
    /// from a service that died.
    pub(super) fn listen(data_dir: &Path) -> Result<Self, WorkersError> {
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let path = data_dir.join(SOCKET_FILE);
        let bytes = path.as_os_str().len();
        if bytes > PATH_BYTES_MAX {
            return Err(WorkersError::TooLong { path, bytes });
        }
        let fault = |source| WorkersError::Socket {
            path: path.clone(),
            source,
        };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(fault)?;
        let only_us = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, only_us).map_err(fault)?;
        Ok(Self {
            path: path.clone(),
            listener,
            expected: Mutex::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over to each waiting supervisor the connection of its process.
    pub(super) async fn accept(&self) -> ! {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => self.admit(stream),
                Err(error) => {
                    tracing::error!(%error, "no worker can connect");
                    tokio::time::sleep(crate::bounds::WORKER_RESTART_DELAY_MIN).await;
                }
            }
        }
    }

    /// Expects the connection of the process that `start` starts and names. No connection is looked
    /// at meanwhile, so however fast the process is, it is expected.
    pub(super) fn expect<T>(
        &self,
        start: impl FnOnce() -> io::Result<(T, u32)>,
    ) -> io::Result<(T, oneshot::Receiver<UnixStream>)> {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let (started, pid) = start()?;
        let (sender, connected) = oneshot::channel();
        // Those whose supervisor has given up wait for nobody.
        expected.retain(|_, sender| !sender.is_closed());
        expected.insert(pid.cast_signed(), sender);
        Ok((started, connected))
    }

    fn admit(&self, stream: UnixStream) {
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        match pid.and_then(|pid| expected.remove(&pid)) {
            Some(supervisor) => drop(supervisor.send(stream)),
            None => tracing::warn!(pid, "somebody who is no worker of ours was sent away"),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Left behind, it would only be removed at the next start.
        drop(std::fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_for_its_owner_alone_and_replaces_one_that_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET_FILE);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let socket = Socket::listen(folder.path()).unwrap();
        let mode = std::fs::metadata(socket.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_path_that_no_socket_can_have_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let error = Socket::listen(&deep).unwrap_err().to_string();
        assert!(error.contains("107"), "{error}");
        assert!(error.contains("shorter"), "{error}");
    }

    #[tokio::test]
    async fn only_a_process_that_is_expected_gets_through() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::listen(folder.path()).unwrap();
        let own = std::process::id();
        let stranger = UnixStream::connect(socket.path()).await.unwrap();
        socket.admit(socket.listener.accept().await.unwrap().0);
        let ((), connected) = socket.expect(|| Ok(((), own))).unwrap();
        let _worker = UnixStream::connect(socket.path()).await.unwrap();
        socket.admit(socket.listener.accept().await.unwrap().0);
        connected.await.unwrap();
        let closed = stranger.readable().await;
        closed.unwrap();
        assert_eq!(stranger.try_read(&mut [0]).unwrap(), 0);
    }
}
