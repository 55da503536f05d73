//! Members of groups: adds and removes them.

use crate::error::Error;
use crate::http::client::Writer;
use crate::http::request::Write;

impl Writer<'_> {
    /// Makes a person a member of a group.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](Error::is_not_found) when the group or the person does not exist, or not yet.
    pub async fn add_member(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        let member = self.reference(&["directoryObjects", user_id])?;
        let write = Write::post(&["groups", group_id, "members", "$ref"])?.json(&member)?;
        match self.send(write).await {
            Err(error) if error.is_already_exists() => Ok(()),
            outcome => outcome,
        }
    }

    /// Ends a person's membership of a group.
    pub async fn remove_member(self, group_id: &str, user_id: &str) -> Result<(), Error> {
        match self.send(membership_removal(group_id, user_id)?).await {
            // If the group or the person does not exist, neither does the membership.
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }
}

/// The one place that writes this address. See `http/request.rs` for its effect without `/$ref`.
fn membership_removal(group_id: &str, user_id: &str) -> Result<Write, Error> {
    Write::delete(&["groups", group_id, "members", user_id, "$ref"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::Target;

    #[test]
    fn a_membership_is_removed_and_not_the_member() {
        let request = membership_removal("g", "u").unwrap().into_request(false);
        let Target::Path(path) = &request.target else { panic!("a path was expected") };
        assert_eq!((request.method.as_str(), path.as_str()), ("DELETE", "/groups/g/members/u/$ref"));
    }
}
