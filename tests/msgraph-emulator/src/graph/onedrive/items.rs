//! Items in a drive: listing all of them, folders, small files, and copies.

use hyper::StatusCode;
use hyper::header::LOCATION;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::tenant::{Clash, Content, Drive, Order, Tenant, drive_item, item_id, item_number, job_key};

/// SharePoint's page without `$top`.
const PAGE: usize = 200;
/// The largest page that was seen to be given (client code, 2025).
const LARGEST_PAGE: usize = 999;
/// The most items of one copy ("driveItem: copy", 2025).
const MOST_ITEMS: usize = 30_000;
/// The properties that `$select` may name.
const PROPERTIES: &[&str] = &[
    "id",
    "name",
    "size",
    "file",
    "folder",
    "root",
    "deleted",
    "remoteItem",
    "parentReference",
    "createdDateTime",
    "lastModifiedDateTime",
];
/// The query options of `delta`.
const DELTA: &[&str] = &["$select", "$top", "$skiptoken"];
const CLASH: &str = "@microsoft.graph.conflictBehavior";
/// The path of downloads on the other host.
const DOWNLOADS: &str = "/_layouts/15/download.aspx/";
/// The path of copy monitors.
const MONITORS: &str = "/_api/v2.0/monitor/";

/// Every item of a drive. Graph promises no order; here the newest come first, so that parents come late.
pub(crate) fn delta(visit: &mut Visit<'_>, drive: &str) -> Answer {
    let query = Query::read(visit.request, DELTA)?;
    let names = query.selected(|name| PROPERTIES.contains(&name), "microsoft.graph.driveItem", PROPERTIES)?;
    let (owner, found) = open(visit.tenant, drive)?;
    let size = query.top.unwrap_or(PAGE).min(LARGEST_PAGE).min(visit.page_limit);
    let before = query.skip_token.as_ref().map(|token| token.parse::<u32>());
    let before =
        before.transpose().map_err(|_| Refusal::malformed("The skip token is not one of this listing."))?;
    let mut page: Vec<u32> = found.files.before(before).take(size + 1).collect();
    let has_more = page.len() > size;
    page.truncate(size);
    let value = page.iter().map(|number| chosen(drive_item(owner, &found.files, *number), &names));
    let context = metadata(visit.request, "Collection(driveItem)");
    let mut body = json!({ "@odata.context": context, "value": value.collect::<Value>() });
    let base = format!("{}/v1.0/drives/{drive}/root/delta", visit.request.base());
    let (name, link) = match page.last() {
        Some(last) if has_more => {
            let others = visit.request.query.split('&').filter(|option| !option.contains("skiptoken"));
            let others: Vec<_> = others.filter(|option| !option.is_empty()).collect();
            ("@odata.nextLink", format!("{base}?{}&$skiptoken={last}", others.join("&")))
        }
        _ => ("@odata.deltaLink", format!("{base}?token=latest")),
    };
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.to_owned(), json!(link));
    }
    Ok(Reply::ok(&body))
}

/// An item by its id.
pub(crate) fn get(visit: &mut Visit<'_>, drive: &str, item: &str) -> Answer {
    let (owner, found) = open(visit.tenant, drive)?;
    let number = number(owner, found, item)?;
    show(visit, owner, found, number, StatusCode::OK)
}

/// An item by its name in a folder.
pub(crate) fn get_child(visit: &mut Visit<'_>, drive: &str, folder: &str, name: &str) -> Answer {
    let (owner, found) = open(visit.tenant, drive)?;
    let folder = number(owner, found, folder)?;
    let child = found.files.child(folder, name).ok_or_else(missing)?;
    show(visit, owner, found, child, StatusCode::OK)
}

