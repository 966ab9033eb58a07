//! The rules of the gate, as tables: route, method and state against what is answered, what is
//! written, and what has left. One process, an upstream in it, no client, and a clock that stands
//! still until nothing else can happen.
//!
//! What the contract says, and which test holds the gate to it; `http`, `wire` and the like are
//! tested where they are:
//!
//! | the contract | here |
//! |---|---|
//! | one job for each digest, which everybody joins | `however_many_ask_each_object_is_fetched_once` |
//! | a client that leaves stops nobody | `clients_that_leave_stop_nobody` |
//! | HEAD and GET, by tag and digest, wait for the verdict | `head_and_get_by_tag_and_digest_in_every_state_and_mode` |
//! | past the last hop HEAD is 200 if never released, else 503; GET drips | `head_and_get_by_tag_and_digest_in_every_state_and_mode` |
//! | what drips is completed truly, whatever the verdict | `a_dripped_manifest_ends_with_its_verdict_in_the_log` |
//! | no byte of a config or layer leaves before the verdict | `no_byte_of_a_config_or_layer_leaves_before_the_verdict` |
//! | at a stop everybody is sent round at once | `whoever_waits_is_sent_round_at_once_when_the_program_is_to_stop` |
//! | a line is written before each answer | `nothing_leaves_where_its_line_cannot_be_written` |
//! | stream: manifest and config go out at once | `manifest_and_config_leave_at_once_and_the_smallest_layer_waits` |
//! | stream: the smallest of the first three layers not cleared is held | `the_smallest_of_the_first_three_layers_that_are_not_cleared_is_held` |
//! | stream: layers that another allowed manifest cleared are whole | `the_smallest_of_the_first_three_layers_that_are_not_cleared_is_held` |
//! | stream: the tail waits for the verdict, by every range | `no_range_reaches_into_a_tail_before_the_verdict_and_every_range_after_it` |
//! | stream: an answer of nothing but tail is held at its headers | `no_range_reaches_into_a_tail_before_the_verdict_and_every_range_after_it` |
//! | stream: where the end is not told, all waits | `a_layer_whose_end_the_upstream_does_not_tell_waits_whole` |
//! | stream: a layer that is called a config keeps its tail | `a_layer_that_a_manifest_only_calls_its_config_keeps_its_tail` |
//! | stream: 403 on the held layer first, the others are cut 2 s later | `a_refusal_is_the_held_layer_s_answer_and_cuts_the_others_two_seconds_later` |
//! | refused is 403 by every way of asking | `every_way_of_asking_gets_the_same_decision` |
//! | a refused image's blob leaves where an allowed image lists it | `blobs_follow_the_verdicts_of_the_manifests_that_list_them` |
//! | old clients are shown the reason at their GET | `a_client_that_hides_reasons_is_refused_at_its_get` |
//! | a digest belongs to a repository after a GET, never by a HEAD | `that_an_upstream_says_to_a_head_that_it_has_a_manifest_proves_nothing` |
//! | content is shared, membership is not | `a_digest_of_another_repository_is_not_of_this_one` |
//! | a blob from elsewhere is proven by bytes | `what_an_upstream_says_of_a_blob_that_is_here_from_elsewhere_must_be_bytes` |
//! | a blob that nobody lists is unknown | `a_blob_that_no_manifest_lists_is_unknown_though_the_upstream_has_it` |
//! | membership survives a start and the loss of content | `who_pulled_what_outlives_a_start_and_the_loss_of_all_content` |
//! | an evicted blob is fetched again | `what_is_evicted_between_verdict_and_answer_is_fetched_again` |
//! | an index is refused with all its children or with a released one | `an_index_is_refused_with_all_its_children_or_with_one_that_has_left` |
//! | children of wanted platforms and of those pulled before are judged | `only_children_of_wanted_platforms_and_of_those_pulled_before_are_judged` |
//! | each child is gated alone | `each_child_is_gated_alone_when_it_is_asked_for` |
//! | what is no manifest is no child | `an_entry_that_is_no_manifest_and_one_of_no_platform_are_no_children` |
//! | four levels of indexes | `indexes_nest_four_deep_and_no_deeper` |
//! | 256 children | `an_index_lists_256_children_and_no_more` |
//! | embedded data makes a manifest invalid | `whatever_else_a_descriptor_carries_makes_its_manifest_invalid` |
//! | an artifact is decided by its proven kind | `the_kind_decides_and_only_where_the_content_agrees` |
//! | an artifact clears no blob of a refused image | `an_artifact_gives_away_nothing_of_a_refused_image` |
//! | referrers are those that would be served | `a_list_names_what_would_be_served_and_counts_what_nobody_knows` |
//! | what is refused has no referrers | `what_is_refused_has_no_referrers_and_what_is_unknown_has` |
//! | what is attached here is listed beside them, the same each time | `what_is_attached_is_the_same_by_list_tag_and_digest_and_after_a_start` |
//! | nothing is attached to what is refused | `nothing_is_attached_to_what_is_refused` |
//! | of an index only while nothing of it that was judged is refused | `an_index_passes_with_one_image_and_is_attested_with_none_refused` |
//! | what is let through without a verdict is attested to nobody | `what_somebody_let_through_is_served_and_never_attested` |
//! | a busy upstream is waited for | `an_upstream_that_is_asked_too_often_is_waited_for` |
//! | a name is refused before anything is fetched | `a_refused_name_is_logged_and_nothing_is_asked_of_the_upstream` |
//! | a tag that is allowed leads to its digest | `a_listed_tag_leads_to_its_digest_and_to_all_that_an_index_lists` |
//! | a digest is decided by the tag that led there, and by none as strictly as by any | `a_digest_is_decided_by_the_tag_that_led_there` |
//! | an exception for one tag is none for another | `what_one_tag_lets_through_another_does_not` |
//! | it belongs to that tag for ten minutes | `a_digest_belongs_to_its_tag_for_ten_minutes_and_its_blobs_for_an_hour` |
//! | a verdict is made anew under other policies | `a_policy_that_comes_in_force_decides_on_the_next_request` |
//! | a package is refused by its licence | `a_package_is_refused_by_its_licence_where_a_rule_asks_for_that` |
//! | licences appear and disappear with the policies that ask | `licences_come_and_go_with_the_policies_that_ask_and_nothing_is_read_again` |
//! | also for who joins a pull that was begun under the earlier ones | `who_joins_a_pull_after_a_policy_came_in_force_is_answered_by_that` |
//! | who signed an image is looked up where a policy asks, and nowhere else | `nobody_looks_who_signed_where_no_policy_asks` |
//! | it is looked up again after the tag's TTL | `a_signature_that_appears_allows_and_one_that_vanishes_refuses_again` |
//! | what was known stands where the upstream fails | `what_was_known_stands_where_the_upstream_fails_also_after_a_start` |
//! | a child is signed by its index | `an_index_s_signature_counts_for_its_children` |
//! | where the inventory is gone the request is held | `an_image_whose_inventory_is_gone_is_held_until_it_is_scanned_again` |
//! | an error is no verdict | `an_upstream_that_fails_is_no_verdict_in_either_mode` |

