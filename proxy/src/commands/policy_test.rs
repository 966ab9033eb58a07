//! `sluicegate policy test`: plays the cases beside policy files against those policies.

use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sluicegate_formats::answers::VerdictAnswer;
use sluicegate_formats::text::{counted, printable};
use sluicegate_model::Digest;
use sluicegate_model::artifact::Content;
use sluicegate_model::form::ReadAs;
use sluicegate_model::report::Report;
use sluicegate_model::verdict::Verdict;
use sluicegate_policy::{Case, CaseResult, Held, JudgedImage, PolicySet};
use sluicegate_scanner::compare_versions;

use super::query::{Format, QuerySource, print_json, verdict_of};
use super::{CommandError, Done};
use crate::policies;

/// Largest report that is read, in bytes.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// Which policies and cases.
#[derive(Args, Debug)]
pub struct TestArgs {
    /// Files and directories with policies and with cases (`kind: PolicyTest`)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    source: QuerySource,
}

/// A case that was played.
struct Played {
    case: Case,
    result: CaseResult,
}

/// Plays every case; refused where one comes out otherwise.
pub(super) async fn run(args: &TestArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let usage = |error: &dyn std::fmt::Display| CommandError::Usage(error.to_string());
    let files = policies::read_all(&args.paths).map_err(|error| usage(&error))?;
    let parsed = PolicySet::load_with_cases(&files.sources(jiff::Timestamp::now()));
    let (set, cases) = parsed.map_err(|errors| usage(&errors))?;
    if cases.is_empty() {
        let none = "there is no case there: no document of kind PolicyTest";
        return Err(CommandError::Usage(none.to_owned()));
    }
    let mut played = Vec::with_capacity(cases.len());
    for case in cases {
        let image = judged(&case, &args.source).await?;
        let result = case.play(&set, image, compare_versions, jiff::Timestamp::now());
        played.push(Played { case, result });
    }
    let failed = played.iter().filter(|it| !it.passes()).count();
    if args.source.print.format == Format::Json {
        let all: Vec<Value> = played.iter().map(Played::shown).collect();
        let report = json!({"cases": all, "failed": failed, "policies": set.digest()});
        print_json(out, &report)?;
    } else {
        for it in &played {
            it.write(out)?;
        }
        let of = counted(played.len(), "case");
        let passed = played.len().saturating_sub(failed);
        writeln!(out, "{of}: {passed} as expected, {failed} not")?;
    }
    Ok(if failed == 0 {
        Done::Allowed
    } else {
        Done::Refused
    })
}

impl Played {
    fn passes(&self) -> bool {
        self.result.differences.is_empty()
    }

    fn shown(&self) -> Value {
        json!({
            "name": self.case.name,
            "file": self.case.file,
            "passes": self.passes(),
            "decision": self.result.decision,
            "rules": self.result.rules,
            "differences": self.result.differences,
        })
    }

    fn write(&self, out: &mut impl Write) -> Result<(), CommandError> {
        let name = printable(&self.case.name);
        if self.passes() {
            return Ok(writeln!(out, "ok      {name}")?);
        }
        let (file, why) = (&self.case.file, self.result.differences.join("; "));
        let place = printable(&format!("{name} ({file}): {why}"));
        Ok(writeln!(out, "FAILED  {place}")?)
    }
}

/// Finds what a case is about: a report beside its file, or what a service has judged.
async fn judged(case: &Case, source: &QuerySource) -> Result<JudgedImage, CommandError> {
    match &case.held {
        Held::Report(name) => {
            let beside = Path::new(&case.file).parent();
            read_report(&beside.unwrap_or(Path::new("")).join(name))
        }
        Held::Digest(digest) => asked(digest, source).await,
    }
}

fn read_report(path: &Path) -> Result<JudgedImage, CommandError> {
    let why = |error: &dyn std::fmt::Display| {
        CommandError::Usage(format!("the report {}: {error}", path.display()))
    };
    let file = std::fs::File::open(path).map_err(|error| why(&error))?;
    let mut text = Vec::new();
    let read = file.take(MAX_REPORT_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| why(&error))?;
    if text.len() as u64 > MAX_REPORT_BYTES {
        return Err(why(&format!("it has more than {MAX_REPORT_BYTES} bytes")));
    }
    let read = serde_json::from_slice::<ReadAs<VerdictAnswer>>(&text);
    let ReadAs(verdict) = read.map_err(|error| {
        why(&format!(
            "it is none that `inspect-image --format json` prints: {error}"
        ))
    })?;
    Ok(held_by(verdict))
}

async fn asked(digest: &Digest, source: &QuerySource) -> Result<JudgedImage, CommandError> {
    let answer = source.get(&format!("verdicts/{digest}")).await?;
    Ok(held_by(verdict_of(answer)?))
}

/// Takes of a verdict what it was decided on. How old the advisories were is not in it.
fn held_by(verdict: Verdict) -> JudgedImage {
    JudgedImage {
        repository: verdict.repository,
        digest: verdict.digest,
        content: verdict.artifact.map_or(Content::Image, Content::Artifact),
        first_seen: verdict.first_seen,
        signatures: verdict.signatures,
        report: Report {
            findings: verdict.findings,
            coverage: verdict.coverage,
            distro: verdict.distro,
            packages: verdict.packages,
            platform: verdict.platform,
            feeds: verdict.provenance.feeds,
            feed_time: verdict.provenance.feed_time,
            knowledge: Vec::new(),
            valid_until: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TestArgs,
    }

    /// What the cases of the cookbook are about: reports, keys, a document.
    const BESIDE: [&str; 10] = [
        "app.json",
        "clean.json",
        "layered.json",
        "licensed.json",
        "odd.json",
        "secrets.json",
        "setup.json",
        "keys/release.pub",
        "keys/psirt.pub",
        "vex/app.openvex.json",
    ];

    #[tokio::test]
    async fn every_recipe_of_the_cookbook_passes_its_own_cases() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let page = std::fs::read_to_string(docs.join("policy-cookbook.md")).unwrap();
        let recipes: Vec<&str> = page.split("```yaml\n").skip(1).collect();
        assert!(recipes.len() >= 20, "{} recipes", recipes.len());
        for recipe in recipes {
            let recipe = recipe.split("```").next().unwrap();
            let directory = tempfile::tempdir().unwrap();
            std::fs::write(directory.path().join("policy.yaml"), recipe).unwrap();
            for name in BESIDE {
                let to = directory.path().join(name);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(docs.join("cookbook").join(name), to).unwrap();
            }
            let path = directory.path().to_str().unwrap();
            let line = Line::try_parse_from(["test", path]).unwrap();
            let mut out = Vec::new();
            let done = run(&line.args, &mut out).await.unwrap();
            let told = String::from_utf8(out).unwrap();
            assert!(matches!(done, Done::Allowed), "{recipe}\n{told}");
        }
    }
}
