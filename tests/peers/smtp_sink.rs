//! Postfix's `smtp-sink`: pipelining, fast, counts and dumps what it accepts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::accepted::with_crlf;
use super::daemon::{PORTS_TRIED_MAX, free_address, greets, is_root, open_folder};
use super::{READY_WITHIN, debian};

/// A running `smtp-sink`.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    folder: TempDir,
    /// Killed when dropped.
    _child: Child,
}

/// One transaction that `smtp-sink` wrote to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dumped {
    /// The arguments of MAIL as sent, with angle brackets and parameters.
    pub mail_args: String,
    /// The arguments of each RCPT as sent, in order.
    pub rcpt_args: Vec<String>,
    /// The message without dot-stuffing. The sink forgets how lines ended: here it is CRLF always.
    pub data: Vec<u8>,
}

impl SmtpSink {
    /// Starts a sink that counts, and returns when it greets.
    pub async fn counting() -> Self {
        Self::start(&[]).await
    }

    /// Starts a sink that counts, and keeps each message in a file for [`SmtpSink::dumped`].
    pub async fn dumping() -> Self {
        Self::start(&["-d", "dump/message."]).await
    }

    /// Starts a counting sink with more options, such as `-q .` (disconnect after the dot), `-r` and
    /// `-f` (refuse a command softly or hard); smtp-sink(1) has them all.
    /// It runs in its own folder, where it may write.
    pub async fn start(options: &[&str]) -> Self {
        let program = debian("smtp-sink", "postfix");
        for _ in 0..PORTS_TRIED_MAX {
            let folder = open_folder().expect("a folder for the sink");
            let address = free_address().expect("a free port");
            let mut child = command(&program, options, &folder, address)
                .spawn()
                .expect("it starts");
            let greeted = timeout(READY_WITHIN, greets(&mut child, address)).await;
            if greeted.expect("smtp-sink listens in time") {
                return Self {
                    address,
                    folder,
                    _child: child,
                };
            }
        }
        panic!("smtp-sink {options:?} ended at once, {PORTS_TRIED_MAX} times; its reason is above");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages it has accepted; the count is there before the client reads its 250.
    pub fn messages(&self) -> u64 {
        let counters = std::fs::read_to_string(self.folder.path().join("counters"))
            .expect("the counters can be read");
        messages_in(&counters)
    }

    /// Every message of a sink that dumps, in no order.
    pub fn dumped(&self) -> Vec<Dumped> {
        let folder = self.folder.path().join("dump");
        if self.messages() == 0 {
            return Vec::new();
        }
        std::fs::read_dir(folder)
            .expect("the sink was started with `dumping`")
            .map(|entry| {
                let path = entry.expect("the folder can be read").path();
                let bytes = std::fs::read(&path).expect("the file can be read");
                dumped(&bytes).unwrap_or_else(|| panic!("half a message in {}", path.display()))
            })
            .collect()
    }
}

fn command(program: &PathBuf, options: &[&str], folder: &TempDir, address: SocketAddr) -> Command {
    let counters = std::fs::File::create(folder.path().join("counters")).expect("a file");
    let mut command = Command::new(program);
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(counters)
        .current_dir(folder.path());
    if is_root() {
        command.args(["-u", "nobody"]);
    }
    // 1,024 waiting connections: more than a test opens at once.
    command
        .arg("-c")
        .args(options)
        .arg(address.to_string())
        .arg("1024");
    command
}

/// The newest `mesg=` of lines like `sess=2 quit=1 mesg=2`, which overwrite each other by `\r`.
fn messages_in(counters: &str) -> u64 {
    let whole = counters.rsplit_once('\r').map_or("", |(whole, _)| whole);
    let newest = whole.rsplit("mesg=").next().unwrap_or_default();
    newest.trim().parse().unwrap_or(0)
}

/// Takes a dump file apart: the sink's own header fields, of which `Received:` with its two more
/// lines is the last, the message, and an empty line.
fn dumped(file: &[u8]) -> Option<Dumped> {
    let mut rest = file
        .strip_suffix(b"\n\n")
        .map(|head| &file[..=head.len()])?;
    let (mut mail_args, mut rcpt_args) = (None, Vec::new());
    let mut line = || {
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        Some(line)
    };
    loop {
        let field = line()?;
        match field.split_once(": ")? {
            ("X-Mail-Args", args) => mail_args = Some(args.to_owned()),
            ("X-Rcpt-Args", args) => rcpt_args.push(args.to_owned()),
            ("Received", _) => break,
            _ => {}
        }
    }
    line()?;
    line()?;
    Some(Dumped {
        mail_args: mail_args?,
        rcpt_args,
        data: with_crlf(rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_count_is_taken() {
        assert_eq!(messages_in(""), 0);
        assert_eq!(messages_in("sess=1 quit=0 mesg=0\r"), 0);
        assert_eq!(
            messages_in("sess=1 quit=0 mesg=7\rsess=1 quit=0 mesg=12\r"),
            12
        );
        assert_eq!(messages_in("sess=1 quit=0 mesg=7\rsess=1 quit=0 mesg=1"), 7);
    }

    #[test]
    fn a_dump_gives_back_envelope_and_message() {
        let file = b"X-Client-Addr: 127.0.0.1\nX-Mail-Args: <a@x.test> SIZE=9\n\
            X-Rcpt-Args: <b@y.test>\nX-Rcpt-Args: <c@y.test>\nReceived: from a ([b])\n\
            \tby c\n\tat noon\nSubject: hi\n\n.dot\n\n";
        let whole = dumped(file).unwrap();
        assert_eq!(whole.mail_args, "<a@x.test> SIZE=9");
        assert_eq!(whole.rcpt_args, ["<b@y.test>", "<c@y.test>"]);
        assert_eq!(whole.data, b"Subject: hi\r\n\r\n.dot\r\n");
        assert_eq!(dumped(&file[..60]), None);
    }
}
