//! The page about people: who there is, and how many in each department.

use std::collections::BTreeMap;

use directory_sync::{Cell, Note, Row, SignInsSummary, Subject, User, UserTotals};
use sync_report::{Bar, Bars, Basis, Chart, Column, Figure, Page, Part, Shade, Table, Tile};

use super::super::report::grouped;
use super::parts::{LONGEST_CHART, more, now, of, percent, sentence};

/// How many people each department has.
pub struct Departments {
    /// Where a row has the department.
    column: Option<usize>,
    people: BTreeMap<String, u64>,
    without: u64,
    /// The fewest people of a department that is shown.
    least: u64,
}

impl Departments {
    /// None yet; those of fewer people than this are not shown.
    pub fn of_at_least(least: u64) -> Self {
        let column = User::COLUMNS.iter().position(|column| column.name == "department");
        Self { column, people: BTreeMap::new(), without: 0, least }
    }

    /// None yet, under the same limit: to count the people of a page by themselves.
    pub fn none_yet(&self) -> Self {
        Self::of_at_least(self.least)
    }

    /// The departments of these people alone, under the same limit.
    pub fn of(&self, users: &[User<'_>]) -> Self {
        let mut counted = self.none_yet();
        users.iter().for_each(|user| counted.add(user));
        counted
    }

    /// Counts a person.
    pub fn add(&mut self, user: &User<'_>) {
        let (mut at, mut department) = (0, None);
        let (column, people) = (self.column, &mut self.people);
        Row::cells(user, &mut |cell| {
            if let (true, Cell::Text(name)) = (Some(at) == column, cell) {
                let name = name.trim();
                department = (!name.is_empty()).then(|| match people.get_mut(name) {
                    Some(people) => *people += 1,
                    None => drop(people.insert(name.to_owned(), 1)),
                });
            }
            at += 1;
        });
        self.without += u64::from(department.is_none());
    }

    /// Adds the people of another page.
    pub fn add_all(&mut self, other: Self) {
        for (name, people) in other.people {
            *self.people.entry(name).or_default() += people;
        }
        self.without += other.without;
    }

    /// The departments that are large enough, the largest first; then how many smaller ones there are, and their people.
    /// A sum over one department, or over too few people, would show what it hides: the next larger one joins it.
    fn shown(&self) -> (Vec<(&str, u64)>, u64, u64) {
        let mut departments: Vec<_> =
            self.people.iter().map(|(name, people)| (name.as_str(), *people)).collect();
        departments.sort_by_key(|(name, people)| (*people, *name));
        let (mut smaller, mut together) = (0, 0);
        let mut shown = Vec::new();
        for (name, people) in departments {
            let is_small = people < self.least;
            if is_small || (smaller > 0 && (together < self.least || smaller < 2)) {
                (smaller, together) = (smaller + 1, together + people);
            } else {
                shown.push((name, people));
            }
        }
        shown.sort_by_key(|(name, people)| (std::cmp::Reverse(*people), *name));
        (shown, smaller, together)
    }
}

/// The page of a pass over everyone.
pub fn page(
    tenant: &str,
    totals: &UserTotals,
    sign_ins: Option<&SignInsSummary>,
    departments: &Departments,
    notes: &[Note],
) -> Page {
    let mut page = of("People", tenant, notes);
    let tile = |label: &str, value: u64, about: String| Tile {
        label: label.to_owned(),
        value: grouped(value),
        about,
    };
    page.tiles = vec![
        tile("People and accounts", totals.people, String::new()),
        tile("Members", totals.members, format!("and {} guests", grouped(totals.guests))),
        tile("With a licence", totals.licensed, String::new()),
        tile(
            "Blocked",
            totals.disabled,
            format!("{} of them with a licence", grouped(totals.licensed_and_disabled)),
        ),
    ];
    page.figures = vec![accounts(totals, sign_ins, notes), in_departments(totals, departments)];
    page
}

fn accounts(totals: &UserTotals, sign_ins: Option<&SignInsSummary>, notes: &[Note]) -> Figure {
    let mut lines = vec![
        ("Can sign in", totals.enabled),
        ("Blocked", totals.disabled),
        ("Members", totals.members),
        ("Guests", totals.guests),
        ("Of no type", totals.of_no_type),
        ("With a licence", totals.licensed),
        ("With a licence, and blocked", totals.licensed_and_disabled),
        ("Mastered on premises", totals.synced),
        ("With a manager", totals.managed),
    ];
    let seen = sign_ins.filter(|sign_ins| sign_ins.unavailable.is_none());
    lines.extend(seen.map(|sign_ins| ("Never signed in since 2023-12-01", sign_ins.never)));
    let bar = |(label, people): &(&str, u64)| {
        let part = Part { shade: Shade::First, percent: percent(*people, totals.people) };
        Bar { label: (*label).to_owned(), parts: vec![part], value: grouped(*people) }
    };
    let bars = Bars { bars: lines.iter().map(bar).collect(), legend: Vec::new(), more: None };
    let about = [Subject::Managers, Subject::SignIns];
    let unseen = notes.iter().filter(|note| about.contains(&note.about));
    let unavailable = sign_ins.and_then(|sign_ins| sign_ins.unavailable.as_ref());
    Figure {
        id: "accounts",
        title: "Who there is".to_owned(),
        about: format!("Of {} people and accounts; the whole width is everyone.", grouped(totals.people)),
        chart: Some(Chart::Bars(bars)),
        table: Table {
            caption: "People and accounts".to_owned(),
            columns: vec![Column::text("Who"), Column::number("People"), Column::number("Of all")],
            rows: lines.iter().map(|(label, people)| line(label, *people, totals.people)).collect(),
        },
        basis: Basis {
            counted: "Every account of the directory, one by one.".to_owned(),
            refreshed: now(),
            unseen: unseen.chain(unavailable).map(sentence).collect(),
        },
    }
}

fn line(label: &str, people: u64, all: u64) -> Vec<String> {
    vec![label.to_owned(), grouped(people), format!("{:.0} %", percent(people, all))]
}

fn in_departments(totals: &UserTotals, departments: &Departments) -> Figure {
    let (shown, small, people_of_small) = departments.shown();
    let most = shown.first().map_or(0, |(_, people)| *people);
    let bars = shown.iter().take(LONGEST_CHART).map(|(name, people)| {
        let part = Part { shade: Shade::First, percent: percent(*people, most) };
        Bar { label: (*name).to_owned(), parts: vec![part], value: grouped(*people) }
    });
    let bars: Vec<Bar> = bars.collect();
    let mut rows: Vec<_> = shown.iter().map(|(name, people)| line(name, *people, totals.people)).collect();
    // Below that even the sum would show somebody.
    if people_of_small >= departments.least {
        let label = format!("({} smaller departments)", grouped(small));
        rows.push(line(&label, people_of_small, totals.people));
    }
    if departments.without > 0 {
        rows.push(line("(no department)", departments.without, totals.people));
    }
    let mut unseen = Vec::new();
    if small > 0 {
        unseen.push(format!(
            "{} small departments are not shown by themselves, so that nobody can be recognised.",
            grouped(small)
        ));
    }
    if departments.without > 0 {
        unseen.push(format!("{} people have no department.", grouped(departments.without)));
    }
    let is_empty = bars.is_empty();
    let bars = Bars { bars, legend: Vec::new(), more: more(shown.len()) };
    Figure {
        id: "people-by-department",
        title: "People and their departments".to_owned(),
        about: format!("Departments of {} people or more, as the directory names them.", departments.least),
        chart: (!is_empty).then_some(Chart::Bars(bars)),
        table: Table {
            caption: "People by department".to_owned(),
            columns: vec![Column::text("Department"), Column::number("People"), Column::number("Of all")],
            rows,
        },
        basis: Basis {
            counted: "Every account with this department, guests and blocked ones among them.".to_owned(),
            refreshed: now(),
            unseen,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_department_is_never_shown_by_subtraction() {
        let shown = |departments: &[(&str, u64)]| {
            let people = departments.iter().map(|(name, people)| ((*name).to_owned(), *people)).collect();
            let departments = Departments { column: None, people, without: 0, least: 5 };
            let (shown, smaller, together) = departments.shown();
            (
                shown.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>().join(" "),
                smaller,
                together,
            )
        };
        assert_eq!(shown(&[("a", 9), ("b", 20)]), ("b a".to_owned(), 0, 0));
        assert_eq!(shown(&[("a", 2), ("b", 4), ("c", 9)]), ("c".to_owned(), 2, 6));
        assert_eq!(shown(&[("a", 3), ("b", 9), ("c", 10)]), ("c".to_owned(), 2, 12));
        assert_eq!(shown(&[("a", 1), ("b", 1), ("c", 10)]), (String::new(), 3, 12));
        assert_eq!(shown(&[("a", 3)]), (String::new(), 1, 3));
    }
}
