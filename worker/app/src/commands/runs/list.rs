//! `gatehouse runs list`: which runs there were, and where they stand.

use std::num::NonZeroU32;
use std::process::ExitCode;

use jiff::Timestamp;
use uuid::Uuid;

use super::listing::{Listing, MOST_OPEN, Wanted};
use super::stands::look_up;
use crate::commands::CommandError;
use crate::commands::history::form::{Form, FormArgs};
use crate::commands::history::reading::Reading;
use crate::commands::history::show::{cut, table};
use crate::commands::history::since::SinceArgs;
use crate::commands::history::summary::{Head, Stands, Summary};
use crate::commands::history::whom::{Meant, meant};
use crate::commands::ledger::read;
use crate::print;
use crate::settings::Config;

/// How wide the name of a workflow may be in a line of 80 columns.
const WORKFLOW: usize = 12;

const HEADER: [&str; 15] = [
    "run",
    "state",
    "workflow",
    "kind",
    "tenant",
    "person",
    "source",
    "event",
    "publisher",
    "started",
    "last",
    "until",
    "code",
    "replays",
    "ended_by",
];

/// Which runs to list.
#[derive(clap::Args)]
pub struct Args {
    /// Only runs in this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Only runs of this workflow
    #[arg(long)]
    workflow: Option<String>,
    /// Only runs that stand there; may be repeated
    #[arg(long, value_enum)]
    state: Vec<Stands>,
    /// Only runs that ended as failed or partial: somebody may have to act
    #[arg(long, conflicts_with = "state")]
    failed: bool,
    /// Only runs for events of this kind: onboarding, offboarding, change, access.revoke, run.cancel
    #[arg(long)]
    kind: Option<String>,
    /// Only runs about this person: object id, user principal name or employee id
    #[arg(long)]
    person: Option<String>,
    #[command(flatten)]
    since: SinceArgs,
    /// Maximum number of runs
    #[arg(long, default_value = "100")]
    limit: NonZeroU32,
    #[command(flatten)]
    format: FormArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let since = args.since.start()?;
    let meant = match &args.person {
        Some(person) => Some(meant(&config, args.tenant.as_deref(), person).await?),
        None => None,
    };
    let about: Vec<String> = match &meant {
        Some(Meant { people, may_filter: true, runs, .. }) if runs.is_empty() => {
            people.iter().map(Uuid::to_string).collect()
        }
        _ => Vec::new(),
    };
    let form = args.format.output;
    let limit = usize::try_from(args.limit.get()).unwrap_or(usize::MAX);
    let mut listing = Listing::of(args.wanted(&config, meant), limit, MOST_OPEN);
    let reading = Reading::open(&config, form).await?;
    let mut unread = 0_u64;
    let read = reading.each(since, None, &about, |entry| match serde_json::from_slice::<Head>(&entry.body) {
        Ok(head) => {
            let person = entry.person.as_deref().and_then(|id| Uuid::parse_str(id).ok());
            listing.take(entry.offset, head, person);
        }
        Err(_) => unread = unread.saturating_add(1),
    });
    let read = read.await;
    reading.close().await;
    read?;
    ask_the_ledger(&config, &mut listing).await;
    let left_out = listing.left_out;
    let runs = listing.into_runs();
    show(&runs, form)?;
    if left_out > 0 {
        eprintln!("gatehouse: {left_out} runs that had not ended were left out; --since narrows the list");
    }
    if unread > 0 {
        eprintln!("gatehouse: {unread} entries of the history are no results that this program can read");
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn wanted(&self, config: &Config, meant: Option<Meant>) -> Wanted {
        let is_only = |tenant: &String| config.tenants.len() == 1 && config.tenants.contains_key(tenant);
        Wanted {
            tenant: self.tenant.clone(),
            is_only_tenant: self.tenant.as_ref().is_some_and(is_only),
            workflow: self.workflow.clone(),
            kind: self.kind.clone(),
            states: if self.failed { vec![Stands::Failed, Stands::Partial] } else { self.state.clone() },
            whose: meant.map(|meant| (meant.people, meant.runs)),
        }
    }
}

/// Where the runs stand that have not ended by their results. Without the ledger, what they said last counts.
async fn ask_the_ledger(config: &Config, listing: &mut Listing) {
    let now = Timestamp::now();
    let mut open: Vec<_> = listing.open().collect();
    if open.is_empty() {
        return;
    }
    match read(config).await {
        Ok(ledger) => {
            let book = ledger.book();
            open.into_iter().for_each(|run| look_up(book.ledger(), run));
        }
        Err(error) => {
            eprintln!("gatehouse: where runs stand that have not ended is as they said last: {error}");
            for run in &mut open {
                if run.until.is_some_and(|until| until < now) {
                    run.state = Stands::Running;
                }
            }
        }
    }
}

fn show(runs: &[Summary], form: Form) -> Result<(), CommandError> {
    match form {
        Form::Human if runs.is_empty() => print::lines("no such run")?,
        Form::Human => {
            for run in runs {
                let (at, state) = (run.last_at.strftime("%Y-%m-%d %H:%M"), run.state.as_str());
                let what = cut(run.what(), WORKFLOW);
                print::lines(&format!("{at}  {state:<10}  {what:<WORKFLOW$}  {}", run.run_id))?;
            }
        }
        Form::Json => {
            for run in runs {
                print::json(run)?;
            }
        }
        Form::Csv => table(&HEADER, runs.iter().map(row))?,
    }
    Ok(())
}

fn row(run: &Summary) -> [String; 15] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    [
        run.run_id.to_string(),
        run.state.as_str().to_owned(),
        text(&run.workflow),
        text(&run.kind),
        text(&run.tenant),
        id(run.person),
        text(&run.source),
        text(&run.event_id),
        text(&run.publisher),
        run.started_at.to_string(),
        run.last_at.to_string(),
        run.until.map(|until| until.to_string()).unwrap_or_default(),
        text(&run.code),
        run.replays.to_string(),
        id(run.ended_by),
    ]
}
