//! The authentication methods that people registered to sign in with.

use serde::Deserialize;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::Query;

/// A registered authentication method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AuthenticationMethod {
    /// Its id, unique among the person's.
    pub id: String,
    /// Its type, like `#microsoft.graph.phoneAuthenticationMethod`.
    #[serde(rename = "@odata.type")]
    pub odata_type: Option<String>,
}

/// The kind of a method. Sorted: methods that cannot be the default second factor come first, the most frequent
/// default comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodKind {
    /// The password. It can be replaced, not removed.
    Password,
    /// A mail address for resetting the password.
    Email,
    /// A temporary access pass, valid for hours or days.
    TemporaryAccessPass,
    /// A passkey or security key.
    Passkey,
    /// A face, a finger or a PIN on one Windows device.
    WindowsHello,
    /// A credential stored by a Mac.
    PlatformCredential,
    /// A method of another provider.
    External,
    /// Codes of any authenticator app.
    SoftwareOath,
    /// A call or a text message.
    Phone,
    /// Microsoft Authenticator.
    MicrosoftAuthenticator,
    /// A method that this client cannot remove.
    Other,
}

/// Type and path of each kind that can be removed (Microsoft Graph's published model and permission table, 2026-08).
/// No single path serves all of them.
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
    /// The authentication methods of a person, including the password.
    pub async fn authentication_methods(self, user_id: &str) -> Result<Vec<AuthenticationMethod>, Error> {
        self.list(Query::new(&["users", user_id, "authentication", "methods"])?).await
    }
}

impl Writer<'_> {
    /// Removes one of a person's authentication methods.
    ///
    /// # Errors
    ///
    /// [`is_unprepared`](Error::is_unprepared) when it is the default and others remain: remove those first.
    pub async fn remove_authentication_method(
        self,
        user_id: &str,
        method: &AuthenticationMethod,
    ) -> Result<(), Error> {
        let (_, segment) = method
            .known()
            .ok_or_else(|| Error::internal("this kind of authentication method cannot be removed"))?;
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
