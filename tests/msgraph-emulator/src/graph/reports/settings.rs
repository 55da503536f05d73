//! The one setting of reports: whether they conceal names.

use serde_json::{Value, json};

use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;

/// The one report setting: whether reports show pseudonyms instead of names.
const CONCEALED: &str = "displayConcealedNames";

pub(crate) fn get(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let context = metadata(visit.request, "admin/reportSettings/$entity");
    let body = json!({ "@odata.context": context, CONCEALED: visit.tenant.concealed_names });
    Ok(Reply::ok(&body))
}

pub(crate) fn update(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    if let Some(name) =
        body.keys().find(|name| !["@odata.type", "@odata.context", CONCEALED].contains(&name.as_str()))
    {
        return Err(Refusal::unknown_property(name, "microsoft.graph.adminReportSettings"));
    }
    let concealed = body.get(CONCEALED).and_then(Value::as_bool);
    let concealed =
        concealed.ok_or_else(|| Refusal::malformed(format!("{CONCEALED} must be true or false.")))?;
    if visit.tenant.concealed_names != concealed {
        visit.tenant.concealed_names = concealed;
        visit.effects.push(format!("set {CONCEALED} to {concealed}"));
    }
    Ok(Reply::no_content())
}
