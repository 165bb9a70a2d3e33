//! Compares the mock with `smtp-sink`, both driven by `smtp-source`, all three of Postfix' making
//! but the mock: on loopback, in alternating runs, each receiver in a process of its own.
//!
//! `cargo run --release -p postrider-mock-smtp --example against_smtp_sink -- [pairs] [messages] [log path]`
//!
//! Prints messages a second and the receiver's CPU a message of each run, and the ratios of the
//! medians. It needs `smtp-sink` and `smtp-source` (Debian: package postfix), and root, because
//! `smtp-sink` wants to become another user.

use std::error::Error;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use postrider_mock_smtp::{MockServer, Profile, Settings};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::Instant;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// How long a receiver may take to listen.
const START_MAX: Duration = Duration::from_secs(5);

/// One run: messages a second, and microseconds of the receiver's CPU a message.
#[derive(Debug, Clone, Copy)]
struct Run {
    rate: f64,
    cpu_us: f64,
}

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "serve") {
        return serve(&arguments[1], arguments.get(2));
    }
    let mut arguments = arguments.into_iter();
    let mut number = |default: u32| arguments.next().map_or(Ok(default), |text| text.parse());
    let (pairs, messages) = (number(7)?, number(100_000)?);
    let log = arguments.next();
    let (mut mocks, mut sinks) = (Vec::new(), Vec::new());
    for pair in 1..=pairs {
        let mock = measure(messages, |address| {
            let mut mock = Command::new(std::env::current_exe()?);
            mock.arg("serve").arg(address).args(&log);
            Ok(mock.spawn()?)
        })?;
        if let Some(log) = &log {
            std::fs::remove_file(log)?;
        }
        let sink = measure(messages, |address| {
            let mut sink = Command::new("smtp-sink");
            sink.args(["-u", "nobody", "-c", address, "256"]);
            Ok(sink.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
        })?;
        println!(
            "{pair}: mock {:.0}/s {:.1} us, smtp-sink {:.0}/s {:.1} us",
            mock.rate, mock.cpu_us, sink.rate, sink.cpu_us
        );
        mocks.push(mock);
        sinks.push(sink);
    }
    let ratio = |of: fn(&Run) -> f64| median(&mocks, of) / median(&sinks, of);
    println!(
        "mock / smtp-sink: rate {:.2}, CPU a message {:.2}",
        ratio(|run| run.rate),
        ratio(|run| run.cpu_us)
    );
    Ok(())
}

/// The mock alone, in this process, until it is stopped.
fn serve(address: &str, log: Option<&String>) -> Fallible<()> {
    let settings = log.map_or_else(Settings::in_memory, Settings::logged);
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::bind(address).await?;
            let _mock = MockServer::start(listener, Profile::sink(), settings)?;
            std::future::pending().await
        })
}

/// Starts a receiver, brings it all messages, and stops it.
fn measure(messages: u32, start: impl FnOnce(&str) -> Fallible<Child>) -> Fallible<Run> {
    let address = free_address()?;
    let mut receiver = start(&address.to_string())?;
    let run = drive(&receiver, address, messages);
    receiver.kill()?;
    receiver.wait()?;
    run
}

fn drive(receiver: &Child, address: SocketAddr, messages: u32) -> Fallible<Run> {
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > START_MAX {
            return Err(format!("nothing listens at {address}").into());
        }
        std::thread::yield_now();
    }
    let (cpu_before, begun) = (cpu_seconds(receiver.id())?, Instant::now());
    let count = messages.to_string();
    let source = Command::new("smtp-source")
        .args(["-d", "-s", "10", "-l", "2048", "-m", &count])
        .args(["-f", "news@example.test", "-t", "reader@sink.test"])
        .arg(format!("inet:{address}"))
        .status()?;
    if !source.success() {
        return Err("smtp-source has failed".into());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds(receiver.id())? - cpu_before;
    Ok(Run {
        rate: f64::from(messages) / seconds,
        cpu_us: cpu_seconds * 1e6 / f64::from(messages),
    })
}

fn free_address() -> Fallible<SocketAddr> {
    Ok(StdListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// User and system time of a process, in ticks of a hundredth of a second.
fn cpu_seconds(process: u32) -> Fallible<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("an odd stat line")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}

fn median(runs: &[Run], of: fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
