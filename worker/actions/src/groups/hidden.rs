//! Groups that hide their members. Graph leaves them out of a person's groups without saying so, unless the application
//! has a permission (microsoft-graph-docs issue 12552, 2021).

use outcome::{Left, Needs};

use crate::{Error, View};

/// The permission to see who is in them, and what it shows.
pub const SEEN_WITH: (&str, &str) = ("Member.Read.Hidden", "groups that hide their members");

/// The actions that take a person out of groups. The first of a run says what it cannot see.
const TAKE_OUT: [&str; 2] = ["remove_from_teams", "remove_from_groups"];

/// Whether the application sees who is in these groups. Also `true` if its permissions are not known.
pub async fn are_seen(graph: View<'_>) -> Result<bool, Error> {
    let grants = graph.grants().await?;
    Ok(grants.permissions.is_empty() || grants.covers(SEEN_WITH.0))
}

/// The note of a step that takes a person out of all groups and cannot see these. Once in a run.
pub async fn unseen(graph: View<'_>) -> Result<Option<Left>, Error> {
    if are_seen(graph).await? || TAKE_OUT.iter().any(|action| graph.has_run(action)) {
        return Ok(None);
    }
    let detail =
        "Gatehouse cannot see groups that hide their members, and the person may still be in some; grant \
                  Member.Read.Hidden, or look at the person's groups in the Entra admin center"
            .to_owned();
    Ok(Some(Left { code: "hidden_groups".to_owned(), detail, needs: Needs::Operator }))
}
