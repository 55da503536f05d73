//! Usage reports: a redirect to a file, and the file, which needs no token.
//!
//! Columns and their order as Microsoft's documentation and reports of 2021 to 2024 have them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::LOCATION;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::graph::reports::usage::{APPS, PLATFORMS, Span, Usage, days_before, name_of, refreshed};
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::tenant::{Tenant, User};

/// The path of report files.
const FILES: &str = "/data/download/";
/// The lifetime of a file's address.
const GOOD_FOR_SECONDS: i64 = 5 * 60;
/// The number of days with figures of a single day.
const DAYS_KEPT: i32 = 28;

/// Redirects to the report's file.
pub(crate) fn get(visit: &Visit<'_>, function: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let unknown = || Refusal::unknown_segment(function);
    let (name, span) = function.split_once('(').ok_or_else(unknown)?;
    Kind::named(name).ok_or_else(unknown)?;
    let argument = span.strip_suffix(')').ok_or_else(unknown)?;
    read_span(argument).ok_or_else(|| {
        Refusal::malformed(
            "Invalid parameters: give one of period='D7', 'D30', 'D90', 'D180', or a recent date.",
        )
    })?;
    let what = format!("{}|{function}", Timestamp::now().as_second());
    let address = format!("{}{FILES}{}", visit.request.base(), URL_SAFE_NO_PAD.encode(what));
    Ok(Reply::text(StatusCode::FOUND, "text/plain", String::new()).header(LOCATION, &address))
}

/// Answers a request for a file; nothing for any other request.
pub(crate) fn file(tenant: &Tenant, request: &Request) -> Option<Reply> {
    let token = request.path.strip_prefix(FILES)?;
    if request.method != Method::GET {
        return Some(Reply::refusal(&Refusal::method_not_allowed(), request));
    }
    // A Graph token is not valid for this service.
    if request.header("authorization").is_some() {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Invalid audience.");
        return Some(Reply::refusal(&refusal, request));
    }
    let reply = csv_of(tenant, token).map(|csv| {
        // Real files begin with this mark, too.
        Reply::text(StatusCode::OK, "application/octet-stream", format!("\u{feff}{csv}"))
    });
    let expired = || Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", "The address is not good any more.");
    Some(reply.unwrap_or_else(|| Reply::refusal(&expired(), request)))
}

fn csv_of(tenant: &Tenant, token: &str) -> Option<String> {
    let what = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (issued_at, function) = what.split_once('|')?;
    let age = Timestamp::now().as_second() - issued_at.parse::<i64>().ok()?;
    let (name, argument) = function.strip_suffix(')')?.split_once('(')?;
    let (kind, span) = (Kind::named(name)?, read_span(argument)?);
    (0..GOOD_FOR_SECONDS).contains(&age).then(|| kind.csv(tenant, span))
}

