//! What lies at which path of a stack in the making, near enough that it can nearly always be unpacked.
//!
//! It keeps stacks from hard links to nothing and from files below files. It is no merge: it knows
//! paths by name and through the stack's own links, and is wrong where a relative link is made
//! through another.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng as _;
use rand::rngs::StdRng;

/// Most links followed for one path.
const MAX_LINKS: usize = 16;

#[derive(Default)]
pub struct Beneath {
    /// Metadata files by where they lie.
    files: BTreeSet<String>,
    /// Files and pipes that nothing can lie below.
    obstacles: BTreeSet<String>,
    /// Links to directories, each with the name that it leads to.
    links: BTreeMap<String, String>,
    /// What was there before the layer in the making.
    older: BTreeSet<String>,
}

impl Beneath {
    pub fn start_layer(&mut self) {
        self.older = self.files.union(&self.obstacles).cloned().collect();
        self.older.extend(self.links.keys().cloned());
    }

    /// Gives where a path is, its parents followed.
    pub fn real(&self, path: &str) -> String {
        match path.rsplit_once('/') {
            Some((dir, name)) => format!("{}/{name}", self.followed(dir)),
            None => path.to_owned(),
        }
    }

    /// Gives where a directory is, links followed.
    fn followed(&self, dir: &str) -> String {
        let mut real = String::new();
        let mut waiting: Vec<String> = dir.rsplit('/').map(str::to_owned).collect();
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            let next = if real.is_empty() {
                name
            } else {
                format!("{real}/{name}")
            };
            match self.links.get(&next) {
                Some(target) if links < MAX_LINKS => {
                    links += 1;
                    real.clear();
                    waiting.extend(target.rsplit('/').map(str::to_owned));
                }
                _ => real = next,
            }
        }
        real
    }

    pub fn add_file(&mut self, path: &str) {
        let real = self.real(path);
        self.older.remove(&real);
        self.files.insert(real);
    }

    pub fn add_obstacle(&mut self, path: &str) {
        let real = self.real(path);
        self.obstacles.insert(real);
    }

    pub fn add_link(&mut self, path: &str, to: &str) {
        let real = self.real(path);
        self.links.insert(real, to.to_owned());
    }

    /// Tells whether something that is no directory is in the way of a path.
    pub fn is_obstructed(&self, path: &str) -> bool {
        let real = self.real(path);
        let mut above = real.as_str();
        while let Some((dir, _)) = above.rsplit_once('/') {
            if self.obstacles.contains(dir) || self.files.contains(dir) {
                return true;
            }
            above = dir;
        }
        false
    }

    /// Tells whether the layer in the making has metadata files below a path.
    pub fn has_own_below(&self, path: &str) -> bool {
        let below = format!("{}/", self.real(path));
        let mut own = self.files.difference(&self.older);
        own.any(|file| file.starts_with(&below))
    }

    pub fn is_link_or_file(&self, path: &str) -> bool {
        let real = self.real(path);
        self.obstacles.contains(&real) || self.links.contains_key(&real)
    }

    /// Removes what lies at a path and below it.
    pub fn remove(&mut self, path: &str) {
        let real = self.real(path);
        let below = format!("{real}/");
        self.retain(|path| *path != real && !path.starts_with(&below));
    }

    /// Removes what the layers below have under a directory.
    pub fn empty(&mut self, dir: &str) {
        let below = format!("{}/", self.followed(dir));
        let older = std::mem::take(&mut self.older);
        self.retain(|path| !path.starts_with(&below) || !older.contains(path));
        self.older = older;
    }

    fn retain(&mut self, stays: impl Fn(&String) -> bool) {
        self.files.retain(&stays);
        self.obstacles.retain(&stays);
        self.links.retain(|path, _| stays(path));
    }

    /// Gives one of the metadata files that there are.
    pub fn a_file(&self, rng: &mut StdRng) -> Option<String> {
        if self.files.is_empty() {
            return None;
        }
        let at = rng.random_range(0..self.files.len());
        self.files.iter().nth(at).cloned()
    }
}
