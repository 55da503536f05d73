//! Tables: what a chart shows, in numbers.

/// A table. The first column names its rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it is, for those who hear the page.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a text for every column.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    pub(crate) name: String,
    class: &'static str,
}

impl Column {
    /// A column of texts.
    pub fn text(name: &str) -> Self {
        Self { name: name.to_owned(), class: "text" }
    }

    /// A column of dates, which are never broken.
    pub fn date(name: &str) -> Self {
        Self { name: name.to_owned(), class: "date" }
    }

    /// A column of numbers, which stand below one another.
    pub fn number(name: &str) -> Self {
        Self { name: name.to_owned(), class: "number" }
    }
}

impl Table {
    /// The rows: what names them, and the other texts with the class of their column.
    pub(crate) fn lines(&self) -> Vec<(&str, Vec<(&str, &'static str)>)> {
        let classes: Vec<_> = self.columns.iter().map(Column::class).collect();
        let rows = self.rows.iter().filter_map(|row| {
            let (first, rest) = row.split_first()?;
            let rest = rest.iter().map(String::as_str).zip(classes.iter().copied().skip(1));
            Some((first.as_str(), rest.collect()))
        });
        rows.collect()
    }
}

impl Column {
    pub(crate) fn class(&self) -> &'static str {
        self.class
    }
}
