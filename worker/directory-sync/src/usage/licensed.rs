//! Which apps a person has a licence for: service plans decide, and not the products that contain them.

use uuid::Uuid;

use super::apps::App;
use crate::licenses::directory::Skus;
use crate::licenses::holder::Held;

/// A set of apps, a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Apps(u8);

const DOCUMENTS: [App; 4] = [App::Word, App::Excel, App::PowerPoint, App::OneNote];

impl Apps {
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = App> {
        App::ALL.into_iter().filter(move |app| self.0 & (1 << *app as u8) != 0)
    }

    fn of(apps: &[App]) -> Self {
        Self(apps.iter().fold(0, |all, app| all | (1 << *app as u8)))
    }

    /// The apps that a service plan gives, by its name (Microsoft's list of products, 2026-07): for the desktop, the
    /// browser and the phone, Teams, and a mailbox. `EXCHANGE_S_FOUNDATION` is in 246 products and is no mailbox, and
    /// an archive only belongs to one.
    fn of_plan(name: &str) -> Self {
        match name.strip_suffix("_GOV").unwrap_or(name) {
            "OFFICESUBSCRIPTION" | "OFFICE_BUSINESS" | "SHAREPOINTWAC" | "OFFICEMOBILE_SUBSCRIPTION" => {
                Self::of(&DOCUMENTS)
            }
            "TEAMS1" => Self::of(&[App::Teams]),
            "EXCHANGE_S_STANDARD"
            | "EXCHANGE_S_ENTERPRISE"
            | "EXCHANGE_S_DESKLESS"
            | "EXCHANGE_S_ESSENTIALS" => Self::of(&[App::Outlook]),
            _ => Self::default(),
        }
    }

    /// The apps that a person has by a licence, without the service plans that are turned off.
    pub(crate) fn by(skus: &Skus, id: Uuid, held: &Held<'_, '_>) -> Self {
        let Some(sku) = skus.by_id.get(&id).filter(|_| held.in_force) else { return Self::default() };
        let on = sku.plans.iter().filter(|plan| !held.disabled_plans.contains(plan));
        let names = on.filter_map(|plan| sku.plan_names.get(plan));
        names.fold(Self::default(), |all, name| all.and(Self::of_plan(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_a_plan_of_exchange_but_not_each_of_them() {
        let has = |name| Apps::of_plan(name).iter().collect::<Vec<_>>();
        assert_eq!(has("EXCHANGE_S_ENTERPRISE_GOV"), [App::Outlook]);
        assert_eq!(has("EXCHANGE_S_DESKLESS"), [App::Outlook]);
        for none in ["EXCHANGE_S_FOUNDATION", "EXCHANGE_S_ARCHIVE", "EXCHANGE_S_ARCHIVE_ADDON", "FLOW_P2"] {
            assert!(Apps::of_plan(none).is_empty(), "{none}");
        }
        assert_eq!(has("SHAREPOINTWAC"), DOCUMENTS);
        assert_eq!(has("TEAMS1"), [App::Teams]);
    }
}
