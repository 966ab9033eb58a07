//! Images in the OCI image layout: a directory, an archive of one, what `docker save` of today
//! writes.
//!
//! Source: OCI image-spec, image-layout.md; containerd, "Image export annotations".

use std::io::Read;

use sluicegate_model::manifest::{Descriptor, ImageManifest, Index, MAX_MANIFEST_BYTES, Manifest};
use sluicegate_model::{Digest, media_type};

use super::called::Called;
use super::error::SourceError;
use super::files::Files;
use super::name::same_image;
use super::platform;
use super::{Source, SourceImage, Surroundings};

/// The file that makes a directory an image layout.
pub(super) const MARK: &str = "oci-layout";
/// The file that lists the images.
const INDEX: &str = "index.json";
/// The annotation with an image's tag or whole name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation with an image's whole name.
const IMAGE_NAME: &str = "io.containerd.image.name";
/// Deepest nesting of indexes followed, as in the proxy.
const MAX_DEPTH: usize = 4;

/// An image of a layout.
pub(super) struct OciLayout {
    files: Box<dyn Files>,
    image: SourceImage,
}

impl OciLayout {
    /// Finds an image: the one that the layout calls `wanted`, or the only one.
    pub(super) fn open(
        files: Box<dyn Files>,
        wanted: Option<&str>,
        called: Called,
        surroundings: &Surroundings,
    ) -> Result<Self, SourceError> {
        let place = files.place().to_owned();
        let text = files.read(INDEX, MAX_MANIFEST_BYTES)?;
        let text = text
            .ok_or_else(|| SourceError::malformed(&place, "it is no OCI layout: no index.json"))?;
        let Manifest::Index(index) = parsed(&place, &text, media_type::OCI_INDEX)? else {
            return Err(SourceError::malformed(&place, "index.json is no index"));
        };
        let listed = listed(&place, &index, wanted)?;
        let names: Vec<String> = listed.iter().flat_map(names_of).collect();
        let claimed_name = called.claim(&names, &surroundings.settings);
        check_one_each(&place, &listed)?;
        let (digest, manifest) = image(files.as_ref(), listed, surroundings)?;
        let image = SourceImage {
            repository: called.repository,
            tags: called.tags,
            digest,
            manifest,
            claimed_name,
        };
        Ok(Self { files, image })
    }
}

