//! A report in JSON: page by page, answered at once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::columns::{Cell, Column};
use super::counts;
use super::report::{Content, Report, Span};
use super::rows::{Row, Rows};
use crate::http::paging::metadata;
use crate::http::refusal::Refusal;
use crate::http::request::Request;
use crate::tenant::reports::day;
use crate::tenant::reports::people::Name;
use crate::tenant::{Place, Tenant};

/// A page without `$top` ("getM365AppUserDetail", 2023).
const DEFAULT_PAGE: usize = 200;

/// The page a client asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) top: Option<usize>,
    pub(super) after: Place,
}

impl Page {
    /// Reads `$skipToken`.
    pub(super) fn after(token: &str) -> Result<Place, Refusal> {
        let wrong = || Refusal::malformed("The skip token is not valid.");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let (deleted, id) = bytes.split_first().ok_or_else(wrong)?;
        Ok(Some((*deleted == 1, Uuid::from_slice(id).map_err(|_| wrong())?)))
    }
}

/// The body of an answer.
pub(super) fn answer(tenant: &Tenant, request: &Request, report: Report, span: Span, page: Page) -> Value {
    let rows = Rows::new(tenant, span);
    let (values, next) = match report.content {
        Content::People(columns) => people(tenant, &rows, columns, page),
        content => (vec![by_day(tenant, &rows, content)], None),
    };
    let context = format!("Collection(microsoft.graph.{})", report.function.trim_start_matches("get"));
    let mut body = json!({ "@odata.context": metadata(request, &context), "value": values });
    if let (Some((deleted, id)), Some(fields)) = (next, body.as_object_mut()) {
        let token = URL_SAFE_NO_PAD.encode([&[u8::from(deleted)], id.as_bytes().as_slice()].concat());
        let top = page.top.map(|top| format!("&$top={top}")).unwrap_or_default();
        let link =
            format!("{}{}?$format=application/json{top}&$skiptoken={token}", request.base(), request.path);
        fields.insert("@odata.nextLink".to_owned(), json!(link));
    }
    body
}

fn people(tenant: &Tenant, rows: &Rows<'_>, columns: &[Column], page: Page) -> (Vec<Value>, Place) {
    let mut people = tenant.people_after(page.after).filter_map(|person| rows.of(person)).peekable();
    let (mut values, mut last) = (Vec::new(), None);
    while values.len() < page.top.unwrap_or(DEFAULT_PAGE) {
        let Some(row) = people.next() else { break };
        last = row.person.place();
        values.push(person(tenant, rows, &row, columns));
    }
    (values, last.filter(|_| people.peek().is_some()))
}

/// A person: the flags are inside `details`, one element for each period.
fn person(tenant: &Tenant, rows: &Rows<'_>, row: &Row<'_>, columns: &[Column]) -> Value {
    let no = if tenant.reports.blank_flags { Value::Null } else { json!(false) };
    let mut details = Map::new();
    details.insert("reportPeriod".to_owned(), json!(rows.period()));
    let flags = columns.iter().filter_map(|(name, cell)| match cell {
        Cell::Uses(these) => Some((name, *these)),
        _ => None,
    });
    for (name, these) in flags {
        let value = if Rows::uses(row, these) { json!(true) } else { no.clone() };
        details.insert(small(&name.replace([' ', '(', ')'], "")), value);
    }
    let mut upn = Vec::new();
    rows.put_name(row, Name::Upn, &mut upn);
    json!({
        "reportRefreshDate": rows.refreshed,
        "userPrincipalName": (!upn.is_empty()).then(|| String::from_utf8_lossy(&upn).into_owned()),
        "lastActivationDate": rows.activated(row),
        "lastActivityDate": rows.last(row, super::columns::ALL),
        "details": [details],
    })
}

/// One object with the counts of every day.
fn by_day(tenant: &Tenant, rows: &Rows<'_>, content: Content) -> Value {
    let counted = counts::counted(content);
    let days = counts::by_day(tenant, rows.period(), &counted).into_iter().map(|(number, counts)| {
        let names = counted.iter().map(|(name, _)| small(name));
        let mut of_day: Map<String, Value> = names.zip(counts.into_iter().map(Value::from)).collect();
        of_day.insert("reportDate".to_owned(), json!(day::date_of(number)));
        Value::Object(of_day)
    });
    let days: Vec<Value> = days.collect();
    json!({ "reportRefreshDate": rows.refreshed, "reportPeriod": rows.period(), "userCounts": days })
}

/// `PowerPoint (Web)` as JSON spells it, `powerPointWeb`.
fn small(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}
