//! The page about usage: the apps, where they are used, on which days, by which departments, and who uses none.

use std::collections::BTreeMap;

use directory_sync::{App, Facet, Note, Subject, UsageApp, UsageDay, UsageGroup, UsageSummary, UsageTotals};
use jiff::civil::Date;
use sync_report::{Bar, Bars, Basis, Chart, Column, Figure, Grid, GridRow, Page, Part, Shade, Table, Tile};

use super::super::report::grouped;
use super::parts::{LONGEST_CHART, more, now, of, percent, sentence};

const SUITE: &str = "Suite, without Teams";
/// The platforms, as rows and as people name them.
const PLATFORMS: [(&str, &str); 5] =
    [("windows", "Windows"), ("mac", "Mac"), ("mobile", "Mobile"), ("web", "Web"), ("unknown", "Not told")];

/// The page of a pass over usage.
pub fn page(tenant: &str, days: &[UsageDay], summary: &UsageSummary) -> Page {
    let mut page = of("Use of apps", tenant, &summary.notes);
    if summary.is_by_person {
        page.tiles = tiles(summary);
        page.figures.extend([apps(summary), platforms(summary)]);
    }
    page.figures.push(by_day(days, summary));
    if !summary.groups.is_empty() && tells_people(&summary.totals) {
        page.figures.push(departments(summary));
    }
    if summary.joins_people {
        page.figures.push(licensed(summary));
    }
    page
}

fn people(summary: &UsageSummary, facet: Facet) -> Option<u64> {
    summary.figure(facet).and_then(UsageApp::people)
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), grouped)
}

/// Whether the reports tell who used what; without that, zero would be said of what nobody knows.
fn tells_people(totals: &UsageTotals) -> bool {
    totals.days_counted > 0 && !totals.concealed
}

/// Who is inactive on every day; nobody knows it of a day that is missing.
fn inactive(totals: &UsageTotals) -> Option<u64> {
    totals.is_complete().then_some(totals.inactive)
}

/// The days that were counted, in words.
fn window(totals: &UsageTotals) -> String {
    match (totals.from, totals.to) {
        (Some(from), Some(to)) => {
            format!("{} of {} days, from {from} to {to} (UTC)", totals.days_counted, totals.days_expected)
        }
        _ => "no day yet".to_owned(),
    }
}

fn basis(summary: &UsageSummary, counted: &str, subjects: &[Subject]) -> Basis {
    let totals = &summary.totals;
    let made =
        totals.refresh_date.map(|date| format!("Microsoft made the oldest of these figures on {date}; "));
    let is_about = |note: &&Note| {
        subjects.contains(&note.about)
            || [Subject::Days, Subject::Names, Subject::Teams].contains(&note.about)
    };
    Basis {
        counted: format!("{counted} {}.", window(totals)),
        refreshed: format!("{}read {}.", made.unwrap_or_default(), now()),
        unseen: summary.notes.iter().filter(is_about).map(sentence).collect(),
    }
}

fn tiles(summary: &UsageSummary) -> Vec<Tile> {
    let totals = &summary.totals;
    let tile = |label: &str, value: String, about: String| Tile { label: label.to_owned(), value, about };
    let mut tiles = vec![
        tile("People who used an app", number(people(summary, Facet::anything())), window(totals)),
        tile(
            "Suite",
            number(people(summary, Facet::suite())),
            "Outlook, Word, Excel, PowerPoint, OneNote".to_owned(),
        ),
        tile("Teams", number(people(summary, Facet::of(App::Teams))), "by itself".to_owned()),
    ];
    if summary.joins_people && tells_people(totals) {
        let unknown = format!(
            "of {} who are licensed; {} more are unknown",
            grouped(totals.licensed),
            grouped(totals.unknown)
        );
        tiles.push(tile("Inactive", number(inactive(totals)), unknown));
    }
    tiles
}

