//! `postrider tenant`: the owners of campaigns and emails.

use clap::{Args, Subcommand};
use postrider_api::{Purge, Tenant};
use postrider_types::TenantId;

use super::confirm::confirm;
use crate::call::Call;
use crate::door::Purpose;
use crate::exit::Exit;
use crate::figures::{counted, table};

/// The number of the tenant that every store has.
const DEFAULT: u32 = TenantId::DEFAULT.0;

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a tenant
    #[command(after_help = "Example:\n  postrider tenant create acme")]
    Create(Name),
    /// List all tenants, deleted ones too
    #[command(after_help = "Example:\n  postrider tenant list -o json")]
    List,
    /// Delete a tenant: nothing of it is taken in or sent any more; this is final
    #[command(after_help = "Example:\n  postrider tenant delete acme --yes")]
    Delete(Delete),
}

/// Which tenant.
#[derive(Debug, Args)]
pub(crate) struct Name {
    /// Its name: 1 to 64 letters, digits, hyphens, underscores and dots
    name: String,
}

/// Which tenant is to go.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name
    name: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Does it.
pub(crate) async fn run(command: &Command, call: &Call) -> anyhow::Result<Exit> {
    match command {
        Command::Create(Name { name }) => create(name, call).await?,
        Command::List => list(call).await?,
        Command::Delete(delete) => self::delete(delete, call).await?,
    }
    Ok(Exit::Done)
}

async fn create(name: &str, call: &Call) -> anyhow::Result<()> {
    let created = call.at_the_door(Purpose::Change, async |client| {
        Ok(client.create_tenant(name).await?)
    });
    let tenant = created.await?;
    if call.output.is_json() {
        return call.output.json(&tenant);
    }
    let line = format!("tenant {} has number {}", tenant.name, tenant.id);
    Ok(call.output.line(line)?)
}

async fn list(call: &Call) -> anyhow::Result<()> {
    let tenants = call.at_the_door(Purpose::Look, async |client| {
        let mut tenants = Vec::new();
        let mut after = None;
        loop {
            let page = client.tenants(after.as_deref()).await?;
            tenants.extend(page.data);
            after = page.next;
            if after.is_none() {
                return Ok(tenants);
            }
        }
    });
    let tenants = tenants.await?;
    if call.output.is_json() {
        return tenants.iter().try_for_each(|each| call.output.json(each));
    }
    let rows: Vec<_> = tenants.iter().map(row).collect();
    let heading = ["NUMBER", "NAME", "CREATED", "DELETED"];
    Ok(call.output.line(table(heading, &rows))?)
}

fn row(tenant: &Tenant) -> [String; 4] {
    // The one that every store has was not created.
    let created_at = (tenant.id != DEFAULT).then(|| tenant.created_at.to_string());
    let deleted_at = tenant.deleted_at.map(|at| at.to_string());
    [
        tenant.id.to_string(),
        tenant.name.clone(),
        created_at.unwrap_or_default(),
        deleted_at.unwrap_or_default(),
    ]
}

async fn delete(delete: &Delete, call: &Call) -> anyhow::Result<()> {
    let name = &delete.name;
    let deleted = call.at_the_door(Purpose::Change, async |client| {
        if !delete.yes {
            let all_of_it = Purge {
                tenant: Some(name.clone()),
                is_dry_run: true,
                ..Purge::default()
            };
            let would = client.purge(&all_of_it).await?;
            confirm(&format!(
                "deleting tenant \"{name}\" is final: {} will not get what waits for them",
                counted(would.matched, "recipient")
            ))?;
        }
        Ok(client.delete_tenant(name).await?)
    });
    let deleted = deleted.await?;
    if call.output.is_json() {
        return call.output.json(&deleted);
    }
    let cancelled = counted(deleted.cancelled, "recipient");
    call.output.line(format_args!(
        "tenant {name} is deleted; {cancelled} ended cancelled"
    ))?;
    if deleted.busy > 0 {
        let busy = counted(deleted.busy, "message");
        call.output
            .note(format_args!("{busy} had begun, and end by themselves"));
    }
    Ok(())
}
