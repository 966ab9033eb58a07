//! What verdicts changed, as entries of the record: one for all that changed alike, and none longer
//! than a line may be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluicegate_engine::ledger::{Basis, Turn, TurnBasis, Turned, Weaknesses};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Audience, Domain};

use super::line::{LineWeaknesses, TurnEntry};

/// Most images of one entry: each takes up to about 350 bytes.
const MAX_IMAGES: usize = 50;
/// Most bytes of the weaknesses of one entry, as JSON.
const MAX_FOUND_BYTES: usize = 24 * 1024;
/// Most exceptions that an entry names, and the longest of their names, in characters.
const MAX_ALLOWED_BY: usize = 20;
const MAX_ALLOWED_CHARS: usize = 200;
/// Bytes of a package beside its names.
const BESIDE_BYTES: usize = 40;

/// What verdicts have in common that are told of in one entry.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    domain: Domain,
    audience: Audience,
    before: Option<Decision>,
    after: Option<Decision>,
    basis: Option<TurnBasis>,
    allowed_by: Vec<String>,
    found: Turned,
}

/// Makes the entry that tells that verdicts rest on something else from now on.
pub(crate) fn basis_entry(basis: &Basis, now: Timestamp) -> TurnEntry {
    TurnEntry {
        time: now,
        images: Vec::new(),
        reported_by: None,
        audience: Vec::new(),
        before: None,
        after: None,
        policies: Some(basis.policies.clone()),
        feeds: Some(basis.feeds.as_str().to_owned()),
        scanner: Some(cut(&basis.fingerprint)),
        allowed_by: Vec::new(),
        whole: false,
        added: Vec::new(),
        removed: Vec::new(),
    }
}

/// Makes the entries, in no order that says anything.
pub(crate) fn entries(turns: Vec<Turn>) -> Vec<TurnEntry> {
    let mut groups: BTreeMap<Alike, (Timestamp, Vec<String>)> = BTreeMap::new();
    for turn in turns {
        let image = format!("{}@{}", turn.image.repository, turn.image.digest);
        let alike = Alike {
            domain: turn.image.domain,
            audience: turn.audience,
            before: turn.before,
            after: turn.after,
            basis: turn.basis,
            allowed_by: turn.allowed_by,
            found: turn.found,
        };
        let (time, images) = groups.entry(alike).or_insert((turn.time, Vec::new()));
        *time = turn.time.max(*time);
        images.push(image);
    }
    let entries = groups.into_iter().flat_map(|(alike, (time, images))| {
        let parts: Vec<TurnEntry> = images
            .chunks(MAX_IMAGES)
            .flat_map(|images| alike.entries(time, images))
            .collect();
        parts
    });
    entries.collect()
}

impl Alike {
    fn entries(&self, time: Timestamp, images: &[String]) -> Vec<TurnEntry> {
        let mut pieces = pieces(&self.found);
        if pieces.is_empty() {
            pieces.push(Piece::default());
        }
        let entry = |(at, piece): (usize, Piece)| TurnEntry {
            time,
            images: images.to_vec(),
            reported_by: self.domain.shown(),
            audience: bounded(self.audience.bindings()),
            before: self.before,
            after: self.after,
            policies: self.basis.as_ref().map(|basis| basis.policies.clone()),
            feeds: self.basis.as_ref().map(|it| it.feeds.as_str().to_owned()),
            scanner: self.basis.as_ref().map(|it| cut(&it.scanner)),
            allowed_by: bounded(&self.allowed_by),
            whole: self.found.is_whole && at == 0,
            added: piece.added,
            removed: piece.removed,
        };
        pieces.into_iter().enumerate().map(entry).collect()
    }
}

/// What one entry says of what was found.
#[derive(Default)]
struct Piece {
    added: Vec<LineWeaknesses>,
    removed: Vec<LineWeaknesses>,
    bytes: usize,
}

/// Cuts what was found into what an entry can hold.
fn pieces(found: &Turned) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (weaknesses, is_added) in [(&found.added, true), (&found.removed, false)] {
        add(&mut pieces, weaknesses, is_added);
    }
    pieces
}

fn add(pieces: &mut Vec<Piece>, weaknesses: &Weaknesses, is_added: bool) {
    for (package, names) in &weaknesses.0 {
        let opening = json_bytes(&package.name) + json_bytes(&package.version) + BESIDE_BYTES;
        let mut is_open = false;
        for name in names {
            let bytes = json_bytes(name);
            let is_full = |it: &Piece| it.bytes + bytes + opening > MAX_FOUND_BYTES;
            if pieces.last().is_none_or(is_full) {
                pieces.push(Piece::default());
                is_open = false;
            }
            let Some(piece) = pieces.last_mut() else {
                continue;
            };
            piece.bytes += bytes;
            let listed = if is_added {
                &mut piece.added
            } else {
                &mut piece.removed
            };
            if !std::mem::replace(&mut is_open, true) {
                piece.bytes += opening;
                listed.push(LineWeaknesses {
                    package: package.name.clone(),
                    version: package.version.clone(),
                    ids: Vec::new(),
                });
            }
            if let Some(open) = listed.last_mut() {
                open.ids.push(name.clone());
            }
        }
    }
}

fn bounded(names: &[String]) -> Vec<String> {
    let names = names.iter().take(MAX_ALLOWED_BY);
    names.map(|name| cut(name)).collect()
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_ALLOWED_CHARS).collect()
}

/// Tells how long a text is as JSON, with a comma.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(MAX_FOUND_BYTES, |json| json.len().saturating_add(1))
}