fn apps(summary: &UsageSummary) -> Figure {
    let mut apps: Vec<_> =
        App::ALL.into_iter().map(|app| (app.name(), people(summary, Facet::of(app)))).collect();
    apps.sort_by_key(|(_, people)| std::cmp::Reverse(*people));
    let all = people(summary, Facet::anything()).unwrap_or_default();
    let sums =
        [(SUITE, people(summary, Facet::suite())), ("Any of them", people(summary, Facet::anything()))];
    let bars = apps.iter().map(|(name, people)| {
        let part = Part { shade: Shade::First, percent: percent(people.unwrap_or_default(), all) };
        Bar { label: (*name).to_owned(), parts: vec![part], value: number(*people) }
    });
    let rows = apps.iter().chain(&sums).map(|(name, people)| {
        let share =
            people.map_or_else(|| "unknown".to_owned(), |people| format!("{:.0} %", percent(people, all)));
        vec![(*name).to_owned(), number(*people), share]
    });
    Figure {
        id: "apps",
        title: "Most used apps".to_owned(),
        about: "People who used the app on any of the days, each once; the whole width is everybody who used any.".to_owned(),
        chart: Some(Chart::Bars(Bars { bars: bars.collect(), legend: Vec::new(), more: None })),
        table: Table {
            caption: "People by app".to_owned(),
            columns: vec![Column::text("App"), Column::number("People"), Column::number("Of all who used any")],
            rows: rows.collect(),
        },
        basis: basis(summary, "Intentional use, not starts in the background, on", &[Subject::Nameless]),
    }
}

fn platforms(summary: &UsageSummary) -> Figure {
    let facets = App::ALL.into_iter().map(|app| (app.name(), Facet::of(app)));
    let facets: Vec<_> = facets.chain([(SUITE, Facet::suite())]).collect();
    let at = |facet: Facet| PLATFORMS.map(|(place, _)| people(summary, facet.at(place)));
    let most = facets.iter().flat_map(|(_, facet)| at(*facet)).flatten().max().unwrap_or_default();
    let cells = |facet: Facet| {
        at(facet).map(|people| (number(people), people.map(|people| percent(people, most)))).to_vec()
    };
    let chart_rows =
        facets.iter().map(|(name, facet)| GridRow { label: (*name).to_owned(), cells: cells(*facet) });
    let rows = facets
        .iter()
        .map(|(name, facet)| std::iter::once((*name).to_owned()).chain(at(*facet).map(number)).collect());
    let names = PLATFORMS.map(|(_, name)| name);
    Figure {
        id: "platforms",
        title: "Apps by platform".to_owned(),
        about: "Somebody who used an app on two platforms counts in both.".to_owned(),
        chart: Some(Chart::Grid(Grid {
            columns: names.map(str::to_owned).to_vec(),
            rows: chart_rows.collect(),
        })),
        table: Table {
            caption: "People by app and platform".to_owned(),
            columns: std::iter::once(Column::text("App")).chain(names.map(Column::number)).collect(),
            rows: rows.collect(),
        },
        basis: basis(
            summary,
            "From the columns of each app and platform; “not told” is use of an app without a platform, on",
            &[Subject::Nameless],
        ),
    }
}

fn by_day(days: &[UsageDay], summary: &UsageSummary) -> Figure {
    let missing = summary.totals.missing_inside();
    let mut of_day: BTreeMap<Date, Option<&UsageDay>> = missing.map(|day| (day, None)).collect();
    of_day.extend(days.iter().map(|day| (day.date(), Some(day))));
    let people = |day: Option<&UsageDay>, facet: Facet| day.and_then(|day| day.people(facet));
    let count = |day: Option<&UsageDay>, facet: Facet| match people(day, facet) {
        Some(people) => grouped(people),
        None => "no report".to_owned(),
    };
    let most = of_day.values().filter_map(|day| people(*day, Facet::anything())).max().unwrap_or_default();
    let bars = of_day.iter().map(|(date, day)| {
        let people = people(*day, Facet::anything()).unwrap_or_default();
        let part = Part { shade: Shade::First, percent: percent(people, most) };
        let label = date.strftime("%a %Y-%m-%d").to_string();
        Bar { label, parts: vec![part], value: count(*day, Facet::anything()) }
    });
    let rows = of_day.iter().map(|(date, day)| {
        let facets = [Facet::anything(), Facet::suite(), Facet::of(App::Teams)];
        std::iter::once(date.to_string()).chain(facets.map(|facet| count(*day, facet))).collect()
    });
    let columns =
        [Column::text("Day"), Column::number("Any app"), Column::number("Suite"), Column::number("Teams")];
    Figure {
        id: "days",
        title: "Day by day".to_owned(),
        about: "People who used any app on the day. A day without a report is no day without use.".to_owned(),
        chart: Some(Chart::Bars(Bars { bars: bars.collect(), legend: Vec::new(), more: None })),
        table: Table { caption: "People by day".to_owned(), columns: columns.into(), rows: rows.collect() },
        basis: basis(summary, "Each person once a day, on", &[Subject::Nameless]),
    }
}

