//! A person of the directory beside the reports: what the person used, and whether "nothing" proves anything.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::apps::{App, Use};
use super::licensed::Apps;
use super::privacy::Privacy;
use super::state::{Nameless, Window, WindowState};
use super::tally::Tally;
use crate::licenses::class::LicenseClass;
use crate::licenses::directory::Skus;
use crate::licenses::holder::{Held, Holder};
use crate::licenses::money::Amount;
use crate::rows::license_assignment::PersonNames;
use crate::rows::usage_person::{DaysUsed, FoundBy, UsagePerson, Verdict};
use crate::rows::waste::{Waste, WasteReason};
use crate::text::Text;

/// The properties of people that the join reads.
pub(crate) const SELECT: [&str; 10] = [
    "id",
    "userPrincipalName",
    "displayName",
    "accountEnabled",
    "userType",
    "department",
    "createdDateTime",
    "proxyAddresses",
    "assignedLicenses",
    "licenseAssignmentStates",
];

/// So many days before the window an account may have been made whose use has no name yet. Profiles are late by weeks
/// (microsoft-graph-docs issue 15148, 2021); nobody says by how many.
const NEW_FOR: i32 = 90;

/// What is known besides the person.
pub(crate) struct Known<'s> {
    pub(crate) tally: &'s Tally,
    pub(crate) window: &'s Arc<Window>,
    /// The licences that the tenant bought; `None` if they may not be read.
    pub(crate) skus: Option<&'s Skus>,
    pub(crate) nameless: Nameless,
    pub(crate) privacy: &'s Privacy,
}

/// What is said about a person.
pub(crate) struct Judged<'a> {
    pub(crate) row: UsagePerson<'a>,
    /// Licences that nobody uses, with what each costs a month.
    pub(crate) waste: Vec<(Waste<'a>, Option<Amount>)>,
    /// The numbers of the names in the reports that are this person's.
    pub(crate) numbers: Vec<u32>,
    /// Everything that the person used.
    pub(crate) used: Use,
}

