//! Figures of a sync as one page to read, print and pass on.
//!
//! What a page never has:
//!
//! - a script, a font, an image or a style from elsewhere: it is one file, and its policy forbids the rest;
//! - a chart without a table: what a chart shows, the table below it says in numbers;
//! - a figure without its basis: what was counted, when it was refreshed, and what could not be seen;
//! - a value that is read as HTML: the template escapes every one.
//!
//! This crate knows pages and no tenant: the caller fills a [`Page`] and writes what [`Page::html`] returns. Start
//! reading in `page.rs`; `templates/page.html` has the page, `templates/style.css` its looks.

mod chart;
mod page;
mod table;

pub use chart::{Bar, Bars, Chart, Grid, GridRow, Part, Shade};
pub use page::{Basis, Figure, Page, Tile};
pub use table::{Column, Table};
