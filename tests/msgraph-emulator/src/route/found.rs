//! The result of matching a path.

use hyper::Method;

use super::operations::Operation;
use crate::http::refusal::Refusal;

/// `None` if the path is unknown, a refusal if only the method is.
pub(super) type Found<'a> = Option<Result<Operation<'a>, Refusal>>;

pub(super) fn get<'a>(method: &Method, operation: Operation<'a>) -> Found<'a> {
    Some(if method == Method::GET { Ok(operation) } else { Err(Refusal::method_not_allowed()) })
}

pub(super) fn delete<'a>(method: &Method, operation: Operation<'a>) -> Found<'a> {
    Some(if method == Method::DELETE { Ok(operation) } else { Err(Refusal::method_not_allowed()) })
}
