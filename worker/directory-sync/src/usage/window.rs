//! Figures over several days: apps, people, departments, and licences that nobody uses.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use msgraph::{Page, PagesAhead, Reader, UserFields, former_upn};
use serde::Deserialize;

use super::apps::{Counts, Facet};
use super::groups::Groups;
use super::options::UsageOptions;
use super::person::{Known, SELECT};
use super::privacy::Privacy;
use super::row::UsageRow;
use super::state::{MissingWhy, UsageState, Window, WindowState};
use super::summary::{Summed, UsageSummary, UsageTotals, notes};
use super::tally::Tally;
use crate::error::Error;
use crate::licenses::directory::Skus;
use crate::licenses::holder::Holder;
use crate::licenses::prices::Prices;
use crate::licenses::sku::{Bought, Sku};
use crate::note::{Note, Subject};
use crate::pages::next_page;
use crate::rows::usage_app::UsageApp;
use crate::rows::usage_day::UsageDay;
use crate::rows::usage_group::UsageGroup;
use crate::rows::usage_person::{DaysUsed, FoundBy, UsagePerson, Verdict};
use crate::text::Text;

/// The short window beside the whole one.
const WEEK: u8 = 7;
/// People of a page: each has licences and addresses.
const PAGE: usize = 500;
/// Rows of a batch.
const BATCH: usize = 1_000;

/// Figures over several days, pulled batch by batch.
pub struct UsageWindow<'a> {
    reader: Reader<'a>,
    privacy: Privacy,
    prices: Prices,
    state: UsageState,
    tally: Tally,
    is_by_person: bool,
    window: Arc<Window>,
    stage: Stage,
    skus: Option<Skus>,
    pages: Option<PagesAhead>,
    page: Option<Page>,
    /// Names of the reports that were found in the directory.
    found: Vec<bool>,
    deleted: HashSet<u32>,
    /// The next name that was found nowhere.
    next: u32,
    groups: Groups,
    summed: Summed,
    apps: Vec<UsageApp>,
    shown_groups: Vec<UsageGroup>,
    notes: Vec<Note>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Days,
    Apps,
    Licences,
    People,
    Deleted,
    Names,
    Groups,
    Over,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Former<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    user_principal_name: Option<Text<'a>>,
}

impl<'a> UsageWindow<'a> {
    pub(crate) fn new(
        reader: Reader<'a>,
        options: UsageOptions,
        state: UsageState,
        tally: Tally,
        is_by_person: bool,
    ) -> Self {
        // A day that no memory has is no part of a figure.
        let is_by_person = is_by_person && state.read().all(|date| tally.has(date));
        let UsageOptions { days, privacy, prices, .. } = options;
        let window = Arc::new(state.window(days));
        Self {
            reader,
            privacy,
            prices,
            found: vec![false; tally.numbers().len()],
            state,
            tally,
            is_by_person,
            window,
            stage: Stage::Days,
            skus: None,
            pages: None,
            page: None,
            deleted: HashSet::new(),
            next: 0,
            groups: Groups::default(),
            summed: Summed::default(),
            apps: Vec::new(),
            shown_groups: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The next batch of rows; `None` after the last. A batch can be empty.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached: the pass is over, and not complete.
    pub async fn next(&mut self) -> Result<Option<Vec<UsageRow<'_>>>, Error> {
        match self.stage {
            Stage::Days => {
                self.stage = if self.is_by_person { Stage::Apps } else { Stage::Over };
                Ok(Some(self.missing_days()))
            }
            Stage::Apps => {
                self.apps = self.count_apps();
                // Pseudonyms are nobody of the directory.
                self.stage = if self.state.is_concealed() { Stage::Names } else { Stage::Licences };
                Ok(Some(self.apps.iter().map(|row| UsageRow::App(Box::new(row.clone()))).collect()))
            }
            Stage::Licences => {
                self.skus = self.licences().await?;
                let fields = UserFields { page_size: PAGE, ..UserFields::of(&SELECT) };
                self.pages = Some(self.reader.users(fields)?);
                self.stage = Stage::People;
                Ok(Some(Vec::new()))
            }
            Stage::People => self.next_people().await.map(Some),
            Stage::Deleted => {
                self.find_deleted().await?;
                self.stage = Stage::Names;
                Ok(Some(Vec::new()))
            }
            Stage::Names => Ok(Some(self.next_names())),
            Stage::Groups => {
                self.stage = Stage::Over;
                self.show_groups();
                let groups = self.shown_groups.iter();
                Ok(Some(groups.map(|row| UsageRow::Group(Box::new(row.clone()))).collect()))
            }
            Stage::Over => Ok(None),
        }
    }

    /// How many people of the directory were read so far.
    pub fn people(&self) -> u64 {
        self.summed.directory
    }

    /// What the pass found; `None` if it did not reach its end.
    pub fn finish(self) -> Option<UsageSummary> {
        if self.stage != Stage::Over {
            return None;
        }
        let mut all = notes(&self.state, &self.window, &self.apps, self.is_by_person);
        all.extend(self.notes);
        let totals = UsageTotals::of(&self.state, &self.window, &self.apps, &self.summed);
        Some(UsageSummary {
            totals,
            is_by_person: self.is_by_person,
            joins_people: self.skus.is_some() && self.summed.directory > 0,
            days: self.state.days,
            apps: self.apps,
            groups: self.shown_groups,
            notes: all,
        })
    }

    fn missing_days(&self) -> Vec<UsageRow<'a>> {
        let missing = self.state.missing().map(|(date, why): (_, MissingWhy)| {
            let reported = self.state.reported.get(&date).copied().unwrap_or_default();
            UsageRow::Day(Box::new(UsageDay { date, figures: Err(why), reported }))
        });
        missing.collect()
    }

