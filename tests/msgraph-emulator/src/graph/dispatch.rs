//! The dispatcher: calls the file of each operation.

use super::calendar::calendars;
use super::devices::managed_devices;
use super::groups::{changes, group, members, owners};
use super::licenses::{assignment, subscriptions};
use super::mail::{exchange_admin, mailbox, messages};
use super::onedrive::drives;
use super::organization;
use super::reports::{settings, usage};
use super::rights::{assignments, principals};
use super::sign_in::{authentication_methods, sessions, temporary_access_passes};
use super::teams;
use super::users::{deleted, delta, list, manager, user};
use super::visit::{Answer, Visit};
use crate::route::Operation;

/// Carries out an operation that the caller is permitted.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: Operation<'_>) -> Answer {
    match operation {
        Operation::ListUsers => list::list(visit),
        Operation::ListUserChanges => delta::users(visit),
        Operation::CountUsers => list::count(visit),
        Operation::CreateUser => user::create(visit),
        Operation::GetUser(user) => list::get(visit, user),
        Operation::UpdateUser(user) => user::update(visit, user),
        Operation::DeleteUser(user) => user::delete(visit, user),
        Operation::RevokeSessions(user) => sessions::revoke(visit, user),
        Operation::GetManager { user, reference } => manager::get(visit, user, reference),
        Operation::SetManager(user) => manager::set(visit, user),
        Operation::RemoveManager(user) => manager::remove(visit, user),
        Operation::ListMemberOf { user, cast } => members::list_member_of(visit, user, cast),
        Operation::ListTransitiveMemberOf { user, cast } => members::list_above(visit, user, cast),
        Operation::ListDirectReports { user, cast } => manager::list_reports(visit, user, cast),
        Operation::ListMembers { group, cast } => members::list(visit, group, cast),
        Operation::Owner(operation) => owners::answer(visit, operation),
        Operation::AddMember(group) => members::add(visit, group),
        Operation::RemoveMember { group, member } => members::remove(visit, group, member),
        Operation::DeleteMember { group, member } => members::delete(visit, group, member),
        Operation::ListGroups => group::list(visit),
        Operation::CountGroups => group::count(visit),
        Operation::CreateGroup => changes::create(visit),
        Operation::UpdateGroup(group) => changes::update(visit, group),
        Operation::GetGroup(group) => group::get(visit, group),
        Operation::ListLicenseDetails(user) => assignment::list_details(visit, user),
        Operation::AssignLicense(user) => assignment::assign(visit, user),
        Operation::Drive(operation) => drives::answer(visit, operation),
        Operation::InvokeCommand(tenant) => exchange_admin::invoke(visit, tenant),
        Operation::Device(operation) => managed_devices::answer(visit, operation),
        Operation::ListMessages(user) => messages::list(visit, user),
        Operation::GetMessage { user, message } => messages::get(visit, user, message),
        Operation::SendMail(user) => messages::send_new(visit, user),
        Operation::CreateDraft(user) => messages::create(visit, user),
        Operation::DeleteMessage { user, message } => messages::delete(visit, user, message),
        Operation::SendDraft { user, message } => messages::send(visit, user, message),
        Operation::GetMailboxSettings(user) => mailbox::get_settings(visit, user),
        Operation::GetAutomaticReplies(user) => mailbox::get_automatic_replies(visit, user),
        Operation::UpdateMailboxSettings(user) => mailbox::update_settings(visit, user),
        Operation::ListInboxRules(user) => mailbox::list_rules(visit, user),
        Operation::GetMailFolder { user, folder } => mailbox::get_folder(visit, user, folder),
        Operation::CreateInboxRule(user) => mailbox::create_rule(visit, user),
        Operation::DeleteInboxRule { user, rule } => mailbox::delete_rule(visit, user, rule),
        Operation::Calendars(user, operation) => calendars::answer(visit, user, operation),
        Operation::Team(operation) => teams::members::answer(visit, operation),
        Operation::ListSubscribedSkus => subscriptions::list_skus(visit),
        Operation::ListSubscriptions => subscriptions::list(visit),
        Operation::ListOrganization => organization::list(visit),
        Operation::ListDeletedUsers => deleted::list(visit),
        Operation::GetDeletedUser(user) => deleted::get_user(visit, user),
        Operation::GetDeletedItem(item) => deleted::get(visit, item),
        Operation::PurgeDeletedItem(item) => deleted::purge(visit, item),
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
        Operation::GetReport(report) => usage::get(visit, report),
        Operation::GetReportSettings => settings::get(visit),
        Operation::UpdateReportSettings => settings::update(visit),
    }
}
