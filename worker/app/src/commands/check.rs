//! `gatehouse check`: the connection test.

use std::process::ExitCode;
use std::sync::Arc;

use comfy_table::Color;
use msgraph::Access;
use serde::Serialize;

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;
use crate::tenants::Tenants;
use crate::tenants::connection_test::{Connection, Kind, May, Use};

/// Arguments of `gatehouse check`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse check
  gatehouse check --tenant contoso --output json | jq .uses
  gatehouse check --no-broker

The column May:
  act      all permissions are granted, and the tenant's access is `act`
  read     only plans and syncs work
  nothing  not even plans and syncs work

Exits with 1 if a tenant or the broker is not connected, or if an action or a sync is limited.")]
pub struct Args {
    /// Test only this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Do not connect to the broker
    #[arg(long)]
    no_broker: bool,
    #[command(flatten)]
    format: OutputArgs,
}

/// The connection test of one tenant, with that of the broker.
#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    connection: &'a Connection,
    /// Nothing if it was not to be tested.
    broker: Option<&'a Broker>,
}

/// Result of a connection to the broker.
#[derive(Serialize)]
struct Broker {
    connected: bool,
    /// The version of RabbitMQ.
    version: Option<String>,
    problem: Option<String>,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let observer: Arc<dyn msgraph::Observer> = Arc::new(());
    let tenants = Tenants::new(&config, &observer)?;
    if let Some(name) = &args.tenant {
        tenants.find(Some(name)).map_err(|failure| CommandError::Input(failure.message))?;
    }
    let broker = if args.no_broker { None } else { Some(Broker::test(&config).await?) };
    let mut well = broker.as_ref().is_none_or(|broker| broker.connected);
    if let (Some(broker), Format::Human) = (&broker, args.format.output) {
        broker.show()?;
    }
    for (name, client) in tenants.iter() {
        if args.tenant.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let mut found = Connection::test(name, client).await;
        found.notes.extend(config.weaknesses());
        well &= found.is_complete();
        match args.format.output {
            Format::Json => print::json(&Checked { connection: &found, broker: broker.as_ref() })?,
            Format::Human => show(&found)?,
        }
    }
    Ok(super::verdict(well))
}

impl Broker {
    async fn test(config: &Config) -> Result<Self, CommandError> {
        Ok(match broker::Client::connect(&config.broker()?).await {
            Ok(client) => {
                let version = client.version().map(str::to_owned);
                client.close().await;
                Self { connected: true, version, problem: None }
            }
            Err(error) => Self { connected: false, version: None, problem: Some(error.to_string()) },
        })
    }

    fn show(&self) -> Result<(), CommandError> {
        let state = if self.connected { "connected" } else { "NOT connected" };
        let version = self.version.as_ref().map(|version| format!(" to RabbitMQ {version}"));
        print::lines(&format!("Broker: {state}{}", version.unwrap_or_default()))?;
        if let Some(problem) = &self.problem {
            print::lines("  problem:")?;
            print::indented(problem)?;
        }
        Ok(())
    }
}

fn show(found: &Connection) -> Result<(), CommandError> {
    let Connection { tenant, identity, permissions, .. } = found;
    let whose =
        found.organization.as_ref().map(|of| format!(" to {} ({})", of.name, of.id)).unwrap_or_default();
    let access = match found.access {
        Access::Act => "read and act",
        Access::Read => "read only",
    };
    let state = if found.connected { "connected" } else { "NOT connected" };
    print::lines(&format!("Tenant {tenant}: {state}{whose}"))?;
    print::lines(&format!(
        "  access {access}; connected as {identity} with {} permissions",
        permissions.len()
    ))?;
    for problem in &found.problems {
        print::lines("  problem:")?;
        print::indented(problem)?;
    }
    if let Some(roles) = &found.directory_roles {
        let roles = if roles.is_empty() { "none".to_owned() } else { roles.join(", ") };
        print::lines(&format!("  directory roles of the application: {roles}"))?;
    }
    let concealed = match found.concealed_names {
        None => "",
        Some(false) => "no",
        Some(true) => {
            "yes, so usage per person is not available; to change this, open Microsoft 365 admin center > Settings > \
             Org settings > Reports and clear `Display concealed user, group, and site names in all reports`"
        }
    };
    if !concealed.is_empty() {
        print::lines("  reports hide names:")?;
        print::indented(concealed)?;
    }
    print::show(&uses_table(&found.uses))?;
    if let Some(licenses) = &found.licenses {
        let mut table = print::table(&["Licence", "Seats", "Used", "Free"]);
        for seats in licenses {
            let free = print::cell(seats.free).fg(if seats.free > 0 { Color::Green } else { Color::Red });
            table.add_row(vec![
                print::cell(&seats.sku),
                print::cell(seats.usable),
                print::cell(seats.used),
                free,
            ]);
        }
        print::show(&table)?;
    }
    for note in &found.notes {
        print::lines("  note:")?;
        print::indented(note)?;
    }
    Ok(())
}

fn uses_table(uses: &[Use]) -> comfy_table::Table {
    let mut table = print::table(&["Action or sync", "May", "Granted", "Missing"]);
    for one in uses {
        let names = |granted: bool| {
            let those = one.needs.iter().filter(|need| need.granted == granted);
            those.map(|need| need.permission.as_str()).collect::<Vec<_>>().join("\n")
        };
        let name = match one.kind {
            Kind::Action => one.name.clone(),
            Kind::Sync => format!("sync {}", one.name),
        };
        let (word, color) = match one.may {
            May::Act => ("act", Color::Green),
            May::Read if one.kind == Kind::Sync => ("read", Color::Green),
            May::Read => ("read", Color::Yellow),
            May::Nothing => ("nothing", Color::Red),
        };
        table.add_row(vec![
            print::cell(name),
            print::cell(word).fg(color),
            print::cell(names(true)),
            print::cell(names(false)).fg(Color::Red),
        ]);
    }
    table
}
