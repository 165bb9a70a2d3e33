//! A child process of a test: captured, signalled, waited for, and never left behind.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::within;

/// A process that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// The command line, for descriptions.
    line: String,
    stdout: Captured,
    stderr: Captured,
}

/// A process that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The command line.
    pub line: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

impl Running {
    /// Starts a process whose output is captured while it runs; its input is empty.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        let line = shown(&command);
        command
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{line} cannot be started: {error}"));
        let stdout = Captured::of(child.stdout.take().expect("stdout was piped"));
        let stderr = Captured::of(child.stderr.take().expect("stderr was piped"));
        Self {
            child,
            line,
            stdout,
            stderr,
        }
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it was waited for already.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it was not waited for yet")
    }

    /// The first whole line of standard output.
    ///
    /// # Panics
    /// When there is none in time, or the process ends without one.
    pub async fn first_line(&mut self, bound: Duration) -> String {
        let line = self.first_line_or_end(bound).await;
        let said = || self.stderr.so_far();
        line.unwrap_or_else(|| panic!("{} ended without a line: {}", self.line, said()))
    }

    /// The first whole line of standard output, or nothing when it ends without one.
    ///
    /// # Panics
    /// When there is neither in time.
    pub async fn first_line_or_end(&mut self, bound: Duration) -> Option<String> {
        let what = format!("the first line of {}", self.line);
        let mut text = self.stdout.text.clone();
        let line = async {
            let has_line = text.wait_for(|text| text.contains('\n')).await.ok()?;
            has_line.lines().next().map(str::to_owned)
        };
        within(bound, &what, line).await
    }

    /// What it has written to standard error until now.
    pub fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not know.
    pub fn is_running(&mut self) -> bool {
        let ended = self.child.try_wait().expect("its state can be asked");
        ended.is_none()
    }

    /// Asks it to end, as `kill` does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Tells it that its terminal is closed.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Ends it as a crash would: SIGKILL, and when this returns it is gone.
    pub async fn kill(mut self) -> Ended {
        self.child.start_kill().ok();
        self.ended(Duration::from_secs(10)).await
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it has not ended in time.
    pub async fn ended(mut self, bound: Duration) -> Ended {
        let what = format!("the end of {}", self.line);
        let status = tokio::time::timeout(bound, self.child.wait()).await;
        let Ok(status) = status else {
            panic!(
                "not within {bound:?}: {what}; it said: {}",
                self.stderr.so_far()
            );
        };
        let status: ExitStatus = status.expect("a child can be waited for");
        let output = async { (self.stdout.whole().await, self.stderr.whole().await) };
        let (stdout, stderr) = within(Duration::from_secs(10), &what, output).await;
        Ended {
            line: self.line,
            code: status.code(),
            stdout,
            stderr,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("a process id is positive");
        kill_process(pid, signal).expect("a child that was not waited for can be signalled");
    }
}

impl Ended {
    /// The same, if it ended with this exit code.
    ///
    /// # Panics
    /// When it ended otherwise: with all that it said.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            code,
            stdout,
            stderr,
        } = self;
        write!(f, "{line}\nended with {code:?} and said\n{stderr}{stdout}")
    }
}

/// The output of a process, read as it comes.
#[derive(Debug)]
struct Captured {
    text: watch::Receiver<String>,
    reading: JoinHandle<()>,
}

impl Captured {
    fn of(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (text, so_far) = watch::channel(String::new());
        let reading = tokio::spawn(async move {
            let mut bytes = Vec::new();
            while pipe.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                // What is cut in the middle of a character waits for the rest of it.
                let valid = match std::str::from_utf8(&bytes) {
                    Ok(_) => bytes.len(),
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    Err(_) => bytes.len(),
                };
                let piece: Vec<u8> = bytes.drain(..valid).collect();
                text.send_modify(|text| text.push_str(&String::from_utf8_lossy(&piece)));
            }
        });
        Self {
            text: so_far,
            reading,
        }
    }

    fn so_far(&self) -> String {
        self.text.borrow().clone()
    }

    async fn whole(&mut self) -> String {
        (&mut self.reading).await.expect("reading does not panic");
        self.so_far()
    }
}

fn shown(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Running::start(command)
    }

    #[tokio::test]
    async fn an_end_has_its_code_and_all_output() {
        let ended = shell("echo out; echo err >&2; exit 3").ended(SOON).await;
        let ended = ended.with(3);
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            ("out\n", "err\n")
        );
    }

    #[tokio::test]
    async fn a_line_is_seen_while_it_runs_and_a_signal_ends_it() {
        let mut running = shell("trap 'echo bye; exit 5' TERM; echo up; while :; do read x; done");
        assert_eq!(running.first_line(SOON).await, "up");
        running.terminate();
        let ended = running.ended(SOON).await.with(5);
        assert_eq!(ended.stdout, "up\nbye\n");
    }

    #[tokio::test]
    async fn a_kill_leaves_no_code() {
        let mut running = shell("echo up; exec cat /dev/zero >/dev/null");
        running.first_line(SOON).await;
        assert!(running.is_running());
        assert_eq!(running.kill().await.code, None);
    }
}
