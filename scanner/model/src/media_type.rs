//! Media types of OCI and Docker content, and what kind of content each promises.
//!
//! A media type is a claim by whoever pushed the content. It selects a parser; it never lowers
//! scrutiny.

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty JSON object that artifacts use as config.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// A Docker image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// The manifest types asked of an upstream, most wanted first. Schema 1 is never asked for.
pub const ACCEPTED_MANIFESTS: [&str; 4] = [OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST];

/// Tells whether a manifest of this type is an index.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_INDEX)
}

/// Tells whether a manifest of this type is an image manifest.
pub fn is_image_manifest(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST)
}

/// Tells whether a config of this type belongs to a runnable image.
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, OCI_CONFIG | DOCKER_CONFIG)
}

/// Tells whether a layer of this type is kept outside the registry.
pub fn is_foreign_layer(media_type: &str) -> bool {
    media_type.contains("foreign") || media_type.contains("nondistributable")
}

/// Tells whether a layer of this type is encrypted.
pub fn is_encrypted_layer(media_type: &str) -> bool {
    media_type.ends_with("+encrypted")
}

/// Gives a header's media type without its parameters.
pub fn essence(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}
