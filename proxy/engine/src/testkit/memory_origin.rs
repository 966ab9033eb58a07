//! A registry in memory that fails as it is told to and keeps what it was asked.
//!
//! What is asked for is named by its path in a registry: `app/manifests/1`, `app/blobs/sha256:…`,
//! `app/tags/list`, `app/referrers/sha256:…`; where a reference points, `HEAD app/manifests/1`.

mod given;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::registry::TagPage;
use sluicegate_model::{Digest, Tag};
use tokio::sync::watch;

use super::turns::{InTurn, Turns};
use crate::origin::{Failure, OriginError};

/// What is wrong with what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Absent,
    /// It is not there, and where it points is said all the same.
    OnlyHead,
    /// It was too much, so many times.
    Limited {
        /// How often that is still said.
        times: usize,
        /// How long to wait, if that is said.
        retry_after: Option<Duration>,
    },
    /// There is trouble.
    Unreachable,
    /// The next answer ends before its end, after so many bytes.
    Cut(usize),
    /// As many other bytes come.
    OtherBytes,
    /// The whole comes, whatever part was asked for.
    IgnoresRange,
    /// The length of a blob is not said.
    Untold,
    /// A byte comes now and then.
    Drips,
}

/// What there is, and what of its faults is left to whoever sends it.
#[derive(Clone, Debug)]
pub struct Given {
    /// The Content-Type of a manifest.
    pub media_type: String,
    /// The bytes to be sent.
    pub bytes: Bytes,
    /// [`Fault::Cut`] and what follows it, but for other bytes.
    pub faults: Vec<Fault>,
}

/// The registry; clones are the same one. As `Origins` it is that of every repository.
#[derive(Clone, Default)]
pub struct MemoryOrigin(Arc<Shared>);

#[derive(Default)]
struct Shared {
    shelf: Mutex<Shelf>,
    /// Tells that something was asked for or that something was released.
    changed: watch::Sender<()>,
    turns: InTurn,
}

#[derive(Default)]
struct Shelf {
    content: BTreeMap<String, (String, Bytes)>,
    referrers: BTreeMap<String, Vec<Descriptor>>,
    /// Faults by a part of what is asked for.
    faults: Vec<(String, Fault)>,
    /// Ends of what is not given out before it is released.
    withheld: Vec<String>,
    asked: Vec<String>,
}

impl MemoryOrigin {
    /// Starts empty; every question takes a turn, and every piece of a blob.
    pub fn in_turns(turns: Arc<dyn Turns>) -> Self {
        let turns = InTurn::of(turns);
        Self(Arc::new(Shared {
            turns,
            ..Shared::default()
        }))
    }

    /// Puts a manifest into a repository, under its digest and a tag.
    pub fn push_manifest(&self, path: &str, tag: &str, media_type: &str, bytes: &[u8]) {
        let digest = Digest::of(bytes).to_string();
        for reference in [tag, &digest] {
            let content = (media_type.to_owned(), Bytes::copy_from_slice(bytes));
            let at = format!("{path}/manifests/{reference}");
            self.shelf().content.insert(at, content);
        }
    }

    /// Puts a blob there.
    pub fn push_blob(&self, path: &str, bytes: &[u8]) {
        let at = format!("{path}/blobs/{}", Digest::of(bytes));
        let content = (String::new(), Bytes::copy_from_slice(bytes));
        self.shelf().content.insert(at, content);
    }

    /// Lists a manifest among what refers to another.
    pub fn push_referrer(&self, path: &str, manifest: &Digest, referrer: Descriptor) {
        let at = format!("{path}/referrers/{manifest}");
        let mut shelf = self.shelf();
        shelf.referrers.entry(at).or_default().push(referrer);
    }

    /// Has everything fail whose name contains `part`, from now on.
    pub fn fail(&self, part: &str, fault: Fault) {
        self.shelf().faults.push((part.to_owned(), fault));
    }

    /// Takes back what was said to fail by this name.
    pub fn mend(&self, part: &str) {
        self.shelf().faults.retain(|(failing, _)| failing != part);
    }

    /// Waits with every answer on what ends so.
    pub fn withhold(&self, end: &str) {
        self.shelf().withheld.push(end.to_owned());
    }

    /// Gives out everything.
    pub fn release(&self) {
        self.shelf().withheld.clear();
        self.0.changed.send_replace(());
    }