/// What is in a folder, by name.
pub(crate) fn list_children(visit: &mut Visit<'_>, drive: &str, folder: &str) -> Answer {
    let query = Query::read(visit.request, DELTA)?;
    let names = query.selected(|name| PROPERTIES.contains(&name), "microsoft.graph.driveItem", PROPERTIES)?;
    let (owner, found) = open(visit.tenant, drive)?;
    let folder = number(owner, found, folder)?;
    let size = query.top.unwrap_or(PAGE).min(LARGEST_PAGE).min(visit.page_limit);
    let start = query.skip_token.as_ref().map_or(Ok(0), |token| token.parse::<usize>());
    let start = start.map_err(|_| Refusal::malformed("The skip token is not one of this listing."))?;
    let mut children = found.files.children(folder).skip(start).peekable();
    let page =
        children.by_ref().take(size).map(|child| chosen(drive_item(owner, &found.files, child), &names));
    let value = page.collect::<Value>();
    let context = format!("drives('{drive}')/items('{}')/children", item_id(owner, folder));
    let mut body = json!({ "@odata.context": metadata(visit.request, &context), "value": value });
    if let (Some(_), Some(fields)) = (children.peek(), body.as_object_mut()) {
        let others = visit.request.query.split('&').filter(|option| !option.contains("skiptoken"));
        let mut options: Vec<String> =
            others.filter(|option| !option.is_empty()).map(str::to_owned).collect();
        options.push(format!("$skiptoken={}", start + size));
        let link = format!("{}{}?{}", visit.request.base(), visit.request.path, options.join("&"));
        fields.insert("@odata.nextLink".to_owned(), json!(link));
    }
    Ok(Reply::ok(&body))
}

/// The content of a file: a redirect to another host, which takes no token ("Download driveItem content", 2025).
pub(crate) fn download(visit: &mut Visit<'_>, drive: &str, item: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (owner, found) = open(visit.tenant, drive)?;
    let number = number(owner, found, item)?;
    let held = found.files.get(number).ok_or_else(missing)?;
    let content = held.content.as_ref().ok_or_else(|| refused("You cannot get content for a folder"))?;
    if content.bytes.is_none() {
        return Err(refused("The emulator holds the bytes of files that a request wrote, and no others."));
    }
    let address = format!("{}{DOWNLOADS}{drive}/{}?tempauth=v1", visit.files, item_id(owner, number));
    Ok(Reply::empty(StatusCode::FOUND).header(LOCATION, &address))
}

/// Answers a request for the bytes of a file on the other host; nothing for any other request.
pub(crate) fn downloaded(tenant: &Tenant, request: &Request) -> Option<Reply> {
    let (drive, item) = request.path.strip_prefix(DOWNLOADS)?.split_once('/')?;
    let found = open(tenant, drive).and_then(|(owner, found)| {
        let held = number(owner, found, item)?;
        found.files.get(held).and_then(|item| item.content.as_ref()?.bytes.clone()).ok_or_else(missing)
    });
    Some(match found {
        // A Graph token is not valid for this service, and must not come here.
        _ if request.header("authorization").is_some() => {
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Invalid audience.");
            Reply::refusal(&refusal, request)
        }
        Ok(bytes) => Reply::ok_bytes(bytes).typed("application/octet-stream"),
        Err(refusal) => Reply::refusal(&refusal, request),
    })
}

/// The id of a drive's owner, if the item is the drive's root: other items have no permissions here.
pub(crate) fn owner_of(visit: &Visit<'_>, drive: &str, item: &str) -> Result<String, Refusal> {
    let (owner, found) = open(visit.tenant, drive)?;
    match number(owner, found, item)? {
        0 => Ok(owner.to_string()),
        _ => Err(refused("The emulator shares whole drives only.")),
    }
}

/// A new folder.
pub(crate) fn create_folder(visit: &mut Visit<'_>, drive: &str, folder: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    if let Some(name) = body.keys().find(|name| !["name", "folder", CLASH].contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.driveItem"));
    }
    let (owner, found) = open(visit.tenant, drive)?;
    let folder = number(owner, found, folder)?;
    let name = body.get("name").and_then(Value::as_str).filter(|name| is_name(name));
    let name = name.filter(|_| body.get("folder").is_some_and(Value::is_object)).ok_or_else(invalid)?;
    if body.get(CLASH).is_some_and(|clash| clash != "fail") {
        return Err(Refusal::malformed("Only fail is known here where a folder of that name exists."));
    }
    writable(found)?;
    if found.files.child(folder, name).is_some() {
        return Err(taken());
    }
    let made = edit(visit, owner)?.files.put(folder, name, None, &clock::now());
    visit.effects.push(format!("create folder {}", item_id(owner, made)));
    let (_, found) = open(visit.tenant, drive)?;
    show(visit, owner, found, made, StatusCode::CREATED)
}

