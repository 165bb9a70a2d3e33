//! A data directory, and commands on it.

use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A data directory of its own.
pub(crate) struct Scene(TempDir);

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("there is room for a directory"))
    }

    /// Runs `postrider` with this line, cut at blanks, and nothing to read.
    pub(crate) fn run(&self, line: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_postrider"))
            .args(line.split_whitespace())
            .arg("--data")
            .arg(self.0.path())
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .expect("the command is built");
        Said {
            exit: output.status.code().expect("it was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, where it must succeed; gives what it printed.
    pub(crate) fn done(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.exit, 0, "{line}: {said:?}");
        said.stdout
    }

    /// Where it must not, and say these parts.
    pub(crate) fn refused(&self, line: &str, exit: i32, parts: &[&str]) {
        let said = self.run(line);
        assert_eq!(said.exit, exit, "{line}: {said:?}");
        for part in parts {
            assert!(said.stderr.contains(part), "{line}: {part:?} in {said:?}");
        }
    }

    /// A file in the directory of the test.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("the file is written");
        path.to_str().expect("its path is text").to_owned()
    }

    /// Changes the stored rows behind the back of the store, which no service has open.
    pub(crate) fn damage(&self, sql: &str) {
        let path = self.0.path().join("postrider.sqlite");
        assert!(path.is_file(), "{path:?} is the store");
        let store = rusqlite::Connection::open(path).expect("the store is a database");
        store.execute_batch(sql).expect("the rows are changed");
    }

    /// Puts an email of a tenant, and gives its id.
    pub(crate) fn email(&self, tenant: &str) -> String {
        let text = self.file("hello.txt", "Hello.");
        let line = format!(
            "email put --from news@example.test --subject Hi --text {text} --tenant {tenant}"
        );
        self.done(&line).trim().to_owned()
    }

    /// A draft of a tenant to ada@a.test and bob@b.test, sealed.
    pub(crate) fn draft(&self, tenant: &str, name: &str) {
        let email = self.email(tenant);
        let list = self.file("list.csv", "email\nada@a.test\nbob@b.test\n");
        self.done(&format!(
            "campaign create --name {name} --email {email} --tenant {tenant}"
        ));
        self.done(&format!(
            "campaign recipients {name} --tenant {tenant} --to {list} --seal"
        ));
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("a command says text")
}
