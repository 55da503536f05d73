//! The JSON Schema of each kind of row, from its columns.

use serde_json::{Map, Value, json};

use crate::licenses::sku::Sku;
use crate::rows::column::{Column, ColumnType, Row};
use crate::rows::license_assignment::LicenseAssignment;
use crate::rows::removed_user::RemovedUser;
use crate::rows::sign_in::SignIn;
use crate::rows::subscription::Subscription;
use crate::rows::usage::Usage;
use crate::rows::usage_app::UsageApp;
use crate::rows::usage_day::UsageDay;
use crate::rows::usage_group::UsageGroup;
use crate::rows::usage_person::UsagePerson;
use crate::rows::user::User;
use crate::rows::waste::Waste;

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// Its columns, the first of which is never empty.
    pub columns: &'static [Column],
    /// What a row of it is.
    about: &'static str,
    /// Rows as JSON, the first of them whole.
    examples: &'static str,
}

/// Every kind of row.
pub const KINDS: [Kind; 12] = [
    Kind::of::<User<'_>>(
        "A person, or with absent columns what a round of changes says of one",
        include_str!("examples/user.ndjson"),
    ),
    Kind::of::<RemovedUser<'_>>("A person who was deleted", include_str!("examples/removed_user.ndjson")),
    Kind::of::<SignIn<'_>>("When a person last signed in", include_str!("examples/sign_in.ndjson")),
    Kind::of::<Sku>("A licence that the tenant bought", include_str!("examples/sku.ndjson")),
    Kind::of::<Subscription>("A purchase of licences", include_str!("examples/subscription.ndjson")),
    Kind::of::<LicenseAssignment<'_>>(
        "A licence of a person, or one that a group fails to give",
        include_str!("examples/license_assignment.ndjson"),
    ),
    Kind::of::<Waste<'_>>(
        "A licence of a person that somebody should look at",
        include_str!("examples/waste.ndjson"),
    ),
    Kind::of::<Usage<'_>>("What a person used on a day", include_str!("examples/usage.ndjson")),
    Kind::of::<UsageDay>(
        "A day of the apps report: how many people used what",
        include_str!("examples/usage_day.ndjson"),
    ),
    Kind::of::<UsageApp>(
        "How many people used an app, on a platform, in a window of days",
        include_str!("examples/usage_app.ndjson"),
    ),
    Kind::of::<UsagePerson<'_>>(
        "On how many days of a window a person used what",
        include_str!("examples/usage_person.ndjson"),
    ),
    Kind::of::<UsageGroup>(
        "How many people of a department used what in a window",
        include_str!("examples/usage_group.ndjson"),
    ),
];

impl Kind {
    const fn of<R: Row>(about: &'static str, examples: &'static str) -> Self {
        Self { name: R::KIND, columns: R::COLUMNS, about, examples }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.name == name)
    }

    /// The JSON Schema of a row.
    pub fn schema(&self) -> Value {
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!({ "const": self.name }));
        for (index, column) in self.columns.iter().enumerate() {
            properties.insert(column.name.to_owned(), column.schema(index > 0));
        }
        let examples: Vec<Value> =
            self.examples.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let id = self.columns.first().map(|column| column.name);
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.about,
            "type": "object",
            "properties": properties,
            "required": ["kind", id],
            "additionalProperties": false,
            "examples": examples,
        })
    }
}

impl Column {
    fn schema(&self, may_be_null: bool) -> Value {
        let of = |name: &str| if may_be_null { json!([name, "null"]) } else { json!(name) };
        let mut schema = match self.holds {
            ColumnType::Text => json!({ "type": of("string") }),
            ColumnType::Moment => json!({ "type": of("string"), "format": "date-time" }),
            ColumnType::Flag => json!({ "type": of("boolean") }),
            ColumnType::Number => json!({ "type": of("integer"), "minimum": 0 }),
            ColumnType::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            ColumnType::OneOf(words) => json!({ "enum": words }),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), self.about.into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_first_example_of_a_kind_has_every_column_and_no_example_another() {
        for kind in KINDS {
            let schema = kind.schema();
            let examples = schema["examples"].as_array().unwrap();
            assert_eq!(examples.len(), kind.examples.lines().count(), "{}", kind.name);
            let names = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            let known = names(&schema["properties"]);
            assert_eq!(names(&examples[0]), known, "{}", kind.name);
            assert!(examples.iter().all(|row| names(row).is_subset(&known) && row["kind"] == kind.name));
        }
    }
}
