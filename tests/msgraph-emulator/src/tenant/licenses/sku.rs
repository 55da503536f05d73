//! Subscriptions (SKUs) of a tenant: seats and service plans.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::subscription::Subscription;
use crate::clock::CREATED;
use crate::tenant::name_id;

/// To what a SKU is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AppliesTo {
    User,
    /// The whole tenant has it, and no user.
    Company,
}

/// The state of a SKU or a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    #[default]
    Enabled,
    Warning,
    Suspended,
    Deleted,
    LockedOut,
}

/// One subscription of the tenant.
#[derive(Clone, Debug)]
pub struct Sku {
    pub(crate) id: Uuid,
    pub(crate) part_number: String,
    pub(crate) enabled: u64,
    pub(crate) warning: u64,
    pub(crate) suspended: u64,
    /// Seats of a subscription that the customer cancelled.
    pub(crate) locked_out: u64,
    pub(crate) applies_to: AppliesTo,
    /// The state, if it does not follow from the seats.
    pub(crate) status: Option<Status>,
    /// Units that devices and groups take rather than users.
    pub(crate) consumed_by_others: u64,
    /// What was bought and when; nothing stands for one subscription over every seat.
    pub(crate) subscriptions: Vec<Subscription>,
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
            locked_out: 0,
            applies_to: AppliesTo::User,
            status: None,
            consumed_by_others: 0,
            subscriptions: Vec::new(),
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

    /// `capabilityStatus`.
    pub(crate) fn capability_status(&self) -> Status {
        let follows = match () {
            () if self.enabled > 0 => Status::Enabled,
            () if self.warning > 0 => Status::Warning,
            () if self.suspended > 0 => Status::Suspended,
            () if self.locked_out > 0 => Status::LockedOut,
            () => Status::Enabled,
        };
        self.status.unwrap_or(follows)
    }

    /// Every subscription of a tenant to this SKU, each with an id.
    pub(crate) fn subscriptions(&self, tenant: Uuid) -> Vec<Subscription> {
        let id = |at: usize| {
            let name = if at == 0 { self.id.as_bytes().to_vec() } else { format!("{}/{at}", self.id).into() };
            Uuid::new_v5(&tenant, &name)
        };
        let whole = Subscription {
            total_licenses: self.enabled + self.warning + self.suspended + self.locked_out,
            status: self.capability_status(),
            created_date_time: Some(CREATED.to_owned()),
            ..Subscription::default()
        };
        let all = if self.subscriptions.is_empty() { vec![whole] } else { self.subscriptions.clone() };
        let all = all.into_iter().enumerate();
        all.map(|(at, subscription)| Subscription { id: subscription.id.or(Some(id(at))), ..subscription })
            .collect()
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
