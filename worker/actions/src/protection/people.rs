//! Who is protected, as the settings say it.

use std::collections::BTreeSet;

use uuid::Uuid;

/// Who is protected in a tenant, besides Gatehouse's own service account and the last enabled Global Administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedPeople {
    /// Object ids and user principal names, in lower case.
    pub(super) accounts: BTreeSet<String>,
    /// Display names or object ids of groups.
    pub(super) groups: Vec<String>,
    /// Name and id of each role.
    pub(super) roles: Vec<(String, String)>,
}

impl ProtectedPeople {
    /// The people with these object ids or user principal names, in these groups and with these roles.
    ///
    /// # Errors
    ///
    /// What is none of these, in words.
    pub fn new(people: &[String], groups: &[String], roles: &[String]) -> Result<Self, String> {
        if let Some(wrong) = people.iter().find(|name| !name.contains('@') && Uuid::try_parse(name).is_err())
        {
            return Err(format!("people: `{wrong}` is neither an object id nor a user principal name"));
        }
        let role = |name: &String| match msgraph::role_template(name) {
            Some(template) => Ok((name.clone(), template.to_owned())),
            None if Uuid::try_parse(name).is_ok() => Ok((name.clone(), name.to_lowercase())),
            None => {
                let known: Vec<_> = msgraph::role_names().collect();
                Err(format!(
                    "roles: `{name}` is not known; use the id of the role, or one of {}",
                    known.join(", ")
                ))
            }
        };
        Ok(Self {
            accounts: people.iter().map(|name| name.to_lowercase()).collect(),
            groups: groups.to_vec(),
            roles: roles.iter().map(role).collect::<Result<_, _>>()?,
        })
    }

    /// Whether nobody is protected by what an account belongs to.
    pub(super) fn needs_no_belongings(&self) -> bool {
        self.groups.is_empty() && self.roles.is_empty()
    }

    /// Whether the settings list this account.
    pub(super) fn lists(&self, id: &str, upn: Option<&str>) -> bool {
        let is_listed = |name: &str| self.accounts.contains(&name.to_lowercase());
        is_listed(id) || upn.is_some_and(is_listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn people_and_roles_are_checked_as_far_as_the_settings_show() {
        let id = "6F0A8A6C-0001-4000-8000-000000000001";
        let roles = ["global administrator", "f2ef992c-3afb-46b9-b7cf-a126ee74c451"];
        let people = texts(&["Ada@contoso.example", id]);
        let people = ProtectedPeople::new(&people, &[], &texts(&roles)).unwrap();
        assert!(people.lists("1", Some("ada@Contoso.example")) && people.lists(&id.to_lowercase(), None));
        assert!(!people.lists("2", Some("grace@contoso.example")));
        assert_eq!(people.roles[0].1, msgraph::GLOBAL_ADMINISTRATOR);
        let wrong = ProtectedPeople::new(&texts(&["ada"]), &[], &[]).unwrap_err();
        assert_eq!(wrong, "people: `ada` is neither an object id nor a user principal name");
        let wrong = ProtectedPeople::new(&[], &[], &texts(&["Global Admin"])).unwrap_err();
        assert!(wrong.starts_with("roles: `Global Admin` is not known; use the id"), "{wrong}");
    }
}