impl Source for OciLayout {
    fn image(&self) -> &SourceImage {
        &self.image
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>, SourceError> {
        let found = self.files.open(&blob_path(&blob.digest))?;
        found.ok_or_else(|| absent(self.files.place(), &blob.digest))
    }
}

/// Gives the entries of the image that is meant: several where it is there for several platforms.
fn listed(
    place: &str,
    index: &Index,
    wanted: Option<&str>,
) -> Result<Vec<Descriptor>, SourceError> {
    let is_image = |found: &&Descriptor| platform::is_image(found);
    let images: Vec<&Descriptor> = index.manifests.iter().filter(is_image).collect();
    let known = || {
        let mut known: Vec<String> = images.iter().filter_map(|found| name_of(found)).collect();
        known.dedup();
        known
    };
    let Some(wanted) = wanted else {
        let mut names: Vec<_> = images.iter().map(|found| name_of(found)).collect();
        names.sort();
        names.dedup();
        let mut digests: Vec<_> = images.iter().map(|found| &found.digest).collect();
        digests.sort();
        digests.dedup();
        if names.len() > 1 && digests.len() > 1 {
            return Err(SourceError::Ambiguous {
                place: place.to_owned(),
                known: known(),
            });
        }
        return Ok(images.into_iter().cloned().collect());
    };
    let is_wanted = |found: &Descriptor| {
        let names = [REF_NAME, IMAGE_NAME];
        let mut names = names.iter().filter_map(|key| found.annotations.get(*key));
        names.any(|name| same_image(name, wanted)) || found.digest.as_str() == wanted
    };
    let mut meant: Vec<Descriptor> = images.iter().map(|found| (*found).clone()).collect();
    meant.retain(is_wanted);
    if meant.is_empty() {
        return Err(SourceError::NotFound {
            place: place.to_owned(),
            image: wanted.to_owned(),
            known: known(),
        });
    }
    Ok(meant)
}

/// Refuses to choose between different images of one name and platform: who loads the archive may
/// get the other one.
fn check_one_each(place: &str, listed: &[Descriptor]) -> Result<(), SourceError> {
    for (at, one) in listed.iter().enumerate() {
        let before = listed.get(..at).unwrap_or_default();
        let is_rival =
            |other: &&Descriptor| other.platform == one.platform && other.digest != one.digest;
        if let Some(rival) = before.iter().find(is_rival) {
            return Err(SourceError::Ambiguous {
                place: place.to_owned(),
                known: vec![rival.digest.to_string(), one.digest.to_string()],
            });
        }
    }
    Ok(())
}

/// Gives every name that an entry has; a tag that its whole name ends with adds nothing.
fn names_of(found: &Descriptor) -> Vec<String> {
    let annotation = |key| found.annotations.get(key);
    let (whole, name) = (annotation(IMAGE_NAME), annotation(REF_NAME));
    let tag_of_whole = whole.and_then(|whole| whole.rsplit_once(':'));
    let name = name.filter(|name| tag_of_whole.is_none_or(|(_, tag)| tag != name.as_str()));
    whole.into_iter().chain(name).cloned().collect()
}

fn name_of(found: &Descriptor) -> Option<String> {
    let name = found.annotations.get(IMAGE_NAME);
    name.or_else(|| found.annotations.get(REF_NAME)).cloned()
}

/// Goes down from what is listed to the one image for the platform.
fn image(
    files: &dyn Files,
    mut listed: Vec<Descriptor>,
    surroundings: &Surroundings,
) -> Result<(Digest, ImageManifest), SourceError> {
    let place = files.place();
    let mut seen: Vec<Digest> = Vec::new();
    listed.retain(|found| {
        let is_new = !seen.contains(&found.digest);
        seen.push(found.digest.clone());
        is_new
    });
    for _ in 0..MAX_DEPTH {
        let chosen = platform::choose(place, &listed, surroundings.platform.as_ref())?;
        let path = blob_path(&chosen.digest);
        let text = files.read(&path, MAX_MANIFEST_BYTES)?;
        let text = text.ok_or_else(|| absent(place, &chosen.digest))?;
        prove(place, &text, &chosen.digest)?;
        match parsed(place, &text, &chosen.media_type)? {
            Manifest::Image(manifest) => return Ok((chosen.digest.clone(), manifest)),
            Manifest::Index(index) => {
                // What was never saved cannot be chosen: `docker save` lists other platforms too.
                let here = |child: &Descriptor| files.len(&blob_path(&child.digest)).is_some();
                let wanted = surroundings.platform.is_some();
                listed = index.manifests;
                listed.retain(|child| wanted || here(child));
            }
        }
    }
    let reason = format!("its indexes are nested deeper than {MAX_DEPTH} levels");
    Err(SourceError::malformed(place, reason))
}

fn parsed(place: &str, text: &[u8], kind: &str) -> Result<Manifest, SourceError> {
    Manifest::parse(text, kind).map_err(|source| SourceError::Manifest {
        place: place.to_owned(),
        source,
    })
}

fn prove(place: &str, text: &[u8], digest: &Digest) -> Result<(), SourceError> {
    let mut hasher = sluicegate_model::DigestHasher::new(digest.algorithm());
    hasher.update(text);
    let got = hasher.finish();
    if got == *digest {
        return Ok(());
    }
    Err(SourceError::Damaged {
        what: format!("manifest {digest} of {place}"),
        reason: format!("its content is {got}"),
    })
}

fn absent(place: &str, digest: &Digest) -> SourceError {
    SourceError::malformed(place, format!("blob {digest} is not in it"))
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}
