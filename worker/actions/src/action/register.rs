//! Where a noun lists its actions: a line each.

/// Makes `entries()`, the entries of these actions, and under test one test for each action and each promise of the
/// conformance suite. So an action cannot be in the roster and not in the suite.
macro_rules! register {
    ($($module:ident::$action:ident),* $(,)?) => {
        /// The actions of this folder.
        pub fn entries() -> Vec<crate::Entry> {
            vec![$(crate::Entry::of::<$module::$action>()),*]
        }

        #[cfg(test)]
        mod conformance {
            $(mod $module {
                use crate::conformance::promises;

                fn entry() -> crate::Entry {
                    crate::Entry::of::<super::super::$module::$action>()
                }

                #[tokio::test]
                async fn a_plan_writes_nothing_and_names_exactly_what_apply_does() {
                    promises::a_plan_writes_nothing_and_names_exactly_what_apply_does(entry).await;
                }

                #[tokio::test]
                async fn a_second_run_changes_nothing() {
                    promises::a_second_run_changes_nothing(entry).await;
                }

                #[tokio::test]
                async fn what_it_takes_away_is_kept_before_its_first_write() {
                    promises::what_it_takes_away_is_kept_before_its_first_write(entry).await;
                }

                #[tokio::test]
                async fn stopped_at_any_request_and_run_again_it_ends_in_the_same_state() {
                    promises::stopped_at_any_request_and_run_again_it_ends_in_the_same_state(entry).await;
                }

                #[tokio::test]
                async fn an_answer_lost_after_graph_acted_does_no_harm() {
                    promises::an_answer_lost_after_graph_acted_does_no_harm(entry).await;
                }

                #[tokio::test]
                async fn throttled_or_unavailable_at_any_request_is_a_retry() {
                    promises::throttled_or_unavailable_at_any_request_is_a_retry(entry).await;
                }

                #[tokio::test]
                async fn its_permissions_suffice_and_none_is_superfluous() {
                    promises::its_permissions_suffice_and_none_is_superfluous(entry).await;
                }

                #[tokio::test]
                async fn a_missing_permission_blocks_and_is_named() {
                    promises::a_missing_permission_blocks_and_is_named(entry).await;
                }

                #[tokio::test]
                async fn an_unknown_refusal_of_any_write_is_blocked_and_names_the_request() {
                    promises::an_unknown_refusal_of_any_write_is_blocked_and_names_the_request(entry).await;
                }
            })*
        }
    };
}

pub(crate) use register;
