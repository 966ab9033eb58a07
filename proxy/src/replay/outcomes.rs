//! What comes out for recorded pulls under a draft: by their name, else by what the image holds.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_engine::content::Content;
use sluicegate_engine::drafts::{DraftError, Drafted, Drafts};
use sluicegate_engine::identity::Who;
use sluicegate_engine::pull::judge::Judge;
use sluicegate_model::manifest::{MAX_MANIFEST_BYTES, Manifest};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Scope, Tag};
use sluicegate_policy::{AskedName, Outcome, PolicySet};

use super::recorded::{Asked, Recorded, Scopes};

/// What comes out for a pull.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    /// Under the draft.
    pub draft: Decision,
    /// Under what is in force.
    pub in_force: Decision,
    /// The rule of the draft that decided, and what it says; none where none did.
    pub rule: Option<(String, String)>,
}

/// An image, judged where and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Image {
    digest: Digest,
    platform: Option<String>,
    scopes: Scopes,
}

/// The pulls, sorted by what decides them.
pub(super) struct Subjects {
    /// Those whose name decides.
    pub by_name: Vec<(Recorded, Replayed)>,
    /// The others, by their image.
    pub by_image: HashMap<Image, Vec<Recorded>>,
}

impl Subjects {
    pub(super) fn images(&self) -> u64 {
        self.by_image.len() as u64
    }
}

/// Finds what comes out.
#[derive(Clone)]
pub(super) struct Outcomes {
    drafts: Drafts,
    judge: Judge,
    content: Arc<dyn Content>,
}

impl Outcomes {
    pub(super) fn new(drafts: Drafts, judge: Judge, content: Arc<dyn Content>) -> Self {
        Self {
            drafts,
            judge,
            content,
        }
    }

    pub(super) fn drafts(&self) -> &Drafts {
        &self.drafts
    }

    /// Tells where and for whom somebody is judged, under a draft and under what is in force.
    pub(super) fn scopes(
        &self,
        draft: &PolicySet,
        repository: &Repository,
        who: &Who,
        tag: Option<&Tag>,
    ) -> Scopes {
        let in_force = self.judge.scope(repository, who, tag);
        let audience = draft.audience(repository, &who.asker());
        Scopes {
            draft: Scope {
                audience: draft.by_tag(audience, repository, tag),
                ..in_force.clone()
            },
            in_force,
        }
    }

    /// Sorts pulls by what decides them under a draft.
    pub(super) fn subjects(&self, draft: &PolicySet, recorded: Vec<Recorded>) -> Subjects {
        let mut subjects = Subjects {
            by_name: Vec::new(),
            by_image: HashMap::new(),
        };
        for pull in recorded {
            let asked = &pull.asked;
            if let Some(replayed) = self.by_name(draft, asked) {
                subjects.by_name.push((pull, replayed));
            } else if let Some(digest) = asked.digest.clone() {
                let image = Image {
                    digest,
                    platform: asked.platform.clone(),
                    scopes: asked.scopes.clone(),
                };
                subjects.by_image.entry(image).or_default().push(pull);
            }
        }
        subjects
    }

    /// Tells what comes out where a name decides; none where what the image holds does.
    fn by_name(&self, draft: &PolicySet, asked: &Asked) -> Option<Replayed> {
        let Scopes {
            draft: scope,
            in_force,
        } = &asked.scopes;
        let by_tag = asked.tag.as_ref().map(AskedName::Tag);
        let by_digest = || {
            asked.digest.as_ref().map(|digest| AskedName::Digest {
                digest,
                was_led_to: false,
            })
        };
        let (name, now) = (by_tag.or_else(by_digest), self.judge.now());
        let refused = |set: &PolicySet, scope: &Scope| set.refuses_name(scope, name, now);
        let now_refused = refused(&self.judge.policies(), in_force).is_some();
        let decision = |is_refused| {
            if is_refused {
                Decision::Refuse
            } else {
                Decision::Allow
            }
        };
        match refused(draft, scope) {
            Some(refusal) => Some(Replayed {
                draft: Decision::Refuse,
                in_force: decision(now_refused),
                rule: refusal
                    .reasons
                    .first()
                    .map(|it| (it.rule.to_string(), it.message.clone())),
            }),
            // Nothing was fetched for a name that was refused: it is not known what it leads to.
            None if asked.digest.is_none() => Some(Replayed {
                draft: Decision::Allow,
                in_force: decision(now_refused),
                rule: None,
            }),
            None => None,
        }
    }

    /// Tells what comes out for an image, or the images of an index; none where it is not kept what
    /// they hold.
    pub(super) async fn of(
        &self,
        draft: Arc<PolicySet>,
        image: Image,
    ) -> Result<Option<Replayed>, DraftError> {
        if let Some(drafted) = self.drafted(&draft, &image, &image.digest).await? {
            return Ok(Some(replayed(&drafted)));
        }
        let mut strictest: Option<Replayed> = None;
        for child in self.children(&image).await {
            let drafted = self.drafted(&draft, &image, &child).await?;
            let one = drafted.as_ref().map(replayed);
            let both = strictest.into_iter().chain(one);
            strictest = both.max_by_key(|it| (it.draft, it.in_force));
        }
        Ok(strictest)
    }

    async fn drafted(
        &self,
        draft: &Arc<PolicySet>,
        image: &Image,
        digest: &Digest,
    ) -> Result<Option<Drafted>, DraftError> {
        let scopes = (&image.scopes.draft, &image.scopes.in_force);
        match self.drafts.decide(Arc::clone(draft), scopes, digest).await {
            Ok(drafted) => Ok(Some(drafted)),
            Err(DraftError::NotKept { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the images of an index that a pull can have meant.
    async fn children(&self, image: &Image) -> Vec<Digest> {
        let read = self.content.read(&image.digest, MAX_MANIFEST_BYTES).await;
        let Ok(Some(bytes)) = read else {
            return Vec::new();
        };
        let Some(Manifest::Index(index)) = Manifest::of_any_kind(&bytes) else {
            return Vec::new();
        };
        let all = index.manifests.iter();
        let meant = all.clone().filter(|child| {
            let platform = child.platform.as_ref().map(ToString::to_string);
            image.platform.is_some() && platform == image.platform
        });
        let meant: Vec<Digest> = meant.map(|child| child.digest.clone()).collect();
        if meant.is_empty() {
            all.map(|child| child.digest.clone()).collect()
        } else {
            meant
        }
    }
}

fn replayed(drafted: &Drafted) -> Replayed {
    let Outcome {
        decision, reasons, ..
    } = &drafted.draft;
    let decided = reasons.iter().find(|it| it.action >= *decision);
    let decided = decided.filter(|_| *decision > Decision::Allow);
    Replayed {
        draft: *decision,
        in_force: drafted.in_force.decision,
        rule: decided.map(|it| (it.rule.to_string(), it.message.clone())),
    }
}