impl<'s> Known<'s> {
    /// What the reports say about a person; `None` if the person neither used anything nor may.
    pub(crate) fn judge<'a>(&self, holder: &Holder<'a>) -> Option<Judged<'a>>
    where
        's: 'a,
    {
        let names = holder.names();
        let upn = names.upn.as_deref().unwrap_or_default().to_lowercase();
        let (numbers, found_by) = self.numbers(&upn, holder);
        let uses = numbers.iter().flat_map(|number| self.tally.uses(*number, &self.window.days));
        let (days, used) = merged(uses);
        let licenses = holder.licenses();
        let licensed = |(id, held): (&uuid::Uuid, &Held<'_, '_>)| {
            (*id, self.skus.map(|skus| Apps::by(skus, *id, held)).unwrap_or_default())
        };
        let by_license: Vec<_> = licenses.iter().map(licensed).filter(|(_, apps)| !apps.is_empty()).collect();
        let lacks_plans = |(id, held): (&uuid::Uuid, &Held<'_, '_>)| {
            held.in_force && self.skus.is_some_and(|skus| skus.plans_are_untold(*id))
        };
        let is_untold = holder.is_untold() || licenses.iter().any(lacks_plans);
        if days.is_empty() && by_license.is_empty() && !is_untold {
            return None;
        }
        let apps = by_license.iter().fold(Apps::default(), |all, (_, apps)| all.and(*apps));
        let mut reasons = self.doubts(holder);
        if is_untold && self.skus.is_some() {
            reasons.push(Cow::Borrowed("licences_unknown"));
        }
        let mut waste = Vec::new();
        let mut whole = false;
        for (id, apps) in &by_license {
            let Some(held) = licenses.get(id) else { continue };
            let doubt = self.doubt_about(held);
            whole |= doubt.is_none();
            let is_unused = apps.iter().all(|app| !days.used(app));
            if is_unused && reasons.is_empty() && doubt.is_none() && !held.plans_untold {
                waste.extend(self.waste(&names, *id));
            }
        }
        let verdict = if !days.is_empty() {
            reasons.clear();
            Verdict::Active
        } else {
            if !whole {
                let doubts = by_license.iter().filter_map(|(id, _)| self.doubt_about(licenses.get(id)?));
                reasons.extend(doubts.take(1).map(Cow::Borrowed));
            }
            if reasons.is_empty() { Verdict::Inactive } else { Verdict::Unknown }
        };
        let row = UsagePerson {
            person: self.privacy.person(&upn).into(),
            user_id: self.privacy.open(Some(names.id.clone())),
            display_name: self.privacy.open(names.display_name.clone()),
            department: self.privacy.open(holder.department.clone().map(Text::into_cow)),
            found_by,
            window: Arc::clone(self.window),
            days,
            licensed_for: apps.iter().map(App::name).collect(),
            verdict,
            reasons,
        };
        Some(Judged { row, waste, numbers, used })
    }

    /// The person's names in the reports: the present one, and former ones that are still addresses of the person.
    fn numbers(&self, upn: &str, holder: &Holder<'_>) -> (Vec<u32>, FoundBy) {
        let mut numbers: Vec<u32> = self.tally.find(upn).into_iter().collect();
        let mut found_by = FoundBy::Name;
        for address in holder.proxy_addresses.iter().flatten() {
            let address = address.as_str().to_lowercase();
            let Some(address) = address.strip_prefix("smtp:") else { continue };
            if let Some(number) = self.tally.find(address).filter(|number| !numbers.contains(number)) {
                numbers.push(number);
                found_by = FoundBy::Alias;
            }
        }
        (numbers, found_by)
    }

    /// Why a person who used nothing need not be inactive, as far as the person and the window say.
    fn doubts(&self, holder: &Holder<'_>) -> Vec<Cow<'static, str>> {
        let mut doubts = Vec::new();
        let mut doubt = |code: &'static str| doubts.push(Cow::Borrowed(code));
        match self.window.state {
            WindowState::Complete => {}
            WindowState::Partial => doubt("days_missing"),
            WindowState::Concealed => doubt("names_concealed"),
            WindowState::Unavailable => doubt("no_figures"),
        }
        if self.skus.is_none() {
            doubt("licences_unknown");
        }
        let created = holder.created_date_time.as_ref().and_then(day);
        match (created, self.window.from) {
            (Some(created), Some(from)) if created < from => {}
            (Some(_), Some(_)) => doubt("created_in_window"),
            _ => doubt("created_unknown"),
        }
        let is_new = |from: Date| created >= from.checked_sub(NEW_FOR.days()).ok();
        match self.nameless {
            Nameless::Newcomers if self.window.from.is_some_and(is_new) => doubt("nameless_use"),
            Nameless::Anybodys => doubt("nameless_use"),
            Nameless::Newcomers | Nameless::Nobodys => {}
        }
        if holder.names().user_type.is_some_and(|kind| kind.eq_ignore_ascii_case("Guest")) {
            // The reports have no guests: their use is in the reports of their own tenant.
            doubt("guest");
        }
        doubts
    }

    /// Why a licence may not have been there for the whole window, if so.
    fn doubt_about(&self, held: &Held<'_, '_>) -> Option<&'static str> {
        let Some(from) = self.window.from else { return Some("no_figures") };
        let since = held.sources().map(|state| state.last_updated_date_time.as_ref().and_then(day));
        let mut since: Vec<_> = since.collect();
        since.sort_unstable();
        match since.as_slice() {
            // The states were seen incomplete (microsoft-graph-docs issue 9636, 2020).
            [] => Some("license_date_unknown"),
            dates if dates.iter().flatten().any(|since| *since < from) => None,
            dates if dates.iter().all(Option::is_some) => Some("licensed_in_window"),
            _ => Some("license_date_unknown"),
        }
    }

    fn waste<'a>(&self, names: &PersonNames<'a>, id: uuid::Uuid) -> Option<(Waste<'a>, Option<Amount>)>
    where
        's: 'a,
    {
        let skus = self.skus?;
        let sku = skus.by_id.get(&id).filter(|sku| sku.class == LicenseClass::Paid)?;
        let waste = Waste {
            reason: WasteReason::Inactive,
            person: self.privacy.names(names.clone()),
            sku: skus.names(id),
            included_in: None,
            group_name: None,
            error: None,
            monthly: sku.monthly().map(|amount| amount.to_string()),
            currency: sku.currency(),
            unused: self.window.from.zip(self.window.to),
        };
        Some((waste, sku.monthly()))
    }
}

/// The days of several names of one person, where a day with both counts once; and everything that was used.
fn merged(uses: impl Iterator<Item = (Date, Use)>) -> (DaysUsed, Use) {
    let mut by_day: BTreeMap<Date, Use> = BTreeMap::new();
    for (date, one) in uses {
        let known = by_day.entry(date).or_default();
        *known = known.and(one);
    }
    let all = by_day.values().fold(Use::default(), |all, one| all.and(*one));
    (DaysUsed::of(by_day.into_iter()), all)
}

/// The day of a moment in RFC 3339.
fn day(moment: &Text<'_>) -> Option<Date> {
    moment.as_str().get(..10)?.parse().ok()
}
