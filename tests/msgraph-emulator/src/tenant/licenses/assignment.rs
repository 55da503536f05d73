//! Licence assignments: direct and inherited, and the reasons to refuse one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::tenant::licenses::sku::{AppliesTo, Plan, plan_id};
use crate::tenant::users::country;
use crate::tenant::users::history::Watched;
use crate::tenant::users::user::{Direct, Inherited};
use crate::tenant::{Tenant, User};

/// A licence to assign.
#[derive(Clone, Debug)]
pub(crate) struct Add {
    pub(crate) sku: Uuid,
    pub(crate) disabled: BTreeSet<Uuid>,
}

/// Why licences are not assigned or removed, in Graph's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotLicensed {
    #[error("License {0} does not correspond to a valid company License.")]
    UnknownSku(Uuid),
    #[error("License assignment cannot be done for user with invalid usage location.")]
    UsageLocation,
    #[error("Subscription with SKU {0} does not have any available licenses.")]
    NoSeat(Uuid),
    #[error("User does not have a corresponding license.")]
    NotAssigned,
    #[error(
        "User license is inherited from a group membership and it cannot be removed directly \
         from the user."
    )]
    IsInherited,
    #[error("License assignment failed because service plans {0},{1} are mutually exclusive")]
    Conflict(Uuid, Uuid),
    #[error("License assignment failed because service plan {plan} depends on the service plan(s) {}", join(.on))]
    Dependency { plan: Uuid, on: Vec<Uuid> },
    /// The wording is not Microsoft's: no sample of it was found.
    #[error("License {0} does not contain the disabled service plan {1}.")]
    ForeignPlan(Uuid, Uuid),
    /// The wording is not Microsoft's: no sample of it was found.
    #[error("License {0} cannot be added and removed in the same request.")]
    Contradiction(Uuid),
}

impl NotLicensed {
    /// The word for it in `licenseAssignmentStates`.
    fn state_error(&self) -> &'static str {
        match self {
            Self::NoSeat(_) => "CountViolation",
            Self::UsageLocation => "ProhibitedInUsageLocationViolation",
            Self::Conflict(..) => "MutuallyExclusiveViolation",
            Self::Dependency { .. } => "DependencyViolation",
            _ => "Other",
        }
    }
}

fn join(ids: &[Uuid]) -> String {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    ids.join(",")
}

/// SKUs with the plans switched off in each.
type Holdings = Vec<(Uuid, BTreeSet<Uuid>)>;

impl User {
    /// The SKUs the user has, directly or by a group.
    pub(crate) fn held_skus(&self) -> BTreeSet<Uuid> {
        self.holdings().into_iter().map(|(sku, _)| sku).collect()
    }

    /// Every assignment that works.
    fn holdings(&self) -> Holdings {
        let direct = self.direct.iter();
        let direct = direct.map(|(&sku, held)| (sku, held.disabled.clone()));
        let inherited = self.inherited.iter();
        let inherited = inherited
            .filter(|(_, held)| held.error.is_none())
            .map(|(&(_, sku), held)| (sku, held.disabled.clone()));
        direct.chain(inherited).collect()
    }

    /// The plans switched off in each SKU of the user: those that every assignment switches off.
    pub(crate) fn disabled_plans(&self) -> BTreeMap<Uuid, BTreeSet<Uuid>> {
        let mut plans: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
        for (sku, disabled) in self.holdings() {
            plans
                .entry(sku)
                .and_modify(|held| held.retain(|plan| disabled.contains(plan)))
                .or_insert(disabled);
        }
        plans
    }

    /// `assignedLicenses`.
    pub(in crate::tenant) fn assigned_licenses(&self) -> Value {
        let plans = self.disabled_plans();
        let licenses = plans.iter();
        licenses.map(|(sku, disabled)| json!({ "disabledPlans": disabled, "skuId": sku })).collect()
    }

