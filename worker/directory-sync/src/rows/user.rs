//! A person, as a page of Graph has it.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::text::{Property, Text};

/// A person. Serialized, it is one flat object.
#[derive(Debug)]
pub struct User<'a> {
    pub(crate) person: Person<'a>,
    pub(crate) source: Source,
}

/// What an absent property of a person means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Everything was read but these columns: any other absent property is empty.
    Whole { unknown: &'static [&'static str] },
    /// What a round of changes says: an absent property says nothing.
    Change,
}

/// A person under Graph's own names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) user_principal_name: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) display_name: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) given_name: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) surname: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) mail: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) mail_nickname: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) job_title: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) department: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) office_location: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) company_name: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) country: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) usage_location: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) mobile_phone: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) user_type: Property<Text<'a>>,
    #[serde(default)]
    pub(crate) account_enabled: Property<bool>,
    #[serde(borrow, default)]
    pub(crate) created_date_time: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) employee_id: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) employee_type: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) employee_hire_date: Property<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) employee_leave_date_time: Property<Text<'a>>,
    #[serde(default)]
    pub(crate) on_premises_sync_enabled: Property<bool>,
    #[serde(borrow, default)]
    pub(crate) external_user_state: Property<Text<'a>>,
    #[serde(default)]
    pub(crate) assigned_licenses: Property<SkuIds>,
    #[serde(borrow, default)]
    pub(crate) manager: Property<Manager<'a>>,
    #[serde(borrow, default, rename = "manager@delta")]
    pub(crate) manager_changes: Property<Vec<ManagerChange<'a>>>,
    #[serde(borrow, rename = "@removed")]
    pub(crate) removed: Option<Removed<'a>>,
}

/// Who manages a person.
#[derive(Debug, Deserialize)]
pub(crate) struct Manager<'a> {
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
}

/// An entry of `manager@delta`: the new manager, or with `@removed` the one who no longer is.
#[derive(Debug, Deserialize)]
pub(crate) struct ManagerChange<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "@removed")]
    removed: Option<Removed<'a>>,
}

/// Why an entry of a round of changes is there no longer.
#[derive(Debug, Deserialize)]
pub(crate) struct Removed<'a> {
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
}

/// The licences of a person, without their disabled plans.
#[derive(Debug, Default)]
pub(crate) struct SkuIds(pub(crate) Vec<Uuid>);

impl<'de> Deserialize<'de> for SkuIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Assigned {
            sku_id: Uuid,
        }

        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = SkuIds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of licences")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SkuIds, A::Error> {
                let mut ids = Vec::new();
                while let Some(Assigned { sku_id }) = list.next_element()? {
                    ids.push(sku_id);
                }
                Ok(SkuIds(ids))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// The columns that are empty in rows of a pass that could not read them.
pub(crate) const LEAVE_DATE: &str = "employee_leave_date_time";
pub(crate) const MANAGER: &str = "manager_id";

impl Row for User<'_> {
    const KIND: &'static str = "user";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Text, "Object id, which never changes"),
        Column::new("user_principal_name", ColumnType::Text, "Name to sign in with"),
        Column::new("display_name", ColumnType::Text, "Full name"),
        Column::new("given_name", ColumnType::Text, "First name"),
        Column::new("surname", ColumnType::Text, "Last name"),
        Column::new("mail", ColumnType::Text, "Primary e-mail address"),
        Column::new("mail_nickname", ColumnType::Text, "Mail alias"),
        Column::new("job_title", ColumnType::Text, "Job title"),
        Column::new("department", ColumnType::Text, "Department"),
        Column::new("office_location", ColumnType::Text, "Office"),
        Column::new("company_name", ColumnType::Text, "Company"),
        Column::new("country", ColumnType::Text, "Country of the address"),
        Column::new(
            "usage_location",
            ColumnType::Text,
            "Country in which licences are used, ISO 3166-1 alpha-2",
        ),
        Column::new("mobile_phone", ColumnType::Text, "Mobile phone"),
        Column::new("user_type", ColumnType::Text, "`Member` or `Guest`; null for some old accounts"),
        Column::new("account_enabled", ColumnType::Flag, "Whether the account can sign in"),
        Column::new("created_date_time", ColumnType::Moment, "When the account was created"),
        Column::new("employee_id", ColumnType::Text, "Employee number"),
        Column::new("employee_type", ColumnType::Text, "Kind of employment"),
        Column::new("employee_hire_date", ColumnType::Moment, "When the person joins"),
        Column::new(LEAVE_DATE, ColumnType::Moment, "When the person leaves"),
        Column::new(
            "on_premises_sync_enabled",
            ColumnType::Flag,
            "Whether the account is mastered on premises",
        ),
        Column::new("external_user_state", ColumnType::Text, "State of a guest's invitation"),
        Column::new("assigned_licenses", ColumnType::Texts, "Ids of the licences in force"),
        Column::new(MANAGER, ColumnType::Text, "Object id of the manager"),
        Column::new("unknown", ColumnType::Texts, "Columns that could not be read; the pass says why"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let Person { id, .. } = &self.person;
        put(Cell::Text(id.as_str()));
        for text in self.names() {
            put(self.text(text));
        }
        put(self.text(&self.person.user_type));
        put(self.flag(&self.person.account_enabled));
        put(self.text(&self.person.created_date_time));
        put(self.text(&self.person.employee_id));
        put(self.text(&self.person.employee_type));
        put(self.text(&self.person.employee_hire_date));
        match self.source {
            Source::Whole { unknown } if unknown.contains(&LEAVE_DATE) => put(Cell::Absent),
            _ => put(self.text(&self.person.employee_leave_date_time)),
        }
        put(self.flag(&self.person.on_premises_sync_enabled));
        put(self.text(&self.person.external_user_state));
        put(match &self.person.assigned_licenses {
            Property::Is(SkuIds(ids)) => Cell::Ids(ids),
            // Graph writes an empty list; `null` means the same.
            Property::Null => Cell::Ids(&[]),
            Property::Absent => self.absent_list(),
        });
        put(self.manager());
        put(match self.source {
            Source::Whole { unknown } => Cell::Names(unknown),
            Source::Change => Cell::Absent,
        });
    }
}

