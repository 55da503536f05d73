//! The workflows that are compiled in.

use workflow::{Definitions, Mistakes, Roster};

/// File name and text of each default workflow.
const FILES: [(&str, &str); 3] = [
    ("onboarding.yaml", include_str!("definitions/onboarding.yaml")),
    ("offboarding.yaml", include_str!("definitions/offboarding.yaml")),
    ("change.yaml", include_str!("definitions/change.yaml")),
];

/// The workflows every worker has; an operator's file may replace them by name.
///
/// # Errors
///
/// None in a build whose tests pass: the files are compiled in and a test reads them.
pub fn default_definitions() -> Result<Definitions, Mistakes> {
    let roster = Roster::new(crate::roster().into_iter().map(|entry| entry.step));
    let mut all = Definitions::default();
    for (file, text) in FILES {
        all = all.with(Definitions::read(file, text, &roster)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_workflows_can_run() {
        let definitions = default_definitions().unwrap();
        let names: Vec<_> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["change", "offboarding", "onboarding"]);
    }
}
