//! Tenant files: a tenant as JSON, every mistake named with its place.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::tenant::licenses::sku::{AppliesTo, Status};
use crate::tenant::licenses::subscription::Subscription;
use crate::tenant::{Application, Channel, Device, Drive, Group, Mailbox, Sku, Tenant, TenantError, User};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TenantFile {
    tenant_id: Uuid,
    display_name: String,
    verified_domains: Vec<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    concealed_names: bool,
    #[serde(default)]
    without_intune: bool,
    #[serde(default)]
    without_premium: bool,
    #[serde(default)]
    sign_in_page: Option<usize>,
    #[serde(default)]
    applications: Vec<Value>,
    #[serde(default)]
    skus: Vec<Value>,
    #[serde(default)]
    users: Vec<Map<String, Value>>,
    #[serde(default)]
    groups: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ApplicationFile {
    client_id: String,
    client_secret: String,
    roles: Vec<String>,
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    secret_expired: bool,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    federated_credentials: Vec<FederatedFile>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    public_client: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FederatedFile {
    issuer: String,
    subject: String,
    audience: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SkuFile {
    sku_part_number: String,
    #[serde(default)]
    sku_id: Option<Uuid>,
    enabled: u64,
    #[serde(default)]
    warning: u64,
    #[serde(default)]
    suspended: u64,
    #[serde(default)]
    locked_out: u64,
    #[serde(default)]
    applies_to: Option<AppliesTo>,
    #[serde(default)]
    capability_status: Option<Status>,
    #[serde(default)]
    consumed_by_others: u64,
    #[serde(default)]
    subscriptions: Vec<Subscription>,
    #[serde(default)]
    service_plans: Vec<PlanFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlanFile {
    service_plan_name: String,
    #[serde(default)]
    service_plan_id: Option<Uuid>,
    #[serde(default)]
    excludes: Vec<String>,
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupFile {
    display_name: String,
    #[serde(default)]
    id: Option<Uuid>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    mail_nickname: Option<String>,
    #[serde(default)]
    mail: Option<String>,
    #[serde(default)]
    group_types: Vec<GroupType>,
    mail_enabled: bool,
    security_enabled: bool,
    #[serde(default)]
    membership_rule: Option<String>,
    #[serde(default)]
    on_premises_sync_enabled: bool,
    #[serde(default)]
    is_assignable_to_role: bool,
    #[serde(default)]
    directory_role: Option<String>,
    #[serde(default)]
    eligible_role: Option<String>,
    #[serde(default)]
    has_team: bool,
    #[serde(default)]
    hidden_members: bool,
    #[serde(default)]
    channels: Vec<Channel>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    owners: Vec<String>,
    #[serde(default)]
    licenses: Vec<String>,
    #[serde(default)]
    app_roles: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum GroupType {
    Unified,
    DynamicMembership,
}

impl Tenant {
    /// Reads a tenant file from disk.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or [`from_json`](Self::from_json) refuses it.
    pub fn from_file(path: &Path) -> Result<Self, TenantError> {
        let wrong = |why: String| TenantError::new(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::from_json(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Reads a tenant file's text.
    ///
    /// # Errors
    ///
    /// Not JSON, an unknown or missing field, or a reference to a missing object.
    pub fn from_json(text: &str) -> Result<Self, TenantError> {
        let file: TenantFile =
            serde_json::from_str(text).map_err(|error| TenantError::new(error.to_string()))?;
        let mut domains = file.verified_domains.into_iter();
        let first =
            domains.next().ok_or_else(|| TenantError::new("verifiedDomains: name at least one domain"))?;
        let mut tenant = Self::bare(file.tenant_id, &file.display_name, &first);
        tenant.domains.extend(domains);
        tenant.concealed_names = file.concealed_names;
        tenant.intune = !file.without_intune;
        tenant.premium = !file.without_premium;
        tenant.sign_in_page = file.sign_in_page;
        if let Some(country) = file.country {
            tenant.country = country;
        }
        for (place, value) in places("applications", file.applications) {
            let application = application(parse(&place, value)?);
            application.check().map_err(|error| at(&place, &error))?;
            tenant.put_application(application);
        }
        for (place, value) in places("skus", file.skus) {
            let sku = sku(parse(&place, value)?);
            if tenant.sku_id(&sku.part_number).is_some() || tenant.skus.contains_key(&sku.id) {
                return Err(TenantError::new(format!("{place}: the SKU is listed twice")));
            }
            tenant.put_sku(sku);
        }
        let mut managers = Vec::new();
        for (place, properties) in places("users", file.users) {
            let mut user = user(&place, properties)?;
            let manager = user.wishes.manager.take();
            let id = tenant.add_user(user).map_err(|error| at(&place, &error))?;
            managers.extend(manager.map(|key| (place, id, key)));
        }
        for (place, id, key) in managers {
            let manager = tenant.user_id(&key).ok_or_else(|| {
                TenantError::new(format!("{place}: the manager {key} is not in the tenant"))
            })?;
            tenant.edit_user(id, |user| user.manager = Some(manager));
        }
        for (place, value) in places("groups", file.groups) {
            let group = group(&place, parse(&place, value)?)?;
            tenant.add_group(group).map_err(|error| at(&place, &error))?;
        }
        Ok(tenant)
    }
}

fn places<T>(list: &str, items: Vec<T>) -> impl Iterator<Item = (String, T)> {
    let items = items.into_iter().enumerate();
    items.map(move |(index, item)| (format!("{list}[{index}]"), item))
}

fn parse<T: DeserializeOwned>(place: &str, value: Value) -> Result<T, TenantError> {
    serde_json::from_value(value).map_err(|error| TenantError::new(format!("{place}: {error}")))
}

fn at(place: &str, error: &TenantError) -> TenantError {
    TenantError::new(format!("{place}: {error}"))
}

fn application(file: ApplicationFile) -> Application {
    let mut made = Application::new(&file.client_id, &file.client_secret);
    for pem in &file.certificates {
        made = made.certificate(pem);
    }
    for trusted in &file.federated_credentials {
        made = made.federated(&trusted.issuer, &trusted.subject, &trusted.audience);
    }
    Application {
        scopes: file.scopes.into_iter().collect(),
        public: file.public_client,
        roles: file.roles.into_iter().collect(),
        privileged: file.privileged,
        expires_in: file.expires_in.unwrap_or(made.expires_in),
        secret_expired: file.secret_expired,
        ..made
    }
}

fn sku(file: SkuFile) -> Sku {
    let mut sku =
        Sku::new(&file.sku_part_number, file.enabled).warning(file.warning).suspended(file.suspended);
    sku.id = file.sku_id.unwrap_or(sku.id);
    sku.locked_out = file.locked_out;
    sku.applies_to = file.applies_to.unwrap_or(sku.applies_to);
    sku.status = file.capability_status;
    sku.consumed_by_others = file.consumed_by_others;
    sku.subscriptions = file.subscriptions;
    for plan in file.service_plans {
        sku = sku.plan(&plan.service_plan_name);
        if let Some(last) = sku.plans.last_mut() {
            last.id = plan.service_plan_id.unwrap_or(last.id);
            last.excludes = plan.excludes;
            last.requires = plan.requires;
        }
    }
    sku
}

/// Reads a user: properties under Graph's names, and the keys of this file format.
fn user(place: &str, properties: Map<String, Value>) -> Result<User, TenantError> {
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    let required =
        |name: &str| text(name).ok_or_else(|| TenantError::new(format!("{place}: `{name}` is missing")));
    let mut user = User::new(required("userPrincipalName")?, required("displayName")?);
    for (name, value) in &properties {
        let wrong = || TenantError::new(format!("{place}: `{name}` cannot be {value}"));
        match name.as_str() {
            "userPrincipalName" => {}
            "id" => {
                let id = value.as_str().and_then(|id| Uuid::try_parse(id).ok());
                user.id = id.ok_or_else(wrong)?;
            }
            "manager" => user = user.manager(value.as_str().ok_or_else(wrong)?),
            "directoryRole" => user = user.holding_role(value.as_str().ok_or_else(wrong)?),
            "eligibleRole" => user = user.eligible_for(value.as_str().ok_or_else(wrong)?),
            "authenticationMethods" => {
                user.methods = parse(&format!("{place}.authenticationMethods"), value.clone())?;
            }
            "defaultAuthenticationMethod" => {
                user = user.default_method(value.as_str().ok_or_else(wrong)?);
            }
            "temporaryAccessPass" => {
                user = user.holding_pass(parse(&format!("{place}.temporaryAccessPass"), value.clone())?);
            }
            "appRoles" => user.app_roles = parse(&format!("{place}.appRoles"), value.clone())?,
            "ownedApplications" => {
                user.owned_applications = parse(&format!("{place}.ownedApplications"), value.clone())?;
            }
            "ownedDevices" => {
                user.owned_devices = parse(&format!("{place}.ownedDevices"), value.clone())?;
            }
            "consents" => user.consents = parse(&format!("{place}.consents"), value.clone())?,
            "createdDateTime" => value.as_str().ok_or_else(wrong)?.clone_into(&mut user.created),
            "externalUserState" => user.give("externalUserState", value.as_str().ok_or_else(wrong)?),
            "onPremisesLastSyncDateTime" => {
                user.give("onPremisesLastSyncDateTime", value.as_str().ok_or_else(wrong)?);
            }
            "onPremisesSamAccountName" => {
                user.give("onPremisesSamAccountName", value.as_str().ok_or_else(wrong)?);
            }
            "proxyAddresses" => {
                user.proxy_addresses = parse(&format!("{place}.proxyAddresses"), value.clone())?;
            }
            "signInActivity" => {
                user.sign_ins = Some(parse(&format!("{place}.signInActivity"), value.clone())?);
            }
            "onPremisesSyncEnabled" => user.synced = value.as_bool().ok_or_else(wrong)?,
            "formerlySynced" => user.formerly_synced = value.as_bool().ok_or_else(wrong)?,
            "mailbox" => user = user.mailbox(Mailbox::parse(place, value)?),
            "devices" => user.devices = Device::parse(place, value)?,
            "drive" => user = user.drive(Drive::parse(place, value)?),
            "licenses" => {
                user.wishes.licenses = parse(&format!("{place}.licenses"), value.clone())?;
            }
            _ => user = user.with(name, value.clone()),
        }
    }
    Ok(user)
}

fn group(place: &str, file: GroupFile) -> Result<Group, TenantError> {
    let has = |kind| file.group_types.contains(&kind);
    if has(GroupType::DynamicMembership) != file.membership_rule.is_some() {
        return Err(TenantError::new(format!(
            "{place}: set both DynamicMembership in groupTypes and membershipRule, or neither"
        )));
    }
    let made = Group::security(&file.display_name);
    let mut group = Group {
        id: file.id.unwrap_or(made.id),
        description: file.description,
        mail_nickname: file.mail_nickname.unwrap_or_else(|| made.mail_nickname.clone()),
        mail: file.mail,
        unified: file.group_types.contains(&GroupType::Unified),
        mail_enabled: file.mail_enabled,
        security_enabled: file.security_enabled,
        membership_rule: file.membership_rule,
        synced: file.on_premises_sync_enabled,
        assignable_to_role: file.is_assignable_to_role,
        role: file.directory_role,
        eligible_role: file.eligible_role,
        hidden_members: file.hidden_members,
        team: file.has_team || !file.channels.is_empty(),
        channels: file.channels,
        app_roles: file.app_roles,
        ..made
    };
    group.wishes.members = file.members;
    group.wishes.owners = file.owners;
    group.wishes.licenses = file.licenses;
    Ok(group)
}
