//! What each analyzer claims and finds: in its own samples, and in those cut, doubled and otherwise
//! spoiled.

use std::io::Write as _;

use sluicegate_model::coverage::{Gap, GapKind};

use super::Transcript;
use super::pins::Row;
use crate::analyzer::{AnalyzeError, Analyzer, SpooledFile};
use crate::analyzers::samples;
use crate::analyzers::tests::analyze;
use crate::facts::Observations;
use crate::limits::Limits;
use crate::plugin_set::PluginSet;

/// One row for each analyzer that the program has.
pub(super) fn rows() -> Vec<Row> {
    PluginSet::built_in().analyzers().map(row).collect()
}

fn row(analyzer: &dyn Analyzer) -> Row {
    let id = analyzer.id();
    let mut transcript = Transcript::default();
    transcript.note("claims", &format!("{:?}", analyzer.claims()));
    let most = [analyzer.max_file_bytes(), analyzer.max_spooled_bytes()];
    transcript.note("bytes", &most);
    let pair = analyzer.pair().map(|pair| (pair.file, pair.beside));
    transcript.note("pair", &pair);
    let samples = samples::of(id.name);
    assert!(samples.len() > 2, "{} has no samples", id.name);
    for (number, (path, content)) in samples.iter().enumerate() {
        for (how, content) in spoiled(content) {
            let found = analyze(analyzer, path, &content);
            transcript.note(format!("{number} {path} {how}"), &found);
        }
        if analyzer.max_spooled_bytes() > 0 {
            let found = spooled(path, content, |file, found| {
                analyzer.analyze_spooled(file, found)
            });
            transcript.note(format!("{number} {path} spooled"), &found);
        }
    }
    for (number, (path, file, beside)) in samples::pairs(id.name).iter().enumerate() {
        let found = spooled(path, file, |file, found| {
            let limits = Limits::default();
            let beside_content = written(beside);
            let beside = SpooledFile {
                path: "beside",
                content: &beside_content,
                size_bytes: beside.len().try_into().unwrap(),
                limits: &limits,
            };
            analyzer.analyze_pair(file, beside, found)
        });
        transcript.note(format!("pair {number} {path}"), &found);
    }
    assert_eq!(pair.is_some(), !samples::pairs(id.name).is_empty());
    transcript.row(id.name, id.revision.into())
}

/// Gives a content whole and in ways that files are found in.
fn spoiled(content: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (third, most) = (content.len() / 3, content.len().saturating_sub(1));
    let mut flipped = content.to_vec();
    if let Some(byte) = flipped.get_mut(third) {
        *byte ^= 0x15;
    }
    vec![
        ("whole", content.to_vec()),
        ("start", content[..third].to_vec()),
        ("all but the last", content[..most].to_vec()),
        ("end", content[third..].to_vec()),
        ("twice", content.repeat(2)),
        ("one byte else", flipped),
        ("windows", windows(content)),
    ]
}

fn windows(content: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

fn written(content: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn spooled(
    path: &str,
    content: &[u8],
    read: impl FnOnce(SpooledFile<'_>, &mut Observations) -> Result<(), AnalyzeError>,
) -> Observations {
    let (file, limits) = (written(content), Limits::default());
    let spooled = SpooledFile {
        path,
        content: &file,
        size_bytes: content.len().try_into().unwrap(),
        limits: &limits,
    };
    let mut found = Observations::default();
    if let Err(error) = read(spooled, &mut found) {
        let gap = Gap::partial(GapKind::FileUnreadable, error.to_string());
        found.gaps.push(gap);
    }
    found
}
