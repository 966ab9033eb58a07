//! A program that others wrote to ask an API everything that its description allows, and what it
//! does not: schemathesis, brought by pip and kept under `target/testdata`.

use std::path::Path;

use crate::process::{Outcome, run};
use crate::rootfs::{FETCH_LIMIT, kept};

/// What it looks at: that nothing fails on our side, that everything answered is described, and
/// that what the description forbids is refused.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      negative_data_rejection,unsupported_method,allow_header_conformance";

/// Has it ask the API at this address, so many questions of each route.
pub async fn ask_everything(address: &str, questions: u32) -> Outcome {
    let archive = kept("schemathesis-4.32.5.tar", fetch).await;
    let work = tempfile::tempdir().expect("make a directory");
    let path = |path: &Path| path.to_str().expect("a readable path").to_owned();
    let home = path(work.path());
    run("tar", &["-C", &home, "-xf", &path(&archive)], FETCH_LIMIT)
        .await
        .expect_ok("tar");
    let script = "cd \"$0\" && PYTHONPATH=$0/python exec python3 -m schemathesis.cli run \"$1\" \
                  --checks \"$2\" --max-examples \"$3\" --seed 1 --mode all --workers 1 \
                  --phases examples,coverage,fuzzing --suppress-health-check all \
                  --continue-on-failure --warnings off";
    let description = format!("http://{address}/api/v1/openapi.json");
    let questions = questions.to_string();
    let arguments = ["-c", script, &home, &description, CHECKS, &questions];
    run("bash", &arguments, FETCH_LIMIT).await
}

async fn fetch(root: &Path) {
    let fetch =
        "cd \"$0\" && python3 -m pip install -q --no-compile -t python schemathesis==4.32.5";
    let root = root.to_str().expect("a readable path");
    run("bash", &["-c", fetch, root], FETCH_LIMIT)
        .await
        .expect_ok("fetching schemathesis");
}
