//! The people of a page.

use msgraph::{Error, Page};
use uuid::Uuid;

use crate::rows::user::{Manager, Person, SkuIds, Source, User};
use crate::scan::{Order, Scanner};
use crate::text::{Property, Text};

/// The people of a page: read as Graph writes them, and in any other form by `serde_json`, in three times the time.
pub(crate) fn users(page: &Page, source: Source) -> Result<Vec<User<'_>>, Error> {
    if let Some(users) = page.text().and_then(|page| plain_users(page, source)) {
        return Ok(users);
    }
    let people: Vec<Person<'_>> = page.objects()?;
    Ok(people.into_iter().map(|person| User { person, source }).collect())
}

/// Graph's largest page.
const MOST: usize = 999;

fn plain_users(page: &str, source: Source) -> Option<Vec<User<'_>>> {
    let mut scanner = Scanner::new(page);
    let mut users = None;
    scanner.object(|scanner, name| {
        if name != "value" {
            return scanner.pass_value();
        }
        let (mut found, mut order) = (Vec::with_capacity(MOST), Order::default());
        scanner.list(|scanner| {
            // In its place: a person is too large to be moved about.
            found.push(User { person: Person::default(), source });
            person(scanner, &mut order, &mut found.last_mut()?.person)
        })?;
        // A second list would be a mistake.
        users.replace(found).is_none().then_some(())
    })?;
    users.filter(|_| scanner.is_at_end())
}

/// What a name of a person's property means.
#[derive(Clone, Copy)]
enum Member {
    Id,
    AccountEnabled,
    OnPremisesSyncEnabled,
    AssignedLicenses,
    Manager,
    Text(for<'p, 'a> fn(&'p mut Person<'a>) -> &'p mut Property<Text<'a>>),
    /// Only a round of changes has it.
    OfChange,
    /// Nothing is read from it.
    Other,
}

impl Member {
    fn named(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "accountEnabled" => Self::AccountEnabled,
            "onPremisesSyncEnabled" => Self::OnPremisesSyncEnabled,
            "assignedLicenses" => Self::AssignedLicenses,
            "manager" => Self::Manager,
            "userPrincipalName" => Self::Text(|person| &mut person.user_principal_name),
            "displayName" => Self::Text(|person| &mut person.display_name),
            "givenName" => Self::Text(|person| &mut person.given_name),
            "surname" => Self::Text(|person| &mut person.surname),
            "mail" => Self::Text(|person| &mut person.mail),
            "mailNickname" => Self::Text(|person| &mut person.mail_nickname),
            "jobTitle" => Self::Text(|person| &mut person.job_title),
            "department" => Self::Text(|person| &mut person.department),
            "officeLocation" => Self::Text(|person| &mut person.office_location),
            "companyName" => Self::Text(|person| &mut person.company_name),
            "country" => Self::Text(|person| &mut person.country),
            "usageLocation" => Self::Text(|person| &mut person.usage_location),
            "mobilePhone" => Self::Text(|person| &mut person.mobile_phone),
            "userType" => Self::Text(|person| &mut person.user_type),
            "createdDateTime" => Self::Text(|person| &mut person.created_date_time),
            "employeeId" => Self::Text(|person| &mut person.employee_id),
            "employeeType" => Self::Text(|person| &mut person.employee_type),
            "employeeHireDate" => Self::Text(|person| &mut person.employee_hire_date),
            "employeeLeaveDateTime" => Self::Text(|person| &mut person.employee_leave_date_time),
            "externalUserState" => Self::Text(|person| &mut person.external_user_state),
            "@removed" | "manager@delta" => Self::OfChange,
            _ => Self::Other,
        }
    }
}

fn person<'a>(
    scanner: &mut Scanner<'a>,
    order: &mut Order<'a, Member>,
    person: &mut Person<'a>,
) -> Option<()> {
    let mut id = None;
    scanner.object_like(order, Member::named, |scanner, member| match member {
        Member::Id => set(&mut id, scanner.text()?),
        Member::AccountEnabled => flag(scanner, &mut person.account_enabled),
        Member::OnPremisesSyncEnabled => flag(scanner, &mut person.on_premises_sync_enabled),
        Member::AssignedLicenses => value(scanner, &mut person.assigned_licenses, licenses),
        Member::Manager => value(scanner, &mut person.manager, manager),
        Member::Text(property) => value(scanner, property(person), Scanner::text),
        Member::OfChange => None,
        Member::Other => scanner.pass_value(),
    })?;
    person.id = id?;
    Some(())
}

/// Sets what may come once.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Takes `null` or a value, once.
fn value<'a, T>(
    scanner: &mut Scanner<'a>,
    property: &mut Property<T>,
    read: impl FnOnce(&mut Scanner<'a>) -> Option<T>,
) -> Option<()> {
    if !matches!(property, Property::Absent) {
        return None;
    }
    *property = if scanner.word("null") { Property::Null } else { Property::Is(read(scanner)?) };
    Some(())
}

fn flag(scanner: &mut Scanner<'_>, property: &mut Property<bool>) -> Option<()> {
    value(scanner, property, |scanner| {
        let is_set = scanner.word("true");
        (is_set || scanner.word("false")).then_some(is_set)
    })
}

