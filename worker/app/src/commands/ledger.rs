//! `gatehouse ledger ...`: what the ledger knows of a person, and whether it knows of runs that no message carries.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Key, Kind, Ledger, Person, Run, State};
use msgraph::UserKey;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{CommandError, OutputArgs};
use crate::ledger::client::Client;
use crate::ledger::identifiers;
use crate::ledger::log::Stream;
use crate::print::{self, Format};
use crate::settings::Config;
use crate::settings::error::ConfigError;
use crate::tenants::{Tenants, unobserved};

/// How long to wait until the ledger has been read: 100,000 people take seconds.
const READS: Duration = Duration::from_secs(60);
/// A run that sleeps so long past its time is not carried by a message any more.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// The identifiers of people.
const KINDS: [Kind; 3] = [Kind::EntraId, Kind::EmployeeId, Kind::Upn];

/// Shows the ledger.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse ledger show ada@contoso.example
  gatehouse ledger check")]
pub enum Command {
    /// Show the runs of one person, the newest event last
    ///
    /// The ledger holds no names. The tenant is asked for the other identifiers of the person, and changed in nothing.
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
pub(super) struct Shown {
    run_id: Uuid,
    intent: String,
    state: String,
    time: Timestamp,
    effective: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// How it ends when it would have gone on, since somebody has shut it.
    #[serde(skip_serializing_if = "Option::is_none")]
    will_end: Option<State>,
    legs: u32,
    replays: u32,
    acts: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_changed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    point_of_no_return: Option<String>,
    #[serde(skip)]
    stands: State,
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::Show { person, tenant, format } => {
            let Named { keys, .. } = named(&config, tenant.as_deref(), &person).await?;
            let ledger = read(&config).await?;
            let book = ledger.book();
            let ledger = book.ledger();
            let runs: Vec<_> =
                ledger.people_with(&keys).into_iter().flat_map(|person| shown(ledger, person)).collect();
            show(&person, &runs, format.output)?;
            Ok(super::verdict(!runs.is_empty()))
        }
        Command::Check { format } => {
            let ledger = read(&config).await?;
            let book = ledger.book();
            check(book.ledger(), format.output)
        }
    }
}

/// Somebody who was named by an identifier.
pub(super) struct Named {
    /// Every key: of the identifier itself, whatever its kind, and of those that the tenant has beside it.
    pub(super) keys: Vec<Key>,
    /// The object ids that tenants have beside it.
    pub(super) people: BTreeSet<Uuid>,
}

/// Finds who is named.
pub(super) async fn named(
    config: &Config,
    tenant: Option<&str>,
    identifier: &str,
) -> Result<Named, CommandError> {
    let directories = config.directories()?;
    let tenants = Tenants::as_far_as_usable(config, &unobserved)?;
    if let Some(name) = tenant.filter(|name| !directories.contains_key(*name)) {
        let known: Vec<_> = directories.keys().map(String::as_str).collect();
        let text = format!("there is no tenant `{name}`; known: {}", known.join(", "));
        return Err(ConfigError::Invalid(text).into());
    }
    let (mut keys, mut people) = (Vec::new(), BTreeSet::new());
    for (name, graph) in tenants.iter().filter(|(name, _)| tenant.is_none_or(|tenant| tenant == *name)) {
        let Some(directory) = directories.get(name) else { continue };
        let mut identifiers: Vec<_> = KINDS.into_iter().map(|kind| (kind, identifier.to_owned())).collect();
        match identifiers::found(graph.reader(), &key_of(identifier)).await {
            Ok(found) => {
                let ids = found.iter().filter(|(kind, _)| *kind == Kind::EntraId);
                people.extend(ids.filter_map(|(_, id)| Uuid::parse_str(id).ok()));
                identifiers.extend(found);
            }
            // The ledger can be read all the same.
            Err(error) => eprintln!(
                "gatehouse: tenant {name} cannot be asked who this is, so only runs whose event has this identifier \
                 are found: {error}"
            ),
        }
        keys.extend(directory.keys(&identifiers));
    }
    Ok(Named { keys, people })
}

