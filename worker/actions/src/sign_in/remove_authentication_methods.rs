//! Makes true: the person has no sign-in method besides the password.
//!
//! **Needs** `UserAuthenticationMethod.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`; after a pause `person_returned`, `person_changed`.
//! **Leaves** methods of a type that Graph cannot remove; the result names each. `owned_devices`: the devices that the
//! person joined or registered in Microsoft Entra; `owned_devices_unseen`, if Graph does not show them.
//! **Idempotent because** it reads the methods and removes those it finds; "not found" counts as removed.
//!
//! Graph refuses to remove the default method while there are others, and does not say which method that is. A refused
//! removal is repeated after the others. The password stays; `reset_password` replaces it.

use std::fmt;

use futures_util::future::try_join;
use msgraph::{AuthenticationMethod, MethodKind, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Account, Action, Error, Made, Person, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveAuthenticationMethods;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
}

/// The account, its sign-in methods, and the devices that it signs in with.
pub struct Observed {
    person: Person,
    methods: Vec<AuthenticationMethod>,
    /// Their ids; nothing if Graph does not show them.
    devices: Option<Vec<String>>,
}

/// Removes a sign-in method.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    method: AuthenticationMethod,
}

impl Action for RemoveAuthenticationMethods {
    const NAME: &'static str = "remove_authentication_methods";
    const MAKES_TRUE: &'static str = "The person has no sign-in method besides the password";
    const NEEDS: &'static [&'static str] = &["UserAuthenticationMethod.ReadWrite.All", "User.Read.All"];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("user", "{{ person }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let person = graph.person(&params.user, &["id"]).await?;
        let Person::Present(user) = &person else {
            return Ok(Observed { person, methods: Vec::new(), devices: Some(Vec::new()) });
        };
        let methods = graph.authentication_methods(&user.id);
        let (methods, devices) = try_join(methods, graph.owned_devices(&user.id)).await?;
        Ok(Observed { person, methods, devices })
    }

    fn plan(_: &Params, observed: &Observed) -> Result<Plan<Remove>, Error> {
        let (user, _) = observed.person.account()?;
        let mut methods: Vec<_> = observed.methods.iter().collect();
        methods.sort_by_key(|method| method.kind());
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for method in methods {
            match method.kind() {
                MethodKind::Password => {}
                MethodKind::Other => left.push(Left {
                    code: "unknown_method".to_owned(),
                    detail: format!(
                        "sign-in method {} ({}) cannot be removed here; remove it in the Entra admin center",
                        method.id,
                        method.odata_type.as_deref().unwrap_or("unknown type")
                    ),
                    needs: Needs::Operator,
                }),
                _ => changes.push(Remove { user: user.clone(), method: method.clone() }),
            }
        }
        left.extend(owned(&user, observed.devices.as_deref()));
        Ok(Plan::in_order(changes).leaving(left))
    }

    fn takes(_: &Self::Observed, changes: &[&Remove]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(
                change
                    .user
                    .loses(TakenKind::AuthenticationMethod)?
                    .with("method", change.method.id.clone())
                    .with("type", change.method.odata_type.clone()),
            )
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        graph.remove_authentication_method(change.user.id()?, &change.method).await.map_err(|error| {
            Error::from(error).or_missing("permission_missing", || {
                "removing a sign-in method needs UserAuthenticationMethod.ReadWrite.All".to_owned()
            })
        })
    }

    /// Graph refuses the default method while there are others, so refused methods are tried once more at the end. A
    /// method that cannot be removed does not keep the others.
    async fn apply_sequence(changes: &[Remove], graph: Writer<'_>, made: &mut Made) -> Result<(), Error> {
        let (mut refused, mut errors) = (Vec::new(), Vec::new());
        for change in changes {
            match Self::apply(change, graph).await {
                Ok(()) => made.note(change),
                Err(Error::Graph(error)) if error.is_unprepared() => refused.push(change),
                Err(error) if error.is_of_one_object() => errors.push(error),
                Err(error) => return Error::all(errors.into_iter().chain([error])),
            }
        }
        for change in refused {
            match Self::apply(change, graph).await {
                Ok(()) => made.note(change),
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

/// How many devices are named.
const NAMED: usize = 20;

/// The devices that stay in the directory, by their ids: names of devices are often those of people.
fn owned(user: &Account, devices: Option<&[String]>) -> Option<Left> {
    let left = |code: &str, detail| Left { code: code.to_owned(), detail, needs: Needs::Nobody };
    let Some(devices) = devices else {
        let detail = format!(
            "Microsoft Graph does not show which devices {user} joined or registered; look at them in the Entra admin center"
        );
        return Some(left("owned_devices_unseen", detail));
    };
    let named: Vec<_> = devices.iter().take(NAMED).map(String::as_str).collect();
    let more = match devices.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "{user} stays the owner of devices in Microsoft Entra: {}{more}; disable or delete there what nobody uses any more",
        named.join(", ")
    );
    (!named.is_empty()).then(|| left("owned_devices", detail))
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove sign-in method {} of {}", self.method.id, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use crate::{Entry, Scenario};
    use msgraph::User;
    use msgraph_emulator::Tenant;
    use outcome::{Mode, Outcome};
    use serde_json::json;

    #[test]
    fn the_password_stays_and_the_usual_default_goes_last() {
        let method = |id: &str, name: &str| AuthenticationMethod {
            id: id.into(),
            odata_type: Some(format!("#microsoft.graph.{name}AuthenticationMethod")),
        };
        let methods = vec![
            method("app", "microsoftAuthenticator"),
            method("secret", "password"),
            method("call", "phone"),
            method("strange", "telepathy"),
            method("key", "fido2"),
        ];
        let person = Person::Present(Box::new(User { id: "1".into(), ..User::default() }));
        let params = Params { user: serde_json::from_value("ada@contoso.example".into()).unwrap() };
        let observed = Observed { person, methods, devices: Some(Vec::new()) };
        let plan = RemoveAuthenticationMethods::plan(&params, &observed).unwrap();
        let ids: Vec<_> = plan.changes().map(|change| change.method.id.as_str()).collect();
        assert_eq!(ids, ["key", "call", "app"]);
        let left: Vec<_> = plan.left.iter().map(|left| (left.code.as_str(), left.needs)).collect();
        assert_eq!(left, [("unknown_method", Needs::Operator)]);
    }

    #[test]
    fn devices_that_stay_are_told_by_id_and_so_is_that_they_are_not_seen() {
        let told = |devices: Option<usize>| {
            let devices: Option<Vec<_>> =
                devices.map(|count| (0..count).map(|number| format!("d{number}")).collect());
            owned(&Account::Known("1".into()), devices.as_deref()).map(|left| (left.code, left.detail))
        };
        assert_eq!(told(Some(0)), None);
        let (code, detail) = told(Some(2)).unwrap();
        assert!(code == "owned_devices" && detail.contains("d0, d1;"), "{detail}");
        let (_, detail) = told(Some(23)).unwrap();
        assert!(detail.contains("d19 and 3 more;") && !detail.contains("d20"), "{detail}");
        assert_eq!(told(None).unwrap().0, "owned_devices_unseen");
    }

    #[tokio::test]
    async fn a_default_that_is_not_the_usual_one_goes_last_too() {
        let ada = msgraph_emulator::User::new("ada@contoso.example", "Ada Lovelace")
            .default_method("phone")
            .method("microsoftAuthenticator");
        let application = msgraph_emulator::Application::default();
        let application = application.role("UserAuthenticationMethod.ReadWrite.All");
        let tenant = Tenant::empty().application(application).user(ada);
        let scenario = Scenario { tenant, params: json!({ "user": "ada@contoso.example" }) };
        let bench = Bench::with(Entry::of::<RemoveAuthenticationMethods>(), scenario);
        let report = bench.run(Mode::Apply).await;
        assert_eq!(report.answer.outcome(), Outcome::Changed, "{report:?}");
        let removed: Vec<_> =
            bench.effects().into_iter().map(|effect| effect.split(' ').nth(1).unwrap().to_owned()).collect();
        assert_eq!(removed, ["microsoftAuthenticator", "phone"]);
        let writes = bench.emulator.journal().iter().filter(|entry| entry.write).count();
        assert_eq!(writes, 3, "the default is refused once");
    }
}
