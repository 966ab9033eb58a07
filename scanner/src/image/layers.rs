//! The layers that an image is made of, and what each says of a file.

use sluicegate_model::digest::Digest;

use super::tree::FileRef;
use crate::facts::{Event, FileFacts, FoundPackage, LayerFacts};

/// A layer of an image: its blob digest and its facts.
#[derive(Clone, Copy, Debug)]
pub struct LayerInput<'a> {
    /// The digest of the layer's blob, as the manifest lists it.
    pub digest: &'a Digest,
    /// What the layer proves.
    pub facts: &'a LayerFacts,
}

/// Gives the packages that a layer has in a file.
pub(crate) fn packages<'a>(layers: &[LayerInput<'a>], file: FileRef) -> &'a [FoundPackage] {
    file_facts(layers, file).map_or(&[], |facts| &facts.found.packages)
}

/// Gives what a layer says of a file.
pub(crate) fn file_facts<'a>(layers: &[LayerInput<'a>], file: FileRef) -> Option<&'a FileFacts> {
    match layers.get(file.layer)?.facts.events.get(file.event)? {
        Event::File(facts) => Some(facts),
        _ => None,
    }
}
