//! A licence that the tenant bought: its numbers, none of which is believed unseen, and what the people say about it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use super::class::LicenseClass;
use super::money::{Amount, Money};
use super::names::product_name;
use super::prices::{Price, Prices};
use crate::text::Text;

/// A licence that the tenant bought.
#[derive(Debug, Clone)]
pub struct Sku {
    pub(crate) id: Uuid,
    pub(crate) id_text: String,
    pub(crate) part_number: String,
    pub(crate) name: Option<&'static str>,
    pub(crate) class: LicenseClass,
    pub(crate) class_reason: Option<&'static str>,
    pub(crate) capability_status: Option<String>,
    pub(crate) units: Units,
    /// Its service plans for people, by id.
    pub(crate) plans: BTreeSet<Uuid>,
    /// The names of all its service plans.
    pub(crate) plan_names: BTreeMap<Uuid, String>,
    /// Whether Graph does not tell them.
    pub(crate) plans_untold: bool,
    pub(crate) problems: Vec<Cow<'static, str>>,
    pub(crate) price: Option<Price>,
    pub(crate) found: Found,
}

/// Numbers of seats; `None` for one that is missing or negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// Seats in force.
    pub enabled: Option<i64>,
    /// Expired seats in their grace period, still assignable (Microsoft Graph documentation, "licenseUnitsDetail",
    /// 2024).
    pub warning: Option<i64>,
    /// Cancelled seats that can be restored.
    pub suspended: Option<i64>,
    /// Seats that the customer cancelled.
    pub locked_out: Option<i64>,
    /// Seats in use, as Microsoft counts them.
    pub assigned: Option<i64>,
}

/// What the people say about a licence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Those who have it.
    pub people: i64,
    /// Those of them whose account is blocked.
    pub blocked: i64,
    /// Those who have all of it in another licence.
    pub included_in_another: i64,
    /// Those who have it and are counted in either of the two above.
    pub wasted: i64,
    /// Those to whom a group fails to give it.
    pub group_errors: i64,
}

impl Units {
    /// All seats.
    pub fn purchased(&self) -> Option<i64> {
        let Self { enabled, warning, suspended, locked_out, .. } = *self;
        enabled?.checked_add(warning?)?.checked_add(suspended?)?.checked_add(locked_out?)
    }

    /// Seats that can be given to people.
    pub fn assignable(&self) -> Option<i64> {
        self.enabled?.checked_add(self.warning?)
    }

    /// Seats that nobody has.
    pub fn unassigned(&self) -> Option<i64> {
        Some(self.assignable()?.saturating_sub(self.assigned?).max(0))
    }

    /// Seats in use beyond those there are: expired ones are not taken from their people (microsoft-graph-docs issue
    /// 3560, 2019).
    pub fn over_assigned(&self) -> Option<i64> {
        Some(self.assigned?.saturating_sub(self.assignable()?).max(0))
    }
}

impl Sku {
    /// The id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The name in Microsoft's list, else the part number.
    pub fn readable_name(&self) -> &str {
        self.name.unwrap_or(&self.part_number)
    }

    /// Whether its name is in Microsoft's list.
    pub fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// Whether it counts.
    pub fn class(&self) -> LicenseClass {
        self.class
    }

    /// Its seats.
    pub fn units(&self) -> Units {
        self.units
    }

    /// What the people say about it.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Why the seats in use and the people who have it differ.
    pub fn cross_check(&self) -> Option<&'static str> {
        let differs = self.units.assigned.is_some_and(|assigned| assigned != self.found.people);
        differs.then_some("replication, or seats that devices or groups use")
    }

    /// What unassigned seats cost a month.
    pub(crate) fn unused_cost(&self) -> Option<Amount> {
        Some(self.price.as_ref()?.monthly.times(self.units.unassigned()?))
    }

    /// What wasted seats cost a month; a seat that is wasted twice counts once.
    pub(crate) fn wasted_cost(&self) -> Option<Amount> {
        Some(self.price.as_ref()?.monthly.times(self.found.wasted))
    }

    /// The same as money; none without a price.
    pub fn unused_money(&self) -> Money {
        Money::of(self.unused_cost(), self.currency())
    }

    /// The same as money; none without a price.
    pub fn wasted_money(&self) -> Money {
        Money::of(self.wasted_cost(), self.currency())
    }

    pub(crate) fn currency(&self) -> Option<&str> {
        self.price.as_ref().map(|price| price.currency.as_str())
    }

    pub(crate) fn monthly(&self) -> Option<Amount> {
        self.price.as_ref().map(|price| price.monthly)
    }
}

/// A licence under Graph's own names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bought<'a> {
    sku_id: Uuid,
    #[serde(borrow)]
    sku_part_number: Option<Text<'a>>,
    consumed_units: Option<i64>,
    prepaid_units: Option<Prepaid>,
    #[serde(borrow)]
    capability_status: Option<Text<'a>>,
    #[serde(borrow)]
    applies_to: Option<Text<'a>>,
    #[serde(borrow)]
    service_plans: Option<Vec<Plan<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepaid {
    enabled: Option<i64>,
    warning: Option<i64>,
    suspended: Option<i64>,
    locked_out: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    service_plan_id: Uuid,
    #[serde(borrow)]
    service_plan_name: Option<Text<'a>>,
    #[serde(borrow)]
    applies_to: Option<Text<'a>>,
}

