//! Servers on one end of a stream in memory.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::advance;

use crate::model::Model;
use crate::whim::Answer;

/// How the octets travel, and when they stop.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// How replies are cut into pieces, over and over.
    pub(crate) pieces: Vec<usize>,
    /// The server is gone when it has read so many octets, or written so many.
    pub(crate) reads_max: usize,
    pub(crate) writes_max: usize,
}

/// How late a late reply is: later than any deadline.
const LATE: Duration = Duration::from_secs(15 * 60);

/// Plays the model until either side ends it.
pub(crate) async fn play(mut stream: DuplexStream, mut model: Model, mut line: Line) -> Model {
    let greeting = Answer {
        text: b"220 model.test\r\n".to_vec(),
        ..Answer::default()
    };
    if !say(&mut stream, &greeting, &mut line).await {
        return model;
    }
    let mut buffer = [0; 512];
    loop {
        while let Some(answer) = model.answer() {
            if !say(&mut stream, &answer, &mut line).await {
                return model;
            }
        }
        let room = line.reads_max.min(buffer.len());
        match stream.read(&mut buffer[..room]).await {
            Ok(0) | Err(_) => return model,
            Ok(octets) => {
                line.reads_max -= octets;
                model.receive(&buffer[..octets]);
            }
        }
    }
}

/// Writes one answer in pieces. False when this was the last thing that the server did.
async fn say(stream: &mut DuplexStream, answer: &Answer, line: &mut Line) -> bool {
    if answer.is_late {
        advance(LATE).await;
    }
    let mut rest = answer.text.as_slice();
    while !rest.is_empty() {
        let piece = line.pieces.first().copied().unwrap_or(usize::MAX);
        if !line.pieces.is_empty() {
            line.pieces.rotate_left(1);
        }
        let (now, later) = rest.split_at(piece.min(rest.len()).min(line.writes_max));
        line.writes_max -= now.len();
        if now.is_empty() || stream.write_all(now).await.is_err() {
            return false;
        }
        rest = later;
        tokio::task::yield_now().await;
    }
    !answer.is_last
}
