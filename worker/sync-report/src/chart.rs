//! Charts: bars beside labels, and a grid of small bars. Their texts are HTML, so that they stay readable at any width.

/// What a figure shows beside its numbers.
#[derive(Debug, Clone)]
pub enum Chart {
    /// A bar for each row.
    Bars(Bars),
    /// A bar for each row and column.
    Grid(Grid),
}

/// Bars below one another.
#[derive(Debug, Clone)]
pub struct Bars {
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
    /// What each shade means; empty where a chart has one only.
    pub legend: Vec<(Shade, String)>,
    /// What the chart leaves to the table, if it is too long.
    pub more: Option<String>,
}

/// A bar of parts side by side.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is about.
    pub label: String,
    /// Its parts, from left to right.
    pub parts: Vec<Part>,
    /// What stands beside it.
    pub value: String,
}

/// A part of a bar.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// How it looks.
    pub shade: Shade,
    /// How much of the whole width it has, from 0 to 100.
    pub percent: f64,
}

/// How a part of a bar looks. The shades differ in brightness as well, for those who see no colours, and for paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// What there is.
    First,
    /// What is left.
    Second,
    /// What needs somebody to look.
    Alarm,
}

/// A grid of small bars.
#[derive(Debug, Clone)]
pub struct Grid {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, from top to bottom.
    pub rows: Vec<GridRow>,
}

/// A row of a grid.
#[derive(Debug, Clone)]
pub struct GridRow {
    /// What it is about.
    pub label: String,
    /// For each column a text, and a bar from 0 to 100; no bar where nothing is known.
    pub cells: Vec<(String, Option<f64>)>,
}

impl Shade {
    /// The class in the style.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Alarm => "alarm",
        }
    }
}

impl Bar {
    /// The parts with their places: shade, start and width, which never leave the bar.
    pub(crate) fn places(&self) -> Vec<(&'static str, String, String)> {
        let mut start = 0.0_f64;
        let mut places = Vec::new();
        for part in &self.parts {
            let width = part.percent.clamp(0.0, 100.0 - start);
            if width > 0.0 {
                places.push((part.shade.class(), number(start), number(width)));
                start += width;
            }
        }
        places
    }
}

impl GridRow {
    /// The cells with the widths of their bars.
    pub(crate) fn places(&self) -> Vec<(&str, Option<String>)> {
        let width = |percent: &f64| number(percent.clamp(0.0, 100.0));
        self.cells.iter().map(|(text, percent)| (text.as_str(), percent.as_ref().map(width))).collect()
    }
}

/// A number of the page's measures: two decimals are less than a pixel.
fn number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_inside_their_bar() {
        let part = |percent| Part { shade: Shade::First, percent };
        let of = |percents: &[f64]| {
            let parts = percents.iter().map(|percent| part(*percent)).collect();
            let bar = Bar { label: String::new(), parts, value: String::new() };
            bar.places().into_iter().map(|(_, start, width)| format!("{start}+{width}")).collect::<Vec<_>>()
        };
        assert_eq!(of(&[25.0, 50.0]), ["0+25", "25+50"]);
        assert_eq!(of(&[70.0, 50.0, 10.0]), ["0+70", "70+30"]);
        assert_eq!(of(&[-5.0, 33.333]), ["0+33.33"]);
        assert!(of(&[0.0]).is_empty());
    }
}
