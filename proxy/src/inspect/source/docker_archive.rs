//! What `docker save` wrote before it wrote OCI layouts, and what others still write: a list of
//! configs and uncompressed layers.
//!
//! Such an archive has no manifest. The one written here lists the layers as they lie in the
//! archive, so its digest is not a registry's; the same archive always gives the same one. What the
//! config calls an uncompressed layer is its digest, which is held against the bytes as they are
//! scanned; any other layer is read once to be named.
//! Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use serde::Deserialize;
use serde_json::json;
use sluicegate_model::digest::{Algorithm, DiffId};
use sluicegate_model::image_config::{ImageConfig, MAX_CONFIG_BYTES};
use sluicegate_model::manifest::{
    Descriptor, ImageManifest, MAX_LAYERS, MAX_MANIFEST_BYTES, Manifest,
};
use sluicegate_model::{Digest, DigestHasher, media_type};
use sluicegate_scanner::{MAGIC_BYTES, is_compressed};

use super::called::Called;
use super::error::SourceError;
use super::files::Files;
use super::name::same_image;
use super::{Source, SourceImage, Surroundings};

/// The file that lists the images.
pub(super) const LIST: &str = "manifest.json";
/// What layers of the written manifest are.
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Bytes hashed at a time.
const PIECE: usize = 128 * 1024;

/// An image of the list.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// An image of an archive.
pub(super) struct DockerArchive {
    files: Box<dyn Files>,
    paths: HashMap<Digest, String>,
    image: SourceImage,
}

impl DockerArchive {
    /// Finds an image, the one that the archive calls `wanted` or the only one, and hashes its layers.
    pub(super) fn open(
        files: Box<dyn Files>,
        wanted: Option<&str>,
        called: Called,
        surroundings: &Surroundings,
    ) -> Result<Self, SourceError> {
        let place = files.place().to_owned();
        let text = files.read(LIST, MAX_MANIFEST_BYTES)?;
        let reason = "it is no archive of images: neither oci-layout nor manifest.json";
        let text = text.ok_or_else(|| SourceError::malformed(&place, reason))?;
        let list: Vec<Listed> = serde_json::from_slice(&text)
            .map_err(|error| SourceError::malformed(&place, NoList(error)))?;
        let listed = choose(&place, &list, wanted)?;
        if listed.layers.len() > MAX_LAYERS {
            let reason = format!("it lists {} layers", listed.layers.len());
            return Err(SourceError::malformed(&place, reason));
        }
        let mut paths = HashMap::new();
        let text = files.read(&listed.config, MAX_CONFIG_BYTES)?;
        let text = text.ok_or_else(|| absent(&place, &listed.config))?;
        let config = descriptor(
            media_type::DOCKER_CONFIG,
            Digest::of(&text),
            text.len() as u64,
        );
        paths.insert(config.digest.clone(), listed.config.clone());
        let stated = ImageConfig::parse(&text).map(|config| config.rootfs.diff_ids);
        let stated = stated.unwrap_or_default();
        let mut layers = Vec::new();
        for (at, path) in listed.layers.iter().enumerate() {
            let named = stated
                .get(at)
                .filter(|_| stated.len() == listed.layers.len());
            let layer = match named {
                Some(DiffId(digest)) if is_plain(files.as_ref(), path)? => {
                    let size = files.len(path).ok_or_else(|| absent(&place, path))?;
                    descriptor(LAYER_TYPE, digest.clone(), size)
                }
                _ => blob(files.as_ref(), path, LAYER_TYPE)?,
            };
            paths.insert(layer.digest.clone(), path.clone());
            layers.push(layer);
        }
        let names = listed.repo_tags.clone().unwrap_or_default();
        let claimed_name = called.claim(&names, &surroundings.settings);
        let (digest, manifest) = written_manifest(config, layers)?;
        let image = SourceImage {
            repository: called.repository,
            tags: called.tags,
            digest,
            manifest,
            claimed_name,
        };
        Ok(Self {
            files,
            paths,
            image,
        })
    }
}

