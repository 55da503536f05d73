//! A report as a file on another host: its address, and its content piece by piece, so that none is held whole.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use jiff::Timestamp;

use super::counts;
use super::line::Line;
use super::report::{Content, Report, Span};
use super::rows::Rows;
use crate::http::refusal::Refusal;
use crate::http::request::Request;
use crate::tenant::{Place, Tenant};

/// The path of report files.
const FILES: &str = "/data/download/";
/// How large a piece is about.
const PIECE: usize = 64 * 1024;

/// The address of a report's file. It is valid for some minutes, and needs no token.
pub(super) fn address(host: &str, function: &str) -> String {
    let what = format!("{}|{function}", Timestamp::now().as_second());
    format!("{host}{FILES}{}", URL_SAFE_NO_PAD.encode(what))
}

/// A report that is read piece by piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    report: Report,
    span: Span,
    place: Place,
    begun: bool,
    ended: bool,
}

/// Opens the file that a request to the other host names.
pub(crate) fn open(tenant: &Tenant, request: &Request) -> Result<File, Refusal> {
    let Some(token) = request.path.strip_prefix(FILES) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", "There is no such file."));
    };
    if request.method != Method::GET {
        return Err(Refusal::method_not_allowed());
    }
    // A Graph token is not valid for this service, and must not come here.
    if request.header("authorization").is_some() {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Invalid audience."));
    }
    let expired = || Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", "The address is not good any more.");
    let what = URL_SAFE_NO_PAD.decode(token).ok().and_then(|what| String::from_utf8(what).ok());
    let (issued_at, function) = what.as_deref().and_then(|what| what.split_once('|')).ok_or_else(expired)?;
    let issued_at: i64 = issued_at.parse().map_err(|_| expired())?;
    let age = Timestamp::now().as_second().saturating_sub(issued_at);
    if !(0..tenant.reports.address_seconds).contains(&age) {
        return Err(expired());
    }
    let (report, span) = Report::read(function, &tenant.reports).map_err(|_| expired())?;
    Ok(File { report, span, place: None, begun: false, ended: false })
}

impl File {
    /// The next piece; nothing after the last.
    pub(crate) fn piece(&mut self, tenant: &Tenant) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let mut out = Vec::with_capacity(PIECE + 1_024);
        if !self.begun {
            self.begun = true;
            // Real files begin with it.
            out.extend_from_slice(if tenant.reports.without_mark { b"" } else { b"\xef\xbb\xbf" });
        }
        let anew = tenant.reports.new_columns;
        let end = |line: &Line, is_head: bool, out: &mut Vec<u8>| match anew {
            true => line.end_anew(is_head, out),
            false => line.end(out),
        };
        let Content::People(columns) = self.report.content else {
            self.ended = true;
            counts::put(tenant, self.report.content, self.span, |line, is_head| end(line, is_head, &mut out));
            return Some(out);
        };
        let mut line = Line::default();
        if self.place.is_none() {
            columns.iter().for_each(|(name, _)| line.field(name));
            end(&line, true, &mut out);
        }
        let rows = Rows::new(tenant, self.span);
        let mut people = tenant.people_after(self.place);
        while out.len() < PIECE {
            let Some(person) = people.next() else {
                self.ended = true;
                break;
            };
            self.place = person.place();
            if let Some(row) = rows.of(person) {
                line.clear();
                rows.put(&row, columns, &mut line);
                end(&line, false, &mut out);
            }
        }
        Some(out)
    }
}