    /// `licenseAssignmentStates`.
    pub(in crate::tenant) fn license_states(&self) -> Value {
        let state = |sku: Uuid, disabled: &BTreeSet<Uuid>, since: &str| {
            json!({
                "assignedByGroup": null,
                "disabledPlans": disabled,
                "error": "None",
                "lastUpdatedDateTime": since,
                "skuId": sku,
                "state": "Active",
            })
        };
        let direct = self.direct.iter();
        let direct = direct.map(|(&sku, held)| state(sku, &held.disabled, &held.since));
        let inherited = self.inherited.iter().map(|(&(group, sku), held)| {
            let mut state = state(sku, &held.disabled, &held.since);
            if let Some(fields) = state.as_object_mut() {
                fields.insert("assignedByGroup".to_owned(), json!(group));
                if let Some(error) = held.error {
                    fields.insert("error".to_owned(), json!(error));
                    fields.insert("state".to_owned(), json!("Error"));
                }
            }
            state
        });
        direct.chain(inherited).collect()
    }
}

impl Tenant {
    /// How many units of a SKU are taken, by users and by others.
    pub(crate) fn consumed(&self, sku: Uuid) -> u64 {
        let by_others = self.skus.get(&sku).map_or(0, |sku| sku.consumed_by_others);
        self.held.get(&sku).copied().unwrap_or_default() + by_others
    }

    /// Assigns and removes direct licences, all or none, and returns the changes.
    pub(crate) fn assign_licenses(
        &mut self,
        user: Uuid,
        adds: &[Add],
        removes: &[Uuid],
    ) -> Result<Vec<String>, NotLicensed> {
        let Some(held) = self.users.get(&user) else {
            return Ok(Vec::new());
        };
        self.check_removes(held, adds, removes)?;
        self.check_adds(held, adds)?;
        let mut after = held.clone();
        let mut effects = Vec::new();
        for sku in removes {
            after.direct.remove(sku);
            let sku = self.part_number(*sku);
            effects.push(format!("remove license {sku} from user {user}"));
        }
        for add in adds {
            let direct = Direct { disabled: add.disabled.clone(), since: clock::now() };
            let sku = self.part_number(add.sku);
            match after.direct.insert(add.sku, direct) {
                None => effects.push(format!("assign license {sku} to user {user}")),
                Some(before) if before.disabled != add.disabled => {
                    effects.push(format!("change plans of license {sku} of user {user}"));
                }
                Some(before) => {
                    after.direct.insert(add.sku, before);
                }
            }
        }
        self.check_plans(&after.holdings())?;
        self.replace_licenses(after);
        Ok(effects)
    }

    fn check_removes(&self, user: &User, adds: &[Add], removes: &[Uuid]) -> Result<(), NotLicensed> {
        for &sku in removes {
            if adds.iter().any(|add| add.sku == sku) {
                return Err(NotLicensed::Contradiction(sku));
            }
            if !user.direct.contains_key(&sku) {
                let is_inherited = user.inherited.keys().any(|&(_, held)| held == sku);
                return Err(if is_inherited { NotLicensed::IsInherited } else { NotLicensed::NotAssigned });
            }
        }
        Ok(())
    }

    fn check_adds(&self, user: &User, adds: &[Add]) -> Result<(), NotLicensed> {
        for add in adds {
            let sku = self.skus.get(&add.sku).filter(|sku| sku.applies_to == AppliesTo::User);
            let sku = sku.ok_or(NotLicensed::UnknownSku(add.sku))?;
            let mut disabled = add.disabled.iter();
            let foreign = disabled.find(|&&plan| sku.plans.iter().all(|own| own.id != plan));
            if let Some(&plan) = foreign {
                return Err(NotLicensed::ForeignPlan(add.sku, plan));
            }
        }
        let is_located = user.text("usageLocation").is_some_and(country::is_licensed);
        if !adds.is_empty() && !is_located {
            return Err(NotLicensed::UsageLocation);
        }
        let held = user.held_skus();
        let lacking = adds.iter().map(|add| add.sku);
        match lacking.filter(|sku| !held.contains(sku)).find(|&sku| !self.has_seat(sku)) {
            Some(sku) => Err(NotLicensed::NoSeat(sku)),
            None => Ok(()),
        }
    }

    fn has_seat(&self, sku: Uuid) -> bool {
        self.skus.get(&sku).is_some_and(|bought| self.consumed(sku) < bought.seats())
    }