/// Writes a small file: a new one, or a new version of the file with that name.
pub(crate) fn upload(visit: &mut Visit<'_>, drive: &str, folder: &str, name: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (owner, found) = open(visit.tenant, drive)?;
    let folder = number(owner, found, folder)?;
    if !is_name(name) {
        return Err(invalid());
    }
    writable(found)?;
    let content = Content::of(visit.request.body.clone());
    if content.size > found.remaining() {
        let words = "The user has reached their quota limit.";
        return Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "quotaLimitReached", words));
    }
    let known = found.files.child(folder, name);
    let is_same = known.and_then(|known| found.files.get(known)?.content.as_ref()) == Some(&content);
    let (size, now) = (content.size, clock::now());
    let files = &mut edit(visit, owner)?.files;
    let (written, status) = match known {
        Some(known) => {
            files.write(known, content, &now);
            (known, StatusCode::OK)
        }
        None => (files.put(folder, name, Some(content), &now), StatusCode::CREATED),
    };
    if !is_same {
        visit.effects.push(format!("write {size} bytes to item {}", item_id(owner, written)));
    }
    let (_, found) = open(visit.tenant, drive)?;
    show(visit, owner, found, written, status)
}

/// Orders a copy; it runs in the background.
pub(crate) fn copy(visit: &mut Visit<'_>, drive: &str, item: &str) -> Answer {
    let mut clash = Clash::Fail;
    for (name, value) in visit.request.options()? {
        clash = match (name.as_str(), value.as_str()) {
            (CLASH, "fail") => Clash::Fail,
            (CLASH, "replace") => Clash::Replace,
            (CLASH, "rename") => Clash::Rename,
            _ => return Err(Refusal::malformed(format!("The query parameter '{name}' is not supported."))),
        };
    }
    let body = visit.request.object()?;
    let known = ["parentReference", "name", "childrenOnly", "includeAllVersionHistory"];
    if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.driveItem"));
    }
    let (source, from) = open(visit.tenant, drive)?;
    let item = number(source, from, item)?;
    let parent =
        |name: &str| body.get("parentReference").and_then(|parent| parent.get(name)).and_then(Value::as_str);
    let (to_drive, to_folder) = (parent("driveId").ok_or_else(invalid)?, parent("id").ok_or_else(invalid)?);
    let (target, to) = open(visit.tenant, to_drive)?;
    let folder = number(target, to, to_folder)?;
    writable(to)?;
    if from.geo != to.geo {
        return Err(refused("Copying between geographies is not supported for an application."));
    }
    let children_only = body.get("childrenOnly") == Some(&json!(true));
    let name = body.get("name").and_then(Value::as_str);
    let found = from.files.get(item).ok_or_else(missing)?;
    let top: Vec<(u32, String, u32)> = match (children_only, name) {
        (true, Some(_)) => return Err(refused("Cannot use name parameter alongside childrenOnly.")),
        (true, None) if found.content.is_some() => {
            return Err(refused("childrenOnly option is not valid for file items."));
        }
        (true, None) => {
            let children = from.files.children(item);
            children.filter_map(|child| Some((child, from.files.get(child)?.name.clone(), folder))).collect()
        }
        (false, _) if item == 0 => return Err(refused("Cannot copy the root folder.")),
        (false, name) => vec![(item, name.unwrap_or(&found.name).to_owned(), folder)],
    };
    let count = from.files.count_below(item) + usize::from(!children_only);
    if count > MOST_ITEMS {
        return Err(refused("The operation has more items than one copy can have."));
    }
    let order = Order { source, target, top, clash, count };
    let begun = visit.tenant.begin_copy(order, visit.copy_pace);
    let what = if children_only { "what is in" } else { "" };
    let effect = format!("copy {what} item {} to item {to_folder}: {count} items", item_id(source, item));
    visit.effects.push(effect.replace("  ", " "));
    let monitor = format!("{}{MONITORS}{}?tempauth=v1", visit.request.base(), job_key(begun));
    Ok(Reply::accepted().header(LOCATION, &monitor))
}

