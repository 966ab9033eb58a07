//! Random stacks of layers on a handful of paths, so that layers meet each other all the time.
//!
//! Every file that matters is a Python distribution's metadata with a name of its own; where it
//! comes out, and whether, is what the merge is about. A stack lives below one directory, so that
//! many stacks can be unpacked at once.

use std::collections::BTreeMap;

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::seeds::pick;

use crate::archives::entry;
use crate::beneath::Beneath;

/// Layers of each stack.
pub const LAYERS: usize = 4;

const DIRS: [&str; 5] = ["a/b", "a", "b", "lib", "usr/lib"];
const UNITS: [&str; 2] = ["x.dist-info", "y.dist-info"];

/// One stack: the archive of each layer, without end markers.
pub struct Stack {
    pub layers: [Vec<u8>; LAYERS],
}

/// What a layer in the making has at a path, so that it seldom contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Directory,
    File,
    Link,
    Removed,
}

struct Making<'a> {
    rng: &'a mut StdRng,
    root: String,
    tar: Vec<u8>,
    /// What this layer has, by name.
    has: BTreeMap<String, Is>,
    /// Whether this layer has files without packages.
    replaces: bool,
    beneath: Beneath,
    named: u32,
    /// Whether there may be what few archives have.
    is_odd: bool,
}

/// Makes the stack that lives below `root`, with or without devices, an emptied root and links to
/// themselves: seeds that failed before there were these still give the stack that failed.
pub fn stack(root: &str, rng: &mut StdRng, is_odd: bool) -> Stack {
    let mut making = Making {
        rng,
        root: root.to_owned(),
        tar: Vec::new(),
        has: BTreeMap::new(),
        replaces: false,
        beneath: Beneath::default(),
        named: 0,
        is_odd,
    };
    let layers = std::array::from_fn(|layer| {
        making.has.clear();
        making.replaces = false;
        making.beneath.start_layer();
        let root = making.root.clone();
        entry(&mut making.tar, b'5', root.as_bytes(), b"", b"");
        for _ in 0..making.rng.random_range(1..8) {
            making.step(layer);
        }
        std::mem::take(&mut making.tar)
    });
    Stack { layers }
}

