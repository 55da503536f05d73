//! The licences that the tenant bought, by id.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::holder::Held;
use super::sku::Sku;
use crate::rows::license_assignment::SkuNames;

/// The licences that the tenant bought, by id.
#[derive(Default)]
pub(crate) struct Skus {
    pub(crate) by_id: BTreeMap<Uuid, Sku>,
    /// Whether all plans of the first are in the second.
    includes: HashMap<(Uuid, Uuid), bool>,
}

impl Skus {
    pub(crate) fn of(skus: Vec<Sku>) -> Self {
        let mut includes = HashMap::new();
        for inner in &skus {
            for outer in skus.iter().filter(|outer| outer.id != inner.id) {
                let all = !inner.plans.is_empty() && inner.plans.is_subset(&outer.plans);
                includes.insert((inner.id, outer.id), all && comes_first(inner, outer));
            }
        }
        Self { by_id: skus.into_iter().map(|sku| (sku.id, sku)).collect(), includes }
    }

    /// What rows say of a licence. The tenant may not list one that a person has.
    pub(crate) fn names(&self, id: Uuid) -> SkuNames<'_> {
        let sku = self.by_id.get(&id);
        SkuNames {
            id: id.to_string(),
            part_number: sku.map(|sku| sku.part_number.as_str()),
            name: super::names::product_name(id),
        }
    }

    /// Whether Graph does not tell which service plans a licence has.
    pub(crate) fn plans_are_untold(&self, id: Uuid) -> bool {
        self.by_id.get(&id).is_some_and(|sku| sku.plans_untold)
    }

    /// The name of a service plan of a licence, or its id.
    pub(crate) fn plan_name(&self, id: Uuid, plan: Uuid) -> Cow<'_, str> {
        let name = self.by_id.get(&id).and_then(|sku| sku.plan_names.get(&plan));
        name.map_or_else(|| Cow::Owned(plan.to_string()), |name| Cow::Borrowed(name.as_str()))
    }

    /// The licence in force that has every service plan of this one that is on. So no table of suites is needed.
    pub(crate) fn including(&self, id: Uuid, of: &BTreeMap<Uuid, Held<'_, '_>>) -> Option<&Sku> {
        let others = of.iter().filter(|(other, held)| **other != id && held.in_force && !held.plans_untold);
        let (inner, held) = (self.by_id.get(&id)?, of.get(&id).filter(|held| !held.plans_untold)?);
        let mut others = others.filter_map(|(other, held)| Some((self.by_id.get(other)?, held)));
        let found = others.find(|(outer, other)| {
            if held.disabled_plans.is_empty() && other.disabled_plans.is_empty() {
                return self.includes.get(&(inner.id, outer.id)) == Some(&true);
            }
            let on = inner.plans.iter().filter(|plan| !held.disabled_plans.contains(plan));
            let on: Vec<_> = on.collect();
            let has = |plan: &Uuid| outer.plans.contains(plan) && !other.disabled_plans.contains(plan);
            let is_same = || {
                let others = outer.plans.iter().filter(|plan| !other.disabled_plans.contains(plan));
                others.count() == on.len()
            };
            !on.is_empty() && on.iter().all(|plan| has(plan)) && (!is_same() || inner.id > outer.id)
        });
        found.map(|(outer, _)| outer)
    }
}

/// Of two licences with the same plans one is enough, and only the other is waste.
fn comes_first(inner: &Sku, outer: &Sku) -> bool {
    inner.plans.len() < outer.plans.len() || inner.id > outer.id
}
