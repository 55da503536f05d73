//! Listings: pages collected to the end. For listings that are bounded by what one person or one name has.

use serde::Deserialize;

use crate::error::Error;

/// No listing read here has as many pages; a link that leads in a circle does.
const MAX_PAGES: usize = 1_000;

/// One page. A page can be empty and still have a next one.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

/// The pages read so far.
pub(crate) struct Listing<T> {
    items: Vec<T>,
    pages: usize,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), pages: 0 }
    }
}

impl<T> Listing<T> {
    /// Adds a page and returns the link to the next one.
    pub(crate) fn add(&mut self, page: Page<T>) -> Result<Option<String>, Error> {
        self.items.extend(page.value);
        self.pages += 1;
        if page.next_link.is_some() && self.pages >= MAX_PAGES {
            return Err(Error::endless(MAX_PAGES));
        }
        Ok(page.next_link)
    }

    pub(crate) fn into_items(self) -> Vec<T> {
        self.items
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
        let mut listing = Listing::default();
        assert!(listing.add(page(r#"{"value":[1],"@odata.nextLink":"a"}"#)).unwrap().is_some());
        assert!(listing.add(page(r#"{"value":[],"@odata.nextLink":"b"}"#)).unwrap().is_some());
        assert!(listing.add(page(r#"{"value":[2]}"#)).unwrap().is_none());
        assert_eq!(listing.into_items(), [1, 2]);
    }

    #[test]
    fn links_that_lead_in_a_circle_are_an_error() {
        let mut listing = Listing::default();
        let circle = || page(r#"{"value":[],"@odata.nextLink":"a"}"#);
        let error = (0..=MAX_PAGES).find_map(|_| listing.add(circle()).err()).unwrap();
        assert!(error.is_decode(), "{error}");
    }
}
