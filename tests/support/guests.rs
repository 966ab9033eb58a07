//! Compilers of plugins: Rust's target for WebAssembly, which rustup adds, and a C compiler, brought
//! by pip and kept under `target/testdata`.

use std::path::Path;

use crate::process::{Outcome, run};
use crate::rootfs::{FETCH_LIMIT, kept};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds a project in Rust to its plugin, and gives the plugin's path.
pub async fn build_rust(project: &Path, name: &str) -> String {
    let script = format!(
        "{{ rustup target list --installed | grep -qx {TARGET} || rustup target add {TARGET}; }} \
         && env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo build -q --release --target {TARGET}"
    );
    shell(project, &script).await.expect_ok("building a plugin");
    text(&project.join(format!("target/{TARGET}/release/{name}.wasm")))
}

/// Compiles C in a directory, by what follows the compiler's name on its command line.
pub async fn compile_c(place: &Path, arguments: &str) {
    let archive = kept("ziglang-0.17.1.tar", fetch).await;
    let script = format!(
        "tar -xf {} && ZIG_GLOBAL_CACHE_DIR=$0/zig ZIG_LOCAL_CACHE_DIR=$0/zig PYTHONPATH=$0/python \
         python3 -m ziglang cc {arguments}",
        text(&archive)
    );
    shell(place, &script).await.expect_ok("compiling C");
}

async fn fetch(root: &Path) {
    let script = "python3 -m pip install -q --no-compile -t python ziglang==0.17.1";
    shell(root, script).await.expect_ok("fetching a compiler");
}

async fn shell(place: &Path, script: &str) -> Outcome {
    let script = format!("cd \"$0\" && {script}");
    run("bash", &["-c", &script, &text(place)], FETCH_LIMIT).await
}

fn text(path: &Path) -> String {
    path.to_str().expect("a readable path").to_owned()
}
