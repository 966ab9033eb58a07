//! Files that are no plugins, each told why.

use super::{FRAME, MANIFEST, module, section};
use crate::limits::{MAX_MANIFEST_BYTES, MAX_MODULE_BYTES};
use crate::load;

const ANALYZE: &str =
    r#"(func (export "analyze") (param i32 i32 i32 i32) (result i64) i64.const 0)"#;

fn refusal(bytes: &[u8]) -> String {
    let error = load(bytes).expect_err("it is no plugin");
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

fn usual(manifest: &str) -> Vec<u8> {
    module(manifest, &format!("{FRAME} {ANALYZE}"))
}

#[test]
fn what_is_no_module_is_refused() {
    let whole = usual(MANIFEST);
    assert!(load(&whole).is_ok());
    for (bytes, wanted) in [
        (Vec::new(), "no WebAssembly module"),
        (b"\x7fELF".to_vec(), "no WebAssembly module"),
        (
            b"\0asm\x0d\0\x01\0".to_vec(),
            "does not begin as a core module",
        ),
        (b"\0asm\x01\0\0\0".to_vec(), "no custom section"),
        (
            whole[..whole.len() - 1].to_vec(),
            "a section ends after the file does",
        ),
        (
            b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\xff\xff".to_vec(),
            "a section ends",
        ),
        (vec![0; 64 * 1024 * 1024], "has 67108864 bytes"),
        (vec![0; MAX_MODULE_BYTES + 1], "at most 16777216"),
        (
            [&whole[..], &section("sluicegate", b"{}")].concat(),
            "more than one",
        ),
        (
            [
                &whole[..8],
                &section("sluicegate", &vec![b' '; MAX_MANIFEST_BYTES + 1]),
            ]
            .concat(),
            "the manifest has 65537 bytes",
        ),
        (
            [&whole[..8], &section("other", b"").repeat(2_000)].concat(),
            "more than 1000 sections",
        ),
    ] {
        let refusal = refusal(&bytes);
        assert!(refusal.contains(wanted), "{wanted}: {refusal}");
    }
}

/// What is put in whose place of a manifest, and what is said of it; nothing of what is right.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "\"abi\":1",
        "\"abi\":2",
        "speaks ABI 2, and this version of sluicegate speaks 1",
    ),
    ("\"abi\":1", "\"abi\":0", "speaks ABI 0"),
    ("\"abi\":1,", "", "missing field `abi`"),
    ("\"acme\"", "\"Acme\"", "lower-case letters"),
    ("\"acme\"", "\"a-b\"", "lower-case letters"),
    ("\"acme\"", "\"cve\"", "somebody else's ids"),
    ("\"acme\"", "\"a\"", "2 to 40"),
    ("\"1.0.0\"", "\"1 ; rm\"", "version is of 1 to 64"),
    ("\"1.0.0\"", "\"\"", "version"),
    ("\"detector\"", "\"matcher\"", "unknown variant `matcher`"),
    ("\"detector\"", "\"remedy\"", "unknown variant `remedy`"),
    ("\"abi\":1", "\"abi\":1,\"abi\":1", "duplicate field `abi`"),
    (
        "\"abi\":1",
        "\"abi\":1,\"exec\":\"sh\"",
        "unknown field `exec`",
    ),
    (
        "[{\"name\":\"x.conf\"}]",
        "[{\"glob\":\"**\"}]",
        "unknown variant `glob`",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"name\":\"a/b\"}",
        "number 1 has the name",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"path\":\"/etc/x\"}",
        "from the image's root",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"path\":\"../x\"}",
        "from the image's root",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"ending\":\".\"}",
        "has the ending",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"ending\":\"conf\"}",
        "has the ending",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"starts\":{\"bytes\":\"7f\"}}",
        "has 1 bytes at 0",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"at\":{\"at\":4095,\"bytes\":\"7f7f\"}}",
        "at 4095",
    ),
    (
        "{\"name\":\"x.conf\"}",
        "{\"at\":{\"at\":0,\"bytes\":\"\"}}",
        "has 0 bytes",
    ),
    (
        "\"abi\":1",
        "\"abi\":1,\"limits\":{\"milliseconds\":501}",
        "is 1 to 500: got 501",
    ),
    (
        "\"abi\":1",
        "\"abi\":1,\"limits\":{\"memory_mib\":65}",
        "is 1 to 64: got 65",
    ),
    (
        "\"abi\":1",
        "\"abi\":1,\"limits\":{\"file_mib\":0}",
        "is 1 to 16: got 0",
    ),
    (
        "\"abi\":1",
        "\"abi\":1,\"home\":\"a\\u001b[2J\"",
        "home is one line",
    ),
    ("\"detector\"", "\"analyzer\"", ""),
];