fn read_span(argument: &str) -> Option<Span> {
    let (name, value) = argument.split_once('=')?;
    match (name, value) {
        ("period", "'D7'") => Some(Span::Last(7)),
        ("period", "'D30'") => Some(Span::Last(30)),
        ("period", "'D90'") => Some(Span::Last(90)),
        ("period", "'D180'") => Some(Span::Last(180)),
        ("date", day) => {
            let (day, last) = (day.parse::<Date>().ok()?, refreshed());
            (day <= last && day > days_before(last, DAYS_KEPT)).then_some(Span::On(day))
        }
        _ => None,
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Apps,
    ActiveUsers,
    Email,
    Teams,
}

const ACTIVE_USERS: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,\
    Has Exchange License,Has OneDrive License,Has SharePoint License,Has Skype For Business License,\
    Has Yammer License,Has Teams License,Exchange Last Activity Date,OneDrive Last Activity Date,\
    SharePoint Last Activity Date,Skype For Business Last Activity Date,Yammer Last Activity Date,\
    Teams Last Activity Date,Exchange License Assign Date,OneDrive License Assign Date,\
    SharePoint License Assign Date,Skype For Business License Assign Date,Yammer License Assign Date,\
    Teams License Assign Date,Assigned Products";

const EMAIL: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,\
    Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,\
    Assigned Products,Report Period";

const TEAMS: &str = "Report Refresh Date,Tenant Display Name,Shared Channel Tenant Display Names,User Id,\
    User Principal Name,Last Activity Date,Is Deleted,Deleted Date,Assigned Products,Team Chat Message Count,\
    Private Chat Message Count,Call Count,Meeting Count,Post Messages,Reply Messages,Urgent Messages,\
    Meetings Organized Count,Meetings Attended Count,Ad Hoc Meetings Organized Count,\
    Ad Hoc Meetings Attended Count,Scheduled One-time Meetings Organized Count,\
    Scheduled One-time Meetings Attended Count,Scheduled Recurring Meetings Organized Count,\
    Scheduled Recurring Meetings Attended Count,Audio Duration,Video Duration,Screen Share Duration,\
    Audio Duration In Seconds,Video Duration In Seconds,Screen Share Duration In Seconds,Has Other Action,\
    Is Licensed,Report Period";

impl Kind {
    fn named(function: &str) -> Option<Self> {
        match function {
            "getM365AppUserDetail" => Some(Self::Apps),
            "getOffice365ActiveUserDetail" => Some(Self::ActiveUsers),
            "getEmailActivityUserDetail" => Some(Self::Email),
            "getTeamsUserActivityUserDetail" => Some(Self::Teams),
            _ => None,
        }
    }

    /// The report, made whole: of a crowd of a million it is some hundred megabytes.
    fn csv(self, tenant: &Tenant, span: Span) -> String {
        let mut csv = self.header();
        for user in tenant.users_after(None) {
            csv.push_str("\r\n");
            csv.push_str(&self.row(tenant, &user, span).join(","));
        }
        csv.push_str("\r\n");
        csv
    }

    fn header(self) -> String {
        match self {
            Self::Apps => {
                let first = "Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,\
                             Report Period";
                let both = |platform: &&str| APPS.map(|app| format!("{app} ({platform})")).join(",");
                let both: Vec<String> = PLATFORMS.iter().map(both).collect();
                format!("{first},{},{},{}", PLATFORMS.join(","), APPS.join(","), both.join(","))
            }
            Self::ActiveUsers => ACTIVE_USERS.to_owned(),
            Self::Email => EMAIL.to_owned(),
            Self::Teams => TEAMS.to_owned(),
        }
    }

    fn row(self, tenant: &Tenant, user: &User, span: Span) -> Vec<String> {
        let usage = Usage::of(user, span);
        let period = match span {
            Span::Last(days) => days.to_string(),
            Span::On(_) => "1".to_owned(),
        };
        let refresh = refreshed().to_string();
        let upn = quoted(&name_of(tenant, user, &user.upn));
        let display = quoted(&name_of(tenant, user, user.text("displayName").unwrap_or_default()));
        let products = quoted(&products(tenant, user));
        let (deleted, none) = ("False".to_owned(), String::new());
        let last = |app: Option<&str>| usage.last_used(app).map(|day| day.to_string()).unwrap_or_default();
        let figures =
            |names: &[&str]| names.iter().map(|name| usage.figure(name, 40).to_string()).collect::<Vec<_>>();
        match self {
            Self::Apps => {
                let yes = |uses: bool| if uses { "Yes" } else { "No" }.to_owned();
                let mut row = vec![refresh, upn, last(Some("Word")), last(None), period];
                row.extend(PLATFORMS.map(|platform| yes(usage.uses(None, Some(platform)))));
                row.extend(APPS.map(|app| yes(usage.uses(Some(app), None))));
                for platform in PLATFORMS {
                    row.extend(APPS.map(|app| yes(usage.uses(Some(app), Some(platform)))));
                }
                row
            }
            Self::ActiveUsers => {
                let is_licensed = if !user.held_skus().is_empty() { "True" } else { "False" };
                let mut row = vec![refresh, upn, display, deleted, none.clone()];
                row.extend(std::iter::repeat_n(is_licensed.to_owned(), 6));
                row.extend([last(Some("Outlook")), none.clone(), none.clone(), none.clone(), none.clone()]);
                row.push(last(Some("Teams")));
                row.extend(std::iter::repeat_n(none, 6));
                row.push(products);
                row
            }
            Self::Email => {
                let mut row = vec![refresh, upn, display, deleted, none, last(Some("Outlook"))];
                row.extend(figures(&["sent", "received", "read", "created", "interacted"]));
                row.extend([products, period]);
                row
            }
            Self::Teams => {
                let id = if tenant.concealed_names { uuid::Uuid::nil() } else { user.id };
                let names = [quoted(&tenant.display_name), none.clone(), id.to_string(), upn];
                let mut row = vec![refresh];
                row.extend(names);
                row.extend([last(Some("Teams")), deleted, none, products]);
                row.extend(figures(&["team", "private", "calls", "meetings", "posts", "replies", "urgent"]));
                row.extend(figures(&["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"]));
                row.extend(["PT0S", "PT0S", "PT0S", "0", "0", "0", "No", "Yes"].map(str::to_owned));
                row.push(period);
                row
            }
        }
    }
}

/// Products joined as Microsoft joins them.
fn products(tenant: &Tenant, user: &User) -> String {
    let skus = user.held_skus().into_iter().filter_map(|sku| tenant.skus.get(&sku));
    skus.map(|sku| sku.part_number.clone()).collect::<Vec<_>>().join("+")
}

/// A quoted field.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
