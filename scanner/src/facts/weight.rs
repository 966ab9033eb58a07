//! What facts weigh in memory, in bytes: an estimate, for those who share memory out.
//!
//! It counts what can be many and the texts, each with what the allocator adds; it is never far
//! below what is really taken.

use std::mem::size_of;

use sluicegate_model::coverage::Gap;
use sluicegate_model::package::Package;
use sluicegate_model::weakness::Weakness;

use super::{
    Candidate, Disputed, Event, FileFacts, FoundArchive, FoundPackage, LayerFacts, Observations,
    OwnedFile, PathHash, Record, Told, ToldFile,
};

/// What the allocator adds to a piece of its own: its header, and rounding up.
const PIECE_BYTES: usize = 16;

impl LayerFacts {
    /// Estimates how much memory the facts take, in bytes. What fed plugins say is not counted: it has
    /// bounds of its own, and takes no layer's place among those of an image. Digests of files are, for
    /// each file has one.
    pub fn weight(&self) -> u64 {
        let events: usize = self.events.iter().map(event).sum();
        let gaps: usize = self.gaps.iter().map(gap).sum();
        let paths = self.plain_paths.len() * size_of::<PathHash>();
        let readers = self.readers.weight();
        let disputed = self.disputed.len() * size_of::<Disputed>();
        let hashed = self.told.iter().filter(|it| it.told.sha256.is_some());
        let hashed: usize = hashed.map(|it| size_of_val(it) + text(&it.path)).sum();
        widened(size_of::<Self>() + events + gaps + paths + readers + disputed + hashed)
    }
}

impl Told {
    /// Estimates how much memory it takes, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        let packages: usize = self.packages.iter().map(told_package).sum();
        let weaknesses: usize = self.weaknesses.iter().map(weakness).sum();
        let words = self.gaps.iter().chain(&self.failed);
        let words: usize = words.map(|word| size_of::<String>() + text(word)).sum();
        widened(size_of::<Self>() + packages + weaknesses + words)
    }
}

impl ToldFile {
    /// Estimates how much memory it takes of what its teller may say of a layer, in bytes. What each file
    /// is told of has its path counted.
    pub(crate) fn weight(&self) -> u64 {
        let path = self.told.sha256.map_or(0, |_| text(&self.path));
        self.told.weight().saturating_add(widened(path))
    }
}

fn told_package(told: &Package) -> usize {
    size_of::<Package>() + package(told)
}

fn weakness(weakness: &Weakness) -> usize {
    let package = weakness.package.as_ref();
    let package = package.map_or(0, |it| text(&it.name) + text(&it.version) + text(&it.purl));
    let remedies = weakness.remedy.iter();
    let remedies = remedies.map(|it| size_of_val(it) + text(&it.package) + text(&it.version));
    let names = weakness.aliases.iter();
    let names = names.map(|name| size_of::<String>() + text(name));
    let own = text(&weakness.id) + text(&weakness.summary) + text(&weakness.path);
    size_of::<Weakness>() + own + package + remedies.sum::<usize>() + names.sum::<usize>()
}

impl Observations {
    /// Estimates how much memory lies behind the observations, in bytes.
    pub(crate) fn weight(&self) -> u64 {
        let packages: usize = self.packages.iter().map(found_package).sum();
        let owned: usize = self.owned.iter().map(owned_file).sum();
        let gaps: usize = self.gaps.iter().map(gap).sum();
        let candidates: usize = self.candidates.iter().map(candidate).sum();
        let archives: usize = self.archives.iter().map(archive).sum();
        widened(packages + owned + gaps + candidates + archives)
    }
}

fn event(event: &Event) -> usize {
    let texts = match event {
        Event::File(facts) => return size_of::<Event>() + file(facts),
        Event::Symlink { path, target } | Event::Hardlink { path, target } => {
            text(path) + text(target)
        }
        _ => text(event.path()),
    };
    size_of::<Event>() + texts
}

fn file(facts: &FileFacts) -> usize {
    let found = usize::try_from(facts.found.weight()).unwrap_or(usize::MAX);
    let own = size_of::<FileFacts>() + PIECE_BYTES + text(&facts.path);
    own.saturating_add(found)
}

fn found_package(found: &FoundPackage) -> usize {
    let maker = found.maker.as_deref().map_or(0, text);
    let linked = found.linked.iter();
    let linked: usize = linked.map(|path| size_of::<String>() + text(path)).sum();
    size_of::<FoundPackage>()
        + text(&found.inside)
        + maker
        + linked
        + text(&found.platform)
        + package(&found.package)
}

fn package(package: &Package) -> usize {
    let source = package.source.as_ref();
    let texts = [
        Some(package.name.as_str()),
        Some(package.version.as_str()),
        package.architecture.as_deref(),
        source.map(|source| source.name.as_str()),
        source.map(|source| source.version.as_str()),
        source.and_then(|source| source.module.as_deref()),
        package.licence.as_deref(),
    ];
    texts.into_iter().flatten().map(text).sum()
}

fn candidate(candidate: &Candidate) -> usize {
    let texts = match &candidate.record {
        Record::Npm(record) => text(&record.main),
        Record::Java(classes) => text(classes),
        Record::Beside(place) => text(place),
        Record::Gem | Record::Composer | Record::Python => 0,
    };
    size_of::<Candidate>() + texts + package(&candidate.package)
}

fn archive(archive: &FoundArchive) -> usize {
    let called = archive.called.as_ref().map_or(0, package);
    let doubt = archive.doubt.as_deref().map_or(0, text);
    size_of::<FoundArchive>() + text(&archive.inside) + called + doubt
}

fn owned_file(owned: &OwnedFile) -> usize {
    size_of::<OwnedFile>() + text(&owned.package)
}

fn gap(gap: &Gap) -> usize {
    size_of::<Gap>() + text(&gap.detail) + gap.path.as_deref().map_or(0, text)
}

fn text(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        text.len() + PIECE_BYTES
    }
}

fn widened(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use sluicegate_model::coverage::GapKind;
    use sluicegate_model::package::PackageType;

    use super::*;

    #[test]
    fn every_part_that_can_be_many_weighs() {
        let nothing = LayerFacts::default().weight();
        let file = |found: Observations| LayerFacts {
            events: vec![Event::File(Box::new(FileFacts {
                found,
                ..FileFacts::default()
            }))],
            ..LayerFacts::default()
        };
        let empty = file(Observations::default()).weight();
        assert!(empty > nothing);
        let mut packages = Observations::default();
        packages.add(Package::of_language(PackageType::Npm, "a".repeat(100), "1"));
        let owned = Observations {
            owned: vec![OwnedFile {
                package: "a".repeat(100).into(),
                path: PathHash::of("a"),
                digest: None,
            }],
            ..Observations::default()
        };
        let gaps = Observations {
            gaps: vec![Gap::partial(GapKind::FileTooLarge, "").at("a".repeat(100))],
            ..Observations::default()
        };
        for found in [packages, owned, gaps] {
            assert!(file(found.clone()).weight() > empty + 100, "{found:?}");
        }
    }
}
