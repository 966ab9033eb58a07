//! The group of an archive that no file states, where several of its marks agree on it. Pure.
//!
//! Each alone misleads: a maker's id is its domain (`org.apache`), a bundle's name may be that of a
//! package (`com.google.gson`), and classes lie in the packages of the project that they came from
//! (`org/apache/hadoop` in `org.apache.zookeeper`). A wrong group is worse than none, for it matches
//! nothing and looks clean.
//!
//! Source: Maven Bundle Plugin, "Bundle-SymbolicName"; Maven Archiver, "Implementation-Vendor-Id".

use super::directories::Directories;
use super::jar_names::JarNames;
use super::manifest::Manifest;
use super::marks::Marks;

/// What an archive says that bears on its group.
pub(super) struct Hints<'a> {
    pub(super) names: &'a JarNames,
    pub(super) manifest: &'a Manifest,
    pub(super) directories: &'a Directories,
    pub(super) marks: &'a Marks,
}

impl Hints<'_> {
    /// Gives the group of an artifact of this name, where two marks agree on it.
    pub(super) fn agreed(&self, artifact: &str) -> Option<String> {
        let vendor = self.manifest.vendor().filter(|group| self.is_group(group));
        let of_vendor = vendor.filter(|group| {
            let is_bundles = self.bundle_group(artifact).as_deref() == Some(*group);
            let is_names = begins_as(artifact, group)
                && !is_aggregate(artifact)
                && self.directories.has_package(group);
            is_bundles || is_names
        });
        if let Some(group) = of_vendor {
            return Some(group.to_owned());
        }
        let native = self.marks.sole_group().filter(|group| self.is_group(group));
        let of_native = native.filter(|group| begins_as(artifact, group));
        if let Some(group) = of_native {
            return Some(group.to_owned());
        }
        self.whole_bundle(artifact)
    }

    /// Gives the best guess at the group, for a person.
    pub(super) fn guessed(&self, artifact: &str) -> Option<String> {
        let bundle = self.bundle_group(artifact);
        let bundle = bundle.filter(|group| group.contains('.'));
        bundle.or_else(|| self.manifest.vendor().map(str::to_owned))
    }

    /// Gives the group of a bundle that is called `GROUP.ARTIFACT`, which no package is, and whose
    /// classes lie in the group's packages or beside them.
    fn whole_bundle(&self, artifact: &str) -> Option<String> {
        let names = [&self.manifest.bundle_name, &self.manifest.module];
        let mut names = names.into_iter().flatten();
        names.find_map(|name| {
            let group = before(name, artifact)?;
            let is_package = self.directories.has_package(name);
            let mut parts = group.split('.');
            let begin = format!("{}.{}", parts.next()?, parts.next()?);
            let is_begun = !self.names.is_maker(&begin) && self.directories.has_package(&begin);
            let is_own = is_begun || self.directories.has_package(group) || self.is_module(group);
            (self.is_group(group) && !is_package && is_own).then(|| group.to_owned())
        })
    }

    /// Tells whether a name may be a whole group.
    fn is_group(&self, name: &str) -> bool {
        name.contains('.') && !self.names.is_maker(name)
    }

    fn is_module(&self, group: &str) -> bool {
        self.manifest.module.as_deref() == Some(group)
    }

    /// Gives what a bundle's name says of the group of an artifact: all before the artifact's name,
    /// of which the plugin leaves out what the group ends with.
    fn bundle_group(&self, artifact: &str) -> Option<String> {
        let name = self.manifest.bundle_name.as_deref()?;
        if let Some(group) = before(name, artifact) {
            return Some(group.to_owned());
        }
        name.match_indices('.').find_map(|(at, _)| {
            let (group, rest) = (name.get(..at)?, name.get(at + 1..)?);
            let last = group.rsplit('.').next()?;
            let tail = artifact.strip_prefix(last)?.strip_prefix(['-', '.'])?;
            (tail == rest).then(|| group.to_owned())
        })
    }
}

