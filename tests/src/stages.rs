//! Workflows in stages, so that a run can be stopped between two writes, and a tenant with the groups that they name.

use msgraph_emulator::{Group, Tenant, User};

/// Lets in, changes and lets out.
pub const IN_STAGES: &str = "
onboarding:
  stages:
    - name: let in
      steps: [enable_account]
    - name: place
      steps: [{ add_to_groups: { groups: [Engineers] } }]
    - name: place again
      steps: [{ add_to_groups: { groups: [Writers] } }]
change:
  stages:
    - name: properties
      steps: [update_user]
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
    - name: take back
      steps: [remove_from_groups]
";

/// A tenant of these people.
pub fn tenant(people: impl IntoIterator<Item = User>) -> Tenant {
    let groups = ["Engineers", "Writers"].map(Group::security);
    people.into_iter().fold(groups.into_iter().fold(Tenant::empty(), Tenant::group), Tenant::user)
}
