//! Every action, a line for each noun.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::action::driver::Entry;
use crate::{calendar, devices, groups, licenses, mail, onedrive, rights, sign_in, teams, users};

static FOR_GOOD: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    roster().into_iter().filter(|entry| entry.removes_for_good).map(|entry| entry.name).collect()
});

/// Whether this action takes away what nobody can give back.
pub fn removes_for_good(action: &str) -> bool {
    FOR_GOOD.contains(action)
}

/// All actions, sorted: the order means nothing, being able to find one does.
pub fn roster() -> Vec<Entry> {
    let nouns = [
        calendar::entries(),
        devices::entries(),
        groups::entries(),
        licenses::entries(),
        mail::entries(),
        onedrive::entries(),
        rights::entries(),
        sign_in::entries(),
        teams::entries(),
        users::entries(),
    ];
    let mut entries: Vec<_> = nouns.into_iter().flatten().collect();
    entries.sort_by_key(|entry| entry.name);
    entries
}
