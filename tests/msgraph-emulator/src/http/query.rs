//! Query options: read strictly, one unknown name refuses the request.

use serde_json::{Map, Value};

use crate::http::refusal::Refusal;
use crate::http::request::Request;

/// The query options a request has.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) select: Option<Vec<String>>,
    /// As it was sent.
    pub(crate) expand: Option<String>,
    pub(crate) top: Option<usize>,
    pub(crate) filter: Option<Filter>,
    /// The filter of directory objects, as it was sent; `odata` reads it.
    pub(crate) filter_text: Option<String>,
    pub(crate) search: Option<String>,
    pub(crate) order_by: Option<String>,
    pub(crate) count: bool,
    pub(crate) skip_token: Option<String>,
}

/// `property eq 'value'`, the one filter most resources know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) property: String,
    pub(crate) value: String,
}

/// The options of a list.
pub(crate) const LIST: &[&str] = &["$select", "$top", "$filter", "$count", "$skiptoken"];
/// The options of a list of directory objects.
pub(crate) const DIRECTORY: &[&str] =
    &["$select", "$top", "$filter", "$search", "$orderby", "$count", "$skiptoken"];
/// The options of a list that cannot be filtered.
pub(crate) const RELATION: &[&str] = &["$select", "$top", "$count", "$skiptoken"];
/// The options of one object.
pub(crate) const ENTITY: &[&str] = &["$select"];
/// The options of a write.
pub(crate) const NONE: &[&str] = &[];

/// Entra's largest page.
const LARGEST_PAGE: usize = 999;

impl Query {
    /// Reads the options, of which only these are allowed.
    pub(crate) fn read(request: &Request, allowed: &[&str]) -> Result<Self, Refusal> {
        let mut query = Self::default();
        for (name, value) in request.options()? {
            if !allowed.contains(&name.as_str()) {
                return Err(refuse(&name, request));
            }
            match name.as_str() {
                "$select" => {
                    let names = value.split(',').map(|name| name.trim().to_owned());
                    query.select = Some(names.collect());
                }
                "$expand" => query.expand = Some(value),
                "$top" => query.top = Some(top(&value)?),
                "$filter" if allowed.contains(&"$search") => query.filter_text = Some(value),
                "$search" => query.search = Some(value),
                "$orderby" => query.order_by = Some(value),
                "$filter" => query.filter = Some(Filter::parse(&value)?),
                "$count" => query.count = flag(&value)?,
                _ => query.skip_token = Some(value),
            }
        }
        Ok(query)
    }

    /// The properties to answer with, of those a type has.
    pub(crate) fn selected<'a>(
        &'a self,
        has: impl Fn(&str) -> bool,
        of: &str,
        defaults: &'a [&'a str],
    ) -> Result<Vec<&'a str>, Refusal> {
        let Some(names) = &self.select else {
            return Ok(defaults.to_vec());
        };
        for name in names {
            if !has(name) {
                return Err(Refusal::malformed(format!(
                    "Parsing OData Select and Expand failed: Could not find a property named \
                     '{name}' on type '{of}'."
                )));
            }
        }
        Ok(names.iter().map(String::as_str).collect())
    }

    /// The suffix of a set's name in `@odata.context`.
    pub(crate) fn context_suffix(&self) -> String {
        let names = self.select.as_ref().map(|names| names.join(","));
        names.map(|names| format!("({names})")).unwrap_or_default()
    }

    /// The filter, if it is on one of these properties.
    pub(crate) fn filter_on(&self, properties: &[&str]) -> Result<Option<&Filter>, Refusal> {
        match &self.filter {
            Some(filter) if !properties.contains(&filter.property.as_str()) => Err(unsupported()),
            filter => Ok(filter.as_ref()),
        }
    }
}

impl Filter {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.trim().splitn(3, ' ');
        let (Some(property), Some("eq"), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(unsupported());
        };
        Ok(Self { property: property.to_owned(), value: literal(rest)? })
    }
}

/// The one literal there is.
fn literal(text: &str) -> Result<String, Refusal> {
    let (value, after) = quoted(text.trim_start().strip_prefix('\'').ok_or_else(unsupported)?)?;
    // What follows a literal that ended too early.
    if after.trim().is_empty() { Ok(value) } else { Err(unterminated()) }
}

/// A text up to its closing quote, and what follows. A single quote inside is doubled.
pub(crate) fn quoted(text: &str) -> Result<(String, &str), Refusal> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'').ok_or_else(unterminated)?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            // What follows a text that ended too early.
            None if after.starts_with(|c: char| c.is_alphanumeric()) => return Err(unterminated()),
            None => return Ok((value, after)),
        }
    }
}

fn unsupported() -> Refusal {
    Refusal::unsupported_query("Unsupported Query.")
}

fn unterminated() -> Refusal {
    Refusal::malformed("Invalid filter clause: There is an unterminated string literal.")
}

/// An object with the chosen properties, those it has.
pub(crate) fn project(names: &[&str], property: impl Fn(&str) -> Option<Value>) -> Map<String, Value> {
    let names = names.iter();
    names.filter_map(|&name| Some((name.to_owned(), property(name)?))).collect()
}

fn refuse(name: &str, request: &Request) -> Refusal {
    match name {
        "$search" if !request.is_advanced() => Refusal::unsupported_query(
            "Request with $search query parameter only works through MSGraph with a special \
             request header: 'ConsistencyLevel: eventual'",
        ),
        "$search" | "$orderby" | "$expand" | "$filter" => {
            Refusal::unsupported_query(format!("Unsupported Query: '{name}'."))
        }
        _ => Refusal::malformed(format!("The query parameter '{name}' is not supported.")),
    }
}

fn top(value: &str) -> Result<usize, Refusal> {
    let top = value.parse().ok();
    top.filter(|top| (1..=LARGEST_PAGE).contains(top)).ok_or_else(|| {
        Refusal::bad_request(format!(
            "Invalid page size specified: '{value}'. Must be between 1 and {LARGEST_PAGE} \
                 inclusive."
        ))
    })
}

fn flag(value: &str) -> Result<bool, Refusal> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::malformed(format!("Invalid value '{value}' for $count query option found."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_with_their_quotes() {
        let filter = Filter::parse("mail eq 'o''brien@contoso.example'").unwrap();
        assert_eq!(filter.property, "mail");
        assert_eq!(filter.value, "o'brien@contoso.example");
        for wrong in ["mail", "mail ne 'a'", "mail eq a", "startswith(mail,'a')"] {
            assert_eq!(Filter::parse(wrong).unwrap_err().code, "Request_UnsupportedQuery", "{wrong}");
        }
        for broken in ["mail eq 'o'brien'", "mail eq 'o"] {
            assert_eq!(Filter::parse(broken).unwrap_err().code, "BadRequest", "{broken}");
        }
    }
}