fn licenses(scanner: &mut Scanner<'_>) -> Option<SkuIds> {
    let mut ids = Vec::new();
    scanner.list(|scanner| {
        let mut id = None;
        scanner.object(|scanner, name| match name {
            "skuId" => set(&mut id, Uuid::try_parse(scanner.text()?.as_str()).ok()?),
            "disabledPlans" => scanner.list(Scanner::pass_value),
            _ => scanner.pass_value(),
        })?;
        ids.push(id?);
        Some(())
    })?;
    Some(SkuIds(ids))
}

fn manager<'a>(scanner: &mut Scanner<'a>) -> Option<Manager<'a>> {
    let mut id: Option<Text<'a>> = None;
    scanner.object(|scanner, name| match name {
        "id" => set(&mut id, scanner.text()?),
        _ => scanner.pass_value(),
    })?;
    Some(Manager { id: id? })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    fn plain_people(page: &str) -> Option<Vec<Person<'_>>> {
        let users = plain_users(page, Source::Change)?;
        Some(users.into_iter().map(|user| user.person).collect())
    }

    /// What `serde_json` reads.
    fn general_people(page: &str) -> Option<Vec<Person<'_>>> {
        #[derive(Deserialize)]
        struct Objects<'a> {
            #[serde(borrow)]
            value: Vec<Person<'a>>,
        }
        serde_json::from_str::<Objects<'_>>(page).ok().map(|objects| objects.value)
    }

    fn ada() -> Value {
        json!({
            "@odata.id": "x", "id": "1", "userPrincipalName": "ada@contoso.example", "displayName": "Zoë \"A\" \\ \u{1}",
            "givenName": null, "surname": "Lovelace", "mail": "ada@contoso.example", "mailNickname": "ada",
            "jobTitle": "Engineer", "department": "R&D", "officeLocation": "", "companyName": "Contoso",
            "country": "Ελλάδα", "usageLocation": "GR", "mobilePhone": "+30 1", "userType": "Member",
            "accountEnabled": true, "createdDateTime": "2024-01-15T08:00:00Z", "employeeId": "1930",
            "employeeType": null, "employeeHireDate": "2024-01-15T00:00:00Z",
            "employeeLeaveDateTime": null, "onPremisesSyncEnabled": false, "externalUserState": null,
            "assignedLicenses": [
                { "disabledPlans": ["efccb6f7-5641-4e0e-bd10-b4976e1bf68e"], "skuId": "05E9A617-0261-4CEE-BB44-138D3EF5D965" },
                { "disabledPlans": [], "skuId": "f8a1db68-be16-40ed-86d5-cb42ce701560" },
            ],
            "manager": { "@odata.type": "#microsoft.graph.user", "id": "2" },
        })
    }

    fn page(people: &[Value]) -> String {
        json!({ "@odata.context": "c", "@odata.nextLink": "n", "value": people }).to_string()
    }

    #[test]
    fn people_are_read_as_serde_json_reads_them() {
        let page = page(&[ada(), json!({ "id": "3" }), ada()]);
        let read = plain_people(&page).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", general_people(&page).unwrap()));
        assert_eq!(read[0].assigned_licenses.value().map(|SkuIds(ids)| ids.len()), Some(2));
    }

    #[test]
    fn a_page_with_any_byte_missing_or_changed_is_read_alike_or_left_to_serde_json() {
        let page = page(&[ada()]);
        let mut pages: Vec<String> = page.char_indices().map(|(end, _)| page[..end].to_owned()).collect();
        for (at, letter) in page.char_indices() {
            for other in ["", "\"", "\\", "{", "]", ",", "x", "0"] {
                pages.push([&page[..at], other, &page[at + letter.len_utf8()..]].concat());
            }
        }
        let mut plain = 0;
        for page in &pages {
            if let Some(read) = plain_people(page) {
                let general = general_people(page).unwrap_or_else(|| panic!("only we read {page}"));
                assert_eq!(format!("{read:?}"), format!("{general:?}"), "{page}");
                plain += 1;
            }
        }
        assert!(plain > pages.len() / 10, "{plain} of {}", pages.len());
    }

    #[test]
    fn people_may_have_their_properties_in_any_order() {
        let ada = ada();
        let members: Vec<_> = ada.as_object().unwrap().iter().collect();
        let text = |order: &mut dyn Iterator<Item = &(&String, &Value)>| {
            let members: Vec<_> = order.map(|(name, value)| format!("{}: {value}", json!(name))).collect();
            format!("{{{}}}", members.join(" , "))
        };
        let mut people = vec![text(&mut members.iter()), text(&mut members.iter().rev())];
        for turn in 0..members.len() {
            people.push(text(&mut members.iter().cycle().skip(turn).take(members.len())));
            if members[turn].0 != "id" {
                people.push(text(&mut members.iter().take(turn).chain(members.iter().skip(turn + 1))));
            }
        }
        let page = format!("{{\"value\": [ {} ]}}", people.join(","));
        let read = plain_people(&page).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", general_people(&page).unwrap()));
        assert_eq!(read.len(), 1 + 2 * members.len());
    }

    #[test]
    fn what_comes_twice_and_what_only_changes_have_is_left_to_serde_json() {
        let twice = r#"{"value":[{"id":"1","mail":null,"mail":"a"}]}"#;
        let removed = r#"{"value":[{"id":"1","@removed":{"reason":"deleted"}}]}"#;
        let nested = r#"{"value":[{"id":"1","x":{}}]}"#;
        let nobody = r#"{"value":[{"mail":"a"}]}"#;
        for page in [twice, removed, nested, nobody, "{}"] {
            assert!(plain_people(page).is_none(), "{page}");
        }
    }
}
