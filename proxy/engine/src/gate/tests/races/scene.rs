//! Clients of one schedule, and what must be true of every answer they get.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Reference, Repository};
use sluicegate_policy::PolicySet;

use super::super::images::{Image, tail_of};
use super::super::stage::{Stage, repository};
use super::schedule::Schedule;
use crate::gate::{BlobAnswer, GateMode, ManifestAnswer};
use crate::ledger::Summary;
use crate::pull::asked::Asked;
use crate::snapshots::Snapshots as _;
use crate::testkit::Turns;

/// Longer than every wait of a schedule together.
const ANSWERED_WITHIN: Duration = Duration::from_mins(10);

/// A stage on which a seed decides what goes on when.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) schedule: Arc<Schedule>,
    mode: GateMode,
    /// Images by the repository that has them.
    images: Vec<(String, Image)>,
    /// The policies that were in force, one after the other.
    policies: Mutex<Vec<Arc<PolicySet>>>,
}

/// What a client was told of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Served,
    Refused,
}

impl Scene {
    pub(super) fn of(seed: u64, mode: GateMode, images: &[(&str, Image)]) -> Self {
        let schedule = Arc::new(Schedule::of(seed));
        let stage = Stage::in_turns(mode, &(Arc::clone(&schedule) as Arc<dyn Turns>));
        let mut scene = Self {
            stage,
            schedule,
            mode,
            images: Vec::new(),
            policies: Mutex::default(),
        };
        for (number, (path, image)) in images.iter().enumerate() {
            scene.stage.push(path, &format!("{}", number + 1), image);
            scene.images.push(((*path).to_owned(), image.clone()));
        }
        scene
    }

    /// Puts policies in force. No two of a scene have the same text.
    pub(super) fn put_in_force(&self, policies: &str) {
        let mut known = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        self.stage.snapshots.set_policies(policies);
        known.push(self.stage.snapshots.in_force().policies);
    }

    /// Pulls an image as clients do: HEAD and GET of its manifest, then all that it lists.
    pub(super) async fn pull(&self, client: &str, path: &str, reference: &str) -> Told {
        let head = self.manifest(client, path, reference, true).await;
        let got = self.manifest(client, path, reference, false).await;
        let Some(digest) = got else {
            // What a HEAD was given may be refused at the GET, under policies of meanwhile.
            drop(head);
            return Told::Refused;
        };
        let (_, image) = self.image(path, &digest);
        for blob in image.blobs() {
            self.blob(client, path, &blob.digest()).await;
        }
        Told::Served
    }

