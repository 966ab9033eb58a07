//! What came of it: each image with its decision, and what the rules of each policy would refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Value, json};
use sluicegate_formats::text::{counted, printable};
use sluicegate_model::image::WrittenName;

use super::super::CommandError;
use super::super::query::{Service, cell, members, print_json, query_string, write_rows};

/// One image that was judged, or could not be.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// What the service says of it.
    scanned: Value,
    /// What its verdicts say: of an index, those of its children.
    judged: Vec<ToldVerdict>,
}

/// What one verdict says of refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ToldVerdict {
    policy: String,
    /// Rules that asked for a refusal, whatever came out, each with its message.
    refusing: Vec<(String, String)>,
}

impl Image {
    pub(super) fn of_scan(scanned: &Value) -> Self {
        Self {
            scanned: scanned.clone(),
            judged: Vec::new(),
        }
    }

    pub(super) fn failed(image: &str, why: String) -> Self {
        Self::of_scan(
            &json!({"image": image, "state": "failed", "digest": null, "decision": null, "problem": why}),
        )
    }

    pub(super) fn is_refused(&self) -> bool {
        cell(&self.scanned, "/decision") == "refuse"
    }

    /// Says what went wrong, where something did.
    pub(super) fn failure(&self) -> Option<String> {
        let failed = cell(&self.scanned, "/state") == "failed";
        let (image, problem) = (
            cell(&self.scanned, "/image"),
            cell(&self.scanned, "/problem"),
        );
        failed.then(|| format!("{image}: {problem}"))
    }

    /// Asks why it came out as it did.
    pub(super) async fn explain(&mut self, service: &Service) -> Result<(), CommandError> {
        let text = |at: &str| self.scanned.pointer(at).and_then(Value::as_str);
        let (Some(image), Some(digest)) = (text("/image"), text("/digest")) else {
            return Ok(());
        };
        let repository = repository_of(image).to_owned();
        let mut digests = vec![digest.to_owned()];
        while let Some(digest) = digests.pop() {
            let query = query_string(&[("repository", Some(repository.clone()))]);
            let verdict = match service.get(&format!("verdicts/{digest}?{query}")).await {
                Ok(verdict) => verdict,
                // A child for a platform that nobody asked for was not judged.
                Err(CommandError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let children = members(&verdict, "/children").iter();
            let children = children.filter_map(|child| child.get("digest")?.as_str());
            digests.extend(children.map(str::to_owned));
            if verdict.get("reasons").is_some() {
                self.judged.push(ToldVerdict::of(&verdict));
            }
        }
        Ok(())
    }

    fn would_refuse(&self) -> impl Iterator<Item = &(String, String)> {
        self.judged.iter().flat_map(|judged| &judged.refusing)
    }

    fn row(&self) -> [String; 4] {
        let mut rules: Vec<String> = self
            .would_refuse()
            .map(|(rule, _)| printable(rule))
            .collect();
        rules.dedup();
        let said = self.failure().map(|_| cell(&self.scanned, "/problem"));
        [
            self.failure()
                .map_or_else(|| cell(&self.scanned, "/decision"), |_| "failed".to_owned()),
            cell(&self.scanned, "/image"),
            cell(&self.scanned, "/digest"),
            said.unwrap_or_else(|| {
                if rules.is_empty() {
                    "-".to_owned()
                } else {
                    rules.join(" ")
                }
            }),
        ]
    }
}

impl ToldVerdict {
    fn of(verdict: &Value) -> Self {
        let reasons = members(verdict, "/reasons").iter();
        let refusing = reasons.filter(|reason| cell(reason, "/action") == "refuse");
        Self {
            policy: cell(verdict, "/policy/name"),
            refusing: refusing
                .map(|reason| (cell(reason, "/rule"), cell(reason, "/message")))
                .collect(),
        }
    }
}

/// What one policy would do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    images: BTreeSet<usize>,
    refused: BTreeSet<usize>,
    by_rule: BTreeMap<String, BTreeSet<usize>>,
}

fn sums(images: &[Image]) -> BTreeMap<&str, Sum> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for (at, image) in images.iter().enumerate() {
        for judged in &image.judged {
            let sum = sums.entry(&judged.policy).or_default();
            sum.images.insert(at);
            for (rule, _) in &judged.refusing {
                sum.refused.insert(at);
                sum.by_rule.entry(rule.clone()).or_default().insert(at);
            }
        }
    }
    sums
}