    fn count_apps(&self) -> Vec<UsageApp> {
        let mut windows = vec![Arc::clone(&self.window)];
        if self.window.length > WEEK {
            windows.insert(0, Arc::new(self.state.window(WEEK)));
        }
        let mut apps = Vec::new();
        for window in windows {
            let (people, days): (Counts, Counts) = self.tally.window(&window.days);
            // Where every name is empty, days have figures and people cannot be told apart.
            let is_nobody = self.state.has_nameless() && people.get(Facet::anything()) == 0;
            let is_known = window.state != WindowState::Unavailable && !is_nobody;
            apps.extend(Facet::all().map(|facet| UsageApp {
                facet,
                window: Arc::clone(&window),
                figures: is_known.then(|| (people.get(facet), days.get(facet))),
            }));
        }
        apps
    }

    /// The licences that the tenant bought; `None` with a note if they may not be read.
    async fn licences(&mut self) -> Result<Option<Skus>, Error> {
        let mut bought = Vec::new();
        let mut pages = self.reader.subscribed_sku_pages()?;
        loop {
            match next_page(&mut pages).await {
                Ok(Some(page)) => {
                    let skus = page.objects::<Bought<'_>>()?;
                    bought.extend(skus.into_iter().map(|sku| Sku::of(sku, &self.prices)));
                }
                Ok(None) => return Ok(Some(Skus::of(bought))),
                Err(error) if error.is_forbidden() => {
                    self.notes.push(Note::new(Subject::Inactive, "grant LicenseAssignment.Read.All"));
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn next_people(&mut self) -> Result<Vec<UsageRow<'_>>, Error> {
        // Free it first: the next page takes its place.
        self.page = None;
        let Some(pages) = &mut self.pages else { return Ok(Vec::new()) };
        match next_page(pages).await {
            Ok(page) => self.page = page,
            Err(error) if self.summed.directory == 0 && error.is_forbidden() => {
                self.notes.push(Note::new(Subject::People, "grant User.Read.All"));
            }
            Err(error) => return Err(error.into()),
        }
        let Some(page) = &self.page else {
            self.pages = None;
            self.stage = Stage::Deleted;
            return Ok(Vec::new());
        };
        let holders: Vec<Holder<'_>> = page.objects()?;
        let all = self.apps.iter().rfind(|row| row.facet() == Facet::anything());
        let named = all.and_then(|row| row.figures).map_or(0, |(_, days)| days);
        let known = Known {
            tally: &self.tally,
            window: &self.window,
            skus: self.skus.as_ref(),
            nameless: self.state.nameless(&self.window, named),
            privacy: &self.privacy,
        };
        let mut rows = Vec::with_capacity(holders.len());
        for holder in &holders {
            self.summed.directory += 1;
            let Some(judged) = known.judge(holder) else { continue };
            for number in &judged.numbers {
                if let Some(found) = self.found.get_mut(*number as usize) {
                    *found = true;
                }
            }
            self.summed.add(&judged.row);
            for (waste, cost) in &judged.waste {
                self.summed.add_waste(waste, *cost);
            }
            self.groups.add(holder.department.as_ref().map(Text::as_str), judged.used);
            rows.push(UsageRow::Person(Box::new(judged.row)));
            rows.extend(judged.waste.into_iter().map(|(waste, _)| UsageRow::Waste(Box::new(waste))));
        }
        Ok(rows)
    }

    /// Finds names of the reports among the deleted accounts.
    async fn find_deleted(&mut self) -> Result<(), Error> {
        let mut pages = self.reader.deleted_user_pages()?;
        loop {
            match next_page(&mut pages).await {
                Ok(None) => return Ok(()),
                Ok(Some(page)) => {
                    for former in page.objects::<Former<'_>>()? {
                        let Some(upn) = &former.user_principal_name else { continue };
                        let name = former_upn(former.id.as_str(), upn.as_str()).to_lowercase();
                        self.deleted.extend(self.tally.find(&name));
                    }
                }
                // Those who read people may read deleted ones; a leftover then only has no reason.
                Err(error) if error.is_forbidden() => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The names that no person of the directory has, or pseudonyms.
    fn next_names(&mut self) -> Vec<UsageRow<'_>> {
        let concealed = self.state.is_concealed();
        let mut rows = Vec::new();
        while rows.len() < BATCH {
            let number = self.next;
            let Some(found) = self.found.get(number as usize) else {
                self.stage = Stage::Groups;
                break;
            };
            self.next += 1;
            if *found {
                continue;
            }
            let days = DaysUsed::of(self.tally.uses(number, &self.window.days));
            if days.is_empty() {
                continue;
            }
            let found_by = match self.deleted.contains(&number) {
                _ if concealed => FoundBy::Pseudonym,
                true => FoundBy::Deleted,
                false => FoundBy::Nothing,
            };
            let row = UsagePerson {
                person: Cow::Owned(self.privacy.person(self.tally.name(number))),
                user_id: None,
                display_name: None,
                department: None,
                found_by,
                window: Arc::clone(&self.window),
                days,
                licensed_for: Vec::new(),
                verdict: Verdict::Active,
                reasons: Vec::new(),
            };
            self.summed.add(&row);
            rows.push(UsageRow::Person(Box::new(row)));
        }
        rows
    }

    fn show_groups(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        if groups.too_many {
            self.notes.push(Note::new(Subject::Groups, "there are more than 5,000 departments"));
        }
        self.shown_groups = groups.rows(self.privacy.min_group, &self.window);
    }
}
