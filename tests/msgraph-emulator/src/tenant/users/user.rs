//! Users: what each of them has, and how a tenant is given one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::clock::CREATED;
use crate::tenant::sign_in::temporary_access_pass::Pass;
use crate::tenant::users::sign_ins::SignIns;
use crate::tenant::{Device, Drive, Mailbox};

/// One user of the tenant.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) id: Uuid,
    pub(crate) upn: String,
    pub(crate) texts: BTreeMap<&'static str, String>,
    pub(crate) business_phones: Vec<String>,
    pub(crate) other_mails: Vec<String>,
    /// Those that do not follow from `mail`.
    pub(crate) proxy_addresses: Vec<String>,
    /// The texts that had a value and have none now.
    pub(crate) cleared: BTreeSet<&'static str>,
    /// Nothing for a user who never signed in.
    pub(crate) sign_ins: Option<SignIns>,
    pub(crate) enabled: bool,
    pub(crate) synced: bool,
    /// Was mastered on premises once, and is not writable in the cloud since: its properties say nothing of that
    /// (microsoftgraph/microsoft-graph-docs-contrib issue 3564, 2023).
    pub(crate) formerly_synced: bool,
    /// The applications the user is assigned to, by name.
    pub(crate) app_roles: BTreeSet<String>,
    /// The applications the user consented to, by name.
    pub(crate) consents: BTreeSet<String>,
    /// The sign-in methods besides the password, by the start of their type's name: `phone`, `fido2`.
    pub(crate) methods: BTreeSet<String>,
    pub(crate) default_method: Option<String>,
    /// The temporary access pass, which is one of the sign-in methods.
    pub(crate) pass: Option<Pass>,
    pub(in crate::tenant) passes_made: u32,
    /// The directory role the user holds, by name.
    pub(crate) role: Option<String>,
    /// The directory role the user may activate, by name.
    pub(crate) eligible_role: Option<String>,
    /// The applications whose registration the user owns, by name.
    pub(crate) owned_applications: BTreeSet<String>,
    /// The devices that the user joined or registered in the directory, by name.
    pub(crate) owned_devices: BTreeSet<String>,
    pub(crate) created: String,
    pub(crate) deleted: Option<String>,
    pub(crate) sessions_from: String,
    pub(crate) password_from: String,
    /// Whether sessions were revoked since the start; a moment would differ from run to run.
    pub(crate) revoked: bool,
    /// Whether the next sign-in requires a new password.
    pub(crate) must_change_password: bool,
    pub(crate) manager: Option<Uuid>,
    pub(crate) member_of: BTreeSet<Uuid>,
    /// The groups to rejoin when a deleted user is restored.
    pub(crate) was_member_of: BTreeSet<Uuid>,
    pub(crate) direct: BTreeMap<Uuid, Direct>,
    /// Licences by group and SKU.
    pub(crate) inherited: BTreeMap<(Uuid, Uuid), Inherited>,
    /// The content of the mailbox, once there is any.
    pub(crate) mailbox: Option<Box<Mailbox>>,
    /// The OneDrive, once there is one.
    pub(crate) drive: Option<Box<Drive>>,
    /// The devices enrolled in Intune.
    pub(crate) devices: Vec<Device>,
    pub(crate) wishes: Wishes,
}

/// A licence given to the user.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    pub(crate) disabled: BTreeSet<Uuid>,
    pub(crate) since: String,
}

/// A licence given to one of the user's groups.
#[derive(Clone, Debug)]
pub(crate) struct Inherited {
    pub(crate) disabled: BTreeSet<Uuid>,
    /// Why the user does not have it, if so.
    pub(crate) error: Option<&'static str>,
    pub(crate) since: String,
}

/// Properties and references, resolved when the user is added to a tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) manager: Option<String>,
    pub(crate) licenses: Vec<String>,
    /// A licence, and its service plans that are off.
    pub(crate) plans_off: Vec<(String, Vec<String>)>,
    pub(crate) properties: Vec<(String, Value)>,
}

