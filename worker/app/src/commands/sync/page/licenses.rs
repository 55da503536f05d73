//! The page about licences: how far they are used, when they change, which are unused, and which are held twice.

use directory_sync::{LicenseClass, LicenseTotals, LicensesSummary, Money, Sku, Subject, Subscription};
use jiff::civil::Date;
use sync_report::{Bar, Bars, Basis, Chart, Column, Figure, Page, Part, Shade, Table, Tile};

use super::super::report::{a_month, grouped};
use super::parts::{LONGEST_CHART, more, now, of, percent, sentence};

/// How far ahead the chart of renewals looks.
const YEAR: i64 = 365;
/// Renewals that are this near stand out.
const SOON: i64 = 30;

/// The page of a pass over licences.
pub fn page(tenant: &str, summary: &LicensesSummary) -> Page {
    let mut paid = of_class(summary, |class| class == LicenseClass::Paid);
    paid.sort_by_key(|sku| std::cmp::Reverse((sku.units().assignable(), sku.id())));
    let apart = of_class(summary, |class| class != LicenseClass::Paid);
    let mut page = of("Licences", tenant, &summary.notes);
    page.tiles = tiles(&paid, &summary.totals);
    page.figures = vec![
        utilisation(&paid, &summary.totals),
        renewal(summary),
        unused(&paid, &summary.totals),
        wasted(&paid, &summary.totals),
    ];
    if !apart.is_empty() {
        page.figures.push(not_counted(&apart));
    }
    page
}

fn of_class(summary: &LicensesSummary, is_one: impl Fn(LicenseClass) -> bool) -> Vec<&Sku> {
    summary.skus.iter().filter(|sku| is_one(sku.class())).collect()
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), grouped)
}

fn name(sku: &Sku) -> String {
    let unnamed = if sku.is_named() { "" } else { " (part number; Microsoft's list has no name)" };
    format!("{}{unnamed}", sku.readable_name())
}

fn tile(label: &str, value: String, about: String) -> Tile {
    Tile { label: label.to_owned(), value, about }
}

fn tiles(paid: &[&Sku], totals: &LicenseTotals) -> Vec<Tile> {
    let free = paid.iter().filter(|sku| sku.units().unassigned().is_some_and(|free| free > 0));
    let wasted = paid.iter().filter(|sku| sku.found().wasted > 0);
    let cost = |sum: &Money, costs: &mut dyn Iterator<Item = Money>| a_month(sum, costs).unwrap_or_default();
    let mut tiles = vec![
        tile(
            "People with a licence",
            grouped(totals.licensed),
            format!("of {} people and accounts", grouped(totals.people)),
        ),
        tile(
            "Seats in use",
            grouped(totals.assigned),
            format!("of {} in {} paid licences", grouped(totals.assignable), grouped(totals.skus)),
        ),
        tile(
            "Unused seats",
            grouped(totals.unassigned),
            cost(&totals.unused_cost, &mut free.map(|sku| sku.unused_money())),
        ),
        tile(
            "Wasted seats",
            grouped(totals.blocked.saturating_add(totals.included_in_another)),
            cost(&totals.wasted_cost, &mut wasted.map(|sku| sku.wasted_money())),
        ),
    ];
    if totals.over_assigned > 0 {
        let about = "beyond the seats there are".to_owned();
        tiles.push(tile("Seats too many", grouped(totals.over_assigned), about));
    }
    tiles
}

/// The price's column, if any licence has a price.
fn with_price(columns: &mut Vec<Column>, rows: &mut [Vec<String>], prices: impl Iterator<Item = Money>) {
    let prices: Vec<Money> = prices.collect();
    if prices.iter().any(|price| !price.is_empty()) {
        columns.push(Column::number("A month"));
        for (row, price) in rows.iter_mut().zip(prices) {
            row.push(if price.is_empty() { "no price".to_owned() } else { price.to_string() });
        }
    }
}

/// The seats of a licence as a bar.
fn seats(sku: &Sku) -> Bar {
    let units = sku.units();
    let (assigned, seats) = (units.assigned.unwrap_or_default(), units.assignable().unwrap_or_default());
    let over = units.over_assigned().unwrap_or_default();
    let whole = seats.max(assigned);
    let part = |shade, seats: i64| Part { shade, percent: percent(seats, whole) };
    let free = units.unassigned().unwrap_or_default();
    let used = part(Shade::First, assigned.saturating_sub(over));
    let value = match units.assigned.zip(units.assignable()) {
        Some((assigned, seats)) => format!("{} of {}", grouped(assigned), grouped(seats)),
        None => "unknown".to_owned(),
    };
    Bar { label: name(sku), parts: vec![used, part(Shade::Second, free), part(Shade::Alarm, over)], value }
}

