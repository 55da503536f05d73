//! Pages that wait when Graph asks to wait.

use std::time::Duration;

use msgraph::{Page, PagesAhead};

/// Longer than any wait that Microsoft's published limits cause. Graph that asks for more has a problem that a person
/// should see.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The next page of a listing; `None` after the last. A page that is refused because of a limit is asked for again when
/// the limit has room.
pub(crate) async fn next_page(pages: &mut PagesAhead) -> Result<Option<Page>, msgraph::Error> {
    let mut waited = Duration::ZERO;
    loop {
        let error = match pages.next().await {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        let wait = error.retry_after().filter(|_| error.is_throttled());
        let Some(wait) = wait.filter(|wait| waited + *wait <= LONGEST_WAIT) else { return Err(error) };
        // A limit that asks for no wait at all must not be asked in a busy loop.
        let wait = wait.max(Duration::from_secs(1));
        waited += wait;
        tokio::time::sleep(wait).await;
    }
}
