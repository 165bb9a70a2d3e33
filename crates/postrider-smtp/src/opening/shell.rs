//! The shell of an opening: it writes what is due, reads, and keeps the deadlines.

use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Opening, OpeningStep, Plan, StartTls};
use crate::deadline::Deadline;
use crate::ehlo::Capabilities;
use crate::envelope::ClientName;
use crate::timeouts::Timeouts;
use crate::trouble::{Cause, Trouble};
use crate::wire::Wire;

/// Opens a session as it is: without asking for TLS, and without AUTH.
pub(crate) async fn introduce<S>(
    wire: &mut Wire<S>,
    name: ClientName,
    timeouts: &Timeouts,
) -> Result<Capabilities, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut opening = Opening::new(Plan {
        name,
        starttls: StartTls::Never,
        credentials: None,
        is_protected: false,
    });
    let deadline = Deadline::after(timeouts.opening);
    match advance(wire, &mut opening, timeouts, deadline).await? {
        OpeningStep::Opened(capabilities) => Ok(capabilities),
        step => unreachable!("{step:?} was not asked for"),
    }
}

/// Goes on until the session stands or a handshake is due; each exchange has the allowance of its
/// phase, and none goes on after the deadline of all.
pub(crate) async fn advance<S>(
    wire: &mut Wire<S>,
    opening: &mut Opening,
    timeouts: &Timeouts,
    deadline: Deadline,
) -> Result<OpeningStep, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let until = deadline.min(Deadline::after(timeouts.of(opening.phase())));
        match until.bound(exchange(wire, opening)).await {
            Ok(Ok(OpeningStep::Command)) => {}
            Ok(result) => return result,
            Err(cause) => return Err(opening.lost(cause)),
        }
    }
}

/// Writes the command that is due and reads until its reply is complete. Where it cannot be written,
/// what the server said before it left is the reason.
async fn exchange<S>(wire: &mut Wire<S>, opening: &mut Opening) -> Result<OpeningStep, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let command = opening.take_command();
    let written = wire.write(command.expose_secret()).await;
    loop {
        if let Some(step) = opening.step()? {
            return Ok(step);
        }
        let cause = match wire.read().await {
            Ok([]) => Cause::Closed,
            Ok(bytes) => {
                opening.receive(bytes);
                continue;
            }
            Err(error) => Cause::from(error),
        };
        let cause = written.err().map_or(cause, Cause::from);
        return Err(opening.lost(cause));
    }
}
