//! Validators that others wrote, for the documents that we write.
//!
//! pip and npm bring them; they are kept in the tests' cache, so that a machine fetches them once.

use std::path::PathBuf;

use crate::process::{Outcome, run};
use crate::rootfs::{FETCH_LIMIT, kept};

/// Reads `KIND FILE` pairs and complains of every document that its validator refuses.
const VALIDATE: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1] + "/python")

def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(path).read())
    return [] if problem is None else [problem]

def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
    return [one.validation_message for one in validate_full_spdx_document(parse_file(path))]

def sarif(path):
    import glob, jsonschema
    schema, = glob.glob(sys.argv[1] + "/package/lib/schemas/sarif-2.1.0*.json")
    validator = jsonschema.validators.validator_for(json.load(open(schema)))
    return list(validator(json.load(open(schema))).iter_errors(json.load(open(path))))

problems = []
for kind, path in zip(sys.argv[2::2], sys.argv[3::2]):
    problems += [f"{kind}: {problem}" for problem in globals()[kind](path)]
sys.exit("\n".join(problems) or 0)
"#;

/// Has documents validated: each a kind, `cyclonedx`, `spdx` or `sarif`, and its text.
pub async fn validate(documents: &[(&str, &[u8])]) -> Outcome {
    let archive = kept("document-validators.tar", fetch).await;
    let work = tempfile::tempdir().expect("make a directory");
    let path = |name: PathBuf| name.to_str().expect("a readable path").to_owned();
    let validators = path(work.path().into());
    run(
        "tar",
        &["-C", &validators, "-xf", &path(archive)],
        FETCH_LIMIT,
    )
    .await
    .expect_ok("tar");
    let mut arguments = vec!["-c".to_owned(), VALIDATE.to_owned(), validators];
    for (kind, text) in documents {
        // The name tells the SPDX parser which serialisation it is.
        let file = work.path().join(format!("document.{kind}.json"));
        std::fs::write(&file, text).expect("write a document");
        arguments.extend([(*kind).to_owned(), path(file)]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run("python3", &arguments, FETCH_LIMIT).await
}

async fn fetch(root: &std::path::Path) {
    let fetch = "cd \"$0\" && python3 -m pip install -q --no-compile -t python \
                 'cyclonedx-python-lib[json-validation]' spdx-tools jsonschema \
                 && npm pack -s @microsoft/jest-sarif@1.0.0-beta.0 && tar xzf *.tgz && rm *.tgz";
    let root = root.to_str().expect("a readable path");
    run("bash", &["-c", fetch, root], FETCH_LIMIT)
        .await
        .expect_ok("fetching validators");
}