/// Gives a name without its tag or digest.
fn repository_of(image: &str) -> &str {
    WrittenName::of(image).name
}

pub(super) fn write_tables(
    out: &mut impl Write,
    images: &[Image],
    no_header: bool,
) -> Result<(), CommandError> {
    let titles = ["DECISION", "IMAGE", "DIGEST", "WOULD REFUSE"];
    write_rows(out, &titles, no_header, images.iter().map(Image::row))?;
    for (policy, sum) in sums(images) {
        let total = counted(sum.images.len(), "image");
        let refused = sum.refused.len();
        writeln!(
            out,
            "\npolicy \"{policy}\" would refuse {refused} of {total}"
        )?;
        let mut rules: Vec<_> = sum.by_rule.iter().collect();
        rules.sort_by_key(|(_, images)| std::cmp::Reverse(images.len()));
        for (rule, images) in rules {
            writeln!(
                out,
                "  {} by rule \"{rule}\"",
                counted(images.len(), "image")
            )?;
        }
    }
    Ok(())
}

pub(super) fn write_json(out: &mut impl Write, images: &[Image]) -> Result<(), CommandError> {
    let shown = |image: &Image| {
        let mut shown = image.scanned.clone();
        let refusing: Vec<Value> = image
            .would_refuse()
            .map(|(rule, message)| json!({"rule": rule, "message": message}))
            .collect();
        if let Some(members) = shown.as_object_mut() {
            members.insert("would_refuse".to_owned(), Value::Array(refusing));
        }
        shown
    };
    let policies: Vec<Value> = sums(images)
        .into_iter()
        .map(|(policy, sum)| {
            let rules = sum
                .by_rule
                .iter()
                .map(|(rule, images)| (rule.clone(), json!(images.len())));
            json!({
                "policy": policy,
                "images": sum.images.len(),
                "would_refuse": sum.refused.len(),
                "rules": rules.collect::<serde_json::Map<String, Value>>(),
            })
        })
        .collect();
    let failed = images.iter().any(|image| image.failure().is_some());
    let strictest = ["refuse", "annotate", "allow"]
        .into_iter()
        .find(|decision| {
            images
                .iter()
                .any(|image| cell(&image.scanned, "/decision") == *decision)
        });
    let document = json!({
        "state": if failed { "failed" } else { "done" },
        "decision": strictest,
        "images": images.iter().map(shown).collect::<Vec<Value>>(),
        "policies": policies,
    });
    print_json(out, &document)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, decision: &str, policy: &str, rules: &[&str]) -> Image {
        let refusing = rules
            .iter()
            .map(|rule| ((*rule).to_owned(), "why".to_owned()));
        Image {
            scanned: json!({"image": name, "state": "done", "digest": "sha256:1", "decision": decision}),
            judged: vec![ToldVerdict {
                policy: policy.to_owned(),
                refusing: refusing.collect(),
            }],
        }
    }

    #[test]
    fn what_each_policy_would_refuse_is_told_whatever_its_mode() {
        let images = [
            image("up/a:1", "allow", "audited", &["kev", "critical"]),
            image("up/b:1", "allow", "audited", &["kev"]),
            image("up/c:1", "allow", "audited", &[]),
            image("up/d:1", "refuse", "enforced", &["kev"]),
            Image::failed("gone.example/x", "registry is not configured".into()),
        ];
        let mut out = Vec::new();
        write_tables(&mut out, &images, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        for wanted in [
            "policy \"audited\" would refuse 2 of 3 images\n  2 images by rule \"kev\"\n  1 image by rule \"critical\"\n",
            "policy \"enforced\" would refuse 1 of 1 image\n",
            "kev critical",
            "registry is not configured",
        ] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
        let mut out = Vec::new();
        write_json(&mut out, &images).unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&value["decision"], &value["state"]),
            (&json!("refuse"), &json!("failed"))
        );
        assert_eq!(
            value["policies"][0]["rules"],
            json!({"kev": 2, "critical": 1})
        );
        assert_eq!(value["images"][1]["would_refuse"][0]["rule"], "kev");
    }

    #[test]
    fn a_name_loses_its_tag_and_its_digest() {
        for (image, wanted) in [
            ("docker.io/library/a:1", "docker.io/library/a"),
            ("up.test/a@sha256:12", "up.test/a"),
            ("up.test/a:1@sha256:12", "up.test/a"),
            ("gate:5000/a", "gate:5000/a"),
        ] {
            assert_eq!(repository_of(image), wanted);
        }
    }
}