/// Says that the list of images cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("manifest.json is no list: {0}")]
struct NoList(#[source] serde_json::Error);

impl Source for DockerArchive {
    fn image(&self) -> &SourceImage {
        &self.image
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send>, SourceError> {
        let path = self.paths.get(&blob.digest);
        let found = path
            .map(|path| self.files.open(path))
            .transpose()?
            .flatten();
        let gone = || SourceError::malformed(self.files.place(), "a layer is gone");
        found.ok_or_else(gone)
    }
}

fn choose<'a>(
    place: &str,
    list: &'a [Listed],
    wanted: Option<&str>,
) -> Result<&'a Listed, SourceError> {
    let known = || {
        list.iter()
            .flat_map(|listed| listed.repo_tags.iter().flatten().cloned())
            .collect()
    };
    let is_wanted = |listed: &&Listed| {
        let mut names = listed.repo_tags.iter().flatten();
        wanted.is_some_and(|wanted| names.any(|name| same_image(name, wanted)))
    };
    let found = match (wanted, list) {
        (None, [only]) => Some(only),
        (None, [_, _, ..]) => {
            return Err(SourceError::Ambiguous {
                place: place.to_owned(),
                known: known(),
            });
        }
        // Saved by its id, an image has no name; it is the one that was asked for.
        (Some(_), [only]) if only.repo_tags.iter().flatten().next().is_none() => Some(only),
        _ => list.iter().find(is_wanted),
    };
    found.ok_or_else(|| SourceError::NotFound {
        place: place.to_owned(),
        image: wanted.unwrap_or("any").to_owned(),
        known: known(),
    })
}

fn absent(place: &str, path: &str) -> SourceError {
    SourceError::malformed(place, format!("{path:?} is not in it"))
}

/// Tells whether a layer is stored as it is unpacked.
fn is_plain(files: &dyn Files, path: &str) -> Result<bool, SourceError> {
    let place = files.place();
    let content = files.open(path)?.ok_or_else(|| absent(place, path))?;
    let mut head = Vec::new();
    let read = content.take(MAGIC_BYTES as u64).read_to_end(&mut head);
    read.map_err(SourceError::file("read", place))?;
    Ok(!is_compressed(&head))
}

/// Describes a file of the archive by its content.
fn blob(files: &dyn Files, path: &str, kind: &str) -> Result<Descriptor, SourceError> {
    let place = files.place();
    let mut content = files.open(path)?.ok_or_else(|| absent(place, path))?;
    let mut hasher = DigestHasher::new(Algorithm::Sha256);
    let (mut piece, mut size) = (vec![0; PIECE], 0_u64);
    loop {
        let read = content
            .read(&mut piece)
            .map_err(SourceError::file("read", place))?;
        if read == 0 {
            break;
        }
        size += read as u64;
        hasher.update(piece.get(..read).unwrap_or_default());
    }
    Ok(descriptor(kind, hasher.finish(), size))
}

pub(super) fn descriptor(kind: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: kind.to_owned(),
        digest,
        size,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: BTreeMap::new(),
    }
}

/// Writes the manifest that an image without one would have in a registry.
pub(super) fn written_manifest(
    config: Descriptor,
    layers: Vec<Descriptor>,
) -> Result<(Digest, ImageManifest), SourceError> {
    let kind = media_type::DOCKER_MANIFEST;
    let text = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": config,
        "layers": layers,
    })
    .to_string();
    let wrong = |reason: String| SourceError::malformed("the image", reason);
    match Manifest::parse(text.as_bytes(), kind) {
        Ok(Manifest::Image(manifest)) => Ok((Digest::of(text.as_bytes()), manifest)),
        Ok(Manifest::Index(_)) => Err(wrong("it makes no manifest".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}
