//! Servers of Debian packages that cannot be installed beside Postfix: unpacked by `tests/run` with
//! the libraries that they need, and run in a folder that is the whole machine to them.
//!
//! Such a folder holds what a server knows by fixed paths: its users, its configuration, its spool.
//! Two of them never meet, and the machine itself is not changed.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::daemon::assert_root;
use super::debian;

/// A machine for one server, with the users that it changes to.
pub(super) struct Jail(PathBuf);

impl Jail {
    /// Copies what `tests/run` unpacked under this name into a folder, and writes its users.
    pub(super) fn new(name: &str, folder: &Path, users: &[(&str, u32)]) -> Self {
        assert_root(name);
        let unpacked = crate::root().join("target/peers-debian").join(name);
        assert!(
            unpacked.exists(),
            "{} is missing; `tests/run` installs it",
            unpacked.display()
        );
        let jail = folder.join("jail");
        let copied = std::process::Command::new("cp")
            .arg("--archive")
            .args([&unpacked, &jail])
            .status();
        assert!(copied.expect("cp starts").success(), "the jail is copied");
        let jail = Self(jail);
        let (mut passwd, mut group) = ("root:x:0:0::/:\n".to_owned(), "root:x:0:\n".to_owned());
        for (user, id) in users {
            writeln!(passwd, "{user}:x:{id}:{id}::/:").expect("a String takes all");
            writeln!(group, "{user}:x:{id}:").expect("a String takes all");
        }
        jail.write("etc/passwd", passwd);
        jail.write("etc/group", group);
        // Nobody is asked who connects.
        jail.write("etc/hosts", "127.0.0.1 localhost\n");
        jail.write("etc/resolv.conf", "lookup file\n");
        // Not a device, which not everybody may make: it only has to open.
        jail.write("dev/null", "");
        jail
    }

    /// A path in it, from outside.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file, with the folders above it.
    pub(super) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        let folder = path.parent().expect("a file is in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }

    /// Makes a folder that belongs to a user of the jail; others may only pass through.
    pub(super) fn folder_of(&self, user: u32, path: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(&path).expect("a folder can be made");
        let mode = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(&path, mode).expect("root may say who looks into it");
        chown(path, Some(user), Some(user)).expect("root may give it away");
    }

    /// A program of the jail, run in it.
    pub(super) fn command<A: AsRef<OsStr>>(&self, program: &str, arguments: &[A]) -> Command {
        let mut command = Command::new(debian("chroot", "coreutils"));
        command.arg(&self.0).arg(program).args(arguments);
        command
    }
}
