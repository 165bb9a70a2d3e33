//! `postrider email`: put emails, and look at them.

use clap::{Args, Subcommand};
use postrider_api::{Email, Unsubscribe};
use postrider_types::EmailId;

use crate::call::Call;
use crate::content::Content;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::count;
use crate::naming::Whose;

const PUT_EXAMPLE: &str = "\
Example:
  postrider email put --from 'News <news@example.test>' --subject 'Hi {{ name }}' --html hello.html";

/// What can be done with emails.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check an email and keep it; prints its id, which the same content always has
    #[command(after_help = PUT_EXAMPLE)]
    Put(Box<Put>),
    /// Show an email, without its bodies
    #[command(after_help = "Example:\n  postrider email show eml_1f0c…")]
    Show(Show),
}

/// What is put, and whose it is.
#[derive(Debug, Args)]
pub(crate) struct Put {
    #[command(flatten)]
    content: Content,
    #[command(flatten)]
    whose: Whose,
}

/// Which email.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The email's id
    #[arg(value_name = "EMAIL")]
    id: EmailId,
    #[command(flatten)]
    whose: Whose,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    let output = call.output;
    match command {
        Command::Put(put) => {
            let Put { content, whose } = put.as_ref();
            let (email, attachments) = content.read()?;
            let put = call.at_the_door(Purpose::Change, async |client| {
                Ok(whose.of(client).put_email(&email, &attachments).await?)
            });
            let put = put.await?;
            if output.is_json() {
                output.json(&put)?;
            } else {
                output.line(put.id)?;
            }
            if !put.is_new {
                output.note("the same email was there already");
            }
        }
        Command::Show(Show { id, whose }) => {
            let email = call.at_the_door(Purpose::Look, async |client| {
                Ok(whose.of(client).email(*id).await?)
            });
            let email = email.await?;
            if output.is_json() {
                output.json(&email)?;
            } else {
                output.line(text(&email))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn text(email: &Email) -> String {
    let mut lines = vec![
        format!("id          {}", email.id),
        format!("from        {}", email.from),
    ];
    let reply_to = email.reply_to.as_ref();
    lines.extend(reply_to.map(|reply_to| format!("reply to    {reply_to}")));
    lines.push(format!("subject     {}", email.subject));
    let fields = email.headers.iter();
    lines.extend(fields.map(|field| format!("header      {}: {}", field.name, field.value)));
    let list_id = email.list_id.as_ref();
    lines.extend(list_id.map(|list_id| format!("list        {list_id}")));
    lines.extend(email.unsubscribe.iter().flat_map(unsubscribe));
    let feedback_id = email.feedback_id.as_ref();
    lines.extend(feedback_id.map(|feedback_id| format!("feedback    {feedback_id}")));
    lines.push(format!("html        {} bytes", count(email.html_bytes)));
    lines.push(format!("text        {} bytes", count(email.text_bytes)));
    lines.extend(email.attachments.iter().map(|file| {
        let bytes = count(file.bytes);
        format!(
            "attachment  {} ({}, {bytes} bytes)",
            file.filename, file.content_type
        )
    }));
    lines.push(format!("in all      {} bytes", count(email.content_bytes)));
    lines.join("\n")
}

fn unsubscribe(links: &Unsubscribe) -> impl Iterator<Item = String> {
    let with_click = match links.is_one_click {
        Some(true) => " (one click)",
        _ => "",
    };
    let url = links.url.as_ref();
    let url = url.map(|url| format!("leave       {url}{with_click}"));
    let mailto = links.mailto.as_ref();
    url.into_iter()
        .chain(mailto.map(|mailto| format!("leave       mailto:{mailto}")))
}
