//! Measures the mock: raw pipelined clients on loopback in the same process.
//!
//! `cargo run --release -p postrider-mock-smtp --example throughput -- [connections] [messages] [body bytes] [log path]`
//!
//! The clients live on their own runtime with one thread, the mock on another with one thread, so
//! that the CPU time of the mock's thread is the cost of the mock alone.

use std::error::Error;

use postrider_mock_smtp::{MockServer, Profile, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

#[expect(clippy::print_stdout, reason = "the result of a measurement")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (connections, messages, body_bytes) = (number(4)?, number(400_000)?, number(2048)?);
    let settings = arguments
        .next()
        .map_or_else(Settings::in_memory, Settings::logged);

    let (server, clients) = (one_thread()?, one_thread()?);
    let _inside = server.enter();
    let listener = server.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let mock = MockServer::start(listener, Profile::sink(), settings)?;
    let address = mock.local_addr();
    let (cpu_before, start) = (server_cpu_ticks()?, Instant::now());
    clients.block_on(async {
        let each = messages / connections;
        let running = (0..connections).map(|number| {
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await?;
                send(stream, number, each, body_bytes).await
            })
        });
        for client in running.collect::<Vec<_>>() {
            client.await??;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = (server_cpu_ticks()? - cpu_before) / 100.0;
    let tally = server.block_on(mock.stop());
    let accepted = f64::from(u32::try_from(tally.accepted)?);
    println!(
        "{accepted} messages in {seconds:.2} s: {:.0} a second; mock {:.1} us of CPU a message",
        accepted / seconds,
        cpu_seconds * 1e6 / accepted
    );
    Ok(())
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .thread_name("mock-or-client")
        .build()
}

/// CPU ticks (hundredths of a second) of the runtime thread that was started first: the mock's.
fn server_cpu_ticks() -> Result<f64, Box<dyn Error>> {
    let mut threads: Vec<u32> = std::fs::read_dir("/proc/self/task")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    threads.sort_unstable();
    let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", threads[1]))?;
    let after_name = stat.rsplit_once(')').ok_or("an odd stat line")?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Ok(fields[11].parse::<f64>()? + fields[12].parse::<f64>()?)
}

/// One message per round trip: the envelope of the next one travels with the dot of the last.
async fn send(
    mut stream: TcpStream,
    number: usize,
    each: usize,
    body_bytes: usize,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let filler = "0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    let filler = filler.repeat(body_bytes / filler.len());
    let envelope = |n: usize| {
        format!("MAIL FROM:<news@example.test>\r\nRCPT TO:<r{n}@d{number}.test>\r\nDATA\r\n")
    };
    let mut input = vec![0; 4096];
    stream.write_all(b"EHLO me\r\n").await?;
    read_to(&mut stream, &mut input, b"250 ").await?;
    stream.write_all(envelope(0).as_bytes()).await?;
    read_to(&mut stream, &mut input, b"354 ").await?;
    for n in 0..each {
        let mut out =
            format!("Message-ID: <{n}.{number}@x>\r\nX-Postrider-Campaign: c\r\n\r\n{filler}.\r\n");
        if n + 1 < each {
            out.push_str(&envelope(n + 1));
        } else {
            out.push_str("QUIT\r\n");
        }
        stream.write_all(out.as_bytes()).await?;
        let last: &[u8] = if n + 1 < each { b"354 " } else { b"221 " };
        read_to(&mut stream, &mut input, last).await?;
    }
    Ok(())
}

/// Reads until a reply line begins so.
async fn read_to(stream: &mut TcpStream, input: &mut [u8], start: &[u8]) -> std::io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut input[filled..]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let mut lines = input[..filled].split(|byte| *byte == b'\n');
        if input[filled - 1] == b'\n' && lines.any(|line| line.starts_with(start)) {
            return Ok(());
        }
    }
}
