//! Modules of every kind against their host: what is refused, what is heard, what is a gap.

mod answers;
mod guests;
mod hostile;
mod refused;

use std::fmt::Write as _;

use crate::{PluginError, WasmPlugin, load};

/// A manifest that is right, of a detector that reads `x.conf`.
pub(super) const MANIFEST: &str = r#"{"name":"acme","version":"1.0.0","kind":"detector","abi":1,
    "claims":[{"name":"x.conf"}]}"#;

/// The beginning of a guest: a memory of one page, whose allocator gives 1024 and then on.
pub(super) const FRAME: &str = r#"
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "sluicegate_abi") (result i32) i32.const 1)
    (func (export "alloc") (param i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (global.set $next (i32.add (global.get $next) (local.get 0)))
        (local.get $at))
"#;

/// Assembles a module and gives it a manifest.
pub(super) fn module(manifest: &str, text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(format!("(module {text})")).unwrap();
    module.extend(section("sluicegate", manifest.as_bytes()));
    module
}

/// Writes a custom section.
pub(super) fn section(name: &str, content: &[u8]) -> Vec<u8> {
    let name = [&number(name.len())[..], name.as_bytes()].concat();
    let length = number(name.len() + content.len());
    [&[0][..], &length, &name, content].concat()
}

fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Gives a guest that answers every file with a text.
pub(super) fn saying(manifest: &str, answer: &[u8]) -> Result<WasmPlugin, PluginError> {
    let mut escaped = String::new();
    for byte in answer {
        write!(escaped, "\\{byte:02x}").unwrap();
    }
    let length = answer.len();
    load(&module(
        manifest,
        &format!(
            r#"{FRAME} (data (i32.const 16) "{escaped}")
            (func (export "analyze") (param i32 i32 i32 i32) (result i64)
                (i64.or (i64.shl (i64.const 16) (i64.const 32)) (i64.const {length})))
            (func (export "detect") (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.const 16) (i64.const 32)) (i64.const {length})))"#
        ),
    ))
}

/// Gives a guest whose answer is made by some instructions.
pub(super) fn doing(manifest: &str, text: &str) -> WasmPlugin {
    let text = format!(
        r#"(import "sluicegate" "log" (func $log (param i32 i32))) {FRAME}
        (func $analyze (export "analyze") (param i32 i32 i32 i32) (result i64) {text})"#
    );
    load(&module(manifest, &text)).unwrap()
}
