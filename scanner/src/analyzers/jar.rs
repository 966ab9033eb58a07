//! Java archives: every artifact that a JAR, WAR or EAR names, and those of the archives inside.
//!
//! A shaded archive names several artifacts, and all of them are components. `jar/identity.rs`
//! decides what an archive is that names none: a guess may add a component, but only what the
//! archive itself proves spares the gap, for a wrong group would match nothing and look clean.
//!
//! Source: JAR File Specification; Maven Archiver, "pom.properties".

mod artifact;
mod file_name;
mod holding;
mod identity;
mod links;
mod manifest;
mod pom;
mod roots;
mod unpacked;
mod well_known;

pub(super) use self::holding::Holding;
pub(super) use self::links::{is_named, named_by};
pub(super) use self::roots::ENDINGS;
pub(super) use self::unpacked::UnpackedJar;

#[cfg(test)]
mod tests;
