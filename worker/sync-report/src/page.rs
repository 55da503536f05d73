//! The page: some numbers first, then figures, each with a chart, a table and its basis.

use std::fmt;

use askama::Template;

use crate::chart::Chart;
use crate::table::Table;

/// The hash of `templates/style.css`, which the page's policy allows and nothing else. A test compares them.
const STYLE_HASH: &str = "sha256-4fZivmaWvIhI9bTsOjS9pXkhgqpaB+ntc1M3x4+YxBs=";

/// A page about a tenant.
#[derive(Debug, Clone, Template)]
#[template(path = "page.html")]
pub struct Page {
    /// What it is about, such as `Licences`.
    pub title: String,
    /// The tenant's name.
    pub tenant: String,
    /// When the tenant was read, as people write it.
    pub read_at: String,
    /// Which program made it.
    pub made_by: String,
    /// The numbers to see first.
    pub tiles: Vec<Tile>,
    /// The figures, in the order of the page.
    pub figures: Vec<Figure>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

/// One number to see first.
#[derive(Debug, Clone)]
pub struct Tile {
    /// What it counts.
    pub label: String,
    /// The number.
    pub value: String,
    /// A few words more.
    pub about: String,
}

/// A figure: a chart and the table of its numbers.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name in addresses of this page, such as `renewal`.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// Nothing where a chart would show less than the table.
    pub chart: Option<Chart>,
    /// Its numbers.
    pub table: Table,
    /// What it stands on.
    pub basis: Basis,
}

/// What a figure stands on.
#[derive(Debug, Clone)]
pub struct Basis {
    /// What was counted, and by whom.
    pub counted: String,
    /// When it was refreshed.
    pub refreshed: String,
    /// What could not be seen; empty if nothing is missing.
    pub unseen: Vec<String>,
}

impl Page {
    /// The page as HTML.
    ///
    /// # Errors
    ///
    /// The template cannot be filled: there is no memory left.
    pub fn html(&self) -> Result<String, fmt::Error> {
        self.render().map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::chart::{Bar, Bars, Grid, GridRow, Part, Shade};
    use crate::table::Column;

    /// A page whose every value tries to be more than text.
    fn hostile() -> Page {
        let bad = || "\"><script>alert('x')</script><b class='y'>& co".to_owned();
        let table = Table {
            caption: bad(),
            columns: vec![Column::text(&bad()), Column::number(&bad())],
            rows: vec![vec![bad(), bad()]],
        };
        let basis = Basis { counted: bad(), refreshed: bad(), unseen: vec![bad()] };
        let part = Part { shade: Shade::First, percent: 50.0 };
        let bar = Bar { label: bad(), parts: vec![part], value: bad() };
        let bars = Bars { bars: vec![bar], legend: vec![(Shade::First, bad())], more: Some(bad()) };
        let row = GridRow { label: bad(), cells: vec![(bad(), Some(12.5))] };
        let grid = Grid { columns: vec![bad()], rows: vec![row] };
        let figure = |id, chart| Figure {
            id,
            title: bad(),
            about: bad(),
            chart: Some(chart),
            table: table.clone(),
            basis: basis.clone(),
        };
        Page {
            title: bad(),
            tenant: bad(),
            read_at: bad(),
            made_by: bad(),
            tiles: vec![Tile { label: bad(), value: bad(), about: bad() }],
            figures: vec![figure("bars", Chart::Bars(bars)), figure("grid", Chart::Grid(grid))],
            unseen: vec![bad()],
        }
    }

    #[test]
    fn no_value_is_read_as_html() {
        let html = hostile().html().unwrap();
        for tag in ["<script", "<b ", "<b>", "class='y'", "alert('x')<"] {
            assert!(!html.contains(tag), "{tag}");
        }
        // Every place of the page is there, escaped.
        assert!(html.matches("&#60;script&#62;").count() >= 28, "{}", html.matches("&#60;script").count());
        let quotes_end_no_attribute = html.matches("=\"\"><").count();
        assert_eq!(quotes_end_no_attribute, 0);
    }

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        let html = hostile().html().unwrap();
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(style)));
        assert_eq!(STYLE_HASH, hash, "the style has changed: put its new hash into STYLE_HASH");
        let policy = format!("default-src 'none'; style-src '{hash}'; base-uri 'none'; form-action 'none'");
        assert!(html.contains(&policy));
        let forbidden =
            ["<script", " style=", " on", "javascript:", "src=", "href=\"http", "url(", "@import"];
        let markup = html.replace(style, "");
        let tags: String = markup.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
        for word in forbidden {
            assert!(!tags.contains(word), "{word}: {tags}");
        }
        assert!(!style.contains("url(") && !style.contains("@import"));
    }

    #[test]
    fn a_figure_without_gaps_says_so_and_one_without_rows_too() {
        let mut page = hostile();
        page.unseen.clear();
        page.figures.truncate(1);
        if let Some(figure) = page.figures.first_mut() {
            figure.basis.unseen.clear();
            figure.table.rows.clear();
            figure.chart = None;
        }
        let html = page.html().unwrap();
        assert!(html.contains("Nothing is missing.") && html.contains("There is nothing to show."));
        assert!(!html.contains("<svg") && !html.contains("id=\"unseen\""));
    }
}
