//! `$expand` of users: the manager, and nothing else.

use crate::graph::Visit;
use crate::graph::users::user::TYPE;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::tenant::{USER_DEFAULTS, User};

/// The other relations of a user, which Graph expands and the emulator does not.
const OTHERS: &[&str] =
    &["appRoleAssignments", "directReports", "extensions", "memberOf", "ownedObjects", "transitiveMemberOf"];

/// The properties of the manager to answer with.
#[derive(Debug)]
pub(crate) struct Expansion {
    names: Option<Vec<String>>,
}

impl Expansion {
    /// Reads the option, of a list or of one user.
    pub(crate) fn read(visit: &Visit<'_>, query: &Query, of_list: bool) -> Result<Option<Self>, Refusal> {
        let Some(text) = &query.expand else { return Ok(None) };
        let items = split(text, ',');
        let [item] = items.as_slice() else {
            // Microsoft Graph, one relation of users at most (microsoft-graph-docs 96, 2016).
            return Err(Refusal::malformed(format!(
                "The result of parsing $expand contained at least {} items, but the maximum allowed is 1.",
                items.len()
            )));
        };
        let (relation, options) = item.split_once('(').unwrap_or((item, ")"));
        let options = options.strip_suffix(')').ok_or_else(|| unparsable(item))?;
        match relation.trim() {
            "manager" => {}
            other if OTHERS.contains(&other) => {
                return Err(Refusal::unsupported_query("Unsupported Query: '$expand'."));
            }
            other => {
                return Err(Refusal::malformed(format!(
                    "Parsing OData Select and Expand failed: Could not find a property named '{other}' on type '{TYPE}'."
                )));
            }
        }
        let mut names = None;
        for option in split(options, ';') {
            match option.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("$select", value)) => {
                    let value: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
                    names = Some(value);
                }
                Some(("$levels", "1")) => {}
                // microsoft-graph-docs 18615, 2022.
                Some(("$levels", "max")) if of_list => {
                    return Err(Refusal::unsupported_query(
                        "Transitive manager's list is only supported on a single user, send the $expand request on \
                         /users/{id} endpoint",
                    ));
                }
                Some(("$levels", _)) => {
                    return Err(Refusal::unsupported_query("Unsupported Query: '$expand'."));
                }
                _ => return Err(unparsable(item)),
            }
        }
        let expansion = Self { names };
        expansion.selected(visit)?;
        Ok(Some(expansion))
    }

    /// The properties of the manager, as far as the caller may read them.
    pub(crate) fn selected(&self, visit: &Visit<'_>) -> Result<Vec<&str>, Refusal> {
        let Some(names) = &self.names else {
            return super::user::readable(visit, USER_DEFAULTS.to_vec(), false);
        };
        if let Some(unknown) =
            names.iter().find(|name| !User::properties().any(|property| property == **name))
        {
            return Err(Refusal::malformed(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{unknown}' on type '{TYPE}'."
            )));
        }
        super::user::readable(visit, names.iter().map(String::as_str).collect(), true)
    }

    /// The suffix of `@odata.context` for both options.
    pub(crate) fn context_suffix(&self, query: &Query) -> String {
        let inner = self.names.as_ref().map(|names| names.join(",")).unwrap_or_default();
        let outer = query.select.as_ref().map(|names| names.join(",") + ",").unwrap_or_default();
        format!("({outer}manager({inner}))")
    }
}

fn unparsable(item: &str) -> Refusal {
    Refusal::malformed(format!("Parsing OData Select and Expand failed: Syntax error at '{item}'."))
}

/// The parts of a text between separators that are not inside parentheses.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_i32;
    let parts = text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == separator && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn parentheses_keep_their_commas() {
        assert_eq!(split("manager($select=id,mail),memberOf", ','), ["manager($select=id,mail)", "memberOf"]);
        assert_eq!(split("$levels=1;$select=id,mail", ';'), ["$levels=1", "$select=id,mail"]);
        assert!(split("", ';').is_empty());
    }
}
