//! `postrider send`: the one verb for the common case.

use clap::Args;
use postrider_types::InDoubtPolicy;
use serde::Serialize;

use crate::audience::ListArguments;
use crate::call::Call;
use crate::content::Content;
use crate::dispatch::{Dispatch, Dispatched};
use crate::door::{Door, Purpose};
use crate::exit::Exit;
use crate::figures::counted;
use crate::naming::Whose;
use crate::signals::Stop;
use crate::{follow, progress};

const EXAMPLE: &str = "\
Example:
  postrider send --name october --from 'News <news@example.test>' --subject 'Hi {{ name }}' \\
    --html hello.html --to people.csv --route smtp://127.0.0.1:2525 --data ./data

The name is the key: the same command again goes on where the last one stopped, and sends nothing
twice. Everything in the list but the column `email` is a variable of the email.";

/// What is to be sent, to whom, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The campaign's name, under which all of this happens once
    #[arg(long)]
    name: String,
    #[command(flatten)]
    content: Content,
    #[command(flatten)]
    list: ListArguments,
    /// The relay, with --data; it outweighs the configuration
    #[arg(long, value_name = "URL")]
    route: Option<String>,
    /// What happens when nobody knows whether a message was taken: hold, retry or
    /// assume_delivered [default: in_doubt.policy of the service]
    #[arg(long, value_name = "POLICY")]
    in_doubt: Option<InDoubtPolicy>,
    #[command(flatten)]
    whose: Whose,
    /// Wait until everybody is settled; this is the default
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Only hand it over
    #[arg(long)]
    no_wait: bool,
}

/// What `-o json` prints.
#[derive(Serialize)]
struct Line<'a> {
    campaign: &'a postrider_api::Campaign,
    intake: Option<&'a postrider_api::IntakeReport>,
}

/// Does it.
pub(crate) async fn run(arguments: Arguments, call: &Call) -> anyhow::Result<Exit> {
    let (email, attachments) = arguments.content.read()?;
    let list = arguments.list.open().await?;
    let stop = Stop::listen()?;
    let mut asked = std::pin::pin!(stop.asked());
    let mut door = tokio::select! {
        opened = Door::open(call, Purpose::Send, arguments.route.as_deref()) => opened?,
        () = &mut asked => return Ok(stopped(call, GOES_ON_LATER)),
    };
    let dispatch = Dispatch {
        name: &arguments.name,
        in_doubt: arguments.in_doubt,
        email: &email,
        attachments: &attachments,
        is_waiting: !arguments.no_wait,
    };
    let client = arguments.whose.of(door.client());
    let dispatched = tokio::select! {
        dispatched = dispatch.run(&client, list, call.output) => Some(dispatched),
        failed = door.failed() => {
            door.end().await;
            return Err(failed);
        }
        () = asked => None,
    };
    let is_in_process = door.is_in_process();
    door.close().await;
    match dispatched {
        Some(dispatched) => report(&dispatched?, dispatch.is_waiting, call),
        None if is_in_process => Ok(stopped(call, GOES_ON_LATER)),
        None => Ok(stopped(call, GOES_ON)),
    }
}

/// What is said of a stop after which nothing is sent.
const GOES_ON_LATER: &str = "stopped; run the same command again to go on";

/// What is said of a stop when the service is another process.
const GOES_ON: &str = "the campaign goes on; run the same command again to follow it";

fn stopped(call: &Call, sentence: &str) -> Exit {
    call.output.warn(sentence);
    Exit::Partly
}

fn report(done: &Dispatched, is_waiting: bool, call: &Call) -> anyhow::Result<Exit> {
    let campaign = &done.campaign;
    if call.output.is_json() {
        let intake = done.intake.as_ref();
        call.output.json(&Line { campaign, intake })?;
    } else {
        call.output.line(follow::summary(campaign))?;
    }
    if !is_waiting {
        let open = counted(campaign.open(), "recipient");
        let next = call.next("campaign show", campaign.id);
        call.output
            .note(format_args!("{open} to go; look at it with: {next}"));
        return Ok(Exit::Done);
    }
    for state in follow::unsettled(campaign) {
        let command = format!("receipt list --state {state} --campaign");
        call.output.note(format_args!(
            "who is {}, and why: {}",
            progress::words(state),
            call.next(&command, campaign.id)
        ));
    }
    Ok(follow::exit(campaign))
}