impl User {
    /// An enabled member with these names.
    #[must_use]
    pub fn new(user_principal_name: &str, display_name: &str) -> Self {
        let mut texts =
            BTreeMap::from([("displayName", display_name.to_owned()), ("userType", "Member".to_owned())]);
        if let Some((local, _)) = user_principal_name.split_once('@') {
            texts.insert("mailNickname", local.to_owned());
        }
        Self {
            id: Uuid::nil(),
            upn: user_principal_name.to_owned(),
            texts,
            business_phones: Vec::new(),
            other_mails: Vec::new(),
            proxy_addresses: Vec::new(),
            cleared: BTreeSet::new(),
            sign_ins: None,
            enabled: true,
            synced: false,
            formerly_synced: false,
            app_roles: BTreeSet::new(),
            consents: BTreeSet::new(),
            methods: BTreeSet::new(),
            default_method: None,
            pass: None,
            passes_made: 0,
            role: None,
            eligible_role: None,
            owned_applications: BTreeSet::new(),
            owned_devices: BTreeSet::new(),
            created: CREATED.to_owned(),
            deleted: None,
            sessions_from: CREATED.to_owned(),
            password_from: CREATED.to_owned(),
            revoked: false,
            must_change_password: false,
            manager: None,
            member_of: BTreeSet::new(),
            was_member_of: BTreeSet::new(),
            direct: BTreeMap::new(),
            inherited: BTreeMap::new(),
            mailbox: None,
            drive: None,
            devices: Vec::new(),
            wishes: Wishes::default(),
        }
    }

    /// Gives the user an id, which otherwise follows from the tenant and the user principal name.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Sets a property by its name in Graph, checked when the user is added to a tenant.
    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<Value>) -> Self {
        let wish = (property.to_owned(), value.into());
        self.wishes.properties.push(wish);
        self
    }

    /// Sets the country of use, without which no licence can be assigned.
    #[must_use]
    pub fn located(self, country: &str) -> Self {
        self.with("usageLocation", country)
    }

    /// Names the manager, by id or user principal name; add the manager to the tenant first.
    #[must_use]
    pub fn manager(mut self, key: &str) -> Self {
        self.wishes.manager = Some(key.to_owned());
        self
    }

    /// Assigns a licence directly, by part number or id; add the SKU to the tenant first.
    #[must_use]
    pub fn licensed(mut self, sku: &str) -> Self {
        self.wishes.licenses.push(sku.to_owned());
        self
    }

    /// Assigns a licence directly without these of its service plans.
    #[must_use]
    pub fn licensed_without(mut self, sku: &str, plans: &[&str]) -> Self {
        let plans = plans.iter().map(|&plan| plan.to_owned()).collect();
        self.wishes.plans_off.push((sku.to_owned(), plans));
        self.licensed(sku)
    }

    /// Blocks sign-in.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Makes the user mastered on premises.
    #[must_use]
    pub fn synced(mut self) -> Self {
        self.synced = true;
        self
    }

    /// Gives the user a directory role, by name.
    #[must_use]
    pub fn holding_role(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    /// Makes the user eligible for a directory role, by name: the user may activate it.
    #[must_use]
    pub fn eligible_for(mut self, role: &str) -> Self {
        self.eligible_role = Some(role.to_owned());
        self
    }

    /// Makes the user an owner of the registration of an application, by name.
    #[must_use]
    pub fn owning_application(mut self, name: &str) -> Self {
        self.owned_applications.insert(name.to_owned());
        self
    }

    /// Makes the user the owner of a device in the directory, by name. Intune need not manage it.
    #[must_use]
    pub fn owning_device(mut self, name: &str) -> Self {
        self.owned_devices.insert(name.to_owned());
        self
    }

    /// Sets the content of the mailbox, which exists if the user has an Exchange plan.
    #[must_use]
    pub fn mailbox(mut self, mailbox: Mailbox) -> Self {
        self.mailbox = Some(Box::new(mailbox));
        self
    }

    /// Gives the user a OneDrive.
    #[must_use]
    pub fn drive(mut self, drive: Drive) -> Self {
        self.drive = Some(Box::new(drive));
        self
    }

    /// Adds an enrolled device.
    #[must_use]
    pub fn device(mut self, device: Device) -> Self {
        self.devices.push(device);
        self
    }

    /// Assigns the user to an application, by name.
    #[must_use]
    pub fn assigned_to(mut self, application: &str) -> Self {
        self.app_roles.insert(application.to_owned());
        self
    }

    /// Adds a consent to an application, by name.
    #[must_use]
    pub fn consenting_to(mut self, application: &str) -> Self {
        self.consents.insert(application.to_owned());
        self
    }

    /// Registers a sign-in method by the start of its type's name, like `fido2`.
    #[must_use]
    pub fn method(mut self, kind: &str) -> Self {
        self.methods.insert(kind.to_owned());
        self
    }

    /// Registers a sign-in method and makes it the default.
    #[must_use]
    pub fn default_method(mut self, kind: &str) -> Self {
        self.default_method = Some(kind.to_owned());
        self.method(kind)
    }
}
