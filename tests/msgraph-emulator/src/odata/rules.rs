//! Which properties of users and groups can be filtered, searched and ordered by.
//!
//! From "Advanced query capabilities on directory objects" and its table of properties (2023), for groups from "group
//! resource type" (2024), as far as the emulator has the properties. `createdDateTime` of groups is not there: the page
//! shows how Graph refuses it.

use super::expression::{Expression, Function, Literal, Operator};
use crate::http::refusal::Refusal;
use crate::tenant::{GROUP_PROPERTIES, User};

/// Whether something works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Support {
    Always,
    /// In an advanced query only.
    Advanced,
    Never,
}

/// A type of directory objects.
pub(crate) struct Kind {
    /// As refusals call it.
    pub(super) name: &'static str,
    pub(super) type_name: &'static str,
    has: fn(&str) -> bool,
    /// By property, a letter each for `eq`, `ge` and `le`, `in`, `startsWith` and null: `D` works by default, `A` in
    /// advanced queries, `-` never.
    single: &'static [(&'static str, &'static str)],
    /// By collection, the property of its items, and a letter each for `eq`, `startsWith` and `endsWith` inside `any`.
    collections: &'static [(&'static str, &'static str, &'static str)],
    /// Whose end can be compared.
    ends: &'static [&'static str],
    /// Whether the order by a property works by default.
    orders: &'static [(&'static str, bool)],
    searches: &'static [&'static str],
}

pub(crate) const USERS: Kind = Kind {
    name: "User",
    type_name: "microsoft.graph.user",
    has: User::has_property,
    single: &[
        ("accountEnabled", "DAD--"),
        ("city", "DDDDA"),
        ("companyName", "AAAAA"),
        ("country", "DDDDA"),
        ("createdDateTime", "DDA--"),
        ("deletedDateTime", "DDA--"),
        ("department", "DDDDA"),
        ("displayName", "DDDDA"),
        ("employeeHireDate", "AAA--"),
        ("employeeId", "DADDA"),
        ("employeeLeaveDateTime", "AAA--"),
        ("employeeType", "AAAA-"),
        ("externalUserState", "A-A-A"),
        ("givenName", "DDDDA"),
        ("id", "D-D--"),
        ("jobTitle", "DDDDA"),
        ("mail", "DDDDA"),
        ("mailNickname", "DDDDA"),
        ("mobilePhone", "AAAAA"),
        ("officeLocation", "AAAAA"),
        ("onPremisesImmutableId", "AAA-A"),
        ("onPremisesLastSyncDateTime", "AAA--"),
        ("onPremisesSamAccountName", "AAAA-"),
        ("onPremisesSyncEnabled", "DAD-A"),
        ("postalCode", "AAAAA"),
        ("preferredLanguage", "AAAAA"),
        ("state", "DDDDA"),
        ("streetAddress", "AAAAA"),
        ("surname", "DDDDA"),
        ("usageLocation", "DDDDA"),
        ("userPrincipalName", "DDDD-"),
        ("userType", "D-D-A"),
    ],
    collections: &[
        ("assignedLicenses", "skuId", "D--"),
        ("businessPhones", "", "DD-"),
        ("otherMails", "", "DDA"),
        ("proxyAddresses", "", "DDA"),
    ],
    ends: &["mail", "userPrincipalName"],
    orders: &[
        ("createdDateTime", false),
        ("deletedDateTime", false),
        ("displayName", true),
        ("userPrincipalName", true),
    ],
    searches: &["displayName", "givenName", "mail", "mailNickname", "surname", "userPrincipalName"],
};

pub(crate) const GROUPS: Kind = Kind {
    name: "Group",
    type_name: "microsoft.graph.group",
    has: |name| GROUP_PROPERTIES.contains(&name),
    single: &[
        ("deletedDateTime", "DDA--"),
        ("description", "DD-D-"),
        ("displayName", "DDDDA"),
        ("id", "D-D--"),
        ("isAssignableToRole", "D----"),
        ("mail", "DDDDA"),
        ("mailEnabled", "D----"),
        ("mailNickname", "DDDD-"),
        ("membershipRule", "DD-D-"),
        ("membershipRuleProcessingState", "D-D--"),
        ("onPremisesSyncEnabled", "D-D-A"),
        ("securityEnabled", "D-D--"),
    ],
    collections: &[
        ("assignedLicenses", "skuId", "D--"),
        ("groupTypes", "", "D--"),
        ("resourceProvisioningOptions", "", "D--"),
    ],
    ends: &["mail"],
    orders: &[("deletedDateTime", false), ("displayName", true)],
    searches: &["description", "displayName", "mail", "mailNickname"],
};

