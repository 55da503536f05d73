//! Changes of mailboxes that only the administration of Exchange supports: shared mailboxes, forwarding by the mailbox
//! itself, full access, hiding from address lists.
//!
//! **Undocumented.** This is the interface of Microsoft's own PowerShell module for Exchange Online. It is widely used
//! but not documented, and Microsoft may change it without notice; Graph has no other (v1.0, 2026). The client uses it
//! only where the operator turned it on ([`Settings::exchange_admin`](crate::Settings::exchange_admin)).
//!
//! The client sends a fixed set of cmdlets. All of them are a `POST`, even those that only read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::Request;

/// A mailbox as the administration of Exchange shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(missing_docs, reason = "the fields are Exchange's own, under Exchange's own names")]
pub struct AdministeredMailbox {
    pub guid: String,
    pub recipient_type_details: String,
    pub hidden_from_address_lists_enabled: bool,
    pub forwarding_address: Option<String>,
    pub forwarding_smtp_address: Option<String>,
    pub deliver_to_mailbox_and_forward: bool,
}

impl AdministeredMailbox {
    /// Whether it is a shared mailbox.
    pub fn is_shared(&self) -> bool {
        self.recipient_type_details.eq_ignore_ascii_case("SharedMailbox")
    }

    /// Whether it forwards mail, to whomever.
    pub fn forwards(&self) -> bool {
        let is_set = |address: &Option<String>| address.as_deref().is_some_and(|address| !address.is_empty());
        is_set(&self.forwarding_address) || is_set(&self.forwarding_smtp_address)
    }

    /// Whether it forwards to this address only.
    pub fn forwards_to(&self, address: &str) -> bool {
        let to = self.forwarding_smtp_address.as_deref().unwrap_or_default();
        let bare = match to.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("smtp:") => to.get(5..).unwrap_or_default(),
            _ => to,
        };
        let forwards_elsewhere = self.forwarding_address.as_deref().is_some_and(|other| !other.is_empty());
        bare.eq_ignore_ascii_case(address) && !forwards_elsewhere
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Statistics {
    total_item_size: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MailboxPermission {
    access_rights: Value,
    deny: Value,
}

#[derive(Deserialize)]
struct Rows<T> {
    value: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Command<'a> {
    cmdlet_input: Cmdlet<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Cmdlet<'a> {
    cmdlet_name: &'a str,
    parameters: Map<String, Value>,
}

/// A cmdlet with its parameters. Its verb says whether it writes.
fn cmdlet(name: &str, parameters: Value) -> Result<Request, Error> {
    let parameters = match parameters {
        Value::Object(parameters) => parameters,
        _ => Map::new(),
    };
    let body = serde_json::to_vec(&Command { cmdlet_input: Cmdlet { cmdlet_name: name, parameters } });
    let body = body.map_err(|_| Error::internal("a cmdlet cannot be serialized as JSON"))?;
    Ok(Request::command(body.into(), !name.starts_with("Get-")))
}

impl Reader<'_> {
    /// Whether the undocumented interface of Exchange is turned on.
    pub fn administers_exchange(self) -> bool {
        self.has_exchange_admin()
    }

    /// The mailbox of the person with this object id; `None` if there is none.
    pub async fn administered_mailbox(self, user_id: &str) -> Result<Option<AdministeredMailbox>, Error> {
        let id = uuid::Uuid::try_parse(user_id).map_err(|_| Error::internal("the user id is not a GUID"))?;
        // With a filter, a missing mailbox is an empty list; by its identity it would be an error with an undocumented
        // text.
        let filter = format!("ExternalDirectoryObjectId -eq '{id}'");
        let found: Vec<AdministeredMailbox> = self.rows("Get-Mailbox", json!({ "Filter": filter })).await?;
        Ok(found.into_iter().next())
    }

    /// The size of a mailbox in bytes; `None` if Exchange does not say it.
    pub async fn mailbox_bytes(self, mailbox: &str) -> Result<Option<u64>, Error> {
        let found: Vec<Statistics> =
            self.rows("Get-MailboxStatistics", json!({ "Identity": mailbox })).await?;
        Ok(found.first().and_then(|statistics| bytes_in(&statistics.total_item_size)))
    }

    /// Whether a person may open a mailbox and everything in it.
    pub async fn has_full_access(self, mailbox: &str, user_id: &str) -> Result<bool, Error> {
        let asked = json!({ "Identity": mailbox, "User": user_id });
        let found: Vec<MailboxPermission> = self.rows("Get-MailboxPermission", asked).await?;
        let names_it = |permission: &MailboxPermission| {
            permission.access_rights.to_string().contains("FullAccess")
                && !permission.deny.to_string().to_ascii_lowercase().contains("true")
        };
        Ok(found.iter().any(names_it))
    }

    /// The rows of a cmdlet. Each returns so few that there is no second page.
    async fn rows<T: DeserializeOwned>(self, name: &str, parameters: Value) -> Result<Vec<T>, Error> {
        let rows: Rows<T> = self.send(&cmdlet(name, parameters)?).await?.json()?;
        Ok(rows.value)
    }
}

impl Writer<'_> {
    /// Converts a person's mailbox to a shared mailbox, which needs no licence up to 50 GB.
    pub async fn share_mailbox(self, mailbox: &str) -> Result<(), Error> {
        self.command("Set-Mailbox", json!({ "Identity": mailbox, "Type": "Shared" })).await
    }

