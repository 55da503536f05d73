//! `gatehouse check`: the connection test.

use std::process::ExitCode;

use broker::{Inspection, Inventory};
use comfy_table::Color;
use msgraph::Access;
use serde::Serialize;

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;
use crate::sync::schedule::Schedules;
use crate::tenants::connection_test::{Connection, Kind, May, Use, Used};
use crate::tenants::syncs::SYNCS;
use crate::tenants::{Tenants, unobserved};

/// Arguments of `gatehouse check`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse check
  gatehouse check --tenant contoso --output json | jq .uses
  gatehouse check --no-broker --sync users,licenses

The column May:
  act      all permissions are granted, and the tenant's access is `act`
  read     only plans and syncs work
  nothing  not even plans and syncs work

Exits with 1 if a tenant or the broker is not connected, if the broker has a
problem, or if an action that a workflow uses is limited. A sync counts only if
--sync names it: not every deployment uses one. Problems stand first, the
verdict last.")]
pub struct Args {
    /// Test only this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// A sync that this deployment uses: `users`, `sign_ins`, `licenses` or `usage`
    #[arg(long, value_name = "SYNC", value_delimiter = ',', value_parser = SYNC_NAMES)]
    sync: Vec<String>,
    /// Do not connect to the broker
    #[arg(long)]
    no_broker: bool,
    #[command(flatten)]
    format: OutputArgs,
}

const SYNC_NAMES: [&str; SYNCS.len()] = {
    let [users, sign_ins, licenses, usage] = &SYNCS;
    [users.name, sign_ins.name, licenses.name, usage.name]
};

/// The connection test of one tenant, with that of the broker.
#[derive(Serialize)]
struct Checked<'a> {
    #[serde(flatten)]
    connection: &'a Connection,
    /// Whether nothing is limited that matters.
    complete: bool,
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
    /// What its management API showed.
    management: Inspection,
}

/// What can be seen without the management API, and how to see more.
const UNSEEN: &str = "policies, alarms and queues that nobody needs any more were not looked at: set broker.management_url to \
                      the address of RabbitMQ's management API";

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let tenants = Tenants::as_far_as_usable(&config, &unobserved)?;
    if let Some(name) = &args.tenant {
        tenants.find(Some(name)).map_err(|failure| CommandError::Input(failure.message))?;
    }
    let protections = config.protections()?;
    let used = used(&config, &args.sync)?;
    let broker = if args.no_broker { None } else { Some(Broker::test(&config).await?) };
    let mut verdicts = Vec::new();
    verdicts.extend(broker.as_ref().and_then(Broker::verdict));
    if let (Some(broker), Format::Human) = (&broker, args.format.output) {
        broker.show()?;
    }
    for (name, client) in tenants.iter() {
        if args.tenant.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let protection = protections.get(name).cloned().unwrap_or_default();
        let mut found = Connection::test(name, client, &protection, &used).await;
        found.notes.extend(config.weaknesses());
        let complete = found.is_complete();
        match args.format.output {
            Format::Json => print::json(&Checked { connection: &found, complete, broker: broker.as_ref() })?,
            Format::Human => show(&found)?,
        }
        if !complete {
            verdicts.push(format!("tenant {name} {}", why_incomplete(&found)));
        }
    }
    if args.format.output == Format::Human {
        let verdict = if verdicts.is_empty() { "all is well".to_owned() } else { verdicts.join("; ") };
        print::lines("Verdict:")?;
        print::indented(&verdict)?;
    }
    Ok(super::verdict(verdicts.is_empty()))
}

/// What the deployment uses: the actions of its workflows, and the syncs that were named.
fn used(config: &Config, syncs: &[String]) -> Result<Used, CommandError> {
    let definitions = super::definitions(config.workflows.file())?;
    let steps = definitions.iter().flat_map(|workflow| &workflow.stages).flat_map(|stage| &stage.steps);
    let actions = steps.map(|step| step.action.clone()).collect();
    Ok(Used { actions, syncs: syncs.iter().cloned().collect() })
}

fn why_incomplete(found: &Connection) -> String {
    if !found.connected {
        return "is not connected".to_owned();
    }
    let (limited, missing) = (found.limited().join(", "), found.missing());
    let limits = match missing.as_slice() {
        _ if limited.is_empty() => None,
        [] => Some(format!("limits {limited}")),
        missing => Some(format!("limits {limited}: grant {}", missing.join(", "))),
    };
    match (found.problems.len(), limits) {
        (0, limits) => limits.unwrap_or_default(),
        (problems, None) => format!("has {problems} problems"),
        (problems, Some(limits)) => format!("has {problems} problems, and {limits}"),
    }
}

impl Broker {
    async fn test(config: &Config) -> Result<Self, CommandError> {
        let settings = config.broker()?;
        let management = Self::inspect(config, &settings).await?;
        Ok(match broker::Client::connect(&settings).await {
            Ok(client) => {
                let version = client.version().map(str::to_owned);
                client.close().await;
                Self { connected: true, version, problem: None, management }
            }
            Err(error) => {
                Self { connected: false, version: None, problem: Some(error.to_string()), management }
            }
        })
    }

