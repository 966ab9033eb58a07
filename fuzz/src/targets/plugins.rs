//! Targets for plugins: whole modules, manifests, and what guests answer.

use sluicegate_wasm::{Manifest, check_answer, load};

use super::Target;

const MANIFEST: &[u8] = br#"{"name":"acme","version":"1","kind":"detector","abi":1,
    "claims":[{"name":"a.conf"},{"starts":{"bytes":"504b","holds":"4d"}},{"at":{"at":2,"bytes":"7f7f"}}],
    "limits":{"milliseconds":1,"memory_mib":1,"file_mib":1}}"#;

const ANSWER: &[u8] = br#"{"findings":[{"id":"ACME-1","aliases":["CVE-2026-1"],"severity":"high",
    "summary":"s","package":{"name":"a","version":"1","purl":"pkg:npm/a@1"},
    "remedy":[{"package":"a","version":"2"}],"line":1,"path":"b"}],"gaps":["g"]}"#;

pub fn targets() -> Vec<Target> {
    vec![Target::new("plugin-abi", plugin, seeds())]
}

/// The first byte says which part of the host hears the rest: all of it, the manifest's reader, or the
/// reader of a detector's or an analyzer's answer.
fn plugin(data: &[u8]) {
    let Some((part, rest)) = data.split_first() else {
        return;
    };
    match part % 4 {
        0 => {
            if let Ok(plugin) = load(rest) {
                drop(plugin.hear("etc/a.conf", rest));
            }
        }
        1 => drop(Manifest::read(rest)),
        kind => {
            let mut manifest = Manifest::read(MANIFEST).expect("a manifest");
            if kind == 3 {
                manifest.kind = sluicegate_wasm::Kind::Analyzer;
            }
            if let Ok(told) = check_answer(&manifest, rest) {
                assert!(told.failed.is_none());
                let mut weaknesses = told.weaknesses.iter();
                assert!(weaknesses.all(|weakness| weakness.id.starts_with("ACME-")));
            }
        }
    }
}

/// A module by hand: types, functions, memory, exports and code as the ABI has them, and its manifest.
fn module() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let sections: [(u8, &[u8]); 5] = [
        (
            1,
            b"\x03\x60\0\x01\x7f\x60\x01\x7f\x01\x7f\x60\x04\x7f\x7f\x7f\x7f\x01\x7e",
        ),
        (3, b"\x03\0\x01\x02"),
        (5, b"\x01\0\x01"),
        (
            7,
            b"\x04\x06memory\x02\0\x0esluicegate_abi\0\0\x05alloc\0\x01\x07analyze\0\x02",
        ),
        (
            10,
            b"\x03\x04\0\x41\x01\x0b\x05\0\x41\x80\x08\x0b\x04\0\x42\0\x0b",
        ),
    ];
    for (kind, content) in sections {
        module.push(kind);
        module.push(u8::try_from(content.len()).expect("a short section"));
        module.extend(content);
    }
    let content = [b"\x0asluicegate", MANIFEST].concat();
    let length = content.len();
    module.extend([0, u8::try_from(length % 128).expect("seven bits") | 0x80]);
    module.push(u8::try_from(length / 128).expect("a short manifest"));
    module.extend(content);
    module
}

fn seeds() -> Vec<Vec<u8>> {
    assert!(load(&module()).is_ok(), "the seed is a plugin");
    let seed = |part: u8, content: &[u8]| [&[part], content].concat();
    let packages = br#"{"packages":[{"purl":"pkg:deb/debian/curl@7?arch=amd64"}]}"#;
    vec![
        seed(0, &module()),
        seed(1, MANIFEST),
        seed(2, ANSWER),
        seed(3, packages),
    ]
}