/// An identifier as Graph is asked for it.
fn key_of(identifier: &str) -> UserKey {
    match identifier {
        id if Uuid::try_parse(id).is_ok() => UserKey::Id(id.to_owned()),
        upn if upn.contains('@') => UserKey::Upn(upn.to_owned()),
        number => UserKey::EmployeeId(number.to_owned()),
    }
}

/// Reads the ledger to its end.
pub(super) async fn read(config: &Config) -> Result<Arc<Client<Stream>>, CommandError> {
    read_within(config, READS).await
}

/// Reads the ledger to its end, and fails if that takes longer than `patience`.
pub(super) async fn read_within(
    config: &Config,
    patience: Duration,
) -> Result<Arc<Client<Stream>>, CommandError> {
    let name = format!("gatehouse-ledger-{}", Uuid::new_v4().simple());
    let client = Client::new(Stream::new(config.broker()?), name, config.timing()?);
    let reading = Arc::clone(&client);
    tokio::spawn(async move { Box::pin(reading.serve()).await });
    if client.is_ready_within(patience).await {
        return Ok(client);
    }
    let newer = client.book().newer();
    Err(CommandError::Input(match newer {
        Some(version) => format!("the ledger has records of version {version}: update this program"),
        None => format!(
            "the ledger could not be read within {} seconds; `gatehouse check` tests the broker",
            patience.as_secs()
        ),
    }))
}

fn shown(ledger: &Ledger, person: &Person) -> Vec<Shown> {
    let mut runs: Vec<&Run> = person.runs.iter().collect();
    runs.sort_by_key(|run| (run.time, run.sequence));
    runs.into_iter().map(|run| Shown::of(ledger, person, run)).collect()
}

impl Shown {
    pub(super) fn of(ledger: &Ledger, person: &Person, run: &Run) -> Self {
        let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or_default();
        let done = run.done.as_deref().cloned().unwrap_or_default();
        Self {
            run_id: run.id,
            intent: word(&run.intent),
            state: word(&run.state),
            time: at(run.time),
            effective: at(run.effective),
            until: (run.state == State::Asleep && run.until != 0).then(|| at(run.until)),
            will_end: ledger.will_end(run.id),
            legs: run.position.leg,
            replays: run.position.replays,
            // The hold of a worker that died stays when its run is taken out; nobody acts by it.
            acts: !run.state.is_over() && person.holds.iter().any(|hold| hold.run == run.id),
            changed: done.steps,
            more_changed: (done.more > 0).then_some(done.more),
            point_of_no_return: done.no_return,
            stands: run.state,
        }
    }

    /// Where it stands.
    pub(super) fn stands(&self) -> State {
        self.stands
    }

    /// Whether somebody has taken it out, and it has still to say so.
    pub(super) fn will_be_cancelled(&self) -> bool {
        self.will_end == Some(State::Cancelled)
    }

    /// What it has changed, as far as the ledger says: up to its last pause.
    pub(super) fn changes(&self) -> Vec<String> {
        let more = self.more_changed.map_or_else(String::new, |more| format!(" and {more} more"));
        let mut texts = match (self.stands, self.changed.as_slice()) {
            (State::Done, _) => Vec::new(),
            (_, []) if self.acts => vec!["what it has changed is not known while it acts".to_owned()],
            (_, []) => vec!["it has changed nothing".to_owned()],
            (_, changed) => vec![format!("it has changed something in {}{more}", changed.join(", "))],
        };
        texts.extend(self.point_of_no_return.iter().map(|step| {
            format!("it has passed the point of no return: nobody can give back what {step} removed")
        }));
        if !self.changed.is_empty() {
            texts.push(format!("`gatehouse restore {}` shows what can be given back", self.run_id));
        }
        texts
    }

