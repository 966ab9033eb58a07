//! Plugins, and their compilers: Rust's target for WebAssembly, which rustup adds, and a C compiler, brought
//! by pip and kept under `target/testdata`.

use std::path::Path;

use crate::process::{Outcome, run};
use crate::rootfs::{FETCH_LIMIT, kept};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds a project in Rust to its plugin, and gives the plugin's path.
pub async fn build_rust(project: &Path, name: &str) -> String {
    // Two rustups at once undo each other's work.
    let add =
        format!("rustup target list --installed | grep -qx {TARGET} || rustup target add {TARGET}");
    let script = format!(
        "flock \"${{TMPDIR:-/tmp}}/sluicegate-tests.rustup\" sh -c '{add}' \
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

/// Assembles a plugin that answers every file that it claims with the same text.
pub fn saying(manifest: &str, answer: &str) -> Vec<u8> {
    let escaped: String = answer.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            (global $next (mut i32) (i32.const 4096))
            (func (export "sluicegate_abi") (result i32) i32.const 1)
            (func (export "alloc") (param i32) (result i32)
                (local $at i32)
                (local.set $at (global.get $next))
                (global.set $next (i32.add (global.get $next) (local.get 0)))
                (local.get $at))
            (data (i32.const 16) "{escaped}")
            (func (export "analyze") (param i32 i32 i32 i32) (result i64)
                (i64.or (i64.shl (i64.const 16) (i64.const 32)) (i64.const {}))))"#,
        answer.len()
    );
    let mut module = wat::parse_str(text).expect("assemble a module");
    module.extend(section("sluicegate", manifest.as_bytes()));
    module
}

/// Writes a custom section. Source: WebAssembly Core Specification, sections 5.2.2 and 5.5.3.
fn section(name: &str, content: &[u8]) -> Vec<u8> {
    let named = [&leb128(name.len())[..], name.as_bytes(), content].concat();
    [&[0][..], &leb128(named.len()), &named].concat()
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
