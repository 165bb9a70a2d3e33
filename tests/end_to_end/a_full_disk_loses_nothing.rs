//! The disk is full: it is said in a sentence, nothing is sent that could not be recorded, and
//! with room again it goes on.
//!
//! The small disk is a tmpfs in a mount namespace of its own, so that nothing is left mounted
//! however the test ends; a file that fills it up is written and removed from outside. Where a
//! container allows no such thing, a bound on the size of files takes its place.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use postrider_api::ExportLine;
use postrider_mock_smtp::{Behaviour, Profile};
use postrider_tests::{Ended, Running, until};
use postrider_types::DeliveryState;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::Command;

use crate::house::{
    CAMPAIGN, House, Mock, SOON, beside_others, copy, in_state, people, postrider, tally,
};

const COUNT: usize = 1_500;

const CONNECTIONS: usize = 10;

/// Runs a command while the data directory is a disk of $1 KiB, and keeps what it holds in the
/// end.
const ON_A_SMALL_DISK: &str = r#"
    mount -t tmpfs -o size=$1k none data || exit 99
    shift
    trap 'kill -TERM $child' TERM
    "$@" &
    child=$!
    echo ready
    wait $child
    code=$?
    # A signal has ended the waiting, not the command.
    if [ $code -gt 128 ]; then
        wait $child
        code=$?
    fi
    rm -f data/filler
    cp -a data/. kept && exit $code
"#;

/// Runs a command that can write no file beyond $1 KiB; `ulimit` counts blocks of 512 bytes.
const WITH_SMALL_FILES: &str = r#"
    trap '' XFSZ
    ulimit -S -f $(($1 * 2))
    shift
    echo ready
    exec "$@"
"#;

#[tokio::test]
async fn a_list_that_does_not_fit_is_said_and_the_same_command_goes_on() {
    let _turn = beside_others().await;
    let scene = Scene::new("0ms").await;
    let closed = "[limits.default]\nrate = \"0\"\n";
    scene.house.write("closed.toml", closed);
    let mut words = scene.words();
    words.extend(["--config", "closed.toml"]);
    let small = SmallDisk::start(&scene.house, &words, 1_024).await;
    let refused = small.ended().await.with(1);
    assert!(!refused.stderr.contains("panicked"), "{refused}");
    let errors = refused.stderr.lines();
    let errors = errors.filter(|line| line.starts_with("error:"));
    assert_eq!(errors.count(), 1, "{refused}");
    for words in ["the store cannot write", "run the same command again"] {
        assert!(refused.stderr.contains(words), "no \"{words}\": {refused}");
    }
    assert_eq!(scene.mock.accepted(), 0);

    scene.house.run(&scene.words()).await.with(0);
    assert_eq!(scene.assert_nobody_twice().await, 0, "nobody is in doubt");
}

#[tokio::test]
async fn with_room_again_it_goes_on_by_itself() {
    let _turn = beside_others().await;
    let scene = Scene::new("2ms").await;
    let mut disk = SmallDisk::start(&scene.house, &scene.words(), 32 * 1_024).await;
    scene.mock.has_accepted(20).await;
    disk.fill();
    disk.is_full().await;
    assert!(
        scene.mock.accepted() < COUNT as u64,
        "it was filled up on the way"
    );
    disk.make_room();
    let ended = disk.ended().await.with(0);
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    assert_eq!(scene.assert_nobody_twice().await, 0, "nobody is in doubt");
}

#[tokio::test]
async fn stopped_on_a_full_disk_it_goes_on_with_the_same_command() {
    let turn = beside_others().await;
    let scene = Scene::new("2ms").await;
    let mut disk = SmallDisk::start(&scene.house, &scene.words(), 32 * 1_024).await;
    scene.mock.has_accepted(20).await;
    disk.fill();
    disk.is_full().await;
    disk.terminate();
    // A drain that cannot record waits half a minute for room, and needs no machine for that.
    drop(turn);
    let ended = disk.ended().await;
    let _turn = beside_others().await;
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    assert!(
        scene.mock.accepted() < COUNT as u64,
        "it was stopped on the way"
    );

    let again = scene.house.run(&scene.words()).await;
    let in_doubt = scene.assert_nobody_twice().await;
    let code = if in_doubt == 0 { 0 } else { 7 };
    assert_eq!(again.code, Some(code), "{again}");
    assert!(in_doubt <= CONNECTIONS, "{in_doubt} in doubt");
}

/// A house with files, and where its mail goes.
struct Scene {
    house: House,
    mock: Mock,
    route: String,
}

impl Scene {
    async fn new(reply_delay: &str) -> Self {
        let house = House::new();
        let behaviour = Behaviour {
            reply_delay: reply_delay.parse().expect("a span"),
            ..Behaviour::accept()
        };
        let profile = Profile::sink().with_domain("receiver.test", behaviour);
        let mock = Mock::start(&house, profile).await;
        // A kilobyte each: more than the smallest disk has room for.
        let list = people(COUNT, "receiver.test").replace("Name", &"Name ".repeat(200));
        house.write("people.csv", list);
        house.write("hello.txt", "Hello {{ name }}\n");
        let route = mock.route();
        Self { house, mock, route }
    }

