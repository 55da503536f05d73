//! Paths below `/teams`.

use hyper::Method;

use super::found::{Found, get};
use super::operations::{Operation, Place, TeamOperation};
use crate::http::refusal::Refusal;

pub(super) fn operation<'a>(method: &Method, team: &'a str, path: &[&'a str]) -> Found<'a> {
    match *path {
        [] => get(method, Operation::Team(TeamOperation::Get(team))),
        ["channels"] => get(method, Operation::Team(TeamOperation::ListChannels(team))),
        ["channels", channel, "members", ref rest @ ..] => {
            members(method, Place { team, channel: Some(channel) }, rest)
        }
        ["members", ref rest @ ..] => members(method, Place { team, channel: None }, rest),
        _ => None,
    }
}

fn members<'a>(method: &Method, place: Place<'a>, path: &[&'a str]) -> Found<'a> {
    let operation = match *path {
        [] if method == Method::GET => TeamOperation::ListMembers(place),
        [] if method == Method::POST => TeamOperation::AddMember(place),
        [membership] if method == Method::PATCH => TeamOperation::UpdateMember { place, membership },
        [membership] if method == Method::DELETE => TeamOperation::RemoveMember { place, membership },
        [] | [_] => return Some(Err(Refusal::method_not_allowed())),
        _ => return None,
    };
    Some(Ok(Operation::Team(operation)))
}
