//! What people prove with who they are: the sign-in methods they registered.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::Query;

/// A sign-in method somebody registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AuthenticationMethod {
    /// Its id, unique among the person's.
    pub id: String,
    /// Its type, like `#microsoft.graph.phoneAuthenticationMethod`.
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
}

/// Which kind of method it is. Sorted: what cannot be the default of a second factor comes first, what is most
/// often the default comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodKind {
    /// The password, which is replaced and never removed.
    Password,
    /// A mail address to reset the password with.
    Email,
    /// A pass of an hour or a day.
    TemporaryAccessPass,
    /// A passkey or security key.
    Passkey,
    /// A face, a finger or a PIN on one Windows device.
    WindowsHello,
    /// A credential kept by a Mac.
    PlatformCredential,
    /// Another provider's.
    External,
    /// Codes of an authenticator of whatever maker.
    SoftwareOath,
    /// A call or a text message.
    Phone,
    /// Microsoft's authenticator.
    MicrosoftAuthenticator,
    /// One this client does not know how to remove.
    Other,
}

/// Type and path of each kind that can be removed (Microsoft Graph's published model and permission table, 2026-08;
/// there is no path for all of them).
const KINDS: [(&str, MethodKind, &str); 9] = [
    ("email", MethodKind::Email, "emailMethods"),
    ("temporaryAccessPass", MethodKind::TemporaryAccessPass, "temporaryAccessPassMethods"),
    ("fido2", MethodKind::Passkey, "fido2Methods"),
    ("windowsHelloForBusiness", MethodKind::WindowsHello, "windowsHelloForBusinessMethods"),
    ("platformCredential", MethodKind::PlatformCredential, "platformCredentialMethods"),
    ("external", MethodKind::External, "externalAuthenticationMethods"),
    ("softwareOath", MethodKind::SoftwareOath, "softwareOathMethods"),
    ("phone", MethodKind::Phone, "phoneMethods"),
    ("microsoftAuthenticator", MethodKind::MicrosoftAuthenticator, "microsoftAuthenticatorMethods"),
];

impl AuthenticationMethod {
    /// The kind, by the type's name.
    pub fn kind(&self) -> MethodKind {
        match self.name() {
            Some("password") => MethodKind::Password,
            _ => self.known().map_or(MethodKind::Other, |(kind, _)| kind),
        }
    }

    fn name(&self) -> Option<&str> {
        self.odata_type.as_deref()?.strip_prefix("#microsoft.graph.")?.strip_suffix("AuthenticationMethod")
    }

    fn known(&self) -> Option<(MethodKind, &'static str)> {
        let name = self.name()?;
        KINDS.iter().find(|(known, ..)| *known == name).map(|&(_, kind, segment)| (kind, segment))
    }
}

impl Reader<'_> {
    /// The sign-in methods a person registered, the password among them.
    pub async fn authentication_methods(self, user_id: &str) -> Result<Vec<AuthenticationMethod>, Error> {
        self.list(Query::new(&["users", user_id, "authentication", "methods"])?).await
    }
}

impl Writer<'_> {
    /// Removes one of a person's sign-in methods.
    ///
    /// # Errors
    ///
    /// [`is_unprepared`](Error::is_unprepared) when it is the default and others are left: those go first.
    pub async fn remove_authentication_method(
        self,
        user_id: &str,
        method: &AuthenticationMethod,
    ) -> Result<(), Error> {
        let (_, segment) =
            method.known().ok_or_else(|| Error::internal("a sign-in method has no path to remove it by"))?;
        self.remove(&["users", user_id, "authentication", segment, &method.id]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_type() {
        let kind = |odata_type: &str| {
            let odata_type = Some(odata_type.to_owned());
            AuthenticationMethod { id: "1".into(), odata_type }.kind()
        };
        assert_eq!(kind("#microsoft.graph.passwordAuthenticationMethod"), MethodKind::Password);
        assert_eq!(
            kind("#microsoft.graph.microsoftAuthenticatorAuthenticationMethod"),
            MethodKind::MicrosoftAuthenticator
        );
        assert_eq!(kind("#microsoft.graph.externalAuthenticationMethod"), MethodKind::External);
        assert_eq!(kind("#microsoft.graph.telepathyAuthenticationMethod"), MethodKind::Other);
        assert_eq!(AuthenticationMethod::default().kind(), MethodKind::Other);
        assert!(KINDS.is_sorted_by_key(|&(_, kind, _)| kind));
    }
}
