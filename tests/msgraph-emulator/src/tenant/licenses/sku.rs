//! Subscriptions (SKUs) of a tenant: seats and service plans.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::tenant::name_id;

/// One subscription of the tenant.
#[derive(Clone, Debug)]
pub struct Sku {
    pub(crate) id: Uuid,
    pub(crate) part_number: String,
    pub(crate) enabled: u64,
    pub(crate) warning: u64,
    pub(crate) suspended: u64,
    pub(crate) plans: Vec<Plan>,
}

/// One service plan of a subscription.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Plans, by name, that a user cannot have beside this one.
    pub(crate) excludes: Vec<String>,
    /// Plans, by name, that a user must have for this one.
    pub(crate) requires: Vec<String>,
}

impl Sku {
    /// A subscription with seats and no service plan yet. Its id follows from its part number.
    #[must_use]
    pub fn new(part_number: &str, seats: u64) -> Self {
        Self {
            id: name_id("sku", part_number),
            part_number: part_number.to_owned(),
            enabled: seats,
            warning: 0,
            suspended: 0,
            plans: Vec::new(),
        }
    }

    /// Gives the subscription the id that Microsoft publishes for it.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Seats of a lapsed subscription that still count, for now.
    #[must_use]
    pub fn warning(mut self, seats: u64) -> Self {
        self.warning = seats;
        self
    }

    /// Seats of a lapsed subscription that can no longer be assigned.
    #[must_use]
    pub fn suspended(mut self, seats: u64) -> Self {
        self.suspended = seats;
        self
    }

    /// Adds a service plan. Its id follows from its name.
    #[must_use]
    pub fn plan(self, name: &str) -> Self {
        self.plan_with(name, &[], &[])
    }

    /// Adds a service plan that a user cannot have beside `excludes`, nor without `requires`.
    #[must_use]
    pub fn plan_with(mut self, name: &str, excludes: &[&str], requires: &[&str]) -> Self {
        let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect();
        self.plans.push(Plan {
            id: plan_id(name),
            name: name.to_owned(),
            excludes: names(excludes),
            requires: names(requires),
        });
        self
    }

    /// How many seats can be given out.
    pub(crate) fn seats(&self) -> u64 {
        self.enabled + self.warning
    }

    /// `capabilityStatus`, which follows from the seats.
    pub(crate) fn capability_status(&self) -> &'static str {
        if self.enabled > 0 || self.warning + self.suspended == 0 {
            "Enabled"
        } else if self.warning > 0 {
            "Warning"
        } else {
            "Suspended"
        }
    }

    /// The plans left after some are switched off.
    pub(crate) fn plans_without<'a>(
        &'a self,
        disabled: &'a BTreeSet<Uuid>,
    ) -> impl Iterator<Item = &'a Plan> {
        self.plans.iter().filter(|plan| !disabled.contains(&plan.id))
    }
}

/// The id of the plan with this name, in whatever subscription it is sold.
pub(crate) fn plan_id(name: &str) -> Uuid {
    name_id("plan", name)
}
