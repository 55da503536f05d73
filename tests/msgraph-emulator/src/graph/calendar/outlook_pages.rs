//! Outlook's pages, by number.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::graph::Visit;
use crate::http::paging::metadata;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;

/// Outlook's page without `$top`, and its largest.
const DEFAULT_PAGE: usize = 10;
const LARGEST_PAGE: usize = 1_000;

/// The requested part of a list, and the selected properties.
pub(crate) struct Part {
    top: usize,
    skip: usize,
    select: Option<String>,
    /// The other parameters, as the next page's address has them.
    others: String,
    properties: &'static [&'static str],
}

/// Other parameters than those of a list, by name.
type Others = Vec<(&'static str, String)>;

impl Part {
    /// Reads the options of a list of things that have these properties; without any, none can be chosen.
    pub(crate) fn read(
        visit: &Visit<'_>,
        of: &str,
        properties: &'static [&'static str],
    ) -> Result<Self, Refusal> {
        Self::beside(visit, of, properties, &[]).map(|(part, _)| part)
    }

    /// The same where there are other parameters, too, whose names do not tell capitals apart.
    pub(crate) fn beside(
        visit: &Visit<'_>,
        of: &str,
        properties: &'static [&'static str],
        others: &[&'static str],
    ) -> Result<(Self, Others), Refusal> {
        let mut found = Vec::new();
        let mut part = Self { top: DEFAULT_PAGE, skip: 0, select: None, others: String::new(), properties };
        for (name, value) in visit.request.options()? {
            if let Some(other) = others.iter().find(|other| other.eq_ignore_ascii_case(&name)) {
                part.others.push_str(&format!("{other}={}&", utf8_percent_encode(&value, NON_ALPHANUMERIC)));
                found.push((*other, value));
                continue;
            }
            let number = value.parse::<usize>().ok();
            match (name.as_str(), number) {
                ("$top", Some(number)) if (1..=LARGEST_PAGE).contains(&number) => part.top = number,
                ("$skip", Some(number)) => part.skip = number,
                ("$select", _) if !properties.is_empty() => part.select = Some(value),
                _ => {
                    let message = format!("The query parameter '{name}' or its value is not supported.");
                    return Err(Refusal::malformed(message));
                }
            }
        }
        part.top = part.top.min(visit.page_limit);
        if let Some(name) = part.names().into_iter().find(|name| !properties.contains(name)) {
            return Err(Refusal::malformed(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{name}' on type '{of}'."
            )));
        }
        Ok((part, found))
    }

    /// The properties to show.
    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.select {
            Some(names) => names.split(',').map(str::trim).collect(),
            None => self.properties.to_vec(),
        }
    }

    /// The page. Only its items are rendered, so that a list of thousands costs a page's work.
    pub(crate) fn page<T>(
        &self,
        visit: &Visit<'_>,
        context: &str,
        things: impl ExactSizeIterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Reply {
        let end = self.skip.saturating_add(self.top);
        let is_last = end >= things.len();
        let value: Vec<Value> = things.skip(self.skip).take(self.top).map(show).collect();
        let mut page = json!({ "@odata.context": metadata(visit.request, context), "value": value });
        if let (false, Some(fields)) = (is_last, page.as_object_mut()) {
            let (base, path) = (visit.request.base(), &visit.request.path);
            let select = self.select.iter().map(|names| format!("$select={names}&")).collect::<String>();
            let link = format!("{base}{path}?{}{select}$top={}&$skip={end}", self.others, self.top);
            fields.insert("@odata.nextLink".to_owned(), json!(link));
        }
        Reply::ok(&page)
    }
}