    /// Gives what has been asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.shelf().asked.clone()
    }

    /// Counts the questions whose name contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.asked().iter().filter(|it| it.contains(part)).count()
    }

    /// Waits until something of this name has been asked for so often.
    pub async fn until_asked(&self, part: &str, times: usize) {
        let mut changed = self.0.changed.subscribe();
        while self.count(part) < times {
            changed.changed().await.unwrap();
        }
    }

    /// Notes that something is asked for, waits while it is withheld, and gives what there is.
    ///
    /// *Errors*: the fault in force, or that it is not there.
    pub async fn ask(&self, name: &str) -> Result<Given, OriginError> {
        self.noted(name).await;
        let mut shelf = self.shelf();
        let faults = shelf.faults_of(name);
        for fault in &faults {
            match fault {
                Fault::Absent => return Err(failed(name, Failure::Absent, None)),
                Fault::OnlyHead if !name.starts_with("HEAD ") => {
                    return Err(failed(name, Failure::Absent, None));
                }
                Fault::Unreachable => return Err(failed(name, Failure::Unreachable, None)),
                Fault::Limited { retry_after, .. } => {
                    return Err(failed(name, Failure::Limited, *retry_after));
                }
                _ => {}
            }
        }
        let name = name.trim_start_matches("HEAD ");
        let content = shelf.content.get(name).cloned();
        let (media_type, mut bytes) = content.ok_or_else(|| failed(name, Failure::Absent, None))?;
        if faults.contains(&Fault::OtherBytes) {
            bytes = bytes.iter().map(|byte| !byte).collect();
        }
        Ok(Given {
            media_type,
            bytes,
            faults,
        })
    }

    /// Gives the tags of a repository, at most `n` of them after `last`; none where it has none.
    pub async fn tag_page(&self, path: &str, query: &str) -> Option<TagPage> {
        self.noted(&format!("{path}/tags/list")).await;
        let parameter = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|pair| pair.0 == name)
                .map(|pair| pair.1)
                .next()
        };
        let most = parameter("n").map_or(usize::MAX, |text| text.parse().unwrap());
        let before = format!("{path}/manifests/");
        let shelf = self.shelf();
        let names = shelf.content.keys();
        let mut tags: Vec<Tag> = names
            .filter_map(|name| name.strip_prefix(&before)?.parse().ok())
            .filter(|tag: &Tag| parameter("last").is_none_or(|last| tag.as_str() > last))
            .collect();
        if tags.is_empty() {
            return None;
        }
        let is_cut = tags.len() > most;
        tags.truncate(most);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let last = tags.last().filter(|_| is_cut);
        let next = last.map(|last| vec![pair("last", last.as_str()), pair("n", &most.to_string())]);
        Some(TagPage { tags, next })
    }

    /// Gives what refers to a manifest.
    ///
    /// *Errors*: that it cannot be asked, where that is the fault in force.
    pub async fn referring(
        &self,
        path: &str,
        manifest: &str,
    ) -> Result<Vec<Descriptor>, OriginError> {
        let name = format!("{path}/referrers/{manifest}");
        self.noted(&name).await;
        let mut shelf = self.shelf();
        if shelf.faults_of(&name).contains(&Fault::Unreachable) {
            return Err(failed(&name, Failure::Unreachable, None));
        }
        Ok(shelf.referrers.get(&name).cloned().unwrap_or_default())
    }

    async fn noted(&self, name: &str) {
        self.0.turns.take(name).await;
        let mut changed = self.0.changed.subscribe();
        self.shelf().asked.push(name.to_owned());
        self.0.changed.send_replace(());
        while self.shelf().withheld.iter().any(|end| name.ends_with(end)) {
            changed.changed().await.unwrap();
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Gives the faults in force, and uses up those that pass.
    fn faults_of(&mut self, name: &str) -> Vec<Fault> {
        let mut found = Vec::new();
        self.faults.retain_mut(|(part, fault)| {
            if !name.contains(part.as_str()) {
                return true;
            }
            found.push(fault.clone());
            match fault {
                Fault::Limited { times, .. } => {
                    *times -= 1;
                    *times > 0
                }
                Fault::Cut(_) => false,
                _ => true,
            }
        });
        found
    }
}

fn failed(name: &str, failure: Failure, retry_after: Option<Duration>) -> OriginError {
    let words = format!("{name}: {failure:?}");
    OriginError::new(failure, retry_after, std::io::Error::other(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use crate::testkit::origin_suite;

    #[tokio::test]
    async fn it_is_an_origin() {
        let over = async |memory: MemoryOrigin| Arc::new(memory) as Arc<dyn Origin>;
        origin_suite::prove(over).await;
    }
}
