//! Licences that are removed in the same request in which others are assigned.

use msgraph::{SubscribedSku, User};
use outcome::{Left, Needs};

use crate::Error;
use crate::licenses::reference::LicenseRef;
use crate::licenses::subscriptions::{direct, find, inherited, name};

/// A licence to remove, by id and name, or the reason why it stays.
pub type Removal = Result<(String, String), Left>;

/// What to do with a licence that the `assigned` ones replace. Nothing if the person does not have it.
///
/// # Errors
///
/// `license_not_found`; `license_contradiction`, if it is also among the `assigned` ones.
pub fn to_remove(
    reference: &str,
    assigned: &[LicenseRef],
    skus: &[SubscribedSku],
    seen: Option<&User>,
) -> Result<Option<Removal>, Error> {
    let sku = find(reference, skus).map_err(|error| error.about(&["instead_of"]))?;
    let (id, called) = (sku.sku_id.as_str(), name(sku));
    for wanted in assigned {
        if find(wanted.license(), skus)?.sku_id == id {
            let detail = format!("{called} is both to assign and to remove; leave it out of one of the two");
            return Err(Error::rejected(&["licenses", "instead_of"], "license_contradiction", detail));
        }
    }
    let Some(seen) = seen else { return Ok(None) };
    if direct(seen).any(|direct| direct == id) {
        return Ok(Some(Ok((id.to_owned(), called.to_owned()))));
    }
    let given = inherited(seen).find(|(inherited, _)| *inherited == id);
    Ok(given.map(|(_, group)| {
        let detail = format!("{called} stays: group {group} gives it; remove the person from the group");
        Err(Left { code: "kept_by_group".to_owned(), detail, needs: Needs::Operator })
    }))
}
