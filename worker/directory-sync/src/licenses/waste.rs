//! What a person's licences waste.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::class::LicenseClass;
use super::directory::Skus;
use super::groups::GroupNames;
use super::holder::{Held, Holder};
use crate::rows::waste::{Waste, WasteReason};

/// One thing that somebody should look at.
pub(crate) struct Finding<'s> {
    pub(crate) sku: Uuid,
    pub(crate) reason: WasteReason,
    included_in: Option<&'s str>,
    group: Option<Uuid>,
    error: Option<String>,
}

/// What is wrong with a person's licences. Only paid ones waste money; a group that fails does so for any.
pub(crate) fn findings<'s>(
    holder: &Holder<'_>,
    licenses: &BTreeMap<Uuid, Held<'_, '_>>,
    skus: &'s Skus,
) -> Vec<Finding<'s>> {
    let mut findings = Vec::new();
    for (id, held) in licenses {
        let is_paid = skus.by_id.get(id).is_some_and(|sku| sku.class == LicenseClass::Paid);
        let mut find = |reason, included_in, group, error| {
            findings.push(Finding { sku: *id, reason, included_in, group, error });
        };
        if held.in_force && is_paid {
            if holder.account_enabled == Some(false) {
                find(WasteReason::BlockedAccount, None, None, None);
            }
            if let Some(outer) = skus.including(*id, licenses) {
                find(WasteReason::IncludedInAnother, Some(outer.part_number.as_str()), None, None);
            }
        }
        for state in held.states.iter().filter(|state| state.has_failed()) {
            let group = state.assigned_by_group;
            if group.is_some() {
                find(WasteReason::GroupError, None, group, state.error().map(str::to_owned));
            }
        }
    }
    findings
}

impl<'s> Finding<'s> {
    /// The row.
    pub(crate) fn row<'r, 'a: 'r>(
        self,
        holder: &Holder<'a>,
        skus: &'r Skus,
        groups: &'r GroupNames,
    ) -> Waste<'r>
    where
        's: 'r,
    {
        let sku = skus.by_id.get(&self.sku);
        // A group that fails uses no seat.
        let sku = sku.filter(|_| self.reason != WasteReason::GroupError);
        Waste {
            reason: self.reason,
            person: holder.names(),
            sku: skus.names(self.sku),
            included_in: self.included_in,
            group_name: self.group.map(|group| groups.name(group)),
            error: self.error.map(Into::into),
            monthly: sku.and_then(|sku| Some(sku.monthly()?.to_string())),
            currency: sku.and_then(|sku| sku.currency()),
            unused: None,
        }
    }
}