#[test]
fn a_manifest_that_lies_or_is_wrong_is_refused() {
    for (from, to, wanted) in WRONG {
        let manifest = MANIFEST.replace(from, to);
        assert_ne!(manifest, MANIFEST, "{from}");
        if wanted.is_empty() {
            assert!(load(&usual(&manifest)).is_ok());
            continue;
        }
        let refusal = refusal(&usual(&manifest));
        assert!(refusal.contains(wanted), "{wanted}: {refusal}");
    }
    let claim = "{\"name\":\"x.conf\"}";
    let many = MANIFEST.replace(claim, &vec![claim; 33].join(","));
    assert!(refusal(&usual(&many)).contains("has 33 claims"));
    let none = MANIFEST.replace(claim, "").replace("detector", "analyzer");
    assert!(refusal(&usual(&none)).contains("an analyzer reads files"));
    assert!(refusal(&usual("\u{0}")).contains("manifest is not right"));
    assert!(refusal(&usual(&"[".repeat(60_000))).contains("manifest is not right"));
}

/// What is put in whose place of the frame, the module's text, and what is said of it.
const UNLIKE: &[(&str, &str, &str, &str)] = &[
    (
        "",
        "",
        "ANALYZE",
        "must export sluicegate_abi: a function () -> i32",
    ),
    (
        "",
        "",
        "FRAME",
        "must export analyze: a function (i32, i32, i32, i32) -> i64",
    ),
    (
        "",
        "",
        "FRAME (func (export \"analyze\") (result i64) i64.const 0)",
        "must export analyze",
    ),
    (
        "(export \"memory\")",
        "",
        "FRAME ANALYZE",
        "must export memory",
    ),
    (
        "(result i32) i32.const 1",
        "(result i32) i32.const 2",
        "FRAME ANALYZE",
        "the manifest names ABI 1, and the module answers 2",
    ),
    (
        "(result i32) i32.const 1",
        "(result i32) (loop (br 0)) i32.const 1",
        "FRAME ANALYZE",
        "does not start: it ran longer than 100 ms",
    ),
    (
        "",
        "",
        "(import \"wasi_snapshot_preview1\" \"fd_write\" (func)) FRAME ANALYZE",
        "imports \"wasi_snapshot_preview1\" \"fd_write\"",
    ),
    (
        "",
        "",
        "(import \"sluicegate\" \"exec\" (func (param i32 i32))) FRAME ANALYZE",
        "imports \"sluicegate\" \"exec\"",
    ),
    (
        "",
        "",
        "(import \"sluicegate\" \"log\" (func (param i64))) FRAME ANALYZE",
        "imports \"sluicegate\" \"log\"",
    ),
    (
        "",
        "",
        "FRAME ANALYZE (func $go) (start $go)",
        "cannot be run",
    ),
    ("", "", "FRAME ANALYZE (memory 1)", "cannot be run"),
    (
        "\"memory\") 1",
        "\"memory\") 65536",
        "FRAME ANALYZE",
        "does not start: it does not fit 16 MiB of memory",
    ),
    (
        "",
        "",
        "FRAME ANALYZE (table 1000000 funcref)",
        "does not start",
    ),
];

#[test]
fn a_module_that_is_not_as_the_abi_has_it_is_refused() {
    let many = "(func)".repeat(10_001);
    let tables = "(table 1 funcref)".repeat(101);
    let beside = [many, tables].map(|more| (format!("{FRAME} {ANALYZE} {more}"), "cannot be run"));
    let written = UNLIKE.iter().map(|(from, to, more, wanted)| {
        let frame = FRAME.replace(from, to);
        (
            more.replace("FRAME", &frame).replace("ANALYZE", ANALYZE),
            *wanted,
        )
    });
    for (text, wanted) in written.chain(beside) {
        let refusal = refusal(&module(MANIFEST, &text));
        assert!(refusal.contains(wanted), "{wanted}: {refusal}");
    }
    // Whether the engine takes it or not, its host comes to an end.
    let deep = "(block ".repeat(5_000) + &")".repeat(5_000);
    let _ = load(&module(
        MANIFEST,
        &format!("{FRAME} {ANALYZE} (func {deep})"),
    ));
    let noise = [b"\0asm\x01\0\0\0".to_vec(), vec![0x0a; 1 << 20]].concat();
    assert!(load(&[noise, section("sluicegate", MANIFEST.as_bytes())].concat()).is_err());
}
