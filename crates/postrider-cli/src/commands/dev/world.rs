//! The pretend world: mock, store and service in this process, on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use postrider_api::Client;
use postrider_mock_smtp::{MockServer, Profile, Settings};
use postrider_service::{ApiKey, Config};
use postrider_types::CampaignId;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::arguments::Globals;
use crate::exit::{self, Exit, stop};
use crate::local::{self, Local, sending};
use crate::output::Output;
use crate::verdict::{Accepts, Verdict, verdict};
use crate::{preflight, sample, settings};

/// Where the mock listens when nobody else does.
const MOCK_PORT: u16 = 2525;

/// The name of the mock's log in the data directory.
const MOCK_LOG: &str = "mock-accepts.ndjson";

/// The pretend world around its service.
pub(super) struct World {
    client: Client,
    relay: Relay,
    home: Home,
}

/// Where mail goes.
enum Relay {
    Mock {
        server: MockServer,
        log: PathBuf,
        seed: u64,
    },
    /// Somebody else's, on this machine.
    Other { route: String },
}

/// Where everything durable is.
enum Home {
    Kept(PathBuf),
    /// Deleted at the end.
    Temporary(TempDir),
}

impl World {
    /// Makes it, and its service; with a `route`, mail goes there instead of to a mock.
    pub(super) async fn start(
        globals: &Globals,
        route: Option<&str>,
        seed: u64,
    ) -> anyhow::Result<(Self, Local)> {
        let mut config = match &globals.config {
            Some(path) => settings::from_file(path)?,
            None => settings::from_text(sample::CONFIG, "the sample configuration")?,
        };
        local::log_errors(&config)?;
        if let Some(route) = route {
            settings::lead_to(&mut config, route);
            stay_on_this_machine(&config).await?;
        }
        let home = Home::at(globals.data.as_deref())?;
        let relay = match route {
            Some(route) => Relay::Other {
                route: route.to_owned(),
            },
            None => Relay::mock(home.path(), seed).await?,
        };
        if let Relay::Mock { .. } = &relay {
            settings::lead_to_mock(&mut config, &relay.url());
        }
        config.server.data_dir = home.path().to_owned();
        let listener = listener(config.server.listen.port()).await?;
        let local = Local::start_with(config, listener, ApiKey::dev(), sending()).await?;
        let client = Client::new(&local.endpoint(), local::DEV_KEY)?;
        let world = Self {
            client,
            relay,
            home,
        };
        Ok((world, local))
    }

    /// A client of its service.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What the mock's own log says of a campaign; nothing without a mock.
    pub(super) async fn verdict(&self, campaign: CampaignId) -> anyhow::Result<Option<Verdict>> {
        let Relay::Mock { log, .. } = &self.relay else {
            return Ok(None);
        };
        let log = log.clone();
        let accepts = tokio::task::spawn_blocking(move || Accepts::read(&log)).await??;
        Ok(Some(verdict(&self.client, campaign, &accepts).await?))
    }

    /// Says what is where.
    pub(super) fn welcome(&self, output: Output) {
        let endpoint = self.client.endpoint();
        let relay = match &self.relay {
            Relay::Mock { server, seed, .. } => {
                format!("{}   6 pretend domains, seed {seed}", server.local_addr())
            }
            Relay::Other { route } => format!("none: mail goes to {route}"),
        };
        let data_dir = self.home.path().display();
        let fate = match &self.home {
            Home::Kept(_) => "kept",
            Home::Temporary(_) => "gone at the end; keep it with --data DIR",
        };
        output.note(format_args!(
            "postrider {}   a development server: mail goes nowhere real\n\n  \
             API        {endpoint}/v1   key: {}\n  \
             Mock SMTP  {relay}\n  \
             Store      {data_dir}   {fate}\n  \
             Metrics    {endpoint}/metrics\n",
            env!("CARGO_PKG_VERSION"),
            local::DEV_KEY,
        ));
    }

    /// Says what to try next.
    pub(super) fn say_what_next(&self, output: Output) {
        output.note(format_args!(
            "\nNext, in another terminal:\n  \
             export POSTRIDER_KEY={key} POSTRIDER_ENDPOINT={endpoint}\n  \
             postrider campaign list\n  \
             postrider receipt list --campaign cmp_1 --state bounced\n  \
             printf 'email,name\\nada@fast.test,Ada\\n' > people.csv && echo 'Hi {{{{ name }}}}' > hi.txt\n  \
             postrider send --name hi --from news@example.test --subject Hi --text hi.txt --to people.csv\n\
             ^C stops.",
            key = local::DEV_KEY,
            endpoint = self.client.endpoint(),
        ));
    }

    /// Ends all of it, once its service has ended.
    pub(super) async fn end(self) {
        if let Relay::Mock { server, .. } = self.relay {
            server.stop().await;
        }
    }
}

impl Relay {
    async fn mock(data_dir: &Path, seed: u64) -> anyhow::Result<Self> {
        let mut profile = Profile::sample();
        profile.seed = seed;
        let log = data_dir.join(MOCK_LOG);
        let listener = listener(MOCK_PORT).await?;
        let server = MockServer::start(listener, profile, Settings::logged(&log))?;
        Ok(Self::Mock { server, log, seed })
    }

    fn url(&self) -> String {
        match self {
            Self::Mock { server, .. } => format!("smtp://{}", server.local_addr()),
            Self::Other { route } => route.clone(),
        }
    }
}

impl Home {
    fn at(data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(data_dir) = data_dir else {
            let temporary = tempfile::Builder::new().prefix("postrider-dev-").tempdir();
            let temporary = temporary.context("cannot make a temporary directory")?;
            return Ok(Self::Temporary(temporary));
        };
        local::create(data_dir)?;
        Ok(Self::Kept(data_dir.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// The port, or any other when somebody has it; on loopback in any case.
async fn listener(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => local::any_port().await,
        Err(error) => Err(error).context("cannot listen on loopback"),
    }
}

/// Refuses every route that leads away from here, by address or by name.
async fn stay_on_this_machine(config: &Config) -> anyhow::Result<()> {
    let checked = preflight::stay_here(config).await;
    checked.map_err(|error| match exit::of(&error) {
        Exit::Usage => stop(
            Exit::Usage,
            format!("dev never sends real mail; use `postrider serve` for that ({error})"),
        ),
        _ => error,
    })?;
    preflight::check(config).await
}
