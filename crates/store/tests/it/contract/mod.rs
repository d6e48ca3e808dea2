//! What every metadata store promises. A backend runs all of it with one line: `contract_for!(name, open)`, where `open`
//! gives an empty store.

pub mod archive;
pub mod documents;
pub mod jobs;
pub mod outbox;
pub mod patients;
pub mod registry;

/// One test per promise for one backend.
#[macro_export]
macro_rules! contract_for {
    ($backend:ident, $open:expr) => {
        mod $backend {
            $crate::contract_for!(@ $open, registry: [
                an_object_is_found_by_id_unique_id_patient_and_logical_id,
                an_id_is_taken_once_whatever_the_kind,
                a_status_is_set_on_every_kind,
                associations_are_found_from_both_ends,
                folders_are_found_from_the_documents_in_them,
                a_removed_object_leaves_nothing,
                an_update_keeps_patient_and_unique_id,
                what_would_not_be_readable_is_refused,
                a_query_without_a_page_has_a_limit,
            ]);
            $crate::contract_for!(@ $open, patients: [
                a_patient_is_known_once_the_feed_names_it,
                patients_are_searched_by_start_of_name_and_id,
                a_merged_patient_is_found_under_the_survivor_only,
                a_wrong_merge_changes_nothing,
                a_search_means_what_the_query_says_page_by_page,
                a_removed_patient_is_unknown_until_it_is_fed_again,
                a_domain_stays_known,
            ]);
            $crate::contract_for!(@ $open, documents: [
                a_document_is_stored_once_and_never_with_other_bytes,
                a_staged_document_waits_for_its_commit,
                a_small_document_travels_with_the_metadata,
            ]);
            $crate::contract_for!(@ $open, archive: [
                the_same_instance_again_is_no_news_and_other_bytes_are_refused,
                one_series_uid_in_two_studies_stays_apart,
                a_study_is_due_when_it_is_quiet_or_has_waited_too_long,
                settled_studies_are_walked_in_the_order_of_their_uids,
                what_comes_while_publishing_makes_the_study_due_again,
                a_held_study_waits_until_somebody_lets_it_go,
                removed_instances_give_their_files_back,
                studies_are_listed_and_counted_by_how_far_they_are,
            ]);
            $crate::contract_for!(@ $open, outbox: [
                a_job_is_claimed_once_and_done_with_its_result,
                one_job_per_key_takes_the_newest_wish,
                a_failed_job_waits_for_a_replay,
                a_lease_that_ends_is_claimed_again,
                named_state_is_kept_per_scope,
            ]);
            $crate::contract_for!(@ $open, jobs: [
                a_refused_job_undoes_only_itself,
                a_panic_undoes_only_its_job,
                a_job_sees_what_it_wrote_and_what_was_written_before,
                many_threads_write_at_once_and_each_is_answered_after_its_commit,
                a_reply_can_be_awaited,
                a_read_sees_one_moment,
            ]);
        }
    };
    (@ $open:expr, $area:ident: [$($rule:ident),* $(,)?]) => {
        mod $area {
            $(
                #[test]
                fn $rule() {
                    let (store, _guard) = $open();
                    $crate::contract::$area::$rule(&store);
                }
            )*
        }
    };
}

use store::{MetadataStore, ReadTx, StoreError, StoreExt, WriteTx};

/// Writes and expects it to work.
pub fn write<T: Send + 'static>(
    store: &dyn MetadataStore,
    job: impl FnOnce(&mut dyn WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write_blocking(job).unwrap()
}

pub fn read<T>(store: &dyn MetadataStore, job: impl FnOnce(&dyn ReadTx) -> Result<T, StoreError>) -> T {
    store.read_blocking(job).unwrap()
}
