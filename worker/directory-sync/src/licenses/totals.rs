//! Sums over the paid licences.

use serde::Serialize;

use super::class::LicenseClass;
use super::money::Money;
use super::sku::Sku;

/// Sums over the paid licences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LicenseTotals {
    /// How many people were read.
    pub people: u64,
    /// How many of them have a licence in force, paid or not.
    pub licensed: u64,
    /// Paid licences.
    pub skus: u64,
    /// All seats of them.
    pub purchased: i64,
    /// Seats that can be given to people.
    pub assignable: i64,
    /// Seats in use.
    pub assigned: i64,
    /// Seats that nobody has.
    pub unassigned: i64,
    /// Seats in use beyond those there are.
    pub over_assigned: i64,
    /// Paid licences whose numbers make no sense; they are not in these sums.
    pub skus_without_numbers: u64,
    /// Seats of blocked accounts.
    pub blocked: i64,
    /// Seats whose plans the person has in another licence.
    pub included_in_another: i64,
    /// People to whom a group fails to give a licence, once for each licence.
    pub group_errors: i64,
    /// What unassigned seats cost a month, for licences with a price.
    pub unused_cost: Money,
    /// What wasted seats cost a month, for licences with a price.
    pub wasted_cost: Money,
}

impl LicenseTotals {
    pub(crate) fn of<'s>(skus: impl Iterator<Item = &'s Sku>, people: u64, licensed: u64) -> Self {
        let mut totals = Self { people, licensed, ..Self::default() };
        for sku in skus {
            totals.group_errors += sku.found.group_errors;
            if sku.class == LicenseClass::Paid {
                totals.add(sku);
            }
        }
        totals
    }

    fn add(&mut self, sku: &Sku) {
        self.skus += 1;
        self.blocked += sku.found.blocked;
        self.included_in_another += sku.found.included_in_another;
        let units = &sku.units;
        let numbers = || Some((units.purchased()?, units.assignable()?, units.assigned?));
        match numbers() {
            Some((purchased, assignable, assigned)) => {
                self.purchased = self.purchased.saturating_add(purchased);
                self.assignable = self.assignable.saturating_add(assignable);
                self.assigned = self.assigned.saturating_add(assigned);
                self.unassigned = self.unassigned.saturating_add(units.unassigned().unwrap_or_default());
                self.over_assigned =
                    self.over_assigned.saturating_add(units.over_assigned().unwrap_or_default());
            }
            None => self.skus_without_numbers += 1,
        }
        let Some(currency) = sku.currency() else { return };
        if let Some(cost) = sku.unused_cost() {
            self.unused_cost.add(cost, currency);
        }
        if let Some(cost) = sku.wasted_cost() {
            self.wasted_cost.add(cost, currency);
        }
    }
}
