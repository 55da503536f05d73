//! The workflows that are compiled in.

use workflow::{Definitions, Mistakes};

/// File name and text of each default workflow.
const FILES: [(&str, &str); 5] = [
    ("onboarding.yaml", include_str!("onboarding.yaml")),
    ("offboarding.yaml", include_str!("offboarding.yaml")),
    ("change.yaml", include_str!("change.yaml")),
    ("access_revoke.yaml", include_str!("access_revoke.yaml")),
    ("restore.yaml", include_str!("restore.yaml")),
];

/// The workflows that every worker has. An operator's file may replace each by its name.
///
/// # Errors
///
/// None in a build whose tests pass: the files are compiled in and a test checks them.
pub fn default_definitions() -> Result<Definitions, Mistakes> {
    let mut all = Definitions::default();
    for (file, text) in FILES {
        all = all.with(Definitions::parse(file, text)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow::Roster;

    #[test]
    fn the_mailbox_that_sends_passes_is_no_events_to_name() {
        let roster = Roster::new(crate::roster().into_iter().map(|entry| entry.step));
        let mistakes = |from: &str| {
            let step = format!("{{ issue_temporary_access_pass: {{ from: \"{from}\" }} }}");
            let file = format!("hire: {{ stages: [{{ name: a, steps: [{step}] }}] }}\n");
            Definitions::read("hire.yaml", &file, &roster).map(drop).map_err(|mistakes| mistakes.to_string())
        };
        for from in ["it@contoso.example", "{{ tenant.pass_from }}"] {
            assert_eq!(mistakes(from), Ok(()), "{from}");
        }
        for from in ["{{ parameters.pass_from }}", "{{ manager }}"] {
            let said = mistakes(from).unwrap_err();
            assert!(said.contains("`from` of `issue_temporary_access_pass` must not come from"), "{said}");
        }
    }

    #[test]
    fn the_default_workflows_can_run() {
        let roster = Roster::new(crate::roster().into_iter().map(|entry| entry.step));
        let roster = roster.looking_again(["access_revoke"]);
        for (file, text) in FILES {
            Definitions::read(file, text, &roster).unwrap();
        }
        let definitions = default_definitions().unwrap();
        let names: Vec<_> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["access_revoke", "change", "offboarding", "onboarding", "restore"]);
    }
}
