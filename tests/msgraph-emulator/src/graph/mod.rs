//! Graph's operations on the tenant, one folder a noun.

use std::time::Duration;

use uuid::Uuid;

use crate::auth::Caller;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::{Request, segments_of};
use crate::route::Operation;
use crate::tenant::{Tenant, User};

mod calendar;
mod devices;
mod directory;
mod groups;
mod licenses;
mod mail;
pub(crate) mod onedrive;
pub(crate) mod reports;
mod rights;
mod sign_in;
mod teams;
mod users;

use calendar::calendars;
use devices::managed_devices;
use groups::{group, members, owners};
use licenses::assignment;
use mail::{exchange_admin, mailbox, messages};
use onedrive::drives;
use reports::user_detail;
pub(crate) use rights::principals::ROLE_TEMPLATE;
use rights::{assignments, principals};
use sign_in::{authentication_methods, temporary_access_passes};
use users::{deleted, delta, manager, user};

/// One request inside: who asks what of which tenant, and what came of it.
pub(crate) struct Visit<'a> {
    pub(crate) tenant: &'a mut Tenant,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    /// The most objects a page may have.
    pub(crate) page_limit: usize,
    /// How long a copy takes for each item.
    pub(crate) copy_pace: Duration,
    /// What the request changed.
    pub(crate) effects: Vec<String>,
    /// The passwords it brought.
    pub(crate) passwords: Vec<String>,
    /// The passes it gave out.
    pub(crate) passes: Vec<String>,
}

/// What every operation answers with.
pub(crate) type Answer = Result<Reply, Refusal>;

/// Carries out an operation the caller may ask for.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: Operation<'_>) -> Answer {
    match operation {
        Operation::ListUsers => user::list(visit),
        Operation::ListUserChanges => delta::users(visit),
        Operation::CountUsers => user::count(visit),
        Operation::CreateUser => user::create(visit),
        Operation::GetUser(user) => user::get(visit, user),
        Operation::UpdateUser(user) => user::update(visit, user),
        Operation::DeleteUser(user) => user::delete(visit, user),
        Operation::RevokeSessions(user) => user::revoke_sessions(visit, user),
        Operation::GetManager { user, reference } => manager::get(visit, user, reference),
        Operation::SetManager(user) => manager::set(visit, user),
        Operation::RemoveManager(user) => manager::remove(visit, user),
        Operation::ListMemberOf { user, cast } => members::list_member_of(visit, user, cast),
        Operation::ListMembers { group, cast } => members::list(visit, group, cast),
        Operation::Owner(operation) => owners::answer(visit, operation),
        Operation::AddMember(group) => members::add(visit, group),
        Operation::RemoveMember { group, member } => members::remove(visit, group, member),
        Operation::DeleteMember { group, member } => members::delete(visit, group, member),
        Operation::ListGroups => group::list(visit),
        Operation::GetGroup(group) => group::get(visit, group),
        Operation::ListLicenseDetails(user) => assignment::list_details(visit, user),
        Operation::AssignLicense(user) => assignment::assign(visit, user),
        Operation::Drive(operation) => drives::answer(visit, operation),
        Operation::InvokeCommand(tenant) => exchange_admin::invoke(visit, tenant),
        Operation::Device(operation) => managed_devices::answer(visit, operation),
        Operation::ListMessages(user) => messages::list(visit, user),
        Operation::CreateDraft(user) => messages::create(visit, user),
        Operation::DeleteMessage { user, message } => messages::delete(visit, user, message),
        Operation::SendDraft { user, message } => messages::send(visit, user, message),
        Operation::GetMailboxSettings(user) => mailbox::get_settings(visit, user),
        Operation::GetAutomaticReplies(user) => mailbox::get_automatic_replies(visit, user),
        Operation::UpdateMailboxSettings(user) => mailbox::update_settings(visit, user),
        Operation::ListInboxRules(user) => mailbox::list_rules(visit, user),
        Operation::CreateInboxRule(user) => mailbox::create_rule(visit, user),
        Operation::DeleteInboxRule { user, rule } => mailbox::delete_rule(visit, user, rule),
        Operation::Calendars(user, operation) => calendars::answer(visit, user, operation),
        Operation::Team(operation) => teams::members::answer(visit, operation),
        Operation::ListSubscribedSkus => assignment::list_subscribed(visit),
        Operation::ListOrganization => directory::list_organization(visit),
        Operation::ListDeletedUsers => directory::list_deleted_users(visit),
        Operation::GetDeletedUser(user) => directory::get_deleted_user(visit, user),
        Operation::GetDeletedItem(item) => deleted::get(visit, item),
        Operation::RestoreDeletedItem(item) => deleted::restore(visit, item),
        Operation::ListPrincipals => principals::list(visit),
        Operation::GetPrincipal(key) => principals::get(visit, key),
        Operation::ListAppRoleAssignments(key) => principals::list_app_role_assignments(visit, key),
        Operation::ListPrincipalRoles { principal, cast } => principals::list_roles(visit, principal, cast),
        Operation::Right(operation) => assignments::answer(visit, operation),
        Operation::ListMethods(user) => authentication_methods::list(visit, user),
        Operation::RemoveMethod { user, segment, method } => {
            authentication_methods::remove(visit, user, segment, method)
        }
        Operation::ListPasses(user) => temporary_access_passes::list(visit, user),
        Operation::IssuePass(user) => temporary_access_passes::issue(visit, user),
        Operation::GetReport(function) => user_detail::get(visit, function),
        Operation::GetReportSettings => directory::get_report_settings(visit),
        Operation::UpdateReportSettings => directory::update_report_settings(visit),
    }
}

impl Visit<'_> {
    /// The user with this id or user principal name.
    pub(crate) fn user(&self, key: &str) -> Result<&User, Refusal> {
        let id = self.tenant.user_id(key);
        id.and_then(|id| self.tenant.users.get(&id)).ok_or_else(|| Refusal::not_found(key))
    }

    /// The id of the group with this id; groups have no other key.
    pub(crate) fn group_id(&self, key: &str) -> Result<Uuid, Refusal> {
        let id = Uuid::try_parse(key)
            .map_err(|_| Refusal::bad_request(format!("Invalid object identifier '{key}'.")))?;
        let is_there = self.tenant.groups.contains_key(&id);
        is_there.then_some(id).ok_or_else(|| Refusal::not_found(key))
    }

    /// Refuses unless the application may touch the sensitive side of this user.
    pub(crate) fn check_administrator(&self, user: Uuid) -> Result<(), Refusal> {
        if self.tenant.is_administrator(user) && !self.caller.privileged {
            return Err(Refusal::denied());
        }
        Ok(())
    }

    /// The key of the object in the body's `@odata.id`, which is all the body has.
    pub(crate) fn reference(&self) -> Result<String, Refusal> {
        let body = self.request.object()?;
        let invalid = || Refusal::bad_request("Invalid value specified for property '@odata.id'.");
        if let Some(name) = body.keys().find(|name| *name != "@odata.id") {
            return Err(Refusal::malformed(format!(
                "The property '{name}' is not one of an entity reference."
            )));
        }
        let address = body.get("@odata.id").and_then(|id| id.as_str());
        let address = address.ok_or_else(invalid)?;
        let base = self.request.base();
        let path = ["https://graph.microsoft.com", base.as_str()]
            .iter()
            .find_map(|root| address.strip_prefix(root)?.strip_prefix("/v1.0/"))
            .ok_or_else(invalid)?;
        let segments = segments_of(path)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match *segments {
            ["users" | "directoryObjects" | "groups", key] => Ok(key.to_owned()),
            _ => Err(invalid()),
        }
    }
}
