//! What every ledger promises.
//!
//! [`ledger_suite!`](crate::ledger_suite) makes a test of each promise, for an adapter's own tests.

pub mod bases;
pub mod domains;
pub mod events;
pub mod lists;
pub mod membership;
pub mod packages;
pub mod pulls;
pub mod record;
pub mod steps;
pub mod verdicts;
pub mod waivers;
pub mod words;

use jiff::Timestamp;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::package::PackageType;
use sluicegate_model::samples;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, PolicyReference, Provenance, Verdict};
use sluicegate_model::{Audience, Digest, Domain, Repository};

use async_trait::async_trait;

use crate::audit::Audit;
use crate::ledger::{Ledger, Replacement};

/// A ledger under test, and what happens to ledgers in their lives.
#[async_trait]
pub trait Subject: Send {
    /// Gives the ledger.
    fn ledger(&self) -> &dyn Ledger;

    /// Gives the audit of which it tells who pulled.
    fn audit(&self) -> &dyn Audit;

    /// Has it do now what it does in the background.
    async fn settle(&mut self) {}

    /// Begins anew over what is kept; where nothing is, the same ledger goes on.
    async fn restart(&mut self) {}
}

/// Writes a verdict over the one that is there.
pub async fn put(ledger: &dyn Ledger, verdict: &Verdict) {
    let known = ledger
        .known_verdict(&verdict.scope(), &verdict.digest)
        .await;
    let new = Replacement::new(&mut verdict.clone(), &known.unwrap()).unwrap();
    assert_eq!(ledger.replace_verdicts(vec![new]).await.unwrap(), [true]);
}

/// Names a repository of the registry `up.test`.
pub fn repository(name: &str) -> Repository {
    format!("up.test/{name}").parse().unwrap()
}

/// Gives a moment, so many seconds after the first.
pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// Makes a finding with an alias and an advisory of its own.
pub fn finding(id: &str, package: &str) -> Finding {
    let package = samples::component(package, "1.0", PackageType::Deb, None);
    let mut finding = samples::finding(id, &package);
    finding.aliases = vec![format!("GHSA-{id}")];
    finding.advisories = vec![format!("DSA-{id}")];
    finding.cvss = Some(7.5);
    finding.package.layer = Digest::of(id.as_bytes());
    finding
}

/// Makes a verdict: refused where there are findings.
pub fn verdict(name: &str, image: &str, decided: i64, findings: Vec<Finding>) -> Verdict {
    Verdict {
        digest: Digest::of(image.as_bytes()),
        repository: repository(name),
        tags: vec!["1".parse().unwrap()],
        audience: Audience::EVERYBODY,
        domain: Domain::Here,
        read_by: None,
        claimed_name: None,
        platform: "linux/amd64".into(),
        artifact: None,
        decision: if findings.is_empty() {
            Decision::Allow
        } else {
            Decision::Refuse
        },
        policy: PolicyReference {
            name: "default".into(),
            digest: Digest::of(b"policy"),
        },
        valid_until: Some(second(1000)),
        reasons: Vec::new(),
        allowed_by: Vec::new(),
        graces: Vec::new(),
        warnings: Vec::new(),
        findings,
        coverage: Coverage::from_gaps(Vec::new()),
        distro: None,
        packages: 88,
        first_seen: None,
        signatures: None,
        provenance: Provenance {
            scanner: "test".into(),
            feeds: SnapshotId::NO_FEEDS,
            feed_time: None,
            scanned_at: second(decided),
            decided_at: second(decided),
            scan_ms: 41,
        },
    }
}

/// Findings whose text does not fit into a row.
pub fn many_findings() -> Vec<Finding> {
    let name = |n: usize| Digest::of(&n.to_le_bytes()).hex().to_owned();
    (0..400)
        .map(|n| finding(&name(n), &name(n + 1000)))
        .collect()
}

/// Makes a test of each promise of a ledger; `$fresh` gives an empty [`Subject`].
#[macro_export]
macro_rules! ledger_suite {
    ($fresh:expr) => {
        $crate::ledger_suite! { @each $fresh,
            verdicts: small_and_large_verdicts_come_back_whole a_replaced_verdict_is_gone_from_every_list whoever_knew_another_verdict_writes_nothing tags_that_are_added_at_once_are_all_there verdicts_of_one_image_come_from_every_repository verdicts_for_two_audiences_never_mix each_audience_s_verdict_is_replaced_alone removed_verdicts_are_gone_and_leave_all_others,
            domains: words_of_two_domains_never_mix,
            bases: the_newest_basis_keeps_its_number_and_any_other_gets_the_next an_older_basis_never_replaces_a_newer_one what_is_refused_for_its_basis_leaves_others_of_its_batch_alone a_tag_leaves_a_verdict_on_its_basis,
            membership: membership_and_release_belong_to_one_repository tags_and_platforms_are_remembered_within_bounds a_tag_remembers_where_it_pointed_newest_first a_tag_remembers_the_newest_manifests_and_no_more,
            lists: lists_newest_first_page_by_page verdicts_keep_their_place_in_the_order_of_first_judgements every_filter_selects_exactly_its_verdicts what_replaces_a_verdict_is_found_by_its_own_names,
            events: each_difference_is_one_event_and_no_difference_is_none whoever_came_second_tells_nothing_and_numbers_have_no_holes what_is_about_no_verdict_is_told_once_in_its_turn_to_those_who_know_of_all what_is_told_once_is_told_again_only_when_that_may_be_forgotten every_kind_is_found_by_what_it_is_about_and_heard_by_whom_that_concerns each_receiver_has_its_own_position every_filter_of_events_selects_exactly_its_own,
            steps: steps_take_the_place_of_those_before images_are_told_apart_by_any_of_some_names stamps_are_those_of_the_verdicts,
            packages: finds_every_image_with_a_name_however_many_names_it_has an_image_that_is_listed_anew_is_found_by_what_it_holds_now,
            record: a_weakness_is_recorded_from_its_first_verdict_to_the_first_without what_is_found_again_keeps_the_time_of_its_first_verdict images_are_listed_page_by_page_and_counted what_is_taken_back_is_recorded_as_gone,
            pulls: whoever_pulled_an_image_or_its_index_is_told what_is_not_given_is_no_pull clients_that_pulled_last_are_named_and_the_others_counted,
            waivers: what_was_let_through_is_kept_until_it_ended_and_others_came no_more_are_let_through_at_a_time_than_is_bounded,
            words: an_older_word_never_takes_the_place_of_a_newer the_order_of_words_does_not_matter words_of_another_key_or_image_are_others no_more_words_are_remembered_than_is_bounded,
        }
    };
    (@each $fresh:expr, $($part:ident: $($promise:ident)+,)+) => {
        $($(
            #[tokio::test]
            async fn $promise() {
                let mut subject = $fresh;
                $crate::testkit::ledger_suite::$part::$promise(&mut subject).await;
            }
        )+)+
    };
}
