//! A pass over licences: what was bought, when it ends, who has it, and what it wastes.
//!
//! The licences and their purchases are read first, and the people after them. A licence's own row comes last, because
//! it says how many people have it.

use std::collections::BTreeSet;

use msgraph::{Page, PagesAhead, Reader, UserFields};
use serde::{Serialize, Serializer};

use super::directory::Skus;
use super::groups::GroupNames;
use super::holder::{Held, Holder, SELECT};
use super::names::product_name;
use super::prices::Prices;
use super::sku::{Bought, Sku};
use super::totals::LicenseTotals;
use super::waste::{Finding, findings};
use crate::error::Error;
use crate::note::{Note, Subject};
use crate::pages::next_page;
use crate::rows::column::{AnyRow, Cell};
use crate::rows::license_assignment::{LicenseAssignment, Origin};
use crate::rows::subscription::Subscription;
use crate::rows::waste::{Waste, WasteReason};

/// A person with many groups has many states, each with its plans: a page of 999 could outgrow an answer's limit.
const PAGE: usize = 500;

/// A pass over licences, pulled batch by batch.
pub struct LicensesPass<'a> {
    reader: Reader<'a>,
    skus: Skus,
    subscriptions: Vec<Subscription>,
    groups: GroupNames,
    pages: PagesAhead,
    page: Option<Page>,
    stage: Stage,
    people: u64,
    licensed: u64,
    /// Those whose licences Graph does not tell.
    untold: u64,
    notes: Vec<Note>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Subscriptions,
    People,
    Skus,
    Over,
}

/// One row of a pass over licences.
#[derive(Debug, Clone)]
pub enum LicenseRow<'a> {
    /// A purchase.
    Subscription(&'a Subscription),
    /// A licence of a person.
    Assignment(Box<LicenseAssignment<'a>>),
    /// A licence of a person that somebody should look at.
    Waste(Box<Waste<'a>>),
    /// A licence.
    Sku(&'a Sku),
}

impl Serialize for LicenseRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Subscription(row) => row.serialize(serializer),
            Self::Assignment(row) => row.serialize(serializer),
            Self::Waste(row) => row.serialize(serializer),
            Self::Sku(row) => row.serialize(serializer),
        }
    }
}

impl AnyRow for LicenseRow<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Subscription(row) => row.kind(),
            Self::Assignment(row) => row.kind(),
            Self::Waste(row) => row.kind(),
            Self::Sku(row) => row.kind(),
        }
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        match self {
            Self::Subscription(row) => AnyRow::cells(*row, put),
            Self::Assignment(row) => AnyRow::cells(&**row, put),
            Self::Waste(row) => AnyRow::cells(&**row, put),
            Self::Sku(row) => AnyRow::cells(*row, put),
        }
    }
}

/// What a pass over licences found.
#[derive(Debug, Clone)]
pub struct LicensesSummary {
    /// Sums over the paid licences.
    pub totals: LicenseTotals,
    /// Every licence.
    pub skus: Vec<Sku>,
    /// Every purchase; empty if a note says why.
    pub subscriptions: Vec<Subscription>,
    /// What could not be seen.
    pub notes: Vec<Note>,
}

impl<'a> LicensesPass<'a> {
    /// Reads licences and purchases.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached.
    pub async fn begin(reader: Reader<'a>, prices: &Prices) -> Result<Self, Error> {
        let mut bought = Vec::new();
        let mut pages = reader.subscribed_sku_pages()?;
        let refused = Error::for_want_of("LicenseAssignment.Read.All");
        while let Some(page) = next_page(&mut pages).await.map_err(&refused)? {
            let skus = page.objects::<Bought<'_>>()?;
            bought.extend(skus.into_iter().map(|sku| Sku::of(sku, prices)));
        }
        let (subscriptions, note) = subscriptions(reader).await?;
        Ok(Self {
            reader,
            skus: Skus::of(bought),
            subscriptions,
            groups: GroupNames::default(),
            pages: reader.users(UserFields { page_size: PAGE, ..UserFields::of(&SELECT) })?,
            page: None,
            stage: Stage::Subscriptions,
            people: 0,
            licensed: 0,
            untold: 0,
            notes: note.into_iter().collect(),
        })
    }

    /// The next batch of rows; `None` after the last.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached: the pass is over, and not complete.
    pub async fn next(&mut self) -> Result<Option<Vec<LicenseRow<'_>>>, Error> {
        if self.stage == Stage::Subscriptions {
            self.stage = Stage::People;
            return Ok(Some(self.subscriptions.iter().map(LicenseRow::Subscription).collect()));
        }
        if self.stage == Stage::People {
            self.page = None;
            let page = next_page(&mut self.pages).await;
            self.page = page.map_err(Error::for_want_of("User.Read.All"))?;
            if self.page.is_none() {
                self.stage = Stage::Skus;
            }
        }
        match self.stage {
            Stage::Skus => {
                self.stage = Stage::Over;
                Ok(Some(self.skus.by_id.values().map(LicenseRow::Sku).collect()))
            }
            Stage::People => self.read_people().await.map(Some),
            Stage::Subscriptions | Stage::Over => Ok(None),
        }
    }

    /// How many people were read so far.
    pub fn people(&self) -> u64 {
        self.people
    }

    /// What the pass found; `None` if it did not reach its end.
    pub fn finish(self) -> Option<LicensesSummary> {
        let Self { skus, subscriptions, mut notes, people, licensed, untold, stage, .. } = self;
        notes.extend(unknown(&skus, untold));
        let totals = LicenseTotals::of(skus.by_id.values(), people, licensed);
        let skus = skus.by_id.into_values().collect();
        (stage == Stage::Over).then_some(LicensesSummary { totals, skus, subscriptions, notes })
    }

    async fn read_people(&mut self) -> Result<Vec<LicenseRow<'_>>, Error> {
        let Some(page) = &self.page else { return Ok(Vec::new()) };
        let holders: Vec<Holder<'_>> = page.objects()?;
        let note = self.groups.learn(self.reader, holders.iter().flat_map(Holder::groups)).await?;
        self.notes.extend(note);
        for holder in &holders {
            self.people += 1;
            self.untold += u64::from(holder.is_untold());
            self.licensed += u64::from(count(holder, &mut self.skus));
        }
        let (skus, groups) = (&self.skus, &self.groups);
        Ok(holders.iter().flat_map(|holder| rows(holder, skus, groups)).collect())
    }
}

