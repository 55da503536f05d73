//! Temporary access passes: whether a person needs one, and how it is issued.

use std::time::Duration;

use futures_util::future::{try_join, try_join3};
use jiff::Timestamp;
use msgraph::{
    AuthenticationMethod, IssuedPass, MethodKind, NewTemporaryAccessPass, TemporaryAccessPass, User, Writer,
};
use outcome::{Left, Needs};

use crate::{Account, Error, View};

/// How far the publisher's clock may be ahead of Entra's.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);

/// A person's sign-in methods and passes.
#[derive(Default)]
pub struct SignIn {
    /// All registered methods, including the password and a pass.
    pub methods: Vec<AuthenticationMethod>,
    /// The passes, valid or not.
    pub passes: Vec<TemporaryAccessPass>,
    /// Whether somebody may sign in with the password: the account is older than the run, and the password was changed
    /// since the account was made.
    pub is_used: bool,
    /// Whether the person holds a directory role, may activate one, or is in a group that can hold roles.
    pub administers: bool,
}

impl SignIn {
    /// Reads a person's methods, passes and roles. The account needs the properties of [`SELECT`].
    pub async fn of(user: &User, graph: View<'_>) -> Result<Self, Error> {
        let methods = async { Ok(graph.authentication_methods(&user.id).await?) };
        let passes = async { Ok(graph.temporary_access_passes(&user.id).await?) };
        let (methods, passes, administers) = try_join3(methods, passes, administers(&user.id, graph)).await?;
        Ok(Self { methods, passes, is_used: is_used(user, graph.first_sight()), administers })
    }

    /// Whether a valid pass was created since this moment.
    pub fn has_pass_since(&self, moment: Timestamp) -> bool {
        self.passes.iter().any(|pass| pass.is_good() && is_since(pass, moment))
    }

    /// Why to issue no pass, if so: a person who can sign in needs none, and a valid pass from before this moment
    /// belongs to another sender.
    pub fn reason_to_issue_none(&self, user: &Account, moment: Timestamp) -> Option<Left> {
        let left = |code: &str, detail, needs| Some(Left { code: code.to_owned(), detail, needs });
        if self.methods.iter().any(|method| signs_in(method.kind())) {
            let detail = format!(
                "{user} has registered a sign-in method and needs no pass; remove_authentication_methods removes the method"
            );
            return left("already_registered", detail, Needs::Nobody);
        }
        if self.is_used {
            let detail = format!(
                "{user} is older than this run and has a password that somebody may use, so no pass is issued; if the \
                 person needs one, hand it over in person"
            );
            return left("account_in_use", detail, Needs::Operator);
        }
        let strange = self.passes.iter().find(|pass| pass.is_good() && !is_since(pass, moment))?;
        let detail = format!(
            "{user} has the valid pass {} from before the event, whose value nobody can read again; hand it over, or \
             delete it and send another event",
            strange.id
        );
        left("pass_exists", detail, Needs::Operator)
    }
}

/// The properties of an account by which it is known whether somebody uses it.
pub const SELECT: &[&str] = &["id", "userPrincipalName", "createdDateTime", "lastPasswordChangeDateTime"];

/// Whether somebody may sign in with the password. The run's own account has a password that nobody knows.
fn is_used(user: &User, first_sight: Option<Timestamp>) -> bool {
    let (Some(created), Some(password)) = (user.created_date_time, user.last_password_change_date_time)
    else {
        return true;
    };
    let is_newer = first_sight.is_some_and(|first_sight| created >= first_sight);
    let changed_at_once = created.checked_add(CLOCKS_DIFFER).unwrap_or(Timestamp::MAX);
    !is_newer && password > changed_at_once
}

/// Whether a pass would let somebody sign in as an administrator. Who may activate a role counts where that can be read.
pub async fn administers(user: &str, graph: View<'_>) -> Result<bool, Error> {
    let belongings = async {
        graph.belongings(user).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "to see whether the person is an administrator needs User.Read.All".to_owned()
            })
        })
    };
    let eligible = async {
        match graph.is_eligible_for_a_role(user).await {
            Err(error) if error.is_forbidden() || error.is_not_bought() => Ok(false),
            answer => Ok(answer?),
        }
    };
    let (belongings, is_eligible) = try_join(belongings, eligible).await?;
    Ok(belongings.administers || is_eligible)
}

fn is_since(pass: &TemporaryAccessPass, moment: Timestamp) -> bool {
    let since = moment.checked_sub(CLOCKS_DIFFER).unwrap_or(Timestamp::MIN);
    pass.made().is_some_and(|made| made >= since)
}

/// An e-mail address resets a password and does not sign in.
fn signs_in(kind: MethodKind) -> bool {
    !matches!(kind, MethodKind::Password | MethodKind::Email | MethodKind::TemporaryAccessPass)
}

