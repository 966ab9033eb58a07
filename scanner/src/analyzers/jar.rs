//! Java archives: every artifact that a JAR, WAR or EAR names, and those of the archives inside.
//!
//! A shaded archive names several artifacts, and all of them are components. `jar/identity.rs`
//! decides what an archive is itself: what it states under its own name, or what several of its
//! marks agree on, which is called inferred. A guess alone is a gap with the guess in it, for a
//! wrong group would match nothing and look clean.
//!
//! Source: JAR File Specification; Maven Archiver, "pom.properties".

mod artifact;
mod directories;
mod file_name;
mod holding;
mod identity;
mod inferred;
mod jar_names;
mod links;
mod manifest;
mod marks;
mod pom;
mod roots;
mod stated;
mod unpacked;

pub use self::jar_names::JarNames;

pub(super) use self::holding::JarHolding;
pub(super) use self::links::{is_named, is_of_any, named_by};
pub(super) use self::roots::ENDINGS;
pub(super) use self::unpacked::UnpackedJar;

#[cfg(test)]
mod tests;