    /// Asks for a manifest; gives the digest of what was served.
    pub(super) async fn manifest(
        &self,
        client: &str,
        path: &str,
        reference: &str,
        head: bool,
    ) -> Option<Digest> {
        let (asked, since) = (self.asked(client, path, head), self.in_force());
        let reference: Reference = reference.parse().unwrap();
        let lines = self.lines_of(client).len();
        let answer = self.stage.gate.serve_manifest(&asked, &reference);
        let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("{client} got no answer"));
        let (digest, verdict) = match answer {
            Ok(ManifestAnswer::Serve(served, _)) => {
                let served = served.into_inner();
                (served.manifest.digest.clone(), served.verdict)
            }
            Ok(ManifestAnswer::Refuse(refusal)) => {
                (refusal.verdict.digest.clone(), Some(refusal.verdict))
            }
            Ok(_) => panic!("{client} was sent away"),
            Err(error) => panic!("{client}: {error}"),
        };
        let line = self.lines_of(client).into_iter().nth(lines);
        assert_eq!(line, Some(digest.clone()), "{client} was answered unlogged");
        let Some(verdict) = verdict else {
            assert_eq!(self.mode, GateMode::Stream, "{client} got it unjudged");
            return Some(digest);
        };
        self.assert_is_of(&verdict, since, client);
        (verdict.decision != Decision::Refuse).then_some(digest)
    }

    /// Asks for a whole blob; tells whether all of it came.
    pub(super) async fn blob(&self, client: &str, path: &str, digest: &Digest) -> bool {
        let (asked, since) = (self.asked(client, path, false), self.in_force());
        let answer = self
            .stage
            .gate
            .serve_blob(&asked, digest, |size| Some(0..size));
        let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await;
        let answer = answer.unwrap_or_else(|_| panic!("{client} got no answer"));
        match answer {
            Ok(BlobAnswer::Serve(blob, Some(cleared))) => {
                let (mut body, mut bytes) = (cleared.into_inner(), Vec::new());
                while let Some(Ok(piece)) = body.next().await {
                    bytes.extend_from_slice(&piece);
                    self.assert_may_leave(path, &blob, bytes.len() as u64, since);
                }
                let is_whole = Digest::of(&bytes) == *digest;
                assert!(
                    is_whole || self.mode == GateMode::Stream,
                    "{client} was cut"
                );
                is_whole
            }
            Ok(BlobAnswer::Refuse(refusal)) => {
                self.assert_is_of(&refusal.verdict, since, client);
                assert_eq!(refusal.verdict.decision, Decision::Refuse);
                let last = self.lines_of(client).pop();
                assert_eq!(last, Some(refusal.verdict.digest.clone()), "{client}");
                false
            }
            Ok(_) => panic!("{client} was sent away"),
            Err(error) => panic!("{client}: {error}"),
        }
    }

    /// Checks what has to be true of the whole once everybody has been answered.
    pub(super) fn assert_sound(&self) {
        let written = self.stage.ledger.written();
        for (at, new) in written.iter().enumerate() {
            let older = written.iter().take(at).filter(|it| is_of_same(it, new));
            let newest = older.map(|older| self.rank(older)).max();
            assert!(
                newest.is_none_or(|newest| newest <= self.rank(new)),
                "a verdict of earlier policies took the place of a newer one"
            );
        }
        for (path, image) in &self.images {
            let digest = image.digest();
            let is_released = (repository(path).to_string(), digest.to_string());
            if self.mode == GateMode::Hold && self.stage.ledger.released().contains(&is_released) {
                let mut verdicts = self.verdicts_on(path, &digest);
                assert!(verdicts.any(|it| it.decision != Decision::Refuse), "{path}");
            }
        }
    }

    /// Checks that no blob was fetched from one repository more often than it was evicted, and once
    /// more; and each manifest once.
    pub(super) fn assert_fetched_once(&self, evicted: &[Digest]) {
        for (path, image) in &self.images {
            let times = |digest: &Digest| 1 + evicted.iter().filter(|it| *it == digest).count();
            for blob in image.blobs() {
                let name = format!("{path}/blobs/{}", blob.digest());
                let count = self.stage.upstream.count(&name);
                assert!(count <= times(&blob.digest()), "{name}: {count} times");
            }
        }
        // By a tag as often as it may name something else.
        let most = self.images.len() + evicted.len();
        let asked = self.stage.upstream.asked();
        let mut fetched = asked.iter().filter(|it| it.contains("/manifests/"));
        let often = fetched.find(|name| {
            let count = asked.iter().filter(|it| it == name).count();
            !name.starts_with("HEAD") && count > if name.contains("sha256:") { 1 } else { most }
        });
        assert_eq!(often, None, "fetched too often");
    }

    fn asked(&self, client: &str, path: &str, head: bool) -> Asked {
        let mut asked = if head {
            self.stage.head(path)
        } else {
            self.stage.get(path)
        };
        asked.who.user_agent = Some(client.to_owned());
        asked
    }

    fn image(&self, path: &str, digest: &Digest) -> &(String, Image) {
        let mut images = self.images.iter();
        let found = images.find(|(at, image)| at == path && image.digest() == *digest);
        found.unwrap_or_else(|| panic!("{path} never had {digest}"))
    }

    /// Names what was logged of a client, in order.
    fn lines_of(&self, client: &str) -> Vec<Digest> {
        let pulls = self.stage.audit.pulls().into_iter();
        pulls
            .filter(|pull| pull.who.user_agent.as_deref() == Some(client))
            .map(|pull| pull.digest)
            .collect()
    }

    /// Counts the policies that were in force so far.
    fn in_force(&self) -> usize {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.len()
    }

    /// Tells under which policies a verdict was made, as their place in order.
    fn rank(&self, verdict: &Summary) -> usize {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let scope = verdict.scope();
        let made_it = |set: &Arc<PolicySet>| set.digest_for(&scope) == verdict.policy.digest;
        policies.iter().rposition(made_it).map_or(0, |at| at + 1)
    }

    /// Checks that a verdict was written, under the policies that were in force when the question
    /// came or under later ones.
    fn assert_is_of(&self, verdict: &Verdict, since: usize, client: &str) {
        let summary = Summary::of(verdict);
        let rank = self.rank(&summary);
        assert!(rank >= since, "{client} was answered by policies of before");
        let mut written = self.verdicts_on(verdict.repository.path(), &verdict.digest);
        let is_written =
            written.any(|it| self.rank(&it) == rank && it.decision == verdict.decision);
        assert!(
            is_written,
            "{client} was answered by a verdict that is not kept"
        );
    }

    /// Checks that so many bytes of a blob may leave: some image of the repository lists it and is
    /// allowed; in stream mode, that a tail is missing until then.
    fn assert_may_leave(&self, path: &str, blob: &Descriptor, bytes: u64, since: usize) {
        let lists = |image: &Image| image.blobs().any(|it| it.digest() == blob.digest);
        let mut listing = self
            .images
            .iter()
            .filter(|(at, it)| at == path && lists(it));
        let is_allowed = listing.any(|(_, image)| {
            let digest = image.digest();
            let mut verdicts = self.verdicts_on(path, &digest);
            verdicts.any(|it| it.decision != Decision::Refuse && self.rank(&it) >= since)
        });
        let is_config = self
            .images
            .iter()
            .any(|(_, it)| it.config.digest() == blob.digest);
        let tail = if is_config { 0 } else { tail_of(blob.size) };
        let leaves_early = self.mode == GateMode::Stream && bytes <= blob.size - tail;
        let digest = &blob.digest;
        assert!(
            is_allowed || leaves_early,
            "{bytes} bytes of {digest} left {path} unallowed"
        );
    }

    fn verdicts_on(&self, path: &str, digest: &Digest) -> impl Iterator<Item = Summary> {
        let (repository, digest): (Repository, _) = (repository(path), digest.clone());
        let written = self.stage.ledger.written().into_iter();
        written.filter(move |it| it.repository == repository && it.digest == digest)
    }
}

fn is_of_same(one: &Summary, other: &Summary) -> bool {
    one.digest == other.digest && one.repository == other.repository
}
