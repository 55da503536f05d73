//! What a query asks for.

use serde_json::Value;
use uuid::Uuid;

use super::expression::{Expression, Literal, Operator};
use super::order::Order;
use super::parser;
use super::rules::Kind;
use super::search::Search;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::http::request::Request;

/// How many comparisons one filter may choose from (Microsoft Graph, "Known issues", 2023, read 2026-11-29).
const MOST_CLAUSES: usize = 15;

/// A filter, a search and an order of directory objects; each may be missing.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    filter: Option<Expression>,
    search: Option<Search>,
    order: Option<Order>,
}

impl Asked {
    /// Reads the options and refuses what Graph does not do, or not without the header and the count of an advanced
    /// query ("Advanced query capabilities on directory objects", 2023). `advanced` tells whether it is one.
    pub(crate) fn read(request: &Request, query: &Query, kind: &Kind) -> Result<Self, Refusal> {
        let has_header = request.is_advanced();
        if query.search.is_some() && !has_header {
            return Err(Refusal::unsupported_query(
                "Request with $search query parameter only works through MSGraph with a special request header: \
                 'ConsistencyLevel: eventual'",
            ));
        }
        // A query with `$expand` is not answered by the index.
        let advanced = has_header && (query.count || query.search.is_some()) && query.expand.is_none();
        let mut asked = Self::default();
        if let Some(text) = &query.filter_text {
            let filter = parser::filter(text)?;
            let clauses = filter.clauses();
            if filter.is_choice() && clauses > MOST_CLAUSES {
                return Err(Refusal::unsupported_query(format!(
                    "Too many child clauses specified in search filter expression containing 'OR' operators: {clauses}. \
                     Max allowed: {MOST_CLAUSES}."
                )));
            }
            kind.check(&filter, advanced)?;
            asked.filter = Some(filter);
        }
        if let Some(text) = &query.search {
            asked.search = Some(Search::read(text, kind)?);
        }
        if let Some(text) = &query.order_by {
            // microsoft-graph-docs-contrib 4187, 2020.
            if query.filter_text.is_some() && !advanced {
                return Err(Refusal::unsupported_query("Sorting not supported for current query."));
            }
            asked.order = Some(Order::read(text, kind, advanced)?);
        }
        Ok(asked)
    }

    /// Whether it asks for everything, in any order.
    pub(crate) fn is_all(&self) -> bool {
        self.filter.is_none() && self.search.is_none() && self.order.is_none()
    }

    /// Whether the objects come in another order than that of their ids.
    pub(crate) fn is_ordered(&self) -> bool {
        self.order.is_some()
    }

    /// The property and the values of a filter that only compares one property with texts; an index can answer it.
    pub(crate) fn lookup(&self) -> Option<(&str, Vec<&str>)> {
        if self.search.is_some() || self.order.is_some() {
            return None;
        }
        let text = |literal: &'_ Literal| matches!(literal, Literal::Text(_));
        let (name, literals) = match self.filter.as_ref()? {
            Expression::Compare(name, Operator::Equal, literal) => (name, std::slice::from_ref(literal)),
            Expression::Among(name, literals) => (name, literals.as_slice()),
            _ => return None,
        };
        let texts = literals.iter().map(|literal| match literal {
            Literal::Text(text) => text.as_str(),
            _ => "",
        });
        literals.iter().all(text).then(|| (name.as_str(), texts.collect()))
    }

    /// The ids of the objects that fit, in the order asked for, or else in that of the ids. `get` reads a property of
    /// an object.
    pub(crate) fn choose(
        &self,
        ids: impl Iterator<Item = Uuid>,
        get: impl Fn(Uuid, &str) -> Option<Value>,
    ) -> Vec<Uuid> {
        let fits = |id: &Uuid| {
            let get = |name: &str| get(*id, name);
            self.filter.as_ref().is_none_or(|filter| filter.fits(&get))
                && self.search.as_ref().is_none_or(|search| search.fits(&get))
        };
        let found = ids.filter(fits);
        let Some(order) = &self.order else { return found.collect() };
        let mut keyed: Vec<(Vec<String>, Uuid)> =
            found.map(|id| (order.key(&|name: &str| get(id, name)), id)).collect();
        keyed.sort_by(|(one, first), (other, second)| order.compare(one, other).then(first.cmp(second)));
        keyed.into_iter().map(|(_, id)| id).collect()
    }
}
