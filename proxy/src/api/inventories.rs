//! Whole verdicts with what each image holds, page by page: what exports are made of.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_engine::ledger::VerdictFilter;
use sluicegate_formats::answers::InventoryAnswer;
use sluicegate_model::form::Maybe;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

use super::answers::{List, Written};
use super::problem::Problem;
use super::verdicts::{Listed, WithFindings, unlisted};
use super::{ApiState, body};

/// What a page of the list may take in memory, in bytes: its verdicts, an inventory, and their text.
const PAGE_BYTES: u64 = 36 * 1024 * 1024;
/// Bytes of text after which a page ends; one image is on it whatever it holds.
const TEXT_BYTES: usize = 4 * 1024 * 1024;
/// Most images of a page: more would be read than there is room for.
const MAX_IMAGES: usize = 64;

/// A verdict with what its summary counts, and what the image holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WithInventory {
    #[serde(flatten)]
    verdict: WithFindings,
    /// What the image holds; null where that is no longer kept, and the next pull makes it again.
    #[serde(with = "Maybe::<InventoryAnswer>")]
    inventory: Option<Inventory>,
}

/// Writes a page of whole verdicts with their inventories, one after the other: none is held longer
/// than it is written.
pub(super) async fn list(
    state: &ApiState,
    filter: &VerdictFilter,
    limit: usize,
    after: Option<&str>,
) -> Result<Written<List<Listed>>, Problem> {
    let share = state.judge.view(PAGE_BYTES).await;
    let limit = limit.min(MAX_IMAGES);
    let page = state.ledger.list_verdicts(filter, limit, after).await;
    let page = page.map_err(unlisted)?;
    let mut text = b"{\"items\":[".to_vec();
    let mut next = page.next;
    let mut last = None;
    for (verdict, behind) in page.items.into_iter().zip(page.behind) {
        if text.len() >= TEXT_BYTES {
            next = last;
            break;
        }
        if last.is_some() {
            text.push(b',');
        }
        text = with_inventory(state, verdict, text).await?;
        last = Some(behind);
    }
    text.extend(b"],\"next\":");
    serde_json::to_writer(&mut text, &next).map_err(Problem::internal)?;
    text.push(b'}');
    Ok(Written::of(body::sent(text, "application/json", share)))
}

/// Writes one image behind others.
async fn with_inventory(
    state: &ApiState,
    verdict: Verdict,
    mut text: Vec<u8>,
) -> Result<Vec<u8>, Problem> {
    let scanned = state.judge.scanned(&verdict.sighting()).await;
    let index = Arc::clone(&state.feeds.current().index);
    let write = move || {
        let inventory = scanned.as_ref().map(|scanned| {
            let named = sluicegate_scanner::with_archives_named(&scanned.inventory, &index);
            named.into_owned()
        });
        let item = WithInventory {
            verdict: WithFindings::of(verdict),
            inventory,
        };
        serde_json::to_writer(&mut text, &item).map(|()| text)
    };
    let written = tokio::task::spawn_blocking(write).await;
    written
        .map_err(Problem::internal)?
        .map_err(Problem::internal)
}
