//! Usage reports: a redirect to a file on another host, or a page of JSON.

use hyper::StatusCode;
use hyper::header::LOCATION;

use super::file;
use super::json::{self, Page};
use super::report::Report;
use crate::graph::{Answer, Visit};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;

/// Answers a request for a report.
pub(crate) fn get(visit: &Visit<'_>, segment: &str) -> Answer {
    let (report, span) = Report::read(segment, &visit.tenant.reports)?;
    let mut page = Page { top: None, after: None };
    let mut is_json = false;
    for (name, value) in visit.request.options()? {
        match name.to_ascii_lowercase().as_str() {
            "$format" if value == "application/json" && report.has_json => is_json = true,
            "$format" if value == "text/csv" => is_json = false,
            "$top" => {
                let top = value.parse().ok().filter(|top| *top > 0);
                page.top = Some(top.ok_or_else(|| Refusal::malformed("$top must be a number above zero."))?);
            }
            "$skiptoken" => page.after = Page::after(&value)?,
            _ => {
                return Err(Refusal::malformed(format!(
                    "The query parameter '{name}' is not supported with the value '{value}'."
                )));
            }
        }
    }
    if is_json {
        return Ok(Reply::ok(&json::answer(visit.tenant, visit.request, report, span, page)));
    }
    if page.top.is_some() || page.after.is_some() {
        return Err(Refusal::malformed("$top and $skipToken need $format=application/json."));
    }
    let address = file::address(visit.files, segment);
    Ok(Reply::text(StatusCode::FOUND, "text/plain", String::new()).header(LOCATION, &address))
}
