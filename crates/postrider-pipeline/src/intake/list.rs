//! The way of one list to its desk.

use std::io;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::stream::try_unfold;
use futures_util::{Stream, StreamExt};
use postrider_store::StoreError;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};

use super::ask::{Ask, Halt, Source};
use super::error::{IntakeError, IntakeReport};
use super::registry::Shared;
use crate::audience::{Format, Line, ListError, ListReader};
use crate::bounds::PIECE_BYTES_MAX;

/// The way into one audience.
pub struct Intake {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) halt: Arc<OnceLock<Halt>>,
    pub(super) errors_max: usize,
    pub(super) _live: Arc<()>,
    pub(super) _shared: Arc<Shared>,
}

/// Why a list was not read to its end.
enum Stop {
    List(ListError),
    Input(io::Error),
    /// The desk has halted.
    Halted,
}

impl Intake {
    /// Takes in a whole list, and returns when all of it is durable. What has been read is filed
    /// while the list waits for more of itself.
    ///
    /// # Errors
    /// [`IntakeError`]; what was accepted before it stays, and the error says how much that is.
    /// When the list breaks off, its last line is not taken in unless it was complete.
    pub async fn read(
        &mut self,
        format: Format,
        list: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<IntakeReport, IntakeError> {
        let source = Source::default();
        let mut report = Box::<IntakeReport>::default();
        let read = self.read_lines(format, list, &source, &mut report).await;
        let settled = self.settle().await;
        report.accepted = source.accepted();
        report.duplicates = source.duplicates();
        match (read, settled) {
            (Err(Stop::List(error)), _) => Err(error.into()),
            (_, Err(halt)) => Err(halt.into_error(report)),
            (Err(Stop::Input(source)), Ok(())) => Err(IntakeError::Input { report, source }),
            (Err(Stop::Halted), Ok(())) => unreachable!("a desk that has halted settles nothing"),
            (Ok(()), Ok(())) => Ok(*report),
        }
    }

    /// Takes in a whole list from a file or a pipe.
    ///
    /// # Errors
    /// As [`Intake::read`].
    pub async fn read_from(
        &mut self,
        format: Format,
        list: impl AsyncRead + Send + Unpin,
    ) -> Result<IntakeReport, IntakeError> {
        let pieces = try_unfold(list, |mut list| async {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES_MAX);
            let bytes = list.read_buf(&mut piece).await?;
            Ok((bytes > 0).then(|| (piece.freeze(), list)))
        });
        self.read(format, pieces).await
    }

    async fn read_lines(
        &self,
        format: Format,
        list: impl Stream<Item = io::Result<Bytes>> + Send,
        source: &Source,
        report: &mut IntakeReport,
    ) -> Result<(), Stop> {
        let mut reader = ListReader::new(format);
        let mut lines = Vec::new();
        let mut list = pin!(list);
        while let Some(bytes) = list.next().await {
            for piece in bytes.map_err(Stop::Input)?.chunks(PIECE_BYTES_MAX) {
                reader.read(piece, &mut lines).map_err(Stop::List)?;
                self.hand_in(&mut lines, source, report).await?;
            }
        }
        reader.finish(&mut lines).map_err(Stop::List)?;
        self.hand_in(&mut lines, source, report).await
    }

    /// Reports the bad lines, and hands the good ones in at the desk.
    async fn hand_in(
        &self,
        lines: &mut Vec<Line>,
        source: &Source,
        report: &mut IntakeReport,
    ) -> Result<(), Stop> {
        let mut recipients = Vec::with_capacity(lines.len());
        for line in lines.drain(..) {
            report.lines += 1;
            match line {
                Ok(parsed) => recipients.push(parsed),
                Err(bad) => {
                    report.bad += 1;
                    if report.errors.len() < self.errors_max {
                        report.errors.push(bad);
                    }
                }
            }
        }
        if recipients.is_empty() {
            return Ok(());
        }
        let ask = Ask::Admit {
            recipients,
            source: source.clone(),
        };
        self.asks.send(ask).await.map_err(|_| Stop::Halted)
    }

    /// Waits until all that was handed in so far is durable.
    async fn settle(&self) -> Result<(), Halt> {
        let (settled, is_settled) = oneshot::channel();
        let asked = self.asks.send(Ask::Settle { settled }).await;
        if asked.is_ok() && is_settled.await.is_ok() {
            return Ok(());
        }
        // Nothing is in flight any more once its door is closed, so what counts is counted.
        self.asks.closed().await;
        let gone = Halt::Store(StoreError::Closed);
        Err(self.halt.get().cloned().unwrap_or(gone))
    }
}
