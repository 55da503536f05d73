//! Who is meant: the object ids of a person, and their runs as far as the ledger knows them.
//!
//! The history names people by object id alone. A run has begun before the person had one if it made the account, so the
//! runs that the ledger has under the person's other identifiers count as well.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use crate::commands::CommandError;
use crate::commands::ledger::{Named, named, read};
use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::settings::Config;

/// Whose entries are looked for.
#[derive(Debug, Default)]
pub struct Meant {
    /// Object ids.
    pub people: BTreeSet<Uuid>,
    /// Runs.
    pub runs: BTreeSet<Uuid>,
    /// Whether everything about the person of one of the runs is meant, and not these runs alone.
    pub is_person: bool,
    /// Whether the broker may leave out what is about others: not while the id may be that of a run.
    pub may_filter: bool,
}

/// Finds out who, or which run, is meant.
pub async fn meant(config: &Config, tenant: Option<&str>, whom: &str) -> Result<Meant, CommandError> {
    let ledger = match read(config).await {
        Ok(ledger) => Some(ledger),
        Err(error) => {
            eprintln!("gatehouse: runs are found by their results alone: {error}");
            None
        }
    };
    let id = Uuid::try_parse(whom).ok();
    if let Some(run) = id.filter(|id| knows_run(ledger.as_ref(), *id)) {
        return Ok(Meant { runs: [run].into(), ..Meant::default() });
    }
    let Named { keys, mut people } = named(config, tenant, whom).await?;
    people.extend(id);
    let runs: BTreeSet<Uuid> = ledger.iter().flat_map(|ledger| runs_of(ledger, &keys)).collect();
    if people.is_empty() && runs.is_empty() {
        return Err(CommandError::Input(format!(
            "nobody is called {whom} in a tenant that can be asked, and the ledger knows no run under it. Give the \
             object id, which Entra keeps among the deleted users for 30 days, or the id of a run"
        )));
    }
    // Runs have ids of version 5, people of version 4. An id that is neither's for sure is looked for as both.
    let may_be_run = id.is_some_and(|id| id.get_version_num() == 5);
    let also: BTreeSet<Uuid> = id.filter(|_| may_be_run).into_iter().collect();
    let may_filter = !people.is_empty() && !may_be_run;
    Ok(Meant { people, runs: runs.union(&also).copied().collect(), is_person: !may_be_run, may_filter })
}

fn knows_run(ledger: Option<&Arc<Client<Stream>>>, id: Uuid) -> bool {
    ledger.is_some_and(|ledger| ledger.book().ledger().person_of(id).is_some())
}

/// The runs that the ledger has under these keys.
fn runs_of(ledger: &Client<Stream>, keys: &[ledger::Key]) -> Vec<Uuid> {
    let book = ledger.book();
    let people = book.ledger().people_with(keys);
    people.into_iter().flat_map(|person| person.runs.iter().map(|run| run.id)).collect()
}
