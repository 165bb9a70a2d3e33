//! One task for each connection: renders, transmits, and stops at the gate.
//!
//! A courier knows one message at a time and decides nothing. The terminator is written only when
//! the shell says so, which it does only when the core has seen the begin recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use postrider_message::{Heading, MessageId, MessageKey, Prepared};
use postrider_smtp::{Connection, Content, Envelope, Sent, connect};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::core::{ConnectionId, End, Event, Job};
use crate::report;
use crate::settings::RouteSettings;

/// What the shell tells a courier.
#[derive(Debug)]
pub(crate) enum Command {
    /// Render and transmit up to the gate.
    Transmit(Job, Arc<Prepared>),
    /// Write the terminator.
    Dot,
    /// Close without the terminator.
    Abandon,
    /// Say goodbye.
    Quit,
}

/// One connection of the route.
pub(crate) struct Courier {
    /// Its number.
    pub(crate) connection: ConnectionId,
    /// Where it goes.
    pub(crate) route: Arc<RouteSettings>,
    /// The key of all Message-IDs.
    pub(crate) key: MessageKey,
    /// What it is told; at most a few commands wait (`COMMANDS_WAITING_MAX`).
    pub(crate) commands: mpsc::Receiver<Command>,
    /// What it tells.
    pub(crate) events: mpsc::Sender<Event>,
}

impl Courier {
    /// Connects, and carries messages until it is told to quit or the connection is lost.
    pub(crate) async fn run(mut self) {
        let connected = self.connect().await;
        let mut session = match connected {
            Ok(session) => session,
            Err(trouble) => {
                self.tell(Event::ConnectFailed(self.connection, trouble))
                    .await;
                return;
            }
        };
        self.tell(Event::Connected(self.connection)).await;
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Transmit(job, body) => {
                    let end = self.carry(&mut session, &job, &body).await;
                    let is_reusable = session.is_reusable();
                    let connection = self.connection;
                    self.tell(Event::Ended {
                        connection,
                        end,
                        is_reusable,
                    })
                    .await;
                    if !is_reusable {
                        return;
                    }
                }
                Command::Quit => return session.quit().await,
                Command::Dot | Command::Abandon => {
                    debug_assert!(false, "a dot without a message at the gate");
                }
            }
        }
    }

    async fn connect(&self) -> Result<Connection<TcpStream>, postrider_smtp::Trouble> {
        let route = &self.route;
        let stream = connect(&route.relay, route.timeouts.connect).await?;
        Connection::open(stream, route.client_name.clone(), route.timeouts).await
    }

    /// One message, from its variables to the reply to its dot.
    async fn carry(
        &mut self,
        session: &mut Connection<TcpStream>,
        job: &Job,
        body: &Prepared,
    ) -> End {
        // A panic would end this task without a word, and the message would be under way for ever.
        let render = AssertUnwindSafe(|| self.render(job, body));
        let content = match catch_unwind(render) {
            Ok(Ok(content)) => content,
            Ok(Err(reason)) => return End::Unbuildable(reason),
            Err(_) => return End::Unbuildable("building the message failed inside".to_owned()),
        };
        let envelope = Envelope {
            reverse_path: Some(body.from().clone()),
            forward_path: job.recipient().address.clone(),
        };
        let gate = match session.transmit(&envelope, &content).await {
            Ok(gate) => gate,
            Err(trouble) => return End::Refused(trouble),
        };
        self.tell(Event::AtGate(self.connection)).await;
        match self.commands.recv().await {
            Some(Command::Dot) => match gate.dot().await {
                Sent::Accepted(reply) => End::Accepted(reply),
                Sent::Refused(trouble) => End::Refused(trouble),
                Sent::Unsent(trouble) => End::Unsent(trouble),
                Sent::InDoubt(trouble) => End::InDoubt(trouble),
            },
            _ => {
                gate.abandon();
                End::Abandoned
            }
        }
    }

    fn render(&self, job: &Job, body: &Prepared) -> Result<Content, String> {
        let recipient = job.recipient();
        let campaign = job.chunk.campaign;
        let domain = body.from().domain();
        let message_id = MessageId::of(&self.key, campaign, &recipient.address.key(), domain);
        let heading = Heading {
            to: &recipient.address,
            message_id: &message_id,
            date: job.chunk.started_at,
            campaign,
        };
        let message = body
            .render(&recipient.variables, &heading)
            .map_err(|error| report::chain(&error))?;
        Content::new(message.into_segments()).map_err(|trouble| report::chain(&trouble))
    }

    async fn tell(&self, event: Event) {
        // Nobody listens any more when the pipeline was dropped.
        drop(self.events.send(event).await);
    }
}