impl Sku {
    pub(crate) fn of(bought: Bought<'_>, prices: &Prices) -> Self {
        let id = bought.sku_id;
        let mut problems = Vec::new();
        let prepaid = bought.prepaid_units.unwrap_or_default();
        let mut believe = |name: &str, number: Option<i64>| match number {
            Some(number) if number >= 0 => Some(number),
            Some(_) => {
                problems.push(Cow::Owned(format!("{name} is negative")));
                None
            }
            None => {
                problems.push(Cow::Owned(format!("{name} is missing")));
                None
            }
        };
        let units = Units {
            enabled: believe("enabled", prepaid.enabled),
            warning: believe("warning", prepaid.warning),
            suspended: believe("suspended", prepaid.suspended),
            // Younger than the others, and missing in some clouds.
            locked_out: prepaid.locked_out.map_or(Some(0), |number| believe("locked_out", Some(number))),
            assigned: believe("assigned", bought.consumed_units),
        };
        let id_text = id.to_string();
        let part_number = bought.sku_part_number.map(|part| part.as_str().to_owned());
        let part_number = part_number.unwrap_or_else(|| id_text.clone());
        let name = product_name(id);
        let applies_to = bought.applies_to.as_ref().map(Text::as_str);
        let (class, class_reason) =
            LicenseClass::of(&part_number, name, applies_to, units.enabled, units.assigned);
        let plans_untold = bought.service_plans.is_none();
        if plans_untold {
            problems.push(Cow::Borrowed("service plans are missing"));
        }
        let (mut plans, mut plan_names) = (BTreeSet::new(), BTreeMap::new());
        for plan in bought.service_plans.unwrap_or_default() {
            // A plan for the whole tenant gives nothing to the person.
            if plan.applies_to.is_none_or(|to| to.as_str().eq_ignore_ascii_case("User")) {
                plans.insert(plan.service_plan_id);
            }
            let name = plan.service_plan_name.map(|name| name.as_str().to_owned());
            plan_names.extend(name.map(|name| (plan.service_plan_id, name)));
        }
        Self {
            id,
            price: prices.of(id, &part_number).cloned(),
            id_text,
            part_number,
            name,
            class,
            class_reason,
            capability_status: bought.capability_status.map(|status| status.as_str().to_owned()),
            units,
            plans,
            plan_names,
            plans_untold,
            problems,
            found: Found::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(json: &str) -> Sku {
        Sku::of(serde_json::from_str(json).unwrap(), &Prices::default())
    }

    fn with(units: &str, consumed: &str) -> Sku {
        let id = "06EBC4EE-1BB5-47DD-8120-11324BC54E06";
        sku(&format!(
            r#"{{"skuId":"{id}","skuPartNumber":"SPE_E5","prepaidUnits":{units},"consumedUnits":{consumed},"servicePlans":[]}}"#
        ))
    }

    #[test]
    fn the_sums_hold() {
        let sku = with(r#"{"enabled":300,"warning":20,"suspended":7,"lockedOut":3}"#, "100");
        let units = sku.units;
        let sums = [units.purchased(), units.assignable(), units.unassigned(), units.over_assigned()];
        assert_eq!(sums, [Some(330), Some(320), Some(220), Some(0)]);
        assert_eq!((sku.readable_name(), sku.class), ("Microsoft 365 E5", LicenseClass::Paid));
    }

    #[test]
    fn expired_seats_are_assignable_and_more_can_be_in_use_than_there_are() {
        let expired = with(r#"{"enabled":0,"warning":1100,"suspended":0,"lockedOut":0}"#, "1100").units;
        assert_eq!((expired.unassigned(), expired.over_assigned()), (Some(0), Some(0)));
        let over = with(r#"{"enabled":5,"warning":0,"suspended":0,"lockedOut":0}"#, "6").units;
        assert_eq!((over.unassigned(), over.over_assigned()), (Some(0), Some(1)));
    }

    #[test]
    fn a_number_that_is_missing_or_negative_is_unknown_and_not_zero() {
        let sku = with(r#"{"enabled":-1,"suspended":0}"#, "null");
        assert_eq!(sku.problems, ["enabled is negative", "warning is missing", "assigned is missing"]);
        assert_eq!((sku.units.purchased(), sku.units.unassigned(), sku.cross_check()), (None, None, None));
        assert_eq!(with("null", "1").units.assignable(), None);
        let huge = with(&format!(r#"{{"enabled":{0},"warning":{0},"suspended":0}}"#, i64::MAX), "0").units;
        assert_eq!(huge.assignable(), None, "a sum beyond 64 bits is no number of seats");
    }

    #[test]
    fn service_plans_that_are_not_told_are_a_problem_and_not_none() {
        let with = |plans: &str| {
            let id = "06EBC4EE-1BB5-47DD-8120-11324BC54E06";
            sku(&format!(
                r#"{{"skuId":"{id}","prepaidUnits":{{"enabled":1,"warning":0,"suspended":0}},"consumedUnits":0{plans}}}"#
            ))
        };
        for untold in ["", r#","servicePlans":null"#] {
            let sku = with(untold);
            assert_eq!((sku.plans_untold, sku.problems), (true, vec!["service plans are missing".into()]));
        }
        let told = with(r#","servicePlans":[]"#);
        assert_eq!((told.plans_untold, told.problems.len()), (false, 0));
    }

    #[test]
    fn a_licence_that_the_list_does_not_name_keeps_its_part_number() {
        let new = sku(r#"{"skuId":"00000000-0000-0000-0000-000000000001","skuPartNumber":"BRAND_NEW"}"#);
        assert_eq!((new.readable_name(), new.is_named()), ("BRAND_NEW", false));
        let nameless = sku(r#"{"skuId":"00000000-0000-0000-0000-000000000001"}"#);
        assert_eq!(nameless.readable_name(), "00000000-0000-0000-0000-000000000001");
    }
}