impl<'a> User<'a> {
    /// The object id.
    pub fn id(&self) -> &str {
        self.person.id.as_str()
    }

    fn names(&self) -> [&Property<Text<'a>>; 13] {
        let Person {
            user_principal_name,
            display_name,
            given_name,
            surname,
            mail,
            mail_nickname,
            job_title,
            department,
            office_location,
            company_name,
            country,
            usage_location,
            mobile_phone,
            ..
        } = &self.person;
        [
            user_principal_name,
            display_name,
            given_name,
            surname,
            mail,
            mail_nickname,
            job_title,
            department,
            office_location,
            company_name,
            country,
            usage_location,
            mobile_phone,
        ]
    }

    fn absent(&self) -> Cell<'static> {
        match self.source {
            Source::Whole { .. } => Cell::Null,
            Source::Change => Cell::Absent,
        }
    }

    fn absent_list(&self) -> Cell<'static> {
        match self.source {
            Source::Whole { .. } => Cell::Ids(&[]),
            Source::Change => Cell::Absent,
        }
    }

    fn text<'s>(&self, text: &'s Property<Text<'_>>) -> Cell<'s> {
        match text {
            Property::Is(text) => Cell::Text(text.as_str()),
            Property::Null => Cell::Null,
            Property::Absent => self.absent(),
        }
    }

    fn flag(&self, flag: &Property<bool>) -> Cell<'static> {
        match flag {
            Property::Is(flag) => Cell::Flag(*flag),
            Property::Null => Cell::Null,
            Property::Absent => self.absent(),
        }
    }

    /// A round of changes says nothing of a manager who stays (graph-docs issue 6194, 2020): the cell is absent then,
    /// and null if there is no manager any more.
    fn manager(&self) -> Cell<'_> {
        match (self.source, &self.person.manager_changes) {
            (Source::Whole { unknown }, _) if unknown.contains(&MANAGER) => Cell::Absent,
            (Source::Whole { .. }, _) => Cell::text(self.manager_id()),
            (Source::Change, Property::Absent) => Cell::Absent,
            (Source::Change, _) => Cell::text(self.manager_id()),
        }
    }

    pub(crate) fn manager_id(&self) -> Option<&str> {
        let expanded = || self.person.manager.value().map(|manager| manager.id.as_str());
        match self.person.manager_changes.value() {
            Some(changes) => {
                let newest = changes.iter().rev().find(|change| change.removed.is_none());
                newest.map(|change| change.id.as_str())
            }
            None => expanded(),
        }
    }
}

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(source: Source, page: &Value) -> Value {
        let text = page.to_string();
        let person = serde_json::from_str(&text).unwrap();
        serde_json::to_value(User { person, source }).unwrap()
    }

    #[test]
    fn a_whole_person_has_every_column_that_is_known() {
        let person = json!({
            "id": "1", "displayName": "Zoë", "mail": null, "accountEnabled": true, "manager": { "id": "2" },
            "assignedLicenses": [{ "skuId": "06EBC4EE-1BB5-47DD-8120-11324BC54E06", "disabledPlans": [] }],
        });
        let row = row(Source::Whole { unknown: &[LEAVE_DATE] }, &person);
        assert_eq!(row["kind"], "user");
        assert_eq!(
            (&row["display_name"], &row["mail"], &row["department"]),
            (&json!("Zoë"), &json!(null), &json!(null))
        );
        assert_eq!(row["assigned_licenses"], json!(["06ebc4ee-1bb5-47dd-8120-11324bc54e06"]));
        assert_eq!((&row["manager_id"], &row["unknown"]), (&json!("2"), &json!([LEAVE_DATE])));
        assert!(row.get(LEAVE_DATE).is_none(), "what is unknown is not null");
        assert_eq!(row.as_object().unwrap().len(), User::COLUMNS.len());
    }

    #[test]
    fn a_change_says_nothing_of_what_it_does_not_name() {
        let change = |page: Value| row(Source::Change, &page);
        let row = change(json!({ "id": "1", "department": null }));
        assert_eq!(row, json!({ "kind": "user", "id": "1", "department": null }));
        let new = json!({ "id": "1", "manager@delta": [{ "id": "2", "@removed": { "reason": "deleted" } }, { "id": "3" }] });
        assert_eq!(change(new)["manager_id"], "3");
        let gone =
            json!({ "id": "1", "manager@delta": [{ "id": "2", "@removed": { "reason": "deleted" } }] });
        assert_eq!(change(gone).get("manager_id"), Some(&Value::Null));
    }
}
