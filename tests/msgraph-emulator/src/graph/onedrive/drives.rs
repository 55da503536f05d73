//! Drives: reading and sharing.

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::onedrive::items;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::DriveOperation;
use crate::tenant::{Drive, Share, drive_id, permission};

const PROPERTIES: &[&str] = &["driveType", "id", "quota", "webUrl"];
/// The fields of `invite`.
const INVITE: &[&str] = &[
    "expirationDateTime",
    "message",
    "password",
    "recipients",
    "requireSignIn",
    "retainInheritedPermissions",
    "roles",
    "sendInvitation",
];
/// Those that change what the emulator does not keep; they may be null.
const NOT_KEPT: [&str; 2] = ["expirationDateTime", "password"];

/// Carries out an operation on a drive or on an item in it.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: DriveOperation<'_>) -> Answer {
    match operation {
        DriveOperation::GetDrive(user) => get(visit, user),
        DriveOperation::GetDriveById(drive) => get(visit, &items::owner_of(visit, drive, "root")?),
        DriveOperation::ListItemPermissions { drive, item } => {
            list_permissions(visit, &items::owner_of(visit, drive, item)?)
        }
        DriveOperation::ShareItem { drive, item } => invite(visit, &items::owner_of(visit, drive, item)?),
        DriveOperation::ListChildren { drive, item } => items::list_children(visit, drive, item),
        DriveOperation::Download { drive, item } => items::download(visit, drive, item),
        DriveOperation::ListDrivePermissions(user) => list_permissions(visit, user),
        DriveOperation::ShareDrive(user) => invite(visit, user),
        DriveOperation::ListDriveItems(drive) => items::delta(visit, drive),
        DriveOperation::GetItem { drive, item } => items::get(visit, drive, item),
        DriveOperation::GetChild { drive, folder, name } => items::get_child(visit, drive, folder, name),
        DriveOperation::CreateFolder { drive, folder } => items::create_folder(visit, drive, folder),
        DriveOperation::UploadFile { drive, folder, name } => items::upload(visit, drive, folder, name),
        DriveOperation::CopyItem { drive, item } => items::copy(visit, drive, item),
    }
}

fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = query.selected(|name| PROPERTIES.contains(&name), "microsoft.graph.drive", PROPERTIES)?;
    let (user, drive) = open(visit, key)?;
    let owner = visit.user(key)?;
    let fields = project(&names, |name| {
        Some(match name {
            "driveType" => json!("business"),
            "id" => json!(drive_id(user)),
            "quota" => drive.quota(),
            "webUrl" => json!(drive.web_url(owner)),
            _ => return None,
        })
    });
    Ok(Reply::ok(&entity(visit, "drives/$entity", fields)))
}

fn list_permissions(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (user, drive) = open(visit, key)?;
    let owner = permission(user, "owner", visit.tenant.users.get(&user));
    let shares = drive.shares.iter().map(|share| share.shown(visit.tenant));
    let value: Vec<Value> = std::iter::once(owner).chain(shares).collect();
    let context = metadata(visit.request, &format!("users('{user}')/drive/root/permissions"));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

/// Invites a user. A second invitation changes the role, or nothing if the role is the same.
fn invite(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let (user, drive) = open(visit, key)?;
    if let Some(name) = body.keys().find(|name| !INVITE.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "invite"));
    }
    if let Some(name) = NOT_KEPT.iter().find(|name| body.get(**name).is_some_and(|value| !value.is_null())) {
        return Err(Refusal::malformed(format!("The emulator does not keep the {name} of an invitation.")));
    }
    if drive.locked {
        return Err(Refusal::new(StatusCode::LOCKED, "resourceLocked", "The resource is locked."));
    }
    let with = recipient(visit, &body)?;
    let role = body.get("roles").and_then(|roles| roles.get(0)).and_then(Value::as_str);
    let role = role.filter(|role| ["read", "write"].contains(role));
    let role =
        role.ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "invalidRequest", "Invalid role."))?;
    let share = Share { with, role: role.to_owned() };
    let (_, drive) = open(visit, key)?;
    if !drive.shares.contains(&share) {
        visit.effects.push(format!("let user {with} {role} the drive of user {user}"));
        visit.tenant.edit_user(user, |user| {
            let shares = &mut user.drive.get_or_insert_default().shares;
            shares.retain(|held| held.with != with);
            shares.push(share.clone());
        });
    }
    let context = metadata(visit.request, "Collection(permission)");
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": [share.shown(visit.tenant)] })))
}

/// The user named in an invitation, by object id or address.
fn recipient(visit: &Visit<'_>, body: &Map<String, Value>) -> Result<Uuid, Refusal> {
    let first = body.get("recipients").and_then(|recipients| recipients.get(0));
    let name = first.and_then(|first| first.get("objectId").or_else(|| first.get("email")));
    let user = name.and_then(Value::as_str).and_then(|name| visit.tenant.user_id(name));
    user.ok_or_else(|| {
        let message = "One or more users could not be resolved";
        Refusal::new(StatusCode::BAD_REQUEST, "invalidRequest", message)
    })
}

/// The user and the drive, if there is one.
fn open<'a>(visit: &'a Visit<'_>, key: &str) -> Result<(Uuid, &'a Drive), Refusal> {
    let user = visit.user(key)?;
    let drive = user.drive.as_deref();
    let drive = drive
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "ResourceNotFound", "User's mysite not found."))?;
    match drive.closed {
        true => Err(Refusal::new(StatusCode::FORBIDDEN, "accessDenied", "Access denied")),
        false => Ok((user.id, drive)),
    }
}
