//! The bill of materials of a judged image, in the field's own formats.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::identity::Who;
use sluicegate_formats::{self as formats, Format};
use sluicegate_model::Digest;

use super::answers::Bill;
use super::asked::{Path, Query};
use super::parameters::{RepositoryName, repository};
use super::problem::Problem;
use super::verdicts::{AskedVerdict, newest};
use super::{ApiState, body};

/// How much more memory than the verdict itself a document about it takes, text included.
const DOCUMENT_ROOM: u64 = 2;

/// Which image, and how to write it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SbomQuery {
    /// The verdict for this repository, as it is pulled or by its canonical name; without it, the
    /// newest one.
    repository: Option<RepositoryName>,
    /// The verdict on what this reporter or scanner says, such as `key:ci`; without it, one on what was
    /// looked at here comes first.
    reported_by: Option<String>,
    /// CycloneDX 1.6 or SPDX 2.3, both as JSON.
    #[serde(default)]
    format: SbomFormat,
}

/// The formats of a bill of materials.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum SbomFormat {
    #[default]
    Cyclonedx,
    Spdx,
}

/// Writes what an image holds, from the inventory that its verdict was made from.
pub async fn sbom(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Path(digest): Path<Digest>,
    Query(query): Query<SbomQuery>,
) -> Result<Bill, Problem> {
    let (format, media_type) = match query.format {
        SbomFormat::Cyclonedx => (
            Format::Cyclonedx,
            "application/vnd.cyclonedx+json; version=1.6",
        ),
        SbomFormat::Spdx => (Format::Spdx, "application/spdx+json"),
    };
    let asked = AskedVerdict {
        digest: &digest,
        reach: who.rights.reach(),
        repository: repository(query.repository.as_ref(), &state)?,
        reported_by: query.reported_by,
    };
    let viewed = newest(&state, &asked, DOCUMENT_ROOM).await?;
    let (verdict, share) = (viewed.verdict, viewed.share);
    let Some(scanned) = state.judge.scanned(&verdict.sighting()).await else {
        return Err(Problem::not_found(
            "the inventory of this image is no longer kept; its next pull makes it again",
        ));
    };
    let index = Arc::clone(&state.feeds.current().index);
    let write = move || {
        let mut body = Vec::new();
        let inventory = sluicegate_scanner::with_archives_named(&scanned.inventory, &index);
        formats::write(format, &verdict, &inventory, &mut body).map(|()| body)
    };
    let text = tokio::task::spawn_blocking(write)
        .await
        .map_err(Problem::internal)?
        .map_err(Problem::internal)?;
    Ok(Bill(body::sent(text, media_type, share)))
}
