//! The organization: the tenant about itself.

use serde_json::{Value, json};

use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, Query, project};
use crate::http::reply::Reply;

const ORGANIZATION: &[&str] = &["countryLetterCode", "displayName", "id", "verifiedDomains"];

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| ORGANIZATION.contains(&name);
    let names = query.selected(has, "microsoft.graph.organization", ORGANIZATION)?;
    let tenant = &visit.tenant;
    let domains: Vec<Value> = tenant
        .domains
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({
                "isDefault": index == 0,
                "isInitial": index == 0,
                "name": name,
                "type": "Managed",
            })
        })
        .collect();
    let organization = project(&names, |name| match name {
        "countryLetterCode" => Some(json!(tenant.country)),
        "displayName" => Some(json!(tenant.display_name)),
        "id" => Some(json!(tenant.id)),
        "verifiedDomains" => Some(json!(domains)),
        _ => None,
    });
    let context = format!("organization{}", query.context_suffix());
    let context = metadata(visit.request, &context);
    let body = json!({ "@odata.context": context, "value": [organization] });
    Ok(Reply::ok(&body))
}
