//! The way to a service: over the network, to the owner of a data directory, or in this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use postrider_api::Client;

use crate::arguments::ENDPOINT;
use crate::call::Call;
use crate::content;
use crate::exit::{self, Exit, stop};
use crate::local::{self, Local, Owner};
use crate::{preflight, settings};

/// What somebody wants of a service, which matters only to one in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To read: the store must be there, and nothing is sent.
    Look,
    /// To change something; nothing is sent yet.
    Change,
    /// To send: the relay must be there.
    Send,
}

/// An open door to a service.
pub(crate) struct Door {
    client: Client,
    local: Option<Local>,
}

impl Door {
    /// Opens the door; `route` is a relay for a service in this process.
    pub(crate) async fn open(
        call: &Call,
        purpose: Purpose,
        route: Option<&str>,
    ) -> anyhow::Result<Self> {
        let Some(data_dir) = &call.globals.data else {
            refuse_route(
                route,
                "the service that is asked has its own; leave --route away, or add --data DIR to \
                 run one in this process",
            )?;
            return remote(call);
        };
        if let Some(Owner { client, pid }) = local::owner(data_dir).await {
            let owner = format!(
                "a service runs on {} already (pid {pid}, {})",
                data_dir.display(),
                client.endpoint()
            );
            refuse_route(
                route,
                &format!("{owner} and has its own; leave --route away"),
            )?;
            call.output.note(format_args!("{owner}, and is asked"));
            return Ok(Self {
                client,
                local: None,
            });
        }
        Self::in_process(call, data_dir, purpose, route).await
    }

    async fn in_process(
        call: &Call,
        data_dir: &Path,
        purpose: Purpose,
        route: Option<&str>,
    ) -> anyhow::Result<Self> {
        if purpose == Purpose::Look && !local::is_data_dir(data_dir) {
            let sentence = format!("there is no store in {}", data_dir.display());
            return Err(stop(Exit::NotFound, sentence));
        }
        let mut config = settings::load(&call.globals)?;
        config.server.data_dir = data_dir.to_owned();
        config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        if let Some(route) = route {
            settings::lead_to(&mut config, route);
        }
        local::log_errors(&config)?;
        let listener = local::any_port().await?;
        let local = match purpose {
            Purpose::Send => {
                preflight::check(&config).await?;
                Local::start(config, listener).await
            }
            Purpose::Look | Purpose::Change => Local::start_idle(config, listener).await,
        };
        let local = local.map_err(|error| match exit::of(&error) {
            // It is in use, and whoever uses it did not answer above.
            Exit::WrongState => stop(Exit::Unreachable, error.to_string()),
            _ => error,
        })?;
        let client = Client::new(&local.endpoint(), &local::key(data_dir))?;
        Ok(Self {
            client,
            local: Some(local),
        })
    }

    /// Whoever answers.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the service is in this process, and ends with it.
    pub(crate) fn is_in_process(&self) -> bool {
        self.local.is_some()
    }

    /// Waits until a service that is in this process is of no use any more, and gives what to say
    /// and end with.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match &mut self.local {
            Some(local) => local.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends a service that is in this process.
    pub(crate) async fn close(self) {
        if let Some(local) = self.local {
            local.stop().await;
        }
    }

    /// Ends one that has failed.
    pub(crate) async fn end(self) {
        if let Some(local) = self.local {
            local.end().await;
        }
    }
}

fn refuse_route(route: Option<&str>, why: &str) -> anyhow::Result<()> {
    match route {
        Some(route) => Err(stop(Exit::Usage, format!("{route} cannot be used: {why}"))),
        None => Ok(()),
    }
}

fn remote(call: &Call) -> anyhow::Result<Door> {
    let globals = &call.globals;
    let key = match (&globals.key_file, &globals.key) {
        (Some(path), _) => String::from_utf8_lossy(&content::bytes(path)?).into_owned(),
        (None, Some(key)) => key.clone(),
        (None, None) => {
            let sentence = "a key is needed: name its file with --key-file, or set POSTRIDER_KEY \
                (`postrider serve` says where its key is, and that of `postrider dev` is dev); \
                or work on a directory with --data";
            return Err(stop(Exit::Usage, sentence));
        }
    };
    let endpoint = globals.endpoint.as_deref().unwrap_or(ENDPOINT);
    let client = Client::new(endpoint, &key)?;
    Ok(Door {
        client,
        local: None,
    })
}
