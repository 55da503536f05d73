//! Listings read ahead: while the caller reads a page, the next two arrive.
//!
//! **Guarantees.** At most three pages are in memory: the one the caller reads and two that arrive. A page is requested
//! as soon as the page before it has named it. If a page had to be requested again and then names another next page,
//! the caller gets that one. Nothing is requested after the listing was dropped.

use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::http::client::{Client, Reader};
use crate::http::links::{Buffers, LinkWatch, Links};
use crate::http::paging::Pages;
use crate::http::request::{Query, Request, Target};
use crate::http::response::Response;

/// How many pages may arrive while the caller reads one.
const AHEAD: usize = 2;

/// A listing that may be as long as the tenant is large, returned page by page and read ahead.
///
/// A page can be empty and still have a next one. After an error the caller can request the same page again, unless
/// the error [`is_listing_expired`](Error::is_listing_expired): then the listing has to start again.
pub struct PagesAhead {
    client: Client,
    pages: Pages,
    arriving: Option<Arriving>,
    buffers: Buffers,
}

/// A page as Graph wrote it. Its objects can borrow from it.
pub struct Page {
    response: Response,
    pub(crate) links: Links,
    buffers: Buffers,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.buffers.give_back(self.response.take_body());
    }
}

/// An object as Graph wrote it.
pub struct Record(pub(crate) Response);

/// The pages that arrive.
struct Arriving {
    fetches: mpsc::Receiver<Fetch>,
    _requests: Task<()>,
}

/// A page that was requested.
struct Fetch {
    /// Its link; `None` for the first page.
    link: Option<String>,
    page: Task<Result<Page, Error>>,
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Deserialize)]
struct Objects<T> {
    value: Vec<T>,
}

impl PagesAhead {
    /// The pages do not travel in a batch: a batch is answered when its slowest part is.
    pub(crate) fn of(reader: Reader<'_>, query: Query) -> Self {
        Self {
            client: reader.owned(),
            pages: Pages::of_a_tenant(query.alone()),
            arriving: None,
            buffers: Buffers::default(),
        }
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        self.next_if(|_| Ok(())).await
    }

    /// The next page, if it passes a check; `None` after the last.
    pub(crate) async fn next_if(
        &mut self,
        check: impl Fn(&Page) -> Result<(), Error>,
    ) -> Result<Option<Page>, Error> {
        loop {
            let Some(request) = self.pages.next()? else { return Ok(None) };
            let arriving = self
                .arriving
                .get_or_insert_with(|| Arriving::begin(&self.client, request.clone(), &self.buffers));
            let wanted = link_of(request);
            let Some(mut fetch) = arriving.fetches.recv().await else {
                self.arriving = None;
                return Err(Error::internal("a page that was announced was not requested"));
            };
            if fetch.link.as_deref() != wanted {
                self.arriving = None;
                continue;
            }
            let page = (&mut fetch.page.0).await;
            let page = page.unwrap_or_else(|_| Err(Error::internal("the task that requests pages ended")));
            let page = page.and_then(|page| check(&page).map(|()| page));
            // What was requested after a page that failed is requested again.
            let page = page.inspect_err(|_| self.arriving = None)?;
            self.pages.go_on(page.links.next.clone());
            return Ok(Some(page));
        }
    }

    /// Ends the listing.
    pub(crate) fn end(&mut self) {
        self.arriving = None;
        self.pages.go_on(None);
    }
}

fn link_of(request: &Request) -> Option<&str> {
    match &request.target {
        Target::Link(link) => Some(link),
        _ => None,
    }
}

impl Arriving {
    fn begin(client: &Client, first: Request, buffers: &Buffers) -> Self {
        // One page waits in the channel's place, the other in its task.
        let (sender, fetches) = mpsc::channel(AHEAD);
        Self {
            fetches,
            _requests: Task(tokio::spawn(request_pages(client.clone(), first, sender, buffers.clone()))),
        }
    }
}

async fn request_pages(client: Client, mut request: Request, fetches: mpsc::Sender<Fetch>, buffers: Buffers) {
    while let Ok(place) = fetches.reserve().await {
        let (watch, link) = LinkWatch::new(buffers.clone());
        request.watch = Some(watch.clone());
        let fetch = tokio::spawn(fetch(client.clone(), request.clone(), watch, buffers.clone()));
        place.send(Fetch { link: link_of(&request).map(str::to_owned), page: Task(fetch) });
        // Without an announcement the page failed, and the caller learns why.
        let Ok(Some(link)) = link.await else { return };
        request = request.link(link);
    }
}

async fn fetch(client: Client, request: Request, watch: LinkWatch, buffers: Buffers) -> Result<Page, Error> {
    let response = client.reader().send(&request).await?;
    let links = Links::of(response.body());
    watch.tell(links.next.clone());
    Ok(Page { response, links, buffers })
}

impl Record {
    /// The object, which can borrow from the record.
    ///
    /// # Errors
    ///
    /// An answer that Graph does not document.
    pub fn object<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        self.0.borrowed()
    }
}

impl Page {
    /// The objects of the page.
    ///
    /// # Errors
    ///
    /// An answer that Graph does not document; the error names the place and never its content.
    pub fn objects<'a, T: Deserialize<'a>>(&'a self) -> Result<Vec<T>, Error> {
        self.response.borrowed::<Objects<T>>().map(|objects| objects.value)
    }

    /// The page as it came; `None` if it is no text. [`objects`](Self::objects) says what is wrong with it.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.response.body()).ok()
    }

    /// The error of a page that lacks something at this place.
    pub(crate) fn unreadable(&self, at: &str) -> Error {
        self.response.unreadable(at)
    }
}
