//! A licence to assign, as a workflow names it: whole, or without some of its service plans.

use std::fmt;

use msgraph::{AddLicense, ServicePlan, SubscribedSku};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Error;
use crate::licenses::subscriptions::name;

/// A licence, as a workflow names it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LicenseRef {
    /// Part number (`SPE_E3`) or SKU id.
    Whole(String),
    /// A licence without some of its service plans.
    Part(LicensePart),
}

/// A licence without some of its service plans.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LicensePart {
    /// Part number (`SPE_E3`) or SKU id.
    license: String,
    /// Names (`TEAMS1`) or ids of the service plans that stay off.
    disabled_plans: Vec<String>,
}

/// A licence to assign, with its name for people.
#[derive(Clone, Debug, PartialEq)]
pub struct ToAssign {
    /// The licence, and its service plans that stay off.
    pub add: AddLicense,
    name: String,
    off: Vec<String>,
}

impl LicenseRef {
    /// The part number or SKU id.
    pub fn license(&self) -> &str {
        match self {
            Self::Whole(license) | Self::Part(LicensePart { license, .. }) => license,
        }
    }

    /// What to assign of this licence, which the reference names.
    ///
    /// # Errors
    ///
    /// `plan_not_found`, if the licence has no service plan with such a name or id; `plans_unseen`, if Graph does not tell
    /// which it has.
    pub fn of(&self, sku: &SubscribedSku) -> Result<ToAssign, Error> {
        let (mut plans, mut off) = (Vec::new(), Vec::new());
        let named: &[String] = match self {
            Self::Whole(_) => &[],
            Self::Part(part) => &part.disabled_plans,
        };
        if !named.is_empty() && sku.service_plans.is_none() {
            return Err(plans_unseen(sku));
        }
        for reference in named {
            let plan = plan(reference, sku).ok_or_else(|| {
                let known: Vec<_> = sku.service_plans.iter().flatten().map(plan_name).collect();
                let known = known.join(", ");
                let detail = format!("{} has no service plan `{reference}`; it has {known}", name(sku));
                Error::rejected(&["licenses"], "plan_not_found", detail)
            })?;
            if !plans.contains(&plan.service_plan_id) {
                plans.push(plan.service_plan_id.clone());
                off.push(plan_name(plan).to_owned());
            }
        }
        let add = AddLicense { sku_id: sku.sku_id.clone(), disabled_plans: plans };
        Ok(ToAssign { add, name: name(sku).to_owned(), off })
    }
}

/// The service plan of a licence with this name or id.
pub fn plan<'a>(reference: &str, sku: &'a SubscribedSku) -> Option<&'a ServicePlan> {
    let is_it = |plan: &&ServicePlan| {
        plan.service_plan_id.eq_ignore_ascii_case(reference)
            || plan_name(plan).eq_ignore_ascii_case(reference)
    };
    sku.service_plans.iter().flatten().find(is_it)
}

fn plans_unseen(sku: &SubscribedSku) -> Error {
    let detail = format!(
        "Microsoft Graph does not tell which service plans {} has, so none can be turned off; replay when it does, or leave \
         out `disabled_plans`",
        name(sku)
    );
    Error::blocked("plans_unseen", detail)
}

fn plan_name(plan: &ServicePlan) -> &str {
    plan.service_plan_name.as_deref().unwrap_or(&plan.service_plan_id)
}

impl fmt::Display for ToAssign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.off.as_slice() {
            [] => write!(f, "{}", self.name),
            off => write!(f, "{} without {}", self.name, off.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plans_are_named_as_people_or_graph_name_them_each_once() {
        let plan = |id: &str, name: &str| ServicePlan {
            service_plan_id: id.into(),
            service_plan_name: Some(name.into()),
            ..ServicePlan::default()
        };
        let sku = SubscribedSku {
            sku_id: "id-A".into(),
            sku_part_number: Some("A".into()),
            service_plans: Some(vec![plan("p1", "TEAMS1"), plan("p2", "YAMMER")]),
            ..SubscribedSku::default()
        };
        let told = |reference| {
            let reference: LicenseRef = serde_json::from_value(reference).unwrap();
            let found = reference.of(&sku).map(|part| (part.to_string(), part.add.disabled_plans));
            found.map_err(|error| outcome::Failure::from(error).message)
        };
        assert_eq!(told(json!("A")), Ok(("A".to_owned(), vec![])));
        let some = json!({ "license": "A", "disabled_plans": ["P2", "teams1", "yammer"] });
        assert_eq!(
            told(some),
            Ok(("A without YAMMER and TEAMS1".to_owned(), vec!["p2".into(), "p1".into()]))
        );
        let untold = SubscribedSku { service_plans: None, ..sku.clone() };
        let code = |reference: serde_json::Value| {
            let reference: LicenseRef = serde_json::from_value(reference).unwrap();
            reference.of(&untold).map_err(|error| outcome::Failure::from(error).code).err()
        };
        let part = json!({ "license": "A", "disabled_plans": ["TEAMS1"] });
        assert_eq!([json!("A"), json!({ "license": "A", "disabled_plans": [] })].map(code), [None, None]);
        assert_eq!(code(part).as_deref(), Some("plans_unseen"));
        let unknown = told(json!({ "license": "A", "disabled_plans": ["SWAY"] }));
        assert_eq!(unknown, Err("A has no service plan `SWAY`; it has TEAMS1, YAMMER".to_owned()));
    }
}