fn utilisation(paid: &[&Sku], totals: &LicenseTotals) -> Figure {
    let bars = paid.iter().take(LONGEST_CHART).map(|sku| seats(sku));
    let legend =
        [(Shade::First, "In use"), (Shade::Second, "Free"), (Shade::Alarm, "Beyond the seats there are")];
    let rows = paid.iter().map(|sku| {
        let units = sku.units();
        let used = units.assigned.zip(units.assignable()).filter(|(_, seats)| *seats > 0);
        let used = used.map(|(assigned, seats)| format!("{} %", assigned.saturating_mul(100) / seats));
        vec![
            name(sku),
            number(units.assignable()),
            number(units.assigned),
            number(units.unassigned()),
            number(units.over_assigned()),
            used.unwrap_or_else(|| "unknown".to_owned()),
        ]
    });
    let columns = ["Seats", "In use", "Free", "Too many", "Used"].map(Column::number);
    let mut unseen: Vec<String> = paid
        .iter()
        .filter_map(|sku| {
            let why = sku.cross_check()?;
            let (assigned, people) = (number(sku.units().assigned), grouped(sku.found().people));
            Some(format!(
                "{}: Microsoft counts {assigned} seats in use, and {people} people have it ({why}).",
                sku.readable_name()
            ))
        })
        .collect();
    if totals.skus_without_numbers > 0 {
        let skus = grouped(totals.skus_without_numbers);
        unseen.push(format!("The numbers of {skus} licences make no sense, and are in no sum."));
    }
    Figure {
        id: "utilisation",
        title: "How far licences are used".to_owned(),
        about: "Seats of every paid licence: in use, free, and in use beyond the seats there are.".to_owned(),
        chart: chart(bars.collect(), &legend, paid.len()),
        table: Table {
            caption: "Seats of paid licences".to_owned(),
            columns: std::iter::once(Column::text("Licence")).chain(columns).collect(),
            rows: rows.collect(),
        },
        basis: Basis {
            counted: format!(
                "Seats as Microsoft counts them, expired ones in their grace period among them; who has them was \
                 counted over {} people.",
                grouped(totals.people)
            ),
            refreshed: now(),
            unseen,
        },
    }
}

fn chart(bars: Vec<Bar>, legend: &[(Shade, &str)], rows: usize) -> Option<Chart> {
    let legend = legend.iter().map(|(shade, meaning)| (*shade, (*meaning).to_owned())).collect();
    (!bars.is_empty()).then(|| Chart::Bars(Bars { bars, legend, more: more(rows) }))
}

/// The days until a purchase changes.
fn days_left(subscription: &Subscription) -> Option<i64> {
    let day: Date = subscription.next_change()?.parse().ok()?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    Some(today.until(day).ok()?.get_days().into())
}

fn renewal(summary: &LicensesSummary) -> Figure {
    let mut purchases: Vec<&Subscription> = summary.subscriptions.iter().collect();
    purchases.sort_by_key(|purchase| (purchase.next_change().is_none(), purchase.next_change()));
    let bars = purchases.iter().take(LONGEST_CHART).map(|purchase| {
        let days = days_left(purchase);
        let shade = if days.is_some_and(|days| days <= SOON) { Shade::Alarm } else { Shade::First };
        let percent = days.map_or(0.0, |days| percent(days.clamp(2, YEAR), YEAR));
        let value = purchase.next_change().unwrap_or("unknown").to_owned();
        let label = purchase.readable_name().to_owned();
        Bar { label, parts: vec![Part { shade, percent }], value }
    });
    let rows = purchases.iter().map(|purchase| {
        vec![
            purchase.readable_name().to_owned(),
            purchase.status().to_owned(),
            number(purchase.seats()),
            purchase.next_change().unwrap_or("unknown").to_owned(),
            days_left(purchase).map_or_else(|| "unknown".to_owned(), |days| days.to_string()),
        ]
    });
    let columns = vec![
        Column::text("Licence"),
        Column::text("Status"),
        Column::number("Seats"),
        Column::date("Changes on"),
        Column::number("Days left"),
    ];
    let legend = [(Shade::Alarm, "Within 30 days"), (Shade::First, "Later; the whole width is a year")];
    let notes = summary.notes.iter().filter(|note| note.about == Subject::Renewals);
    let mut unseen: Vec<String> = notes.map(sentence).collect();
    let undated = purchases.iter().filter(|purchase| purchase.next_change().is_none()).count();
    if undated > 0 {
        unseen.push(format!("Microsoft gives no date for {} purchases.", grouped(undated)));
    }
    Figure {
        id: "renewal",
        title: "When purchases are renewed".to_owned(),
        about: "Without a renewal the status of a purchase becomes the next one on the day: from Enabled to Warning, \
                from Warning to Suspended. That is no date of cancellation."
            .to_owned(),
        chart: chart(bars.collect(), &legend, purchases.len()),
        table: Table { caption: "Purchases".to_owned(), columns, rows: rows.collect() },
        basis: Basis {
            counted: format!("{} purchases, as Microsoft lists them.", grouped(purchases.len())),
            refreshed: now(),
            unseen,
        },
    }
}