    /// The run in lines of at most 80 columns, with its id whole.
    pub(super) fn line(&self) -> String {
        let state = match &self.until {
            Some(until) => format!("asleep until {until:.0}"),
            None if self.acts => "acts now".to_owned(),
            None => self.state.clone(),
        };
        let ends = self.will_end.map_or_else(String::new, |state| format!(", then ends as {}", word(&state)));
        let effective = match self.effective == self.time {
            true => String::new(),
            false => format!(", takes effect {:.0}", self.effective),
        };
        format!(
            "run {} {}\n  {state}{ends}\n  event of {:.0}{effective}",
            self.run_id, self.intent, self.time
        )
    }

    /// Whether no message carries it any more.
    fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now.duration_since(until) > OVERDUE)
    }
}

/// The runs that the brake holds, of everybody, the oldest event first. The ledger does not say of which tenant they are.
pub(super) fn braked(ledger: &Ledger) -> Vec<Shown> {
    let all = ledger.people().flat_map(|person| person.runs.iter().map(move |run| (person, run)));
    let mut held: Vec<_> = all.filter(|(_, run)| run.state == State::Braked).collect();
    held.sort_by_key(|(_, run)| run.time);
    held.into_iter().map(|(person, run)| Shown::of(ledger, person, run)).collect()
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
        print::lines(&format!("the ledger knows no run for {person}"))?;
    }
    for run in runs {
        print::lines(&run.line())?;
    }
    Ok(())
}

fn check(ledger: &Ledger, format: Format) -> Result<ExitCode, CommandError> {
    let now = Timestamp::now();
    let people = ledger.people().count();
    let runs: Vec<_> = ledger.people().flat_map(|person| shown(ledger, person)).collect();
    let count = |is_counted: &dyn Fn(&Shown) -> bool| runs.iter().filter(|run| is_counted(run)).count();
    let asleep = count(&|run| run.state == "asleep");
    let acting = count(&|run| run.acts);
    let overdue: Vec<_> = runs.iter().filter(|run| run.is_overdue(now)).collect();
    match format {
        Format::Json => print::json(&json!({
            "people": people, "runs": runs.len(), "asleep": asleep, "acting": acting, "overdue": overdue,
        }))?,
        Format::Human => {
            let counts =
                format!("people: {people}, runs: {}, acting now: {acting}, asleep: {asleep}", runs.len());
            print::lines(&counts)?;
            for run in &overdue {
                let until = run.until.map(|until| format!("{until:.0}")).unwrap_or_default();
                let text = format!(
                    "run {} should have woken\n  at {until}: its message is gone from the delay.\n  \
                     Publish its event again under another id",
                    run.run_id
                );
                print::lines(&text)?;
            }
        }
    }
    Ok(super::verdict(overdue.is_empty()))
}

#[cfg(test)]
mod tests {
    use ledger::{Body, Claim, Decision, Intent, KeyRing, Ledger, Read, Record, Release};

    use super::*;

    fn record(worker: &str, body: Body) -> Record {
        Record { at: Timestamp::UNIX_EPOCH, worker: worker.to_owned(), number: 0, seen: None, body }
    }

    #[test]
    fn nobody_acts_for_a_run_that_was_taken_out_after_its_worker_had_died() {
        let (run, dead, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let keys = KeyRing::new(b"secret of the tests").keys("contoso", Kind::Upn, "ada@contoso.example");
        let claim = Claim { keys, ..Claim::new(run, dead, Intent::Offboarding, 7, Timestamp::UNIX_EPOCH) };
        let mut ledger: Ledger = Ledger::default();
        assert_eq!(ledger.read(0, &record("one", Body::Claim(claim))), Read::Decided(Decision::Hold));
        let acts = |ledger: &Ledger| {
            ledger.people().flat_map(|person| shown(ledger, person)).map(|run| run.acts).collect::<Vec<_>>()
        };
        assert_eq!(acts(&ledger), [true]);
        let state = State::Cancelled;
        let release = Release { run, nonce: other, state, leg: 0, replays: 0, until: None, done: None };
        assert_eq!(ledger.read(1, &record("two", Body::Release(release))), Read::Noted);
        assert_eq!(ledger.person_of(run).map(|person| person.holds.len()), Some(1));
        assert_eq!(acts(&ledger), [false]);
    }
}