/// What a relation without a cast holds: objects of several types. Microsoft shows `$filter` and `$orderby` by
/// `displayName`, and `$search` by `displayName` and `description` ("List group members", 2023, and "List a user's direct
/// memberships", 2023). The id is the one other property they all have. The pages say nothing of others: refused.
pub(crate) const OBJECTS: Kind = Kind {
    name: "DirectoryObject",
    type_name: "microsoft.graph.directoryObject",
    has: |name| User::has_property(name) || GROUP_PROPERTIES.contains(&name),
    single: &[("displayName", "AAAAA"), ("id", "A-A--")],
    collections: &[],
    ends: &[],
    orders: &[("displayName", false)],
    searches: &["description", "displayName"],
};

/// The places of the letters.
const EQUAL: usize = 0;
const RANGE: usize = 1;
const AMONG: usize = 2;
const START: usize = 3;
const NULL: usize = 4;
/// And inside `any`.
const ITEM_START: usize = 1;
const ITEM_END: usize = 2;

fn letter(letters: &str, place: usize) -> Support {
    match letters.as_bytes().get(place) {
        Some(b'D') => Support::Always,
        Some(b'A') => Support::Advanced,
        _ => Support::Never,
    }
}

impl Kind {
    pub(super) fn has(&self, name: &str) -> bool {
        (self.has)(name)
    }

    /// Whether a list can be ordered by the property, and then whether by default.
    pub(super) fn orders(&self, name: &str) -> Option<bool> {
        self.orders.iter().find(|(known, _)| *known == name).map(|(_, default)| *default)
    }

    pub(super) fn searches(&self, name: &str) -> bool {
        self.searches.contains(&name)
    }

    /// Refuses a filter that Graph does not take, or takes in an advanced query only.
    pub(super) fn check(&self, filter: &Expression, advanced: bool) -> Result<(), Refusal> {
        match filter {
            Expression::And(left, right) | Expression::Or(left, right) => {
                self.check(left, advanced)?;
                self.check(right, advanced)
            }
            Expression::Not(inner) => {
                self.check(inner, advanced)?;
                needs_advanced("Not", advanced)
            }
            Expression::Compare(name, operator, literal) => {
                self.check_single(name, *operator, literal, advanced)
            }
            Expression::Among(name, _) => self.permit(name, self.support(name, AMONG)?, advanced),
            Expression::Call(Function::Contains, name, _) => {
                self.known(name)?;
                Err(Refusal::unsupported_query("Filter operator 'Contains' is not supported."))
            }
            Expression::Call(Function::EndsWith, name, _) => {
                self.known(name)?;
                if !self.ends.contains(&name.as_str()) {
                    return Err(self.unsupported(name));
                }
                needs_advanced("endsWith", advanced)
            }
            Expression::Call(Function::StartsWith, name, _) => {
                self.permit(name, self.support(name, START)?, advanced)
            }
            Expression::Any(name, inner) => self.check_items(name, inner, advanced),
            Expression::Count(name, operator, _) => {
                self.known(name)?;
                let is_collection = self.collections.iter().any(|(known, ..)| known == name);
                if !is_collection || !matches!(operator, Operator::Equal | Operator::NotEqual) {
                    return Err(self.unsupported(name));
                }
                needs_advanced("$count", advanced)
            }
        }
    }

    fn check_single(
        &self,
        name: &str,
        operator: Operator,
        literal: &Literal,
        advanced: bool,
    ) -> Result<(), Refusal> {
        let place = match operator {
            Operator::Equal | Operator::NotEqual if *literal == Literal::Null => NULL,
            Operator::Equal | Operator::NotEqual => EQUAL,
            Operator::AtLeast | Operator::AtMost => RANGE,
            // The directory has neither of the two.
            Operator::Above | Operator::Below => return self.known(name).and(Err(self.unsupported(name))),
        };
        let support = self.support(name, place)?;
        if operator == Operator::NotEqual && support != Support::Never {
            return needs_advanced("NotEqualsMatch", advanced);
        }
        self.permit(name, support, advanced)
    }

