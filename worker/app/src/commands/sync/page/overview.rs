//! The page about everything: licences first, then who uses what, then who there is.

use sync_report::Page;

/// One page of three. What is said on several of them is said once.
///
/// The tiles of the people are left out: they say again what those of the licences say.
pub fn page(licenses: Page, usage: Page, people: Page) -> Page {
    let mut page = Page { title: "Microsoft 365".to_owned(), ..licenses };
    // The page of licences alone says that this is not counted.
    if let (Some(wasted), Some(licensed)) = (
        page.figures.iter_mut().find(|figure| figure.id == "wasted"),
        usage.figures.iter().find(|figure| figure.id == "licensed"),
    ) {
        let title = &licensed.title;
        wasted.basis.unseen = vec![format!("Whether people use what they have is under “{title}”.")];
    }
    page.tiles.extend(usage.tiles);
    page.figures.extend(usage.figures.into_iter().chain(people.figures));
    for why in usage.unseen.into_iter().chain(people.unseen) {
        if !page.unseen.contains(&why) {
            page.unseen.push(why);
        }
    }
    page
}