impl Making<'_> {
    fn step(&mut self, layer: usize) {
        let dir = pick(self.rng, &DIRS).to_owned();
        let unit = format!("{dir}/{}", pick(self.rng, &UNITS));
        let kinds = if self.is_odd { 23 } else { 20 };
        match self.rng.random_range(0..kinds) {
            0..=6 => self.metadata(&format!("{unit}/METADATA")),
            7 if self.rng.random_ratio(1, 3) => self.replace(&unit, b'0'),
            8 => self.put(&dir, Is::Directory, b'5', ""),
            9 => self.put(
                &format!("{unit}/METADATA"),
                Is::Link,
                b'2',
                "../../a/x.dist-info/METADATA",
            ),
            10..=12 => self.link(&dir),
            13 if self.rng.random_ratio(1, 3) => self.replace(&dir, b'6'),
            14 | 15 if layer > 0 => self.remove(&unit),
            16 if layer > 0 => self.remove(&dir),
            17 if layer > 0 => self.empty(&dir),
            18 => self.hardlink(&format!("{unit}/METADATA")),
            20 => self.device(&unit, &dir),
            21 if layer > 0 && self.rng.random_ratio(1, 8) => {
                // Nothing is known of what lies beneath from here on, but that it may be anything.
                entry(&mut self.tar, b'0', b".wh..wh..opq", b"", b"");
            }
            22 => self.itself(&format!("{unit}/METADATA")),
            _ => self.metadata(&format!("{unit}/METADATA")),
        }
    }

    /// A file without packages, or a pipe, in the place of what the layers below have there.
    ///
    /// Where a layer has both the file and, by another name of the same place, something below it
    /// or the link that leads there, an applier keeps what comes last. The scanner does not know the
    /// order of files that it does not read, and keeps all.
    fn replace(&mut self, path: &str, kind: u8) {
        let makes_links = self.has.values().any(|is| *is == Is::Link);
        if !makes_links && !self.beneath.has_own_below(path) {
            self.replaces = true;
            self.put(path, Is::File, kind, "");
        }
    }

    /// A device in the place of a package, of what a package lies in, or of a package's file.
    fn device(&mut self, unit: &str, dir: &str) {
        let path = match self.rng.random_range(0..4) {
            0 => dir.to_owned(),
            1 => unit.to_owned(),
            _ => format!("{unit}/METADATA"),
        };
        let kind = *pick(self.rng, &[&b'3', &b'4', &b'6']);
        self.replace(&path, kind);
    }

    /// A file and a hard link from it to itself, as tar writes where it is given a path twice. Go's
    /// appliers refuse it.
    fn itself(&mut self, path: &str) {
        if self.rng.random_ratio(1, 16) {
            self.metadata(path);
            let full = format!("{}/{path}", self.root);
            entry(&mut self.tar, b'1', full.as_bytes(), full.as_bytes(), b"");
        }
    }

    fn metadata(&mut self, path: &str) {
        self.named += 1;
        let root = self.root.replace('/', "-");
        let content = format!("Name: {root}-{}\nVersion: 1\n\n", self.named);
        if self.claim(path, Is::File) {
            let full = format!("{}/{path}", self.root);
            entry(
                &mut self.tar,
                b'0',
                full.as_bytes(),
                b"",
                content.as_bytes(),
            );
            self.beneath.add_file(path);
        }
    }

    /// A link from a directory's place to another directory, as `lib` to `usr/lib`.
    fn link(&mut self, dir: &str) {
        // Always to one further on, so that no links go in circles.
        let from = DIRS.iter().position(|other| *other == dir);
        let further = &DIRS[from.map_or(DIRS.len(), |from| from + 1)..];
        if further.is_empty() || self.replaces {
            return;
        }
        let to = pick(self.rng, further).to_owned();
        let up = "../".repeat(dir.matches('/').count());
        let target = match self.rng.random_range(0..3) {
            0 => format!("/{}/{to}", self.root),
            1 => format!("{up}{to}"),
            _ => format!("{up}../{}/{to}", self.root),
        };
        if self.is_put(dir, Is::Link, b'2', &target) {
            self.beneath.add_link(dir, &to);
        }
    }

    fn hardlink(&mut self, path: &str) {
        let Some(target) = self.beneath.a_file(self.rng) else {
            return;
        };
        if self.beneath.real(&target) != self.beneath.real(path) {
            let target = format!("{}/{target}", self.root);
            if self.is_put(path, Is::File, b'1', &target) {
                self.beneath.add_file(path);
            }
        }
    }

    fn remove(&mut self, path: &str) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let marker = if dir.is_empty() {
            format!(".wh.{name}")
        } else {
            format!("{dir}/.wh.{name}")
        };
        if self.claim(path, Is::Removed) {
            let full = format!("{}/{marker}", self.root);
            entry(&mut self.tar, b'0', full.as_bytes(), b"", b"");
        }
    }

    fn empty(&mut self, dir: &str) {
        if self.is_put(&format!("{dir}/.wh..wh..opq"), Is::Removed, b'0', "") {
            self.beneath.empty(dir);
        }
    }

    fn put(&mut self, path: &str, is: Is, kind: u8, target: &str) {
        self.is_put(path, is, kind, target);
    }

    /// Adds an entry unless that makes no sense; tells whether it did.
    fn is_put(&mut self, path: &str, is: Is, kind: u8, target: &str) -> bool {
        let is_claimed = self.claim(path, is);
        if is_claimed {
            let full = format!("{}/{path}", self.root);
            entry(&mut self.tar, kind, full.as_bytes(), target.as_bytes(), b"");
            if is == Is::File && kind != b'1' {
                self.beneath.add_obstacle(path);
            }
        }
        is_claimed
    }

    /// Notes what a path is in this layer; mostly says no where that contradicts what was before,
    /// and always where a file is in the way, which nothing can be unpacked below.
    fn claim(&mut self, path: &str, is: Is) -> bool {
        if self.beneath.is_obstructed(path) {
            return false;
        }
        let mut above = path;
        let mut contradicts = self.has.get(path).is_some_and(|was| *was != is);
        while let Some((dir, _)) = above.rsplit_once('/') {
            contradicts |= self.has.get(dir) == Some(&Is::Removed);
            above = dir;
        }
        let below = format!("{path}/");
        let has_below = self.has.keys().any(|other| other.starts_with(&below));
        contradicts |= has_below && is != Is::Directory;
        if contradicts && !self.rng.random_ratio(1, 20) {
            return false;
        }
        if is != Is::Directory || self.beneath.is_link_or_file(path) {
            self.beneath.remove(path);
        }
        self.has.insert(path.to_owned(), is);
        true
    }
}
