//! Who allowed something: what the kept policies say of the exceptions that a verdict names.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sluicegate_engine::ledger::{Summary, Waiver};
use sluicegate_local::decisions::{KeptPolicies, PolicyTexts, TextsError};
use sluicegate_model::Digest;
use sluicegate_model::schema::Instant;
use sluicegate_policy::{ListedException, SourceFile, exceptions};

/// Most sets of policies of which it is remembered what they allow.
const MAX_SETS: usize = 64;
/// What stands before the file of a VEX document, the rule of a grace, and whoever broke the glass.
const VEX: &str = "vex:";
const GRACE: &str = "grace:";
const BREAK_GLASS: &str = "break-glass:";

/// What allowed an image, as far as that is kept and may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct AllowedBy {
    /// An exception, by name; `vex:` and the file of a document, `grace:` and a rule, `break-glass:` and
    /// who did it.
    name: String,
    /// The weakness that the exception covers.
    id: Option<String>,
    author: Option<String>,
    ticket: Option<String>,
    statement: Option<String>,
    /// When it ends by itself.
    #[schemars(with = "Option<Instant>")]
    until: Option<Timestamp>,
}

/// Reads who allowed what out of the kept policies, each set once.
#[derive(Debug)]
pub struct Allowances {
    directory: PathBuf,
    known: Mutex<HashMap<Digest, Arc<[AllowedBy]>>>,
}

/// What is known of those who allowed the images of one answer.
#[derive(Debug, Default)]
pub(super) struct Allowing {
    sets: HashMap<Digest, Arc<[AllowedBy]>>,
    waivers: Vec<Waiver>,
}

impl Allowances {
    /// Reads what lies beside the log in this directory.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            known: Mutex::default(),
        }
    }

    /// Reads what is kept of the policies that decided on these images; blocks on the disk.
    pub(super) fn of<'a>(
        &self,
        verdicts: impl Iterator<Item = &'a Summary>,
        waivers: Vec<Waiver>,
    ) -> Result<Allowing, TextsError> {
        let asked = verdicts.filter(|it| it.allowed_by.iter().any(|name| is_written(name)));
        let asked: HashSet<&Digest> = asked.map(|it| &it.policy.digest).collect();
        let mut sets = HashMap::new();
        for digest in asked {
            if let Some(allowing) = self.set(digest)? {
                sets.insert(digest.clone(), allowing);
            }
        }
        Ok(Allowing { sets, waivers })
    }

    fn set(&self, digest: &Digest) -> Result<Option<Arc<[AllowedBy]>>, TextsError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = known().get(digest) {
            return Ok(Some(Arc::clone(set)));
        }
        let Some(kept) = PolicyTexts::find(&self.directory, digest)? else {
            return Ok(None);
        };
        let set: Arc<[AllowedBy]> = written(kept).into();
        let mut known = known();
        if known.len() >= MAX_SETS {
            known.clear();
        }
        known.insert(digest.clone(), Arc::clone(&set));
        Ok(Some(set))
    }
}

impl Allowing {
    /// Tells of each that allowed an image, those on this weakness first.
    pub(super) fn told(&self, verdict: &Summary, weakness: &str) -> Vec<AllowedBy> {
        let is_on = |it: &AllowedBy| {
            let id = it.id.as_ref();
            id.is_some_and(|id| id.eq_ignore_ascii_case(weakness))
        };
        let set = self.sets.get(&verdict.policy.digest);
        let set = set.map(|set| &set[..]).unwrap_or_default();
        let tell = |name: &String| {
            if let Some(by) = name.strip_prefix(BREAK_GLASS) {
                return self.broken(verdict, name, by);
            }
            let mut named = set.iter().filter(|it| it.name == *name);
            let first = named.clone().next();
            let found = named.find(|it| is_on(it)).or(first);
            found.cloned().unwrap_or_else(|| AllowedBy::named(name))
        };
        let mut told: Vec<AllowedBy> = verdict.allowed_by.iter().map(tell).collect();
        told.sort_by_key(|it| !is_on(it));
        told
    }

    fn broken(&self, verdict: &Summary, name: &str, by: &str) -> AllowedBy {
        let mut waivers = self.waivers.iter();
        let waiver = waivers.find(|it| {
            (&it.repository, &it.digest, it.by.as_str())
                == (&verdict.repository, &verdict.digest, by)
        });
        AllowedBy {
            author: Some(by.to_owned()),
            statement: waiver.map(|it| it.reason.clone()),
            until: waiver.map(|it| it.until),
            ..AllowedBy::named(name)
        }
    }
}

impl AllowedBy {
    /// Tells no more than the name.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: None,
            author: None,
            ticket: None,
            statement: None,
            until: None,
        }
    }
}

/// Tells whether a name is of something that policies and documents beside them say.
fn is_written(name: &str) -> bool {
    !name.starts_with(GRACE) && !name.starts_with(BREAK_GLASS)
}

/// Lists what a set of policies allows.
fn written(kept: KeptPolicies) -> Vec<AllowedBy> {
    let (mut files, mut allowed) = (Vec::new(), Vec::new());
    for document in kept.documents {
        match document.kind.as_str() {
            "exception" => files.push(SourceFile {
                name: document.file,
                text: document.text,
            }),
            "vex" => allowed.push(AllowedBy {
                author: author(&document.text),
                ..AllowedBy::named(&format!("{VEX}{}", document.name))
            }),
            _ => {}
        }
    }
    allowed.extend(exceptions(&files).iter().map(of_exception));
    allowed
}

