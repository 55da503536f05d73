//! Pages of a listing, one after the other to the end.
//!
//! **Guarantees.** The next request frees the page before it, so a listing of a million people needs the memory of one
//! page. A page that failed can be requested again. A listing never ends without its last page. Links that form a
//! circle are an error.

use serde::Deserialize;

use crate::error::Error;
use crate::http::request::{Query, Request};

/// Longer than any listing of what one person or one name has.
const MAX_PAGES: usize = 1_000;
/// The largest tenants have tens of millions of people, and a page can be as short as a hundred.
const MAX_PAGES_OF_A_TENANT: usize = 1_000_000;

/// One page. A page can be empty and still have a next one.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    /// Nothing, as opposed to an empty list, where Graph writes `null`.
    value: Option<Vec<T>>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

/// The position in a listing.
pub(crate) struct Pages {
    first: Request,
    next: Option<Request>,
    turned: usize,
    limit: usize,
    /// One link of those that were followed. Another is remembered each time `turned` has doubled, so that a circle of
    /// any length is found (Brent's algorithm).
    remembered: Option<String>,
    remember_at: usize,
    is_circle: bool,
}

impl Pages {
    pub(crate) fn of(query: Query) -> Self {
        let first = query.into_request();
        Self {
            next: Some(first.clone()),
            first,
            turned: 0,
            limit: MAX_PAGES,
            remembered: None,
            remember_at: 1,
            is_circle: false,
        }
    }

    /// For a listing that grows with the tenant.
    pub(crate) fn of_a_tenant(query: Query) -> Self {
        Self { limit: MAX_PAGES_OF_A_TENANT, ..Self::of(query) }
    }

    /// The request for the next page, the same until the page is turned; `None` after the last.
    pub(crate) fn next(&self) -> Result<Option<&Request>, Error> {
        if self.is_circle || (self.next.is_some() && self.turned >= self.limit) {
            return Err(Error::endless(self.turned));
        }
        Ok(self.next.as_ref())
    }

    /// Returns the content of a page and remembers the link to the next one. A page without a list is not turned.
    pub(crate) fn turn<T>(&mut self, page: Page<T>) -> Option<Vec<T>> {
        let items = page.value?;
        self.go_on(page.next_link);
        Some(items)
    }

    /// Continues at a link, or ends the listing without one.
    pub(crate) fn go_on(&mut self, link: Option<String>) {
        self.turned += 1;
        self.is_circle = link.is_some() && link == self.remembered;
        if self.turned == self.remember_at {
            self.remembered.clone_from(&link);
            self.remember_at *= 2;
        }
        self.next = link.map(|link| self.first.link(link));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page<u32> {
        serde_json::from_str(text).unwrap()
    }

    fn pages() -> Pages {
        Pages::of(Query::new(&["users"]).unwrap())
    }

    #[test]
    fn an_empty_page_in_the_middle_ends_nothing() {
        let mut pages = pages();
        let mut numbers = Vec::new();
        let answers = [
            r#"{"value":[1],"@odata.nextLink":"a"}"#,
            r#"{"value":[],"@odata.nextLink":"b"}"#,
            r#"{"value":[2]}"#,
        ];
        for answer in answers {
            assert!(pages.next().unwrap().is_some());
            numbers.extend(pages.turn(page(answer)).unwrap());
        }
        assert!(pages.next().unwrap().is_none());
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn a_page_without_a_list_is_not_an_empty_one() {
        for answer in [r#"{"value":null}"#, r#"{"value":null,"@odata.nextLink":"a"}"#, "{}"] {
            let mut pages = pages();
            assert_eq!(pages.turn(page(answer)), None, "{answer}");
            assert!(pages.next().unwrap().is_some(), "it can be asked for again: {answer}");
        }
    }

    #[test]
    fn links_that_form_a_circle_are_an_error() {
        for (straight, round) in [(0, 1), (0, 2), (5, 1), (7, 13), (100, 64)] {
            let mut pages = pages();
            let link = |n: usize| if n < straight { n } else { straight + (n - straight) % round };
            let turned = (0..MAX_PAGES).find(|n| {
                pages.go_on(Some(link(*n).to_string()));
                pages.next().is_err_and(|error| error.is_decode())
            });
            assert!(turned.unwrap() < 4 * (straight + round), "{straight}, {round}: {turned:?}");
        }
    }

    #[test]
    fn links_that_never_end_are_an_error() {
        let mut pages = pages();
        for n in 0..MAX_PAGES {
            assert!(pages.next().is_ok(), "{n}");
            pages.go_on(Some(n.to_string()));
        }
        let error = pages.next().err().unwrap();
        assert!(error.to_string().contains("does not end"), "{error}");
    }
}
