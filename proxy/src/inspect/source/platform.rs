//! Which of an index's images is meant: the one for the wanted platform.

use sluicegate_model::manifest::{Descriptor, Platform};

use super::error::SourceError;

/// The annotation by which BuildKit marks what is about an image rather than one.
/// Source: BuildKit, "Image Attestation Storage".
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Picks the child for `wanted`; without one, for this machine, or the only one there is.
pub(super) fn choose<'a>(
    place: &str,
    children: &'a [Descriptor],
    wanted: Option<&Platform>,
) -> Result<&'a Descriptor, SourceError> {
    let images: Vec<&Descriptor> = children.iter().filter(|child| is_image(child)).collect();
    if let ([only], None) = (images.as_slice(), wanted) {
        return Ok(only);
    }
    let platform = wanted.cloned().unwrap_or_else(Platform::host);
    let serves = |child: &&&Descriptor| match &child.platform {
        Some(stated) => stated.serves(&platform),
        // Only its config tells; a single one is looked at.
        None => images.len() == 1,
    };
    images
        .iter()
        .find(serves)
        .copied()
        .ok_or_else(|| SourceError::Platform {
            place: place.to_owned(),
            wanted: platform.to_string(),
            known: images.iter().map(|child| shown(child)).collect(),
        })
}

/// Tells whether a child is an image rather than an attestation about one.
pub(super) fn is_image(child: &Descriptor) -> bool {
    let attests = child.annotations.contains_key(REFERENCE_TYPE);
    !attests && !child.platform.as_ref().is_some_and(Platform::is_unknown)
}

fn shown(child: &Descriptor) -> String {
    child
        .platform
        .as_ref()
        .map_or_else(|| child.digest.to_string(), ToString::to_string)
}