fn of_exception(exception: &ListedException) -> AllowedBy {
    let about = |name: &str| exception.about(name).map(ToOwned::to_owned);
    AllowedBy {
        name: exception.name.clone(),
        id: Some(exception.id.clone()),
        author: about("author").or_else(|| about("owner")),
        ticket: about("ticket"),
        statement: exception.statement.clone(),
        until: exception.expires_at,
    }
}

/// Names who made a VEX document, by what `OpenVEX` and CSAF call them.
fn author(text: &str) -> Option<String> {
    let document: Value = serde_json::from_str(text).ok()?;
    let mut places = ["/author", "/document/publisher/name"].into_iter();
    places.find_map(|place| Some(document.pointer(place)?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;
    use sluicegate_policy::PolicyDocument;

    use super::*;

    fn document(kind: &str, name: &str, text: &str) -> PolicyDocument {
        PolicyDocument {
            kind: kind.to_owned(),
            name: name.to_owned(),
            file: format!("{name}.yaml"),
            text: text.to_owned(),
            canonical: text.to_owned(),
        }
    }

    fn exception(name: &str, id: &str) -> PolicyDocument {
        let text = format!(
            "apiVersion: sluicegate/v1\nkind: Exception\n\
             metadata: {{name: {name}, owner: team-a, ticket: SEC-1}}\n\
             spec: {{id: {id}, statement: not called, expiresAt: 2099-01-31}}\n"
        );
        document("exception", name, &text)
    }

    fn waiver(of: &Summary, by: &str, now: Timestamp) -> Waiver {
        Waiver {
            repository: of.repository.clone(),
            digest: of.digest.clone(),
            by: by.to_owned(),
            reason: format!("said by {by}"),
            since: now,
            until: now,
        }
    }

    #[test]
    fn each_is_told_as_far_as_it_is_kept_and_those_on_the_weakness_first() {
        let mut verdict = Summary::of(&samples::verdict());
        verdict.allowed_by = [
            "other",
            "vex:app.json",
            "mine",
            "gone",
            "grace:rule",
            "break-glass:ops",
        ]
        .map(ToOwned::to_owned)
        .into();
        let kept = KeptPolicies {
            digest: verdict.policy.digest.clone(),
            documents: vec![
                exception("mine", "CVE-1"),
                exception("other", "CVE-2"),
                document("vex", "app.json", r#"{"author": "psirt@example.org"}"#),
                document("policy", "p", "nothing of it"),
            ],
        };
        let now: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
        let waivers = ["somebody", "ops"].map(|by| waiver(&verdict, by, now));
        let allowing = Allowing {
            sets: [(verdict.policy.digest.clone(), written(kept).into())].into(),
            waivers: waivers.into(),
        };
        let told = allowing.told(&verdict, "cve-1");
        let names: Vec<&str> = told.iter().map(|it| it.name.as_str()).collect();
        let wanted = [
            "mine",
            "other",
            "vex:app.json",
            "gone",
            "grace:rule",
            "break-glass:ops",
        ];
        assert_eq!(names, wanted);
        let [mine, _, vex, gone, _, broken] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(
            (mine.id.as_deref(), mine.author.as_deref()),
            (Some("CVE-1"), Some("team-a"))
        );
        assert_eq!(
            (mine.ticket.as_deref(), mine.statement.as_deref()),
            (Some("SEC-1"), Some("not called"))
        );
        assert_eq!(mine.until, Some("2099-02-01T00:00:00Z".parse().unwrap()));
        assert_eq!(vex.author.as_deref(), Some("psirt@example.org"));
        assert_eq!(*gone, AllowedBy::named("gone"));
        assert_eq!(
            (broken.author.as_deref(), broken.until),
            (Some("ops"), Some(now))
        );
        assert_eq!(broken.statement.as_deref(), Some("said by ops"));
    }

    #[test]
    fn a_set_is_read_once_and_only_where_an_exception_is_named() {
        let home = tempfile::tempdir().unwrap();
        let texts = PolicyTexts::open(home.path()).unwrap();
        let documents = vec![exception("mine", "CVE-1")];
        let mut verdict = Summary::of(&samples::verdict());
        verdict.policy.digest = sluicegate_policy::digest_of_documents(&documents);
        texts.keep(&verdict.policy.digest, || documents).unwrap();
        let allowances = Allowances::new(home.path().to_owned());
        let told = |verdict: &Summary| {
            let allowing = allowances.of(std::iter::once(verdict), Vec::new());
            allowing.unwrap().told(verdict, "CVE-1")
        };
        verdict.allowed_by = vec!["grace:rule".into()];
        told(&verdict);
        assert!(allowances.known.lock().unwrap().is_empty());
        verdict.allowed_by = vec!["mine".into()];
        assert_eq!(told(&verdict)[0].author.as_deref(), Some("team-a"));
        std::fs::remove_file(home.path().join("policies.jsonl")).unwrap();
        assert_eq!(told(&verdict)[0].author.as_deref(), Some("team-a"));
    }
}