fn departments(summary: &UsageSummary) -> Figure {
    let name = |group: &UsageGroup| match group.department() {
        Some(name) => name.to_owned(),
        None if group.smaller() > 0 => format!("({} smaller departments)", grouped(group.smaller())),
        None => "(no department)".to_owned(),
    };
    let groups = &summary.groups;
    let bars = groups.iter().take(LONGEST_CHART).map(|group| {
        let active = group.active(Facet::anything());
        let part = |shade, people: u64| Part { shade, percent: percent(people, group.people()) };
        let rest = group.people().saturating_sub(active);
        let value = format!("{} of {}", grouped(active), grouped(group.people()));
        Bar { label: name(group), parts: vec![part(Shade::First, active), part(Shade::Second, rest)], value }
    });
    let legend = [(Shade::First, "Used an app"), (Shade::Second, "Used none that the reports show")];
    let legend = legend.map(|(shade, meaning)| (shade, meaning.to_owned())).to_vec();
    let rows = groups.iter().map(|group| {
        let facets = [Facet::anything(), Facet::suite(), Facet::of(App::Teams)];
        let active = facets.map(|facet| grouped(group.active(facet)));
        [name(group), grouped(group.people())].into_iter().chain(active).collect()
    });
    let numbers = ["People", "Used an app", "Suite", "Teams"].map(Column::number);
    Figure {
        id: "departments",
        title: "Departments".to_owned(),
        about:
            "Departments in the order of their names. Small ones are shown together, so that nobody can be \
                recognised."
                .to_owned(),
        chart: Some(Chart::Bars(Bars { bars: bars.collect(), legend, more: more(groups.len()) })),
        table: Table {
            caption: "Use by department".to_owned(),
            columns: std::iter::once(Column::text("Department")).chain(numbers).collect(),
            rows: rows.collect(),
        },
        basis: basis(
            summary,
            "People who have a licence for an app, or used one, on",
            &[Subject::Groups, Subject::People],
        ),
    }
}

fn licensed(summary: &UsageSummary) -> Figure {
    let totals = &summary.totals;
    let active = totals.licensed.saturating_sub(totals.inactive).saturating_sub(totals.unknown);
    let mut lines = vec![("Licensed for an app", totals.licensed)];
    if tells_people(totals) {
        lines.push(("Used one", active));
        lines.extend(inactive(totals).map(|people| ("Inactive on every day", people)));
    }
    lines.push(("Unknown", totals.unknown));
    let bars = lines.iter().map(|(label, people)| {
        let part = Part { shade: Shade::First, percent: percent(*people, totals.licensed) };
        Bar { label: (*label).to_owned(), parts: vec![part], value: grouped(*people) }
    });
    let line = |label: &str, number: u64| vec![label.to_owned(), grouped(number)];
    let mut rows: Vec<_> = lines.iter().map(|(label, number)| line(label, *number)).collect();
    if tells_people(totals) {
        if totals.is_complete() {
            rows.push(line("Licences none of whose apps was used", totals.unused_licenses));
        }
        if !totals.unused_cost.is_empty() {
            let what = "What these licences cost a month, if they have a price";
            rows.push(vec![what.to_owned(), totals.unused_cost.to_string()]);
        }
        rows.push(line("In the reports, and deleted since", totals.deleted));
        rows.push(line("In the reports, and not found in the directory", totals.not_found));
    }
    let mut basis = basis(
        summary,
        &format!("{} people of the directory, beside the reports of", grouped(totals.directory)),
        &[Subject::People, Subject::Inactive, Subject::Nameless],
    );
    let reasons = totals.unknown_because.iter();
    let reasons: Vec<_> =
        reasons.map(|(why, people)| format!("{} ({})", why.replace('_', " "), grouped(*people))).collect();
    if !reasons.is_empty() {
        basis
            .unseen
            .push(format!("Why nobody knows of some whether they are inactive: {}.", reasons.join(", ")));
    }
    Figure {
        id: "licensed",
        title: "Licensed, and inactive".to_owned(),
        about: "Inactive is who had a licence for an app and used none on any of the days, if every day was read. Who \
                used none for another reason is unknown, and not inactive."
            .to_owned(),
        chart: Some(Chart::Bars(Bars { bars: bars.collect(), legend: Vec::new(), more: None })),
        table: Table {
            caption: "People with a licence for an app".to_owned(),
            columns: vec![Column::text("Who"), Column::number("Number")],
            rows,
        },
        basis,
    }
}