/// Answers a request for a copy monitor; nothing for any other request. `ends_early`: a copy that goes on says that it is
/// completed.
pub(crate) fn monitor(tenant: &Tenant, request: &Request, ends_early: bool) -> Option<Reply> {
    let key = request.path.strip_prefix(MONITORS)?;
    // A Graph token is not valid for this service.
    if request.header("authorization").is_some() {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Invalid audience.");
        return Some(Reply::refusal(&refusal, request));
    }
    Some(match tenant.copy_status(key) {
        Some(status) if ends_early && status.get("status").is_some_and(|it| it == "inProgress") => {
            let completed =
                json!({ "operation": "ItemCopy", "percentageComplete": 100.0, "status": "completed" });
            Reply::json(StatusCode::ACCEPTED, &completed)
        }
        Some(status) => Reply::json(StatusCode::ACCEPTED, &status),
        None => {
            let words = "The operation does not exist.";
            Reply::refusal(&Refusal::new(StatusCode::NOT_FOUND, "operationNotFound", words), request)
        }
    })
}

fn show(visit: &Visit<'_>, owner: Uuid, drive: &Drive, number: u32, status: StatusCode) -> Answer {
    let item = drive_item(owner, &drive.files, number);
    let item = match status {
        StatusCode::OK if visit.request.query.contains("select") => {
            let query = Query::read(visit.request, &["$select"])?;
            let names =
                query.selected(|name| PROPERTIES.contains(&name), "microsoft.graph.driveItem", PROPERTIES)?;
            chosen(item, &names)
        }
        _ => item,
    };
    Ok(Reply::json(status, &item))
}

fn chosen(item: Value, names: &[&str]) -> Value {
    let Value::Object(fields) = item else { return item };
    fields.into_iter().filter(|(name, _)| names.contains(&name.as_str())).collect()
}

/// The owner and the drive.
fn open<'a>(tenant: &'a Tenant, drive: &str) -> Result<(Uuid, &'a Drive), Refusal> {
    let owner = tenant.drive_owner(drive).ok_or_else(missing)?;
    let drive = tenant.users.get(&owner).and_then(|user| user.drive.as_deref()).ok_or_else(missing)?;
    match drive.closed {
        true => Err(Refusal::new(StatusCode::FORBIDDEN, "accessDenied", "Access denied")),
        false => Ok((owner, drive)),
    }
}

fn edit<'a>(visit: &'a mut Visit<'_>, owner: Uuid) -> Result<&'a mut Drive, Refusal> {
    visit.tenant.drive_mut(owner).ok_or_else(missing)
}

fn number(owner: Uuid, drive: &Drive, item: &str) -> Result<u32, Refusal> {
    item_number(owner, item).filter(|number| drive.files.get(*number).is_some()).ok_or_else(missing)
}

fn writable(drive: &Drive) -> Result<(), Refusal> {
    match drive.locked {
        true => Err(Refusal::new(StatusCode::LOCKED, "resourceLocked", "The resource is locked.")),
        false => Ok(()),
    }
}

/// Whether SharePoint accepts the name ("Restrictions and limitations in OneDrive and SharePoint", 2026).
fn is_name(name: &str) -> bool {
    let wrong = |c: char| matches!(c, '"' | '*' | ':' | '<' | '>' | '?' | '/' | '\\' | '|') || c.is_control();
    !name.is_empty()
        && name.len() <= 255
        && !name.contains(wrong)
        && !name.ends_with(['.', ' '])
        && !name.starts_with(' ')
}

fn missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "itemNotFound", "The resource could not be found.")
}

fn taken() -> Refusal {
    Refusal::new(StatusCode::CONFLICT, "nameAlreadyExists", "Name already exists")
}

fn invalid() -> Refusal {
    refused("Invalid request")
}

fn refused(words: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "invalidRequest", words)
}