/// Issues a pass.
///
/// # Errors
///
/// `invalid_lifetime`, `pass_refused`, `pass_against_policy`, `permission_missing`.
pub async fn issue(
    user: &Account,
    terms: &NewTemporaryAccessPass,
    graph: Writer<'_>,
) -> Result<IssuedPass, Error> {
    let issued = graph.issue_temporary_access_pass(user.id()?, terms).await;
    let issued = issued.map_err(|error| refused(user, error))?;
    if issued.is_against_policy() {
        let detail = format!(
            "{user} now has a pass but may not use it; enable temporary access passes for {user} in the policy for \
             authentication methods, then replay"
        );
        return Err(Error::blocked("pass_against_policy", detail));
    }
    Ok(issued)
}

fn refused(user: &Account, error: msgraph::Error) -> Error {
    if error.is_against_policy() {
        let detail = format!(
            "the policy for authentication methods lets {user} have no temporary access pass; enable it there for {user}, \
             then replay"
        );
        return Error::blocked("pass_against_policy", detail).explains(error);
    }
    if error.status() != Some(400) {
        return or_missing(error);
    }
    // The only refusal with a known sample (an issue thread, 2021).
    if error.mentions("LifetimeInMinutes") {
        let detail =
            "the tenant's policy allows no pass of this lifetime; change `lifetime_minutes` or the policy";
        return Error::blocked("invalid_lifetime", detail).explains(error);
    }
    let detail = format!(
        "Entra ID refuses a temporary access pass for {user}; check `starts_at`, and that the policy for \
         authentication methods enables passes"
    );
    Error::blocked("pass_refused", detail).explains(error)
}

/// Names the permission that a refused call about passes needs.
pub fn or_missing(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("permission_missing", || {
        "a temporary access pass needs UserAuthMethod-TAP.ReadWrite.All, and for an administrator also a directory role \
         on the application"
            .to_owned()
    })
}

/// A pass that was created at this moment.
#[cfg(test)]
pub fn made(moment: &str, is_good: bool) -> TemporaryAccessPass {
    let created_date_time = Some(moment.parse().unwrap());
    TemporaryAccessPass {
        id: "p".into(),
        created_date_time,
        is_usable: Some(is_good),
        ..TemporaryAccessPass::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_who_can_sign_in_gets_no_pass_and_another_senders_pass_stays() {
        let user = Account::Known("1".into());
        let code = |methods: &[&str], passes: Vec<TemporaryAccessPass>| {
            let method = |name: &&str| {
                let odata_type = Some(format!("#microsoft.graph.{name}AuthenticationMethod"));
                AuthenticationMethod { id: (*name).to_owned(), odata_type }
            };
            let methods = methods.iter().map(method).collect();
            let sign_in = SignIn { methods, passes, ..SignIn::default() };
            let left = sign_in.reason_to_issue_none(&user, "2026-03-02T08:00:00Z".parse().unwrap());
            left.map(|left| left.code).unwrap_or_default()
        };
        for name in ["fido2", "phone", "microsoftAuthenticator", "windowsHelloForBusiness", "telepathy"] {
            assert_eq!(code(&["password", name], vec![]), "already_registered", "{name}");
        }
        assert_eq!(code(&["password", "email", "temporaryAccessPass"], vec![]), "");
        assert_eq!(code(&[], vec![made("2026-03-01T08:00:00Z", true)]), "pass_exists");
        assert_eq!(code(&[], vec![made("2026-03-01T08:00:00Z", false)]), "", "it is over");
        assert_eq!(code(&[], vec![made("2026-03-02T07:56:00Z", true)]), "", "clocks differ");
        let used = SignIn { is_used: true, ..SignIn::default() };
        let left = used.reason_to_issue_none(&user, "2026-03-02T08:00:00Z".parse().unwrap());
        assert_eq!(left.unwrap().code, "account_in_use");
    }

    #[test]
    fn an_account_is_used_if_it_is_older_and_its_password_was_changed() {
        let at = |text: &str| Some(text.parse().unwrap());
        let user = |created: &str, password: &str| User {
            created_date_time: at(created),
            last_password_change_date_time: at(password),
            ..User::default()
        };
        let seen = at("2026-03-02T08:00:00Z");
        let (old, new) = ("2024-01-01T08:00:00Z", "2026-03-02T08:00:05Z");
        assert!(is_used(&user(old, "2024-01-02T08:00:00Z"), seen));
        assert!(is_used(&User::default(), seen), "nobody can tell");
        assert!(!is_used(&user(old, old), seen), "nobody has signed in yet");
        assert!(!is_used(&user(new, "2026-03-02T09:00:00Z"), seen), "the run made it");
    }
}
