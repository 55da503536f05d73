//! Listings that may be as long as the tenant is large.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::paging::Pages;
use crate::http::request::Query;

/// A listing that may be as long as the tenant is large, returned page by page.
///
/// A page can be empty and still have a next one. After an error the caller can request the same page again, unless
/// the error [`is_listing_expired`](Error::is_listing_expired): then the listing has to start again.
pub struct Listing<'a, T> {
    reader: Reader<'a>,
    pages: Pages,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> Listing<'a, T> {
    pub(crate) fn of(reader: Reader<'a>, query: Query) -> Self {
        Self { reader, pages: Pages::of_a_tenant(query), of: PhantomData }
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Error> {
        self.reader.next_page(&mut self.pages).await
    }
}
