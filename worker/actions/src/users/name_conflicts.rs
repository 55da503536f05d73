//! The current holders of the names that a new person may get, and the texts about them.

use futures_util::future::try_join;
use msgraph::{User, UserKey};
use outcome::{Left, Needs};

use crate::users::names::Names;
use crate::users::properties::SELECT;
use crate::{Error, View};

/// The current holder of a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    /// An account.
    Account(Box<User>),
    /// A person deleted within the last 30 days: the object id. Entra can keep the name reserved.
    Deleted(String),
}

/// What is known about the names to try.
#[derive(Debug, Default, PartialEq)]
pub struct NameConflicts {
    /// The holders, in the order of the names, up to the first name that is free or the person's own.
    pub holders: Vec<Holder>,
    /// This person's own account, if deleted within the last 30 days: the object id.
    pub deleted_self: Option<String>,
    /// The verified domains. Unknown if the application may not read them, or if no name is free.
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
    /// Goes through the names until one is free or belongs to the person, as `is_self` decides. The holder of the
    /// first name is known already. Deleted accounts and domains are read only if an account has to be created.
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
                    let (found, domains) = try_join(deleted, graph.domains()).await?;
                    let is_self =
                        |user: &&User| employee_id.is_some() && user.employee_id.as_deref() == employee_id;
                    seen.deleted_self = found.iter().find(is_self).map(|user| user.id.clone());
                    seen.domains = domains;
                    none.insert(found)
                }
            };
            let had_name = |user: &&User| {
                user.user_principal_name.as_ref().is_some_and(|its| its.eq_ignore_ascii_case(name))
            };
            match deleted.iter().find(had_name) {
                Some(user) => seen.holders.push(Holder::Deleted(user.id.clone())),
                None => return Ok(seen),
            }
        }
        Ok(seen)
    }
}

impl NameConflicts {
    /// The refusal if other people have every name.
    pub fn all_taken(&self) -> Error {
        let detail = match self.holders.as_slice() {
            [Holder::Account(user)] => format!(
                "user {} has this name and is not known to be this person; set another upn or if_taken, or that \
                 user's employee id",
                user.id
            ),
            [Holder::Deleted(id)] => format!(
                "user {id}, deleted within 30 days, still holds this name; if it is this person, run restore_user; \
                 otherwise purge it, or set another upn or if_taken"
            ),
            several => {
                let ids: Vec<_> = several.iter().map(Holder::id).collect();
                format!("other people have all {} names to try: {}; set another", ids.len(), ids.join(", "))
            }
        };
        Error::rejected(&["user_principal_name", "if_taken"], "upn_taken", detail)
    }

    /// Refuses to create a second account for a person whose first can be restored.
    pub fn refuse_self_deleted(&self) -> Result<(), Error> {
        let Some(id) = &self.deleted_self else { return Ok(()) };
        Err(Error::rejected(
            &["user_principal_name", "employee_id"],
            "user_deleted",
            format!(
                "user {id}, deleted within 30 days, is this person; run restore_user to bring the account back with \
                 its mailbox, or purge it, then send the event again"
            ),
        ))
    }

    /// Refuses names in a domain that is not verified. A wrong domain in any of the names is a mistake in the
    /// workflow, whichever name is free.
    pub fn refuse_other_domains(&self, names: &Names) -> Result<(), Error> {
        let Some(verified) = &self.domains else { return Ok(()) };
        let is_verified = |domain: &&str| verified.iter().any(|known| known.eq_ignore_ascii_case(domain));
        let mut domains = names.all().iter().filter_map(|name| Some(name.split_once('@')?.1));
        match domains.find(|domain| !is_verified(domain)) {
            None => Ok(()),
            Some(domain) => Err(Error::rejected(
                &["user_principal_name", "if_taken"],
                "domain_not_verified",
                format!("{domain} is not a verified domain of the tenant; it has {}", verified.join(", ")),
            )),
        }
    }

    /// The note about names that were passed over, if any.
    pub fn passed_over(&self) -> Option<Left> {
        let first = self.holders.first()?.id();
        let others = match self.holders.len() - 1 {
            0 => String::new(),
            others => format!(", and other people have {others} more"),
        };
        let detail = format!("user {first} has the first name{others}; the account gets a later one");
        Some(Left { code: "name_taken".to_owned(), detail, needs: Needs::Nobody })
    }
}