    /// Hides a mailbox from every address list.
    pub async fn hide_mailbox(self, mailbox: &str) -> Result<(), Error> {
        let parameters = json!({ "Identity": mailbox, "HiddenFromAddressListsEnabled": true });
        self.command("Set-Mailbox", parameters).await
    }

    /// Sets a mailbox to forward to one address only.
    pub async fn forward_mailbox(self, mailbox: &str, to: &str, keep_copy: bool) -> Result<(), Error> {
        let parameters = json!({
            "Identity": mailbox,
            // Exchange prefers this one if both are set.
            "ForwardingAddress": null,
            "ForwardingSmtpAddress": format!("smtp:{to}"),
            "DeliverToMailboxAndForward": keep_copy,
        });
        self.command("Set-Mailbox", parameters).await
    }

    /// Grants a person full access to a mailbox; Outlook shows it to the person.
    pub async fn grant_full_access(self, mailbox: &str, user_id: &str) -> Result<(), Error> {
        let parameters = json!({
            "Identity": mailbox,
            "User": user_id,
            "AccessRights": ["FullAccess"],
            "InheritanceType": "All",
            "AutoMapping": true,
        });
        self.command("Add-MailboxPermission", parameters).await
    }

    async fn command(self, name: &str, parameters: Value) -> Result<(), Error> {
        self.send_request(&cmdlet(name, parameters)?).await
    }
}

/// `"1.5 GB (1,610,612,736 bytes)"`, as PowerShell writes sizes.
fn bytes_in(size: &Value) -> Option<u64> {
    let text = size.as_str().or_else(|| size.get("Value")?.as_str())?;
    let (_, rest) = text.split_once('(')?;
    let digits: String = rest.split(" bytes").next()?.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::answer::Answer;
    use reqwest::header::HeaderMap;

    #[test]
    fn a_size_is_read_as_powershell_writes_it() {
        let bytes = |text: &str| bytes_in(&json!(text));
        assert_eq!(bytes("1.5 GB (1,610,612,736 bytes)"), Some(1_610_612_736));
        assert_eq!(bytes("0 B (0 bytes)"), Some(0));
        assert_eq!(bytes_in(&json!({ "Value": "2 KB (2.048 bytes)" })), Some(2048));
        for unreadable in ["", "Unlimited", "12 GB"] {
            assert_eq!(bytes(unreadable), None);
        }
        assert_eq!(bytes_in(&Value::Null), None);
    }

    #[test]
    fn a_mailbox_forwards_to_one_address_or_to_another() {
        let mailbox = |smtp: Option<&str>, address: Option<&str>| AdministeredMailbox {
            forwarding_smtp_address: smtp.map(Into::into),
            forwarding_address: address.map(Into::into),
            ..AdministeredMailbox::default()
        };
        let ada = "ada@contoso.example";
        assert!(mailbox(Some("smtp:Ada@contoso.example"), None).forwards_to(ada));
        assert!(!mailbox(Some("smtp:Ada@contoso.example"), Some("Grace Hopper")).forwards_to(ada));
        assert!(!mailbox(None, None).forwards_to(ada));
        assert!(!mailbox(Some("smtp:grace@contoso.example"), None).forwards_to(ada));
    }

    #[test]
    fn an_error_is_read_in_both_of_its_forms() {
        let message = |error: Value| {
            let body = json!({ "error": error }).to_string();
            Answer::of_head(400, &HeaderMap::new()).with_body(body.as_bytes()).message
        };
        let details = json!({
            "code": "BadRequest",
            "message": "Error executing request.",
            "details": [{ "code": "Context", "target": "", "message": "It Couldn't Be Found." }],
        });
        let deeper = json!({
            "code": "InternalServerError",
            "innererror": {
                "message": "Error executing cmdlet",
                "internalException": { "message": "It Couldn't Be Found." },
            },
        });
        for error in [details, deeper] {
            assert!(message(error).contains("it couldn't be found."));
        }
    }

    #[test]
    fn a_cmdlet_that_only_reads_is_no_write() {
        assert!(!cmdlet("Get-Mailbox", json!({})).unwrap().is_write);
        assert!(cmdlet("Set-Mailbox", json!({})).unwrap().is_write);
        assert!(cmdlet("Add-MailboxPermission", json!({})).unwrap().is_write);
    }
}
