//! Who has a name already that a new person is to have, and what is said of it.

use futures_util::future::try_join;
use msgraph::{User, UserKey};
use workflow::{Left, Needs};

use crate::users::names::Names;
use crate::users::properties::SELECT;
use crate::{Error, View};

/// Who has a name already.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    /// An account.
    Account(Box<User>),
    /// Somebody deleted within the last 30 days: the object id. Entra can keep the name for them.
    Deleted(String),
}

/// What was seen of the names a person may get.
#[derive(Debug, Default, PartialEq)]
pub struct NameConflicts {
    /// Who has the names, in order, up to the first that is free or the person's own.
    pub holders: Vec<Holder>,
    /// The account of this very person, deleted within the last 30 days: the object id.
    pub deleted_self: Option<String>,
    /// The domains that names can have; nothing where the application may not see them, or no name is free.
    pub domains: Option<Vec<String>>,
}

impl Holder {
    /// The object id.
    pub fn id(&self) -> &str {
        match self {
            Self::Account(user) => &user.id,
            Self::Deleted(id) => id,
        }
    }
}

impl NameConflicts {
    /// Goes through the names until one is free, or held by the person: `is_self` knows them. Of the first name the
    /// holder is known. What is only good for making an account is read when one is missing.
    pub async fn look(
        names: &Names,
        first: Option<User>,
        employee_id: Option<&str>,
        is_self: impl Fn(&User) -> bool,
        graph: View<'_>,
    ) -> Result<Self, Error> {
        let mut seen = Self::default();
        let mut deleted: Option<Vec<User>> = None;
        let mut known = Some(first);
        for name in names.all() {
            let holder = match known.take() {
                Some(holder) => holder,
                None => graph.user(&UserKey::Upn(name.clone()), SELECT).await?,
            };
            if let Some(user) = holder {
                let is_over = is_self(&user);
                seen.holders.push(Holder::Account(Box::new(user)));
                if is_over {
                    return Ok(seen);
                }
                continue;
            }
            let deleted = match &mut deleted {
                Some(deleted) => deleted,
                none => {
                    let deleted = async { Ok(graph.deleted_namesakes(names.all(), employee_id).await?) };
                    let (found, domains) = try_join(deleted, domains(graph)).await?;
                    let is_self =
                        |user: &&User| employee_id.is_some() && user.employee_id.as_deref() == employee_id;
                    seen.deleted_self = found.iter().find(is_self).map(|user| user.id.clone());
                    seen.domains = domains;
                    none.insert(found)
                }
            };
            let had_name = |user: &&User| user.user_principal_name.as_ref() == Some(name);
            match deleted.iter().find(had_name) {
                Some(user) => seen.holders.push(Holder::Deleted(user.id.clone())),
                None => return Ok(seen),
            }
        }
        Ok(seen)
    }
}

impl NameConflicts {
    /// The refusal where others have every name.
    pub fn all_taken(&self) -> Error {
        let detail = match self.holders.as_slice() {
            [Holder::Account(user)] => format!(
                "user {} has this name and is not known to be this person; give another upn or an if_taken, or set \
                 that user's employee id",
                user.id
            ),
            [Holder::Deleted(id)] => format!(
                "user {id}, deleted within 30 days, still holds this name; if it is this person, restore_user brings \
                 it back; else purge it, or give another upn or an if_taken"
            ),
            several => {
                let ids: Vec<_> = several.iter().map(Holder::id).collect();
                format!(
                    "others have all {} names that may be tried: {}; give another",
                    ids.len(),
                    ids.join(", ")
                )
            }
        };
        Error::rejected("upn_taken", detail)
    }

    /// Refuses to make a second account for somebody whose first can come back.
    pub fn refuse_self_deleted(&self) -> Result<(), Error> {
        let Some(id) = &self.deleted_self else { return Ok(()) };
        Err(Error::rejected(
            "user_deleted",
            format!(
                "user {id}, deleted within 30 days, is this person; have restore_user bring the account back with \
                 its mailbox, or purge it, then ask again"
            ),
        ))
    }

    /// Refuses names in a domain that is not the tenant's. One that is wrong in any of them is wrong in the workflow,
    /// whichever name is free.
    pub fn refuse_other_domains(&self, names: &Names) -> Result<(), Error> {
        let Some(verified) = &self.domains else { return Ok(()) };
        let is_verified = |domain: &&str| verified.iter().any(|known| known.eq_ignore_ascii_case(domain));
        let mut domains = names.all().iter().filter_map(|name| Some(name.split_once('@')?.1));
        match domains.find(|domain| !is_verified(domain)) {
            None => Ok(()),
            Some(domain) => Err(Error::rejected(
                "domain_not_verified",
                format!("{domain} is no verified domain of the tenant; it has {}", verified.join(", ")),
            )),
        }
    }

    /// The names that are passed over, if any are.
    pub fn passed_over(&self) -> Option<Left> {
        let first = self.holders.first()?.id();
        let others = match self.holders.len() - 1 {
            0 => String::new(),
            others => format!(", and others have {others} more"),
        };
        let detail = format!("user {first} has the name asked for first{others}; the account gets another");
        Some(Left { code: "name_taken".to_owned(), detail, needs: Needs::Nobody })
    }
}

/// The tenant's verified domains, where they may be read: Graph refuses others anyway, and says less.
async fn domains(graph: View<'_>) -> Result<Option<Vec<String>>, Error> {
    match graph.organization().await {
        Ok(organization) => Ok(organization.map(|organization| {
            organization.verified_domains.into_iter().map(|domain| domain.name).collect()
        })),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