/// What Graph does not tell of licences. It is not nothing.
fn unknown(skus: &Skus, people: u64) -> Option<Note> {
    let untold = skus.by_id.values().filter(|sku| sku.plans_untold).map(|sku| sku.part_number.as_str());
    let untold: Vec<_> = untold.collect();
    let mut why = Vec::new();
    if people > 0 {
        why.push(format!("Microsoft Graph does not tell which licences {people} people have"));
    }
    if !untold.is_empty() {
        why.push(format!("Microsoft Graph does not tell the service plans of {}", untold.join(", ")));
    }
    (!why.is_empty()).then(|| Note::new(Subject::Licenses, why.join("; ")))
}

async fn subscriptions(reader: Reader<'_>) -> Result<(Vec<Subscription>, Option<Note>), Error> {
    let purchases = match reader.company_subscriptions().await {
        Ok(purchases) => purchases,
        Err(error) if error.is_forbidden() => {
            return Ok((Vec::new(), Some(Note::new(Subject::Renewals, "grant Organization.Read.All"))));
        }
        // A cloud that does not have the listing yet.
        Err(error) if matches!(error.status(), Some(400 | 404)) => {
            return Ok((Vec::new(), Some(Note::new(Subject::Renewals, error.to_string()))));
        }
        Err(error) => return Err(error.into()),
    };
    let rows = purchases.into_iter().map(|purchase| {
        let id = purchase.sku_id.as_ref().and_then(|id| uuid::Uuid::try_parse(id).ok());
        let sku_id = id.map(|id| id.to_string()).or_else(|| purchase.sku_id.clone());
        Subscription { name: id.and_then(product_name), sku_id, purchase }
    });
    Ok((rows.collect(), None))
}

/// Counts a person in the licences. Returns whether the person has one in force.
fn count(holder: &Holder<'_>, skus: &mut Skus) -> bool {
    let licenses = holder.licenses();
    let found = findings(holder, &licenses, skus);
    let found: Vec<_> = found.into_iter().map(|finding| (finding.sku, finding.reason)).collect();
    let has = |sku, reason| found.contains(&(sku, reason));
    let mut is_licensed = false;
    for (id, held) in &licenses {
        is_licensed |= held.in_force;
        let Some(sku) = skus.by_id.get_mut(id) else { continue };
        let blocked = has(*id, WasteReason::BlockedAccount);
        let included = has(*id, WasteReason::IncludedInAnother);
        sku.found.people += i64::from(held.in_force);
        sku.found.blocked += i64::from(blocked);
        sku.found.included_in_another += i64::from(included);
        sku.found.wasted += i64::from(blocked || included);
        sku.found.group_errors += i64::from(has(*id, WasteReason::GroupError));
    }
    is_licensed
}

/// The rows of a person: a row for each licence, then what somebody should look at.
fn rows<'r, 'a: 'r>(holder: &Holder<'a>, skus: &'r Skus, groups: &'r GroupNames) -> Vec<LicenseRow<'r>> {
    let licenses = holder.licenses();
    let mut rows: Vec<LicenseRow<'r>> = Vec::new();
    for (id, held) in &licenses {
        rows.push(LicenseRow::Assignment(Box::new(LicenseAssignment {
            person: holder.names(),
            sku: skus.names(*id),
            in_force: held.in_force,
            origin: origin(held, groups),
            errors: held.errors(),
            disabled_plans: held.disabled_plans.iter().map(|plan| skus.plan_name(*id, *plan)).collect(),
        })));
    }
    let findings = findings(holder, &licenses, skus);
    let waste = findings.into_iter().map(|finding: Finding<'r>| finding.row(holder, skus, groups));
    rows.extend(waste.map(|row| LicenseRow::Waste(Box::new(row))));
    rows
}

fn origin<'r>(held: &Held<'_, '_>, groups: &'r GroupNames) -> Option<Origin<'r>> {
    let mut origin = Origin { is_direct: false, groups: Vec::new(), group_names: Vec::new() };
    let mut is_known = false;
    let mut ids = BTreeSet::new();
    for state in held.sources() {
        is_known = true;
        match state.assigned_by_group {
            None => origin.is_direct = true,
            Some(group) => {
                ids.insert(group);
            }
        }
    }
    for group in ids {
        origin.groups.push(group);
        origin.group_names.push(groups.name(group));
    }
    is_known.then_some(origin)
}
