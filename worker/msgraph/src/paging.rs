//! Listings: one page after the other, to the end. For listings bounded by what one person or one name has, and
//! for those read in passing.

use serde::Deserialize;

use crate::error::Error;
use crate::request::{Query, Request};

/// No listing read here has as many pages; a link that leads in a circle does.
const MAX_PAGES: usize = 1_000;

/// One page. A page can be empty and still have a next one.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

/// Where a listing goes on.
pub(crate) struct Pages {
    first: Request,
    next: Option<Request>,
    asked_for: usize,
}

impl Pages {
    pub(crate) fn of(query: Query) -> Self {
        let first = query.into_request();
        Self { next: Some(first.clone()), first, asked_for: 0 }
    }

    /// The request for the next page, until there is none.
    pub(crate) fn next(&mut self) -> Result<Option<Request>, Error> {
        if self.next.is_some() && self.asked_for == MAX_PAGES {
            return Err(Error::endless(MAX_PAGES));
        }
        self.asked_for += 1;
        Ok(self.next.take())
    }

    /// Takes what is on a page and remembers where the next one is.
    pub(crate) fn turn<T>(&mut self, page: Page<T>) -> Vec<T> {
        self.next = page.next_link.map(|link| self.first.link(link));
        page.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page<u32> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_empty_page_in_the_middle_ends_nothing() {
        let mut pages = Pages::of(Query::new(&["users"]).unwrap());
        let mut numbers = Vec::new();
        let answers = [
            r#"{"value":[1],"@odata.nextLink":"a"}"#,
            r#"{"value":[],"@odata.nextLink":"b"}"#,
            r#"{"value":[2]}"#,
        ];
        for answer in answers {
            assert!(pages.next().unwrap().is_some());
            numbers.extend(pages.turn(page(answer)));
        }
        assert!(pages.next().unwrap().is_none());
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn links_that_lead_in_a_circle_are_an_error() {
        let mut pages = Pages::of(Query::new(&["users"]).unwrap());
        let mut turn = || {
            let request = pages.next();
            pages.turn(page(r#"{"value":[],"@odata.nextLink":"a"}"#));
            request.err()
        };
        let error = (0..=MAX_PAGES).find_map(|_| turn()).unwrap();
        assert!(error.is_decode(), "{error}");
    }
}