    /// What the management API shows, or why it shows nothing.
    async fn inspect(config: &Config, settings: &broker::Settings) -> Result<Inspection, CommandError> {
        let Some(management) = config.broker.management(settings)? else {
            return Ok(Inspection { notes: vec![UNSEEN.to_owned()], ..Inspection::default() });
        };
        let schedules = Schedules::new(config.scheduled()?).queues();
        let inventory = Inventory::new(settings, &schedules)?;
        Ok(match management.inspect(&inventory).await {
            Ok(found) => found,
            Err(error) => Inspection { problems: vec![error.to_string()], ..Inspection::default() },
        })
    }

    /// What is wrong, for the end.
    fn verdict(&self) -> Option<String> {
        match (self.connected, self.management.problems.len()) {
            (false, _) => Some("the broker is not connected".to_owned()),
            (true, 0) => None,
            (true, 1) => Some("the broker has a problem".to_owned()),
            (true, problems) => Some(format!("the broker has {problems} problems")),
        }
    }

    fn show(&self) -> Result<(), CommandError> {
        let state = if self.connected { "connected" } else { "NOT connected" };
        let version = self.version.as_ref().map(|version| format!(" to RabbitMQ {version}"));
        print::lines(&format!("Broker: {state}{}", version.unwrap_or_default()))?;
        for problem in self.problem.iter().chain(&self.management.problems) {
            print::lines("  problem:")?;
            print::indented(problem)?;
        }
        for note in &self.management.notes {
            print::lines("  note:")?;
            print::indented(note)?;
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
        print::lines("  directory roles of the application:")?;
        print::indented(&roles)?;
    }
    let concealed = match found.concealed_names {
        None => "",
        Some(false) => "no",
        Some(true) => &format!(
            "yes, so usage cannot be put down to people; to change this, {}",
            directory_sync::SHOW_NAMES
        ),
    };
    if !concealed.is_empty() {
        print::lines("  reports hide names:")?;
        print::indented(concealed)?;
    }
    show_uses(&found.uses)?;
    if let Some(licenses) = &found.licenses {
        let mut table = print::table(&["Licence", "Seats", "Used", "Free"]);
        for seats in licenses {
            let figure = |told: Option<i64>| told.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
            let free = match (print::cell(figure(seats.free)), seats.free) {
                (cell, Some(free)) => cell.fg(if free > 0 { Color::Green } else { Color::Red }),
                (cell, None) => cell,
            };
            let (usable, used) = (print::cell(figure(seats.usable)), print::cell(figure(seats.used)));
            table.add_row(vec![print::cell(&seats.sku), usable, used, free]);
        }
        print::show(table)?;
    }
    for one in found.uses.iter().filter(|one| !one.adds.is_empty()) {
        let missing = one.adds.iter().filter(|addition| !addition.granted);
        let missing: Vec<_> =
            missing.map(|addition| format!("{} for {}", addition.permission, addition.shows)).collect();
        let title = match one.kind {
            Kind::Sync if one.may == May::Read => format!("  sync {} could show more:", one.name),
            Kind::Action if one.may != May::Nothing => format!("  {} does not see everything:", one.name),
            _ => continue,
        };
        if !missing.is_empty() {
            print::lines(&title)?;
            print::indented(&format!("grant {}", missing.join(", ")))?;
        }
    }
    for note in &found.notes {
        print::lines("  note:")?;
        print::indented(note)?;
    }
    Ok(())
}

/// Limited actions and syncs come first. Actions that no workflow uses are only listed, because nothing depends on
/// them.
fn show_uses(uses: &[Use]) -> Result<(), CommandError> {
    let mut shown: Vec<&Use> = uses.iter().filter(|one| one.used || one.kind == Kind::Sync).collect();
    shown.sort_by_key(|one| !(one.used && one.is_limited()));
    print::show(uses_table(&shown))?;
    let unused = uses.iter().filter(|one| !one.used && one.kind == Kind::Action);
    let unused: Vec<_> = unused.map(|one| one.name.as_str()).collect();
    if !unused.is_empty() {
        print::lines("  actions that no workflow uses:")?;
        print::indented(&unused.join(", "))?;
    }
    Ok(())
}

fn uses_table(uses: &[&Use]) -> comfy_table::Table {
    let mut table = print::table(&["May", "Action or sync, and the permissions that it needs"]);
    for one in uses {
        // One below the other: side by side, names as long as these fit no terminal.
        let mut lines = vec![match one.kind {
            Kind::Action => one.name.clone(),
            Kind::Sync => format!("sync {}", one.name),
        }];
        lines.extend(one.needs.iter().map(|need| {
            let word = if need.granted { "granted" } else { "missing" };
            format!("  {word} {}", need.permission)
        }));
        let (word, color) = match one.may {
            May::Act => ("act", Color::Green),
            May::Read if one.kind == Kind::Sync => ("read", Color::Green),
            May::Read => ("read", Color::Yellow),
            May::Nothing => ("nothing", Color::Red),
        };
        table.add_row(vec![print::cell(word).fg(color), print::cell(lines.join("\n"))]);
    }
    table
}

#[cfg(test)]
mod tests {
    use msgraph::Grants;

    use super::*;
    use crate::tenants::connection_test::uses;

    #[test]
    fn permissions_fit_a_terminal_and_are_not_broken() {
        let uses = uses(&Grants::default(), None, Access::Act, &Used::default());
        let mut table = uses_table(&uses.iter().collect::<Vec<_>>());
        table.set_width(80);
        let text = print::unbroken(table).to_string();
        assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
        for permission in uses.iter().flat_map(|one| &one.needs).map(|need| &need.permission) {
            assert!(text.contains(&format!("missing {permission}")), "{permission} is broken:\n{text}");
        }
    }
}