    /// The command that is run again and again.
    fn words(&self) -> Vec<&str> {
        let words = "send --name hello --from news@example.test --subject Hi --text hello.txt \
            --to people.csv --route";
        words
            .split_whitespace()
            .chain([self.route.as_str()])
            .collect()
    }

    /// By the mock's own log: who is delivered has it once, and nobody else but who is in doubt.
    /// Gives how many are.
    async fn assert_nobody_twice(&self) -> usize {
        let receipts: Vec<ExportLine> = self.house.export("hello").await;
        let accepts = self.mock.accepts_by_recipient();
        assert!(accepts.values().all(|times| *times == 1), "nobody twice");
        let delivered = in_state(&receipts, DeliveryState::Delivered);
        let in_doubt = in_state(&receipts, DeliveryState::InDoubt);
        let states = tally(&receipts);
        assert_eq!(delivered.len() + in_doubt.len(), COUNT, "{states:?}");
        assert!(delivered.iter().all(|one| accepts.contains_key(one)));
        let is_known = |one: &String| delivered.contains(one) || in_doubt.contains(one);
        assert!(accepts.keys().all(is_known));
        in_doubt.len()
    }
}

/// The command where there is little room.
struct SmallDisk<'a> {
    house: &'a House,
    running: Running,
    /// Whether it is a disk; otherwise it is a bound on the size of files.
    is_disk: bool,
}

impl<'a> SmallDisk<'a> {
    async fn start(house: &'a House, words: &[&str], kib: u32) -> Self {
        for folder in ["data", "kept"] {
            std::fs::create_dir_all(house.path(folder)).expect("a directory can be made");
        }
        for (way, script) in [
            ("unshare --mount sh -c", ON_A_SMALL_DISK),
            (
                "unshare --user --map-root-user --mount sh -c",
                ON_A_SMALL_DISK,
            ),
            ("sh -c", WITH_SMALL_FILES),
        ] {
            let mut command = inside(way, script, kib, words);
            command.current_dir(house.path(""));
            let mut running = Running::start(command);
            if running.first_line_or_end(SOON).await.as_deref() == Some("ready") {
                let is_disk = script == ON_A_SMALL_DISK;
                return Self {
                    house,
                    running,
                    is_disk,
                };
            }
        }
        panic!("no way to a small disk was found");
    }

    /// Takes all room that is left.
    fn fill(&self) {
        if self.is_disk {
            let mut filler = File::create(self.filler()).expect("a file on the small disk");
            while filler.write_all(&[0; 4_096]).is_ok() {}
        } else {
            self.bound_files(Some(1));
        }
    }

    /// Gives it back.
    fn make_room(&self) {
        if self.is_disk {
            std::fs::remove_file(self.filler()).expect("the filler can be removed");
        } else {
            self.bound_files(None);
        }
    }

    /// Waits until it says that there is no room.
    async fn is_full(&mut self) {
        until(
            CAMPAIGN,
            "the word that the store cannot write",
            async || {
                let said = self.running.stderr_so_far();
                assert!(self.running.is_running(), "it ended before: {said}");
                said.contains("the store cannot write").then_some(())
            },
        )
        .await;
        let said = self.running.stderr_so_far();
        assert!(!self.is_disk || said.contains("the disk is full"), "{said}");
    }

    fn terminate(&self) {
        self.running.terminate();
    }

    /// Waits for the end; what was on the disk is the data directory then.
    async fn ended(self) -> Ended {
        let ended = self.running.ended(CAMPAIGN).await;
        if self.is_disk {
            std::fs::remove_dir_all(self.house.data()).expect("a directory can be removed");
            copy(&self.house.path("kept"), &self.house.data());
        }
        ended
    }

    /// The file that fills the disk up, as the process sees its files.
    fn filler(&self) -> PathBuf {
        let (pid, data) = (self.running.pid(), self.house.data());
        PathBuf::from(format!("/proc/{pid}/root{}/filler", data.display()))
    }

    fn bound_files(&self, current: Option<u64>) {
        let pid = i32::try_from(self.running.pid())
            .ok()
            .and_then(Pid::from_raw);
        let bound = Rlimit {
            current,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, bound).expect("the bound of a child can be changed");
    }
}

/// The command by a shell script, which is given to `way`.
fn inside(way: &str, script: &str, kib: u32, words: &[&str]) -> Command {
    let inner = postrider(words);
    let inner = inner.as_std();
    let mut way = way.split(' ');
    let mut command = Command::new(way.next().expect("a program"));
    command.args(way).args([script, "sh", &kib.to_string()]);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, _) in inner.get_envs() {
        command.env_remove(name);
    }
    command.args(["--data", "data"]);
    command
}