    /// Refuses plans that exclude each other, or miss one they require.
    fn check_plans(&self, holdings: &Holdings) -> Result<(), NotLicensed> {
        let plans: Vec<&Plan> = holdings
            .iter()
            .filter_map(|(sku, disabled)| Some(self.skus.get(sku)?.plans_without(disabled)))
            .flatten()
            .collect();
        let names: BTreeSet<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        for plan in &plans {
            let mut excludes = plan.excludes.iter();
            if let Some(other) = excludes.find(|name| names.contains(name.as_str())) {
                return Err(NotLicensed::Conflict(plan.id, self.plan_id(other)));
            }
            let requires = plan.requires.iter();
            let missing: Vec<Uuid> = requires
                .filter(|name| !names.contains(name.as_str()))
                .map(|name| self.plan_id(name))
                .collect();
            if !missing.is_empty() {
                return Err(NotLicensed::Dependency { plan: plan.id, on: missing });
            }
        }
        Ok(())
    }

    /// The id under which a plan is sold here.
    fn plan_id(&self, name: &str) -> Uuid {
        let mut plans = self.skus.values().flat_map(|sku| &sku.plans);
        plans.find(|plan| plan.name == name).map_or_else(|| plan_id(name), |plan| plan.id)
    }

    /// Gives a new member the licences of the group. One SKU that fails holds back the
    /// others of the group for this user.
    pub(in crate::tenant) fn inherit(&mut self, user: Uuid, group: Uuid) {
        let (Some(held), Some(giver)) = (self.users.get(&user), self.groups.get(&group)) else {
            return;
        };
        let given = giver.licenses.clone();
        let mut errors = BTreeMap::new();
        let mut holdings = held.holdings();
        for (&sku, disabled) in &given {
            holdings.push((sku, disabled.clone()));
            let refusal = self.check_inherited(held, sku);
            if let Err(why) = refusal.and_then(|()| self.check_plans(&holdings)) {
                errors.insert(sku, why.state_error());
                holdings.pop();
            }
        }
        let mut after = held.clone();
        for (sku, disabled) in given {
            let blocked = (!errors.is_empty()).then_some("Other");
            let inherited =
                Inherited { disabled, error: errors.get(&sku).copied().or(blocked), since: clock::now() };
            after.inherited.insert((group, sku), inherited);
        }
        self.replace_licenses(after);
    }

    /// A user without a location inherits the tenant's, so only a prohibited one is refused.
    fn check_inherited(&self, user: &User, sku: Uuid) -> Result<(), NotLicensed> {
        let location = user.text("usageLocation").unwrap_or(&self.country);
        if !country::is_licensed(location) {
            return Err(NotLicensed::UsageLocation);
        }
        if !user.held_skus().contains(&sku) && !self.has_seat(sku) {
            return Err(NotLicensed::NoSeat(sku));
        }
        Ok(())
    }

    /// Removes the licences that the group gave from a member who leaves.
    pub(in crate::tenant) fn disinherit(&mut self, user: Uuid, group: Uuid) {
        if let Some(held) = self.users.get(&user) {
            let mut after = held.clone();
            after.inherited.retain(|&(giver, _), _| giver != group);
            self.replace_licenses(after);
        }
    }

    /// Stores the user and updates the seat counts.
    fn replace_licenses(&mut self, after: User) {
        let now = after.held_skus();
        let replaced = self.users.insert(after.id, after.clone());
        if let Some(before) = &replaced {
            self.history.note(Watched::of(before), &after);
        }
        let before = replaced.map(|user| user.held_skus()).unwrap_or_default();
        for &sku in now.difference(&before) {
            self.count(sku, true);
        }
        for &sku in before.difference(&now) {
            self.count(sku, false);
        }
    }

    /// Takes or frees a seat.
    pub(in crate::tenant) fn count(&mut self, sku: Uuid, taken: bool) {
        let held = self.held.entry(sku).or_default();
        *held = if taken { *held + 1 } else { held.saturating_sub(1) };
    }

    /// A SKU's name in the journal.
    pub(crate) fn part_number(&self, sku: Uuid) -> String {
        self.skus.get(&sku).map_or_else(|| sku.to_string(), |sku| sku.part_number.clone())
    }
}
