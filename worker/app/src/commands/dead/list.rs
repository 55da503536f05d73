//! The dead letters that an operator means, with what they are about.

use broker::DeadLetters;

use super::facts::{Content, Facts};
use super::filter::Which;
use super::show::Listed;
use crate::commands::CommandError;
use crate::settings::Config;

/// The dead letters that match, oldest first. No body is kept.
pub(super) async fn listed(
    dead: &DeadLetters,
    which: &Which,
    ids: Vec<String>,
    config: &Config,
) -> Result<Vec<Listed>, CommandError> {
    let (filter, classes) = which.filter(ids, only_tenant(config));
    let letters = dead.list_with(&filter, |entry, message| Facts::of(&entry.letter, &Content::of(message)));
    let letters = letters.await?;
    if letters.is_empty() {
        which.check_class(&classes)?;
    }
    Ok(letters)
}

/// The tenant of events that name none.
pub(super) fn only_tenant(config: &Config) -> Option<String> {
    let mut names = config.tenants.keys();
    names.next().filter(|_| names.next().is_none()).cloned()
}