    /// Checks what is inside `any`: comparisons of the items with texts.
    fn check_items(&self, name: &str, inner: &Expression, advanced: bool) -> Result<(), Refusal> {
        self.known(name)?;
        let row = self.collections.iter().find(|(known, ..)| *known == name);
        let (_, property, letters) = row.ok_or_else(|| self.unsupported(name))?;
        let (inside, place) = match inner {
            Expression::And(left, right) | Expression::Or(left, right) => {
                self.check_items(name, left, advanced)?;
                return self.check_items(name, right, advanced);
            }
            Expression::Compare(inside, Operator::Equal, _) => (inside, EQUAL),
            Expression::Call(Function::StartsWith, inside, _) => (inside, ITEM_START),
            Expression::Call(Function::EndsWith, inside, _) => (inside, ITEM_END),
            _ => return Err(self.unsupported(name)),
        };
        if inside != property {
            return Err(self.unsupported(name));
        }
        match (letter(letters, place), place) {
            (Support::Advanced, ITEM_END) => needs_advanced("endsWith", advanced),
            (support, _) => self.permit(name, support, advanced),
        }
    }

    fn known(&self, name: &str) -> Result<(), Refusal> {
        if self.has(name) {
            return Ok(());
        }
        Err(Refusal::malformed(format!(
            "Invalid filter clause: Could not find a property named '{name}' on type '{}'.",
            self.type_name
        )))
    }

    fn support(&self, name: &str, place: usize) -> Result<Support, Refusal> {
        self.known(name)?;
        let row = self.single.iter().find(|(known, _)| *known == name);
        Ok(row.map_or(Support::Never, |(_, letters)| letter(letters, place)))
    }

    fn permit(&self, name: &str, support: Support, advanced: bool) -> Result<(), Refusal> {
        match support {
            Support::Always => Ok(()),
            Support::Advanced if advanced => Ok(()),
            Support::Advanced | Support::Never => Err(self.unsupported(name)),
        }
    }

    fn unsupported(&self, name: &str) -> Refusal {
        Refusal::unsupported_query(format!(
            "Unsupported or invalid query filter clause specified for property '{name}' of resource '{}'.",
            self.name
        ))
    }
}

/// Graph's words for an operator without the header or the count (in the page on advanced queries, 2023).
fn needs_advanced(operator: &str, advanced: bool) -> Result<(), Refusal> {
    if advanced {
        return Ok(());
    }
    Err(Refusal::unsupported_query(format!(
        "Operator '{operator}' is not supported because the required parameters might be missing. Try adding $count=true \
         query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for \
         more information"
    )))
}

#[cfg(test)]
mod tests {
    use super::super::parser::filter;
    use super::{GROUPS, USERS};
    use crate::tenant::{GROUP_PROPERTIES, User};

    #[test]
    fn some_filters_need_an_advanced_query_and_some_never_work() {
        let refusal = |text: &str, advanced| {
            let checked = USERS.check(&filter(text).unwrap(), advanced);
            checked.err().map(|refusal| refusal.message)
        };
        for always in
            ["displayName eq 'x'", "startswith(mail,'x') or city in ('x')", "createdDateTime ge 2026-01-01"]
        {
            assert_eq!(refusal(always, false), None, "{always}");
        }
        for (advanced, words) in [
            ("displayName ne 'x'", "Operator 'NotEqualsMatch'"),
            ("not(city eq 'x')", "Operator 'Not'"),
            ("endswith(mail,'x')", "Operator 'endsWith'"),
            ("companyName eq 'x'", "for property 'companyName' of resource 'User'"),
            ("department eq null", "for property 'department'"),
            ("assignedLicenses/$count ne 0", "Operator '$count'"),
            ("proxyAddresses/any(p:endswith(p,'x'))", "Operator 'endsWith'"),
        ] {
            assert!(refusal(advanced, false).unwrap().contains(words), "{advanced}");
            assert_eq!(refusal(advanced, true), None, "{advanced}");
        }
        for (never, words) in [
            ("contains(displayName,'x')", "Filter operator 'Contains' is not supported."),
            ("endswith(displayName,'x')", "for property 'displayName'"),
            ("city gt 'x'", "for property 'city'"),
            ("assignedLicenses/any(l:l/colour eq 'x')", "for property 'assignedLicenses'"),
            ("licenseAssignmentStates eq 'x'", "for property 'licenseAssignmentStates'"),
            ("colour eq 'x'", "Could not find a property named 'colour' on type 'microsoft.graph.user'"),
        ] {
            assert!(refusal(never, true).unwrap().contains(words), "{never}");
        }
    }

    #[test]
    fn the_tables_name_properties_that_there_are() {
        let of_users = USERS.single.iter().map(|(name, _)| *name);
        let of_users: Vec<_> = of_users.chain(USERS.searches.iter().copied()).collect();
        assert!(of_users.into_iter().all(User::has_property));
        let of_groups = GROUPS.single.iter().map(|(name, _)| name);
        assert!(of_groups.chain(GROUPS.searches).all(|name| GROUP_PROPERTIES.contains(name)));
    }
}
