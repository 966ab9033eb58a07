//! What one archive's entries say of the packages in it, whatever kind of archive it is.
//!
//! Every entry is offered to every language, as a file on disk would be; what is none of theirs may
//! be an archive itself.

use sluicegate_model::coverage::GapKind;

use super::place::{ArchivePlace, Named, Open, named};
use super::shape::{PHP, SCRIPT, Shape};
use crate::analyzers::entries::{Member, Reading, Source};
use crate::analyzers::{composer, jar, npm, python};

/// Smallest archive with something in it, in bytes: one entry of an empty name.
const MIN_ARCHIVE_BYTES: u64 = 64;

/// Largest class that is not looked into for an archive, in bytes; classes are many, and real ones
/// rarely larger.
const USUAL_CLASS_BYTES: u64 = 64 * 1024;

/// What was seen of one archive.
pub(super) struct Holdings<'p> {
    place: ArchivePlace<'p>,
    open: Open,
    /// How many packages the whole file had before.
    before: usize,
    java: jar::JarHolding,
    python: python::Holding,
    php: composer::Holding,
    /// The first record of a package that is read on disk only.
    unread: Option<String>,
}

impl<'p> Holdings<'p> {
    pub(super) fn new(place: &ArchivePlace<'p>, open: Open, reading: &Reading<'_>) -> Self {
        Self {
            place: *place,
            open,
            before: reading.packages().len(),
            java: jar::JarHolding::new(
                place.names,
                place.path,
                &reading.whole(place.path, place.inside),
            ),
            python: python::Holding::default(),
            php: composer::Holding::default(),
            unread: None,
        }
    }

    /// Takes from one entry what it says of the archive, or of the archive it is.
    pub(super) fn take(&mut self, reading: &mut Reading<'_>, member: &mut dyn Member) {
        let inside = self.place.inside;
        let name = member.name().to_owned();
        let is_taken = self.java.take(reading, member, inside)
            || self.python.take(reading, member, inside)
            || self.php.take(reading, member, inside)
            || npm::take(reading, member, inside);
        if is_taken {
            reading.hold();
        } else if reading.unread().has(&name) {
            reading.hold();
            self.unread.get_or_insert(name);
            return;
        }
        let ending = name.rsplit('.').next();
        let is_large_class = ending == Some("class") && member.size_bytes() > USUAL_CLASS_BYTES;
        if !is_taken || is_large_class {
            self.open(reading, member, &name);
        }
    }

    /// Opens an entry that is an archive by its name or by its first bytes.
    fn open(&self, reading: &mut Reading<'_>, member: &mut dyn Member, name: &str) {
        let (place, inside, depth) = (self.place, self.place.inside, self.place.depth);
        if named(name) != Named::Other {
            reading.hold();
            reading.nested(member, inside, depth, &mut |reading, part, inner| {
                (self.open)(reading, part, &place.inner(inner))
            });
            return;
        }
        if member.size_bytes() < MIN_ARCHIVE_BYTES {
            return;
        }
        let head = member.head();
        // Programs in archives are many and large, and few have an archive at their end.
        let is_code = head.starts_with(SCRIPT) || head.starts_with(PHP);
        let is_program = |shape| shape == Shape::Preamble && !is_code;
        if Shape::of(&head).is_some_and(|shape| !is_program(shape)) {
            let read = |reading: &mut Reading<'_>| {
                reading.nested(member, inside, depth, &mut |reading, part, inner| {
                    (self.open)(reading, part, &place.inner(inner))
                });
                Ok(())
            };
            // What is no archive after all leaves no error.
            let _nothing = reading.quietly(inside, read);
        }
    }

    /// Records what all entries together say; `is_whole` says that all of them were seen, `whole` is what
    /// they lie in.
    pub(super) fn conclude(
        self,
        reading: &mut Reading<'_>,
        whole: Option<Source<'_>>,
        is_whole: bool,
    ) {
        let inside = self.place.inside;
        self.java.conclude(reading, inside, (self.before, whole));
        if is_whole {
            let is_named = named(self.place.path) == Named::Python;
            self.python.conclude(reading, inside, self.before, is_named);
            self.php.conclude(reading, inside);
        }
        if let Some(record) = self.unread {
            let detail = format!("the archive holds {record:?}, which is not read in archives");
            reading.gap(GapKind::NestedArchive, inside, detail);
        }
    }
}
