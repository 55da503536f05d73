//! Paths of drives and items.

use hyper::Method;

use super::found::Found;
use super::operations::{DriveOperation, Operation};
use crate::http::refusal::Refusal;

pub(super) fn drive_operation<'a>(method: &Method, user: &'a str, path: &[&'a str]) -> Found<'a> {
    let operation = match path {
        [] if method == Method::GET => DriveOperation::GetDrive(user),
        ["root", "permissions"] if method == Method::GET => DriveOperation::ListDrivePermissions(user),
        ["root", "invite"] if method == Method::POST => DriveOperation::ShareDrive(user),
        [] | ["root", "permissions" | "invite"] => return Some(Err(Refusal::method_not_allowed())),
        _ => return None,
    };
    Some(Ok(Operation::Drive(operation)))
}

pub(super) fn item_operation<'a>(method: &Method, drive: &'a str, path: &[&'a str]) -> Found<'a> {
    let (read, write) = (method == Method::GET, method == Method::POST);
    // The root has a name that can replace its id.
    let long: Vec<&str>;
    let path = match *path {
        ["root", ref below @ ..] if !below.is_empty() && below != ["delta"] => {
            long = ["items", "root"].into_iter().chain(below.iter().copied()).collect();
            long.as_slice()
        }
        ["root:", ref below @ ..] => {
            long = ["items", "root:"].into_iter().chain(below.iter().copied()).collect();
            long.as_slice()
        }
        _ => path,
    };
    let operation = match *path {
        ["root", "delta"] | ["items", "root", "delta"] if read => DriveOperation::ListDriveItems(drive),
        [] if read => DriveOperation::GetDriveById(drive),
        ["root"] if read => DriveOperation::GetItem { drive, item: "root" },
        ["items", item] if read => DriveOperation::GetItem { drive, item },
        ["items", folder, name] if read && folder.ends_with(':') => {
            DriveOperation::GetChild { drive, folder: folder.trim_end_matches(':'), name }
        }
        ["items", item, "children"] if read => DriveOperation::ListChildren { drive, item },
        ["items", item, "content"] if read => DriveOperation::Download { drive, item },
        ["items", item, "permissions"] if read => DriveOperation::ListItemPermissions { drive, item },
        ["items", item, "invite"] if write => DriveOperation::ShareItem { drive, item },
        ["items", folder, name, "content"]
            if method == Method::PUT && folder.ends_with(':') && name.ends_with(':') =>
        {
            let (folder, name) = (folder.trim_end_matches(':'), name.trim_end_matches(':'));
            DriveOperation::UploadFile { drive, folder, name }
        }
        ["items", folder, "children"] if write => DriveOperation::CreateFolder { drive, folder },
        ["items", item, "copy"] if write => DriveOperation::CopyItem { drive, item },
        ["root", "delta"]
        | ["items", "root", "delta"]
        | ["items", _]
        | ["items", _, "children" | "content" | "copy" | "invite" | "permissions"]
        | []
        | ["root"]
        | ["items", _, _, "content"] => {
            return Some(Err(Refusal::method_not_allowed()));
        }
        _ => return None,
    };
    Some(Ok(Operation::Drive(operation)))
}