mod artifacts;
mod attached_vex;
mod audiences;
mod blobs;
mod claims;
mod embedded;
mod facts;
mod failures;
mod images;
mod in_force;
mod indexes;
mod licences;
mod manifests;
mod matrix;
mod names;
mod own;
mod own_indexes;
mod plugins;
mod races;
mod referrers;
mod scanners;
mod secrets;
mod signed;
mod signer;
mod stage;
mod stream;
mod tags;

/// Where the tests of the table are.
const FILES: [&str; 17] = [
    include_str!("artifacts.rs"),
    include_str!("blobs.rs"),
    include_str!("embedded.rs"),
    include_str!("failures.rs"),
    include_str!("in_force.rs"),
    include_str!("indexes.rs"),
    include_str!("licences.rs"),
    include_str!("manifests.rs"),
    include_str!("matrix.rs"),
    include_str!("names.rs"),
    include_str!("own.rs"),
    include_str!("own_indexes.rs"),
    include_str!("races/mod.rs"),
    include_str!("referrers.rs"),
    include_str!("signed.rs"),
    include_str!("stream.rs"),
    include_str!("tags.rs"),
];

#[test]
fn the_table_names_tests_that_there_are() {
    let rows = include_str!("mod.rs").lines();
    let named = rows.filter_map(|row| row.strip_prefix("//! | ")?.split('`').nth(1));
    let mut count = 0;
    for name in named {
        let test = format!("fn {name}()");
        assert!(FILES.iter().any(|file| file.contains(&test)), "{name}");
        count += 1;
    }
    assert!(count > 30, "{count} rows");
}