/// Gives what stands before a name's last part, which may have dots itself.
fn before<'n>(whole: &'n str, last: &str) -> Option<&'n str> {
    let group = whole.strip_suffix(last)?.strip_suffix('.')?;
    (!group.is_empty()).then_some(group)
}

/// Tells whether an artifact's name begins with what its group ends with.
fn begins_as(artifact: &str, group: &str) -> bool {
    let last = group.rsplit('.').next().unwrap_or_default();
    let rest = artifact.strip_prefix(last);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
}

/// Tells whether an artifact is called as one is that holds all of a project, which projects often
/// publish under a group beside their own.
fn is_aggregate(artifact: &str) -> bool {
    let last = artifact.rsplit('-').next();
    matches!(last, Some("all" | "bundle" | "complete" | "full" | "uber"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(artifact: &str, manifest: &str, classes: &[&str]) -> Option<String> {
        let manifest = Manifest::read(manifest.as_bytes());
        let (mut directories, marks) = (Directories::default(), Marks::default());
        for class in classes {
            directories.add(class);
        }
        let hints = Hints {
            names: JarNames::compiled(),
            manifest: &manifest,
            directories: &directories,
            marks: &marks,
        };
        hints.agreed(artifact)
    }

    #[test]
    fn a_group_is_what_two_marks_agree_on() {
        let vendor = |id: &str| format!("Implementation-Vendor-Id: {id}\n");
        let bundle = |name: &str| format!("Bundle-SymbolicName: {name}\n");
        let table: [(&str, String, &[&str], Option<&str>); 3] = [
            (
                "hazelcast-jet",
                vendor("com.hazelcast"),
                &["com/hazelcast/A"],
                Some("com.hazelcast"),
            ),
            (
                "rxjava",
                bundle("io.reactivex.rxjava2.rxjava"),
                &["io/reactivex/A"],
                Some("io.reactivex.rxjava2"),
            ),
            (
                "netty-buffer",
                vendor("io.netty") + &bundle("io.netty.buffer"),
                &["io/netty/buffer/A"],
                Some("io.netty"),
            ),
        ];
        for (artifact, manifest, classes, wanted) in table {
            assert_eq!(
                agreed(artifact, &manifest, classes).as_deref(),
                wanted,
                "{artifact}"
            );
        }
    }

    #[test]
    fn one_mark_alone_is_no_group() {
        let vendor = |id: &str| format!("Implementation-Vendor-Id: {id}\n");
        let bundle = |name: &str| format!("Bundle-SymbolicName: {name}\n");
        let table: [(&str, String, &[&str]); 9] = [
            // Published under a group of its own.
            (
                "jetty-all",
                vendor("org.eclipse.jetty"),
                &["org/eclipse/jetty/A"],
            ),
            // Somebody's domain, and somebody else's classes.
            (
                "commons-text",
                vendor("org.apache"),
                &["org/apache/commons/text/A"],
            ),
            ("x-all", vendor("org.x"), &["net/y/A"]),
            ("y-all", vendor("org.x"), &["org/x/A"]),
            // The name of a package, and of a project that it once was a part of.
            ("gson", bundle("com.google.gson"), &["com/google/gson/A"]),
            (
                "moshi",
                bundle("com.squareup.moshi"),
                &["com/squareup/moshi/A"],
            ),
            (
                "commons-io",
                bundle("org.apache.commons.io"),
                &["org/apache/commons/io/A"],
            ),
            (
                "zookeeper",
                bundle("org.apache.hadoop.zookeeper"),
                &["org/apache/zookeeper/A"],
            ),
            (
                "velocity",
                bundle("org.apache.velocity"),
                &["org/apache/velocity/A"],
            ),
        ];
        for (artifact, manifest, classes) in table {
            assert_eq!(agreed(artifact, &manifest, classes), None, "{artifact}");
        }
    }
}
