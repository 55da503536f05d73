//! `gatehouse ledger ...`: what the ledger knows of a person, and whether it knows of runs that no message carries.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Key, Kind, Person, Run, State};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{CommandError, OutputArgs};
use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::print::{self, Format};
use crate::settings::Config;
use crate::settings::error::ConfigError;

/// How long to wait until the ledger has been read: 100,000 people take seconds.
const READS: Duration = Duration::from_secs(60);
/// A run that sleeps so long past its time is not carried by a message any more.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// Shows the ledger.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse ledger show ada@contoso.example
  gatehouse ledger check")]
pub enum Command {
    /// Show the runs of one person, the newest word last
    ///
    /// The ledger holds no names: a person is found only by an identifier that an event or the tenant gave.
    Show {
        /// Object id, user principal name or employee id
        person: String,
        /// Tenant of the person [default: all]
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Count people and runs, and name runs that should have woken by now
    Check {
        #[command(flatten)]
        format: OutputArgs,
    },
}

/// A run, for people and scripts.
#[derive(Serialize)]
struct Shown {
    run_id: Uuid,
    intent: String,
    state: String,
    time: Timestamp,
    effective: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    legs: u32,
    replays: u32,
    acts: bool,
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::Show { person, tenant, format } => {
            let keys = keys(&config, tenant.as_deref(), &person)?;
            let ledger = read(&config).await?;
            let book = ledger.book();
            let runs: Vec<_> = book.ledger().people_with(&keys).into_iter().flat_map(shown).collect();
            show(&person, &runs, format.output)?;
            Ok(super::verdict(!runs.is_empty()))
        }
        Command::Check { format } => {
            let ledger = read(&config).await?;
            let book = ledger.book();
            let people: Vec<_> = book.ledger().people().collect();
            check(&people, format.output)
        }
    }
}

/// Every key that an identifier may have.
fn keys(config: &Config, tenant: Option<&str>, identifier: &str) -> Result<Vec<Key>, CommandError> {
    let directories = config.directories()?;
    if let Some(name) = tenant.filter(|name| !directories.contains_key(*name)) {
        let known: Vec<_> = directories.keys().map(String::as_str).collect();
        let text = format!("there is no tenant `{name}`; known: {}", known.join(", "));
        return Err(ConfigError::Invalid(text).into());
    }
    let wanted = directories.iter().filter(|(name, _)| tenant.is_none_or(|tenant| tenant == *name));
    let keys = wanted.flat_map(|(_, directory)| {
        let kinds = [Kind::EntraId, Kind::EmployeeId, Kind::Upn].into_iter();
        kinds.flat_map(|kind| directory.secrets.keys(&directory.id, kind, identifier))
    });
    Ok(keys.collect())
}

/// Reads the ledger to its end.
async fn read(config: &Config) -> Result<Arc<Client<Stream>>, CommandError> {
    let name = format!("gatehouse-ledger-{}", Uuid::new_v4().simple());
    let client = Client::new(Stream::new(config.broker()?), name, config.timing()?);
    let reading = Arc::clone(&client);
    tokio::spawn(async move { reading.serve().await });
    if client.is_ready_within(READS).await {
        return Ok(client);
    }
    let newer = client.book().newer();
    Err(CommandError::Input(match newer {
        Some(version) => format!("the ledger has records of version {version}: update this program"),
        None => "the ledger could not be read within a minute; `gatehouse check` tests the broker".to_owned(),
    }))
}

fn shown(person: &Person) -> Vec<Shown> {
    let mut runs: Vec<&Run> = person.runs.iter().collect();
    runs.sort_by_key(|run| (run.time, run.sequence));
    runs.into_iter().map(|run| Shown::of(person, run)).collect()
}

impl Shown {
    fn of(person: &Person, run: &Run) -> Self {
        let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or_default();
        Self {
            run_id: run.id,
            intent: word(&run.intent),
            state: word(&run.state),
            time: at(run.time),
            effective: at(run.effective),
            until: (run.state == State::Asleep && run.until != 0).then(|| at(run.until)),
            legs: run.position.leg,
            replays: run.position.replays,
            acts: person.holds.iter().any(|hold| hold.run == run.id),
        }
    }

    /// Whether no message carries it any more.
    fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now.duration_since(until) > OVERDUE)
    }
}

/// The word for a variant in the records.
fn word(variant: &impl Serialize) -> String {
    let word = serde_json::to_value(variant).unwrap_or_default();
    word.as_str().unwrap_or_default().replace('_', " ")
}

fn show(person: &str, runs: &[Shown], format: Format) -> Result<(), CommandError> {
    if format == Format::Json {
        print::json(&json!({ "runs": runs }))?;
        return Ok(());
    }
    if runs.is_empty() {
        let text = format!(
            "the ledger knows no run for {person}; look for the object id, the name and the employee id in turn"
        );
        print::lines(&text)?;
        return Ok(());
    }
    print::show(&table(runs))?;
    Ok(())
}

fn table(runs: &[Shown]) -> comfy_table::Table {
    let mut table = print::table(&["Run", "Wants", "Event of", "Takes effect", "State"]);
    for run in runs {
        let state = match &run.until {
            Some(until) => format!("asleep until {until:.0}"),
            None if run.acts => "acts now".to_owned(),
            None => run.state.clone(),
        };
        let times = [run.time, run.effective].map(|time| format!("{time:.0}"));
        let [time, effective] = &times;
        let cells = [&run.run_id.to_string(), &run.intent, time, effective, &state];
        table.add_row(cells.map(print::cell));
    }
    table
}

fn check(people: &[&Person], format: Format) -> Result<ExitCode, CommandError> {
    let now = Timestamp::now();
    let runs: Vec<_> = people.iter().flat_map(|person| shown(person)).collect();
    let count = |is_counted: &dyn Fn(&Shown) -> bool| runs.iter().filter(|run| is_counted(run)).count();
    let asleep = count(&|run| run.state == "asleep");
    let acting = count(&|run| run.acts);
    let overdue: Vec<_> = runs.iter().filter(|run| run.is_overdue(now)).collect();
    match format {
        Format::Json => print::json(&json!({
            "people": people.len(), "runs": runs.len(), "asleep": asleep, "acting": acting, "overdue": overdue,
        }))?,
        Format::Human => {
            let counts = format!(
                "people: {}, runs: {}, acting now: {acting}, asleep: {asleep}",
                people.len(),
                runs.len()
            );
            print::lines(&counts)?;
            for run in &overdue {
                let until = run.until.map(|until| format!("{until:.0}")).unwrap_or_default();
                let text = format!(
                    "run {} should have woken at {until}: its message is gone from the delay; publish its event again \
                     under another id",
                    run.run_id
                );
                print::lines(&text)?;
            }
        }
    }
    Ok(super::verdict(overdue.is_empty()))
}
