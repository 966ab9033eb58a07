//! Targets for layers: the archive and its compressions, and each analyzer through a layer of one
//! file at a place that it claims.

use std::sync::LazyLock;

use sluicegate_model::Digest;
use sluicegate_model::coverage::GapKind;
use sluicegate_scanner::{LayerFacts, LayerInput, Limits, PluginKind, merge, plugins, scan_layer};
use tar::{EntryType, Header};

use super::Target;
use super::seeds;
use crate::claims::{self, Claim};

pub fn targets() -> Vec<Target> {
    let tar = archive(&[
        ("etc/os-release", seeds::OS_RELEASE),
        ("lib/apk/db/installed", seeds::APK),
    ]);
    let zstd = zstd::bulk::compress(&tar, 1).expect("compress in memory");
    let mut targets = vec![
        Target::new("layer-tar", judge, vec![tar.clone()]),
        Target::new("layer-gzip", judge, vec![seeds::gzip(&tar)]),
        Target::new("layer-zstd", judge, vec![zstd]),
    ];
    let analyzers = plugins()
        .into_iter()
        .filter(|plugin| plugin.kind == PluginKind::Analyzer);
    targets.extend(analyzers.map(|plugin| {
        let claims = claims::of(&plugin);
        let seeds = seeds_of(&claims);
        let run = move |data: &[u8]| {
            let Some((which, content)) = data.split_first() else {
                return;
            };
            let claim = &claims[usize::from(*which) % claims.len()];
            judge(&archive(&[(claim.path.as_str(), content)]));
        };
        Target::new(
            format!("analyzer-{}", plugin.name.replace('/', "-")),
            run,
            seeds,
        )
    }));
    targets
}

fn seeds_of(claims: &[Claim]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (which, claim) in claims.iter().enumerate() {
        let which = [u8::try_from(which).unwrap_or(0)];
        for content in seeds::files() {
            all.push([&which, claim.starts.as_slice(), &content].concat());
        }
    }
    all
}

/// Scans a layer and holds the outcome to what every layer must keep.
fn judge(layer: &[u8]) {
    let facts = scan(layer);
    let failed = facts
        .gaps
        .iter()
        .any(|gap| gap.kind == GapKind::AnalyzerFailed);
    assert!(!failed, "{:?}", facts.gaps);
    let stored = LayerFacts::from_bytes(&facts.to_bytes()).expect("facts read what they wrote");
    assert_eq!(stored, facts);
    static DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(b"layer"));
    let layer = LayerInput {
        digest: &DIGEST,
        facts: &facts,
    };
    assert_eq!(merge(None, &[layer, layer]), merge(None, &[layer, layer]));
}

pub fn scan(layer: &[u8]) -> LayerFacts {
    scan_layer(layer, &Limits::default())
}

/// Writes a layer of files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(content.len().try_into().expect("a length"));
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, *content)
            .expect("write in memory");
    }
    builder.into_inner().expect("write in memory")
}