fn unused(paid: &[&Sku], totals: &LicenseTotals) -> Figure {
    let free = |sku: &Sku| sku.units().unassigned().unwrap_or_default();
    let mut skus: Vec<&Sku> = paid.iter().copied().filter(|sku| free(sku) > 0).collect();
    skus.sort_by_key(|sku| std::cmp::Reverse((free(sku), sku.id())));
    let most = skus.first().map_or(0, |sku| free(sku));
    let bars = skus.iter().take(LONGEST_CHART).map(|sku| {
        let part = Part { shade: Shade::First, percent: percent(free(sku), most) };
        Bar { label: name(sku), parts: vec![part], value: grouped(free(sku)) }
    });
    let mut rows: Vec<_> = skus.iter().map(|sku| vec![name(sku), grouped(free(sku))]).collect();
    let mut columns = vec![Column::text("Licence"), Column::number("Unused seats")];
    with_price(&mut columns, &mut rows, skus.iter().map(|sku| sku.unused_money()));
    Figure {
        id: "unused",
        title: "Seats that nobody has".to_owned(),
        about: format!("{} seats of paid licences are assigned to nobody.", grouped(totals.unassigned)),
        chart: chart(bars.collect(), &[], skus.len()),
        table: Table { caption: "Unused seats of paid licences".to_owned(), columns, rows },
        basis: Basis {
            counted: "Assignable seats less the seats in use, as Microsoft counts both.".to_owned(),
            refreshed: now(),
            unseen: Vec::new(),
        },
    }
}

fn wasted(paid: &[&Sku], totals: &LicenseTotals) -> Figure {
    let skus: Vec<&Sku> =
        paid.iter().copied().filter(|sku| sku.found().wasted + sku.found().group_errors > 0).collect();
    let sum = |sku: &Sku| {
        let found = sku.found();
        found.blocked.saturating_add(found.included_in_another).saturating_add(found.group_errors)
    };
    let most = skus.iter().map(|sku| sum(sku)).max().unwrap_or_default();
    let bars = skus.iter().take(LONGEST_CHART).map(|sku| {
        let found = sku.found();
        let part = |shade, seats: i64| Part { shade, percent: percent(seats, most) };
        let parts = vec![
            part(Shade::First, found.blocked),
            part(Shade::Second, found.included_in_another),
            part(Shade::Alarm, found.group_errors),
        ];
        Bar { label: name(sku), parts, value: grouped(sum(sku)) }
    });
    let mut rows: Vec<_> = skus
        .iter()
        .map(|sku| {
            let found = sku.found();
            let numbers = [found.blocked, found.included_in_another, found.group_errors].map(grouped);
            std::iter::once(name(sku)).chain(numbers).collect::<Vec<_>>()
        })
        .collect();
    let numbers = ["Blocked account", "In another licence", "Group fails"].map(Column::number);
    let mut columns: Vec<_> = std::iter::once(Column::text("Licence")).chain(numbers).collect();
    with_price(&mut columns, &mut rows, skus.iter().map(|sku| sku.wasted_money()));
    let legend = [
        (Shade::First, "Account is blocked"),
        (Shade::Second, "Another licence of the person includes it"),
        (Shade::Alarm, "A group fails to give it"),
    ];
    Figure {
        id: "wasted",
        title: "Seats that are held twice, or by blocked accounts".to_owned(),
        about: "A blocked account may keep its licence for a reason, such as a mailbox above 50 GB: look before you \
                remove it."
            .to_owned(),
        chart: chart(bars.collect(), &legend, skus.len()),
        table: Table { caption: "Wasted seats, and groups that fail".to_owned(), columns, rows },
        basis: Basis {
            counted: format!(
                "Counted person by person, over {} people; a licence is in another one if that has every service plan \
                 of it that is on.",
                grouped(totals.people)
            ),
            refreshed: now(),
            unseen: vec!["Whether people use what they have is not counted here.".to_owned()],
        },
    }
}

fn not_counted(apart: &[&Sku]) -> Figure {
    let rows = apart.iter().map(|sku| {
        let why = match sku.class() {
            LicenseClass::Free => "free, or without a limit",
            LicenseClass::Company => "for the tenant as a whole",
            LicenseClass::NeverAssignable => "for servers or storage",
            LicenseClass::Paid => "paid",
        };
        vec![name(sku), why.to_owned(), number(sku.units().assigned)]
    });
    Figure {
        id: "not-counted",
        title: "Not in these numbers".to_owned(),
        about: "Their seats would hide every sum above.".to_owned(),
        chart: None,
        table: Table {
            caption: "Licences that are left out".to_owned(),
            columns: vec![Column::text("Licence"), Column::text("Why"), Column::number("In use")],
            rows: rows.collect(),
        },
        basis: Basis {
            counted: "Seats in use, as Microsoft counts them.".to_owned(),
            refreshed: now(),
            unseen: Vec::new(),
        },
    }
}
