//! `postrider dev`: a pretend world and a sample newsletter, with one command.
//!
//! Mock, store and service live in this process, on loopback. The service has the key `dev`, so
//! it must never reach a real mail server: whatever route is asked for, it stays on this machine.

mod report;
mod world;

use clap::Args;

use crate::audience::List;
use crate::call::Call;
use crate::dispatch::Dispatch;
use crate::exit::Exit;
use crate::figures::count;
use crate::signals::Stop;
use crate::{follow, sample};

use report::Report;
use world::World;

const EXAMPLE: &str = "\
Examples:
  postrider dev
  postrider dev --once --recipients 1000 -o json

Nothing leaves this machine. Without --data everything is gone at the end.";

/// The seed unless another is asked for.
const SEED: u64 = 42;

/// How the pretend world is made.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// End when the sample has ended
    #[arg(long, conflicts_with = "no_sample")]
    once: bool,
    /// How many pretend recipients
    #[arg(long, value_name = "COUNT", default_value_t = sample::RECIPIENTS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(sample::RECIPIENTS_MAX)))]
    recipients: u32,
    /// Only start mock and service
    #[arg(long)]
    no_sample: bool,
    /// The chance in the audience and in the mock; the same seed gives the same run
    #[arg(long, value_name = "NUMBER", default_value_t = SEED)]
    seed: u64,
    /// A relay on this machine, instead of the mock
    #[arg(long, value_name = "URL")]
    route: Option<String>,
}

/// Does it.
pub(crate) async fn run(arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let route = arguments.route.as_deref();
    let stop = Stop::listen()?;
    let mut asked = std::pin::pin!(stop.asked());
    let (world, mut local) = tokio::select! {
        started = World::start(&call.globals, route, arguments.seed) => started?,
        () = &mut asked => return Ok(Exit::Done),
    };
    world.welcome(call.output);
    let exit = tokio::select! {
        exit = live(&world, arguments, call) => exit,
        () = asked => Ok(Exit::Done),
        failed = local.failed() => {
            local.end().await;
            world.end().await;
            return Err(failed);
        }
    };
    local.stop().await;
    world.end().await;
    exit
}

/// Sends the sample, and stays until somebody says stop, unless it is to be over then.
async fn live(world: &World, arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    if !arguments.no_sample {
        let exit = send_sample(world, arguments, call).await?;
        if arguments.once {
            return Ok(exit);
        }
    }
    world.say_what_next(call.output);
    std::future::pending().await
}

async fn send_sample(world: &World, arguments: &Arguments, call: &Call) -> anyhow::Result<Exit> {
    let recipients = arguments.recipients;
    report::announce(recipients, call);
    let name = match arguments.seed {
        SEED => format!("Hello, {} readers", count(recipients.into())),
        seed => format!("Hello, {} readers of seed {seed}", count(recipients.into())),
    };
    let email = sample::email();
    let dispatch = Dispatch {
        name: &name,
        in_doubt: None,
        email: &email,
        attachments: &[],
        is_waiting: true,
    };
    let list = List::of_csv(sample::audience(recipients, arguments.seed));
    let done = dispatch.run(world.client(), list, call.output).await?;
    let verdict = world.verdict(done.campaign.id).await?;
    Report::new(&done, verdict, call).print(&done, call)?;
    Ok(match verdict {
        Some(verdict) if !verdict.is_clean() => Exit::Failed,
        _ => follow::exit(&done.campaign),
    })
}
