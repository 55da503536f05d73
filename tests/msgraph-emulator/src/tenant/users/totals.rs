//! Counts over all users, made from what decides them and not from any answer: the truth a reader is measured by.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::columns::Listed;
use super::row::{License, Moment};
use super::sign_ins::{NEVER, SignIns};
use crate::tenant::{Tenant, User};

/// Counts over all users.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Totals {
    users: u64,
    guests: u64,
    /// Blocked accounts.
    disabled: u64,
    /// Neither guests nor blocked. The counts over HTTP do not have it: a reader gets it from Graph's own `$count`.
    #[serde(skip)]
    enabled_members: u64,
    synced: u64,
    with_manager: u64,
    /// Without any successful sign-in.
    never_signed_in: u64,
    without_license: u64,
    departments: BTreeMap<String, u64>,
    /// By part number.
    skus: BTreeMap<String, SkuTotals>,
}

/// The users who have a SKU.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct SkuTotals {
    /// Who has it, once each however often it was given.
    holders: u64,
    direct: u64,
    by_group: u64,
    both: u64,
    /// Of the holders.
    disabled: u64,
    /// Of the holders.
    guests: u64,
    /// To whom a group failed to give it, and nothing else gave it.
    failed: u64,
}

/// What counts about one user.
struct Facts<'a> {
    is_guest: bool,
    is_enabled: bool,
    is_synced: bool,
    manager: Option<Uuid>,
    signed_in: bool,
    department: Option<&'a str>,
    /// The SKUs given directly, by groups that worked, and by groups that did not.
    given: [BTreeSet<Uuid>; 3],
}

impl Totals {
    /// Who is neither a guest nor blocked.
    pub(crate) fn enabled_members(&self) -> u64 {
        self.enabled_members
    }
}

impl<'a> Facts<'a> {
    fn of(listed: &Listed<'a>) -> Self {
        match listed {
            Listed::Held(user) => Self::of_held(user),
            Listed::Computed(row) => {
                let mut given = [const { BTreeSet::new() }; 3];
                let [direct, by_group, failed] = &mut given;
                for (at, offer) in row.crowd.offers.iter().enumerate() {
                    let license = row.license(at);
                    if matches!(license, License::Direct { .. } | License::Both) {
                        direct.insert(offer.sku);
                    }
                    if matches!(license, License::Group | License::Both) {
                        by_group.insert(offer.sku);
                    }
                    if license == License::Failed {
                        failed.insert(offer.sku);
                    }
                }
                Self {
                    is_guest: row.is_guest(),
                    is_enabled: row.is_enabled(),
                    is_synced: row.is_synced(),
                    manager: listed.manager(),
                    signed_in: row.sign_ins().is_some_and(|[_, _, last]| matches!(last, Moment::Day(_))),
                    department: Some(row.department()),
                    given,
                }
            }
        }
    }

    fn of_held(user: &'a User) -> Self {
        let successful = |sign_ins: &SignIns| sign_ins.successful.as_ref().is_some_and(|last| last != NEVER);
        let inherited = |works: bool| {
            let held = user.inherited.iter().filter(move |(_, held)| held.error.is_none() == works);
            held.map(|((_, sku), _)| *sku).collect()
        };
        Self {
            is_guest: user.text("userType") == Some("Guest"),
            is_enabled: user.enabled,
            is_synced: user.synced,
            manager: user.manager,
            signed_in: user.sign_ins.as_ref().is_some_and(successful),
            department: user.text("department"),
            given: [user.direct.keys().copied().collect(), inherited(true), inherited(false)],
        }
    }
}

impl Tenant {
    /// Counts every user, the crowd's included.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut skus: BTreeMap<Uuid, SkuTotals> =
            self.skus.keys().map(|&id| (id, SkuTotals::default())).collect();
        for listed in self.listed_after(None) {
            let facts = Facts::of(&listed);
            totals.users += 1;
            totals.guests += u64::from(facts.is_guest);
            totals.disabled += u64::from(!facts.is_enabled);
            totals.enabled_members += u64::from(facts.is_enabled && !facts.is_guest);
            totals.synced += u64::from(facts.is_synced);
            totals.with_manager += u64::from(facts.manager.is_some_and(|id| self.listed(id).is_some()));
            totals.never_signed_in += u64::from(!facts.signed_in);
            let [direct, by_group, failed] = &facts.given;
            totals.without_license += u64::from(direct.is_empty() && by_group.is_empty());
            if let Some(department) = facts.department {
                match totals.departments.get_mut(department) {
                    Some(count) => *count += 1,
                    None => {
                        totals.departments.insert(department.to_owned(), 1);
                    }
                }
            }
            for sku in direct.union(by_group) {
                let count = skus.entry(*sku).or_default();
                count.holders += 1;
                count.direct += u64::from(direct.contains(sku));
                count.by_group += u64::from(by_group.contains(sku));
                count.both += u64::from(direct.contains(sku) && by_group.contains(sku));
                count.disabled += u64::from(!facts.is_enabled);
                count.guests += u64::from(facts.is_guest);
            }
            for sku in failed.iter().filter(|sku| !direct.contains(sku) && !by_group.contains(sku)) {
                skus.entry(*sku).or_default().failed += 1;
            }
        }
        totals.skus = skus.into_iter().map(|(sku, count)| (self.part_number(sku), count)).collect();
        totals
    }
}
