//! The contract of every event store, as `domain::ports::EventStore` states it: one named rule per promise.
//!
//! `store_contract!` makes one test of each rule for one store. Nothing here knows how a store keeps its log.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "rules are tests: they fail by panicking")]

pub mod appending;
pub mod making;
pub mod reading;
pub mod reopening;
pub mod subscribing;

use std::sync::Arc;

use domain::ports::EventStore;

/// A store under test.
pub trait Subject: Send + Sync {
    /// Opens the log: an empty one at first, and the same one again after the store that was opened before is gone.
    fn open(&self) -> Arc<dyn EventStore>;
}

/// Makes one test per rule; the argument is an expression that gives a fresh [`Subject`].
#[macro_export]
macro_rules! store_contract {
    ($subject:expr) => {
        $crate::store_contract_tests! { $subject;
            appending::versions_start_at_0_and_have_no_gaps,
            appending::an_append_gives_the_place_of_its_last_event,
            appending::positions_grow,
            appending::no_stream_conflicts_with_a_stream_that_exists,
            appending::an_exact_version_conflicts_with_any_other,
            appending::a_conflict_writes_nothing,
            appending::a_batch_has_one_result_each_in_order,
            appending::an_element_that_fails_does_not_fail_the_others,
            appending::elements_on_one_stream_follow_each_other,
            appending::an_empty_batch_has_no_results,
            appending::of_racing_writers_exactly_one_wins_each_version,
            appending::a_repeated_append_succeeds_with_the_first_result,
            appending::a_repeat_within_a_batch_succeeds_with_the_first_result,
            appending::a_partial_repeat_is_a_conflict,
            appending::the_same_ids_at_another_place_are_a_conflict,
            appending::an_append_without_events_is_rejected,
            appending::an_event_that_is_too_large_is_rejected,
            reading::what_was_appended_is_what_is_read,
            reading::only_the_first_event_of_an_append_has_the_command,
            reading::a_stream_is_read_in_both_directions,
            reading::a_stream_among_many_others_is_read_whole,
            reading::many_streams_are_read_like_each_by_itself,
            reading::an_unknown_stream_is_empty,
            reading::streams_with_similar_names_are_kept_apart,
            reading::the_log_is_read_page_by_page,
            reading::a_filter_leaves_out_other_streams,
            reading::head_and_last_are_those_of_the_last_event,
            subscribing::a_subscription_gives_what_is_there_and_then_what_comes,
            subscribing::a_subscription_from_the_head_gives_only_what_comes,
            subscribing::the_catch_up_seam_has_no_gap_and_no_repeat,
            subscribing::a_slow_subscriber_loses_nothing,
            subscribing::a_dropped_wait_loses_nothing,
            subscribing::a_subscription_gives_what_reading_gives,
            reopening::everything_is_there_after_reopening,
            reopening::a_stream_goes_on_after_reopening,
            reopening::a_repeat_after_reopening_succeeds_with_the_first_result,
        }
    };
}

/// The tests that [`store_contract!`] makes.
#[macro_export]
macro_rules! store_contract_tests {
    ($subject:expr; $($group:ident::$rule:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::contract::$group::$rule(&$subject).await;
            }
        )+
    };
}
