//! The socket in the data directory, and who has connected to it.
//!
//! Only processes that this service has started are served: the kernel says which process has
//! connected. The file is for this user alone all the same.
//!
//! The file is needed only while a worker starts, and whoever cleans up may have removed it by
//! then. So it is looked at before each start, and bound again when it is gone; connections that
//! stand do not need it.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};

use super::WorkersError;

/// The name of the socket in the data directory.
const SOCKET_FILE: &str = "workers.sock";

/// The longest path of a socket on Linux, without the zero behind it (`unix(7)`).
const PATH_BYTES_MAX: usize = 107;

/// Where workers connect. The file is removed with it.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    bound: watch::Sender<Arc<Bound>>,
    /// The processes that are to connect, each once.
    expected: Mutex<HashMap<i32, oneshot::Sender<UnixStream>>>,
}

/// A listener, and the file by which it is found.
#[derive(Debug)]
struct Bound {
    listener: UnixListener,
    /// Device and number of the file. The listener holds the file, removed or not, so no other
    /// has the same number meanwhile.
    file: (u64, u64),
}

impl Bound {
    /// Listens there, instead of whatever is there.
    fn at(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let only_us = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, only_us)?;
        let file = file_at(path)?;
        Ok(Self { listener, file })
    }
}

/// Which file is there.
fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
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
        match Bound::at(&path) {
            Ok(bound) => Ok(Self {
                path,
                bound: watch::Sender::new(Arc::new(bound)),
                expected: Mutex::default(),
            }),
            Err(source) => Err(WorkersError::Socket { path, source }),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over to each waiting supervisor the connection of its process.
    pub(super) async fn accept(&self) -> ! {
        let mut bound = self.bound.subscribe();
        loop {
            let current = Arc::clone(&bound.borrow_and_update());
            let accepted = tokio::select! {
                // Whoever has connected before the file was gone is let in first.
                biased;
                accepted = current.listener.accept() => accepted,
                // The sender is part of this, so it can only have changed.
                _ = bound.changed() => continue,
            };
            match accepted {
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
        self.bind_again_if_gone()?;
        let (started, pid) = start()?;
        let (sender, connected) = oneshot::channel();
        // Those whose supervisor has given up wait for nobody.
        expected.retain(|_, sender| !sender.is_closed());
        expected.insert(pid.cast_signed(), sender);
        Ok((started, connected))
    }

    /// Makes sure that whoever connects to the path comes to us.
    fn bind_again_if_gone(&self) -> io::Result<()> {
        let file = self.bound.borrow().file;
        if file_at(&self.path).is_ok_and(|found| found == file) {
            return Ok(());
        }
        let path = self.path.display();
        tracing::warn!(%path, "somebody removed the socket of the workers; it is made again");
        self.bound.send_replace(Arc::new(Bound::at(&self.path)?));
        Ok(())
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

    /// What comes of a connection of this process, once it is expected.
    async fn connects(socket: &Socket) -> UnixStream {
        let ((), connected) = socket.expect(|| Ok(((), std::process::id()))).unwrap();
        let worker = UnixStream::connect(socket.path()).await.unwrap();
        connected.await.unwrap();
        worker
    }

    #[tokio::test]
    async fn only_a_process_that_is_expected_gets_through() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::listen(folder.path()).unwrap();
        let scene = async {
            let stranger = UnixStream::connect(socket.path()).await.unwrap();
            stranger.readable().await.unwrap();
            assert_eq!(stranger.try_read(&mut [0]).unwrap(), 0);
            connects(&socket).await;
        };
        tokio::select! {
            () = scene => {}
            never = socket.accept() => never,
        }
    }

    #[tokio::test]
    async fn a_socket_whose_file_is_gone_or_another_is_made_again_and_who_is_connected_stays() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::listen(folder.path()).unwrap();
        let scene = async {
            let ((), connected) = socket.expect(|| Ok(((), std::process::id()))).unwrap();
            let worker = UnixStream::connect(socket.path()).await.unwrap();
            let service = connected.await.unwrap();
            std::fs::remove_file(socket.path()).unwrap();
            connects(&socket).await;
            std::fs::remove_file(socket.path()).unwrap();
            drop(std::os::unix::net::UnixListener::bind(socket.path()).unwrap());
            connects(&socket).await;
            let mode = std::fs::metadata(socket.path()).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);

            worker.writable().await.unwrap();
            assert_eq!(worker.try_write(b"x").unwrap(), 1);
            service.readable().await.unwrap();
            assert_eq!(service.try_read(&mut [0]).unwrap(), 1);
        };
        tokio::select! {
            () = scene => {}
            never = socket.accept() => never,
        }
    }

    #[tokio::test]
    async fn no_worker_is_started_where_no_socket_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::listen(folder.path()).unwrap();
        std::fs::remove_file(socket.path()).unwrap();
        // Even root makes nothing in a directory that is gone.
        folder.close().unwrap();
        let start = || -> io::Result<((), u32)> { panic!("it was started") };
        let error = socket.expect(start).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
