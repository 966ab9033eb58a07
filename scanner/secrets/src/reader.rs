//! Texts to secrets: what stands around each keyword, in a window that moves over the text.

use std::ops::Range;

use zeroize::{Zeroize, Zeroizing};

use crate::file_kind::{FileKind, file_kind};
use crate::keywords::{Keywords, LONGEST};
use crate::private_key::pieces;
use crate::rule::{Hit, Rule, RuleInfo, Sure};
use crate::rules::{TABLES, composed, settings::SETTINGS};
use crate::secret::{Secret, SecretHash, SecretKind, SecretSalt};
use crate::site::{AFTER, BEFORE, Site};
use crate::{assignment, command, jwt, login, private_key, url};

/// Most secrets that are told of one text; one that holds more holds at least so many.
pub const MAX_SECRETS: usize = 1000;
/// Bytes of a text that arrive before they are looked at.
const CHUNK: usize = 64 * 1024;
/// Bytes of the window: what has been looked at and is still context, what is looked at, and what
/// follows.
const WINDOW: usize = BEFORE + CHUNK + AFTER;
/// Bytes in which a NUL makes a file a binary one.
const SNIFFED: usize = 8 * 1024;

type Look = Box<dyn Fn(&Site<'_>) -> Option<Hit> + Send + Sync>;

/// Rules, ready to be used on any number of texts.
pub struct SecretRules {
    texts: Keywords,
    binaries: Keywords,
    rules: Vec<Look>,
    infos: Vec<&'static RuleInfo>,
}

impl SecretRules {
    /// Gives the rules that come with the program.
    pub fn built_in() -> Self {
        let (mut formats, mut places) = (Vec::new(), Vec::new());
        let mut rules: Vec<Look> = Vec::new();
        let mut infos = Vec::new();
        for token in TABLES.into_iter().flatten() {
            infos.push(&token.info);
            formats.extend(token.keywords.iter().map(|word| (*word, rules.len())));
            rules.push(Box::new(|site| token.look(site)));
        }
        for (rule, is_format) in others() {
            infos.extend_from_slice(rule.infos);
            let words = if is_format { &mut formats } else { &mut places };
            words.extend(rule.keywords.iter().map(|word| (*word, rules.len())));
            rules.push(Box::new(rule.look));
        }
        infos.extend(SETTINGS.iter().map(|setting| &setting.info));
        let binaries = Keywords::in_binaries(&formats);
        formats.append(&mut places);
        Self {
            texts: Keywords::in_texts(&formats),
            binaries,
            rules,
            infos,
        }
    }

    /// Lists what the rules find, by name.
    pub fn infos(&self) -> &[&'static RuleInfo] {
        &self.infos
    }

    /// Finds the secrets in a whole text, in their order, no more than [`MAX_SECRETS`].
    ///
    /// The path, from the root of the image, tells what kind of file it is.
    pub fn find(&self, salt: &SecretSalt, path: &str, content: &[u8]) -> Vec<Secret> {
        let mut found = Found::new(path);
        found.scan(self, salt, content, content.len());
        found.finish()
    }

    /// Tells where a text holds secrets, in bytes from its start, in order and perhaps overlapping; none
    /// where there may be more than are told.
    pub(crate) fn spans(&self, path: &str, content: &[u8]) -> Option<Vec<Range<usize>>> {
        let mut found = Found::new(path);
        found.scan(self, &SecretSalt::new(&[0; 32]), content, content.len());
        let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let spans = found.secrets.iter();
        let spans = spans.map(|(secret, end, _)| position(secret.offset)..position(*end));
        let mut spans: Vec<_> = spans.collect();
        spans.sort_by_key(|span| (span.start, span.end));
        (spans.len() < MAX_SECRETS).then_some(spans)
    }

    /// Begins a text that comes in pieces. It finds what [`Self::find`] finds in the whole, with
    /// about 80 KiB of memory, or what the text takes that has `bytes` in all.
    pub fn reader<'a>(&'a self, salt: &'a SecretSalt, path: &str, bytes: u64) -> SecretReader<'a> {
        let room = usize::try_from(bytes).unwrap_or(WINDOW).min(WINDOW);
        SecretReader {
            rules: self,
            salt,
            window: Zeroizing::new(Vec::with_capacity(room)),
            found: Found::new(path),
        }
    }
}

/// The rules that are no table, and whether they know a secret by its format alone, and so in
/// binary files too.
fn others() -> impl Iterator<Item = (&'static Rule, bool)> {
    let formats = private_key::RULES.iter().chain(&composed::RULES);
    let formats = formats.chain([&jwt::RULE]).map(|rule| (rule, true));
    let places = login::RULES
        .iter()
        .chain(&command::RULES)
        .chain([&url::RULE, &assignment::RULE]);
    formats.chain(places.map(|rule| (rule, false)))
}

/// A text that comes in pieces.
pub struct SecretReader<'a> {
    rules: &'a SecretRules,
    salt: &'a SecretSalt,
    window: Zeroizing<Vec<u8>>,
    found: Found,
}

impl SecretReader<'_> {
    /// Takes the next piece, of any length.
    pub fn push(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = WINDOW.saturating_sub(self.window.len()).min(piece.len());
            let (now, later) = piece.split_at(room);
            self.make_room(now.len());
            // Within the capacity, so that nothing is left behind elsewhere.
            self.window.extend_from_slice(now);
            piece = later;
            if self.window.len() == WINDOW {
                let settled = WINDOW - AFTER;
                self.found
                    .scan(self.rules, self.salt, &self.window, settled);
                self.found.pass(&mut self.window, settled - BEFORE);
            }
        }
    }

    /// Makes room where a text is longer than it was said to be.
    fn make_room(&mut self, bytes: usize) {
        if self.window.capacity() - self.window.len() < bytes {
            let mut larger = Zeroizing::new(Vec::with_capacity(WINDOW));
            larger.extend_from_slice(&self.window);
            self.window = larger;
        }
    }

    /// Tells whether as many secrets were found as are looked for: there may be more.
    pub fn is_full(&self) -> bool {
        self.found.secrets.len() >= MAX_SECRETS
    }

    /// Ends the text and gives its secrets.
    pub fn finish(mut self) -> Vec<Secret> {
        let end = self.window.len();
        self.found.scan(self.rules, self.salt, &self.window, end);
        self.found.finish()
    }
}

/// What was found of a text so far, and where its window stands.
struct Found {
    file: FileKind,
    is_binary: Option<bool>,
    secrets: Vec<(Secret, u64, Sure)>,
    /// Where the window begins in the text, and how many lines ended before; where the line begins
    /// in which it does.
    base: u64,
    lines: u64,
    line_start: u64,
    /// How much of the window has been looked at.
    done: usize,
}

impl Found {
    fn new(path: &str) -> Self {
        Self {
            file: file_kind(path),
            is_binary: None,
            secrets: Vec::new(),
            base: 0,
            lines: 0,
            line_start: 0,
            done: 0,
        }
    }

    /// Looks at the keywords of a window that begin before `settled`.
    fn scan(&mut self, rules: &SecretRules, salt: &SecretSalt, window: &[u8], settled: usize) {
        let sniffed = window.get(..SNIFFED.min(window.len())).unwrap_or_default();
        let is_binary = *self
            .is_binary
            .get_or_insert_with(|| memchr::memchr(0, sniffed).is_some());
        // Libraries hold keys with which they test themselves.
        self.file.is_published |= is_binary && self.file.is_library;
        let done = self.done;
        let end = settled.saturating_add(LONGEST).min(window.len());
        let ahead = window.get(done..end).unwrap_or_default();
        let keywords = if is_binary {
            &rules.binaries
        } else {
            &rules.texts
        };
        let mut place = (0, self.lines, self.line_start);
        keywords.each(ahead, |start, end, rule| {
            let at = done + start;
            if at >= settled || self.secrets.len() >= MAX_SECRETS {
                return;
            }
            let from = at.saturating_sub(BEFORE);
            let to = (at + AFTER).min(window.len());
            let site = Site {
                text: window.get(from..to).unwrap_or_default(),
                at: at - from,
                end: done + end - from,
                file: self.file,
            };
            let hit = rules.rules.get(rule).and_then(|look| look(&site));
            if let Some(hit) = hit {
                place = self.place(window, place, from + hit.start);
                self.keep(salt, &site, &hit, place);
            }
        });
        self.done = settled;
    }

    /// Counts lines up to a position, from one before where that is possible.
    fn place(&self, window: &[u8], from: (usize, u64, u64), at: usize) -> (usize, u64, u64) {
        let (start, mut lines, mut line_start) = if from.0 <= at {
            from
        } else {
            (0, self.lines, self.line_start)
        };
        for end in memchr::memchr_iter(b'\n', window.get(start..at).unwrap_or_default()) {
            lines += 1;
            line_start = self.base + (start + end + 1) as u64;
        }
        (at, lines, line_start)
    }

    fn keep(&mut self, salt: &SecretSalt, site: &Site<'_>, hit: &Hit, place: (usize, u64, u64)) {
        let (at, lines, line_start) = place;
        let offset = self.base + at as u64;
        let value = site.slice(hit.start, hit.end);
        let secret = Secret {
            rule: hit.info.id,
            title: hit.info.title,
            kind: hit.info.kind,
            severity: hit.info.severity,
            offset,
            line: lines + 1,
            column: offset.saturating_sub(line_start) + 1,
            hash: hash(salt, hit.info, value),
        };
        let length = (hit.end - hit.start) as u64;
        let is_known =
            |kept: &(Secret, u64, Sure)| kept.0.offset == offset && kept.0.rule == secret.rule;
        if !self.secrets.iter().rev().take(8).any(is_known) {
            self.secrets.push((secret, offset + length, hit.sure));
        }
    }

    /// Takes the first bytes of a window away.
    fn pass(&mut self, window: &mut Vec<u8>, bytes: usize) {
        let passed = window.get(..bytes).unwrap_or_default();
        self.lines += memchr::memchr_iter(b'\n', passed).count() as u64;
        if let Some(end) = memchr::memrchr(b'\n', passed) {
            self.line_start = self.base + end as u64 + 1;
        }
        self.base += bytes as u64;
        self.done -= bytes;
        let rest = window.len() - bytes;
        window.copy_within(bytes.., 0);
        if let Some(old) = window.get_mut(rest..) {
            old.zeroize();
        }
        window.truncate(rest);
    }

    /// Leaves, of what overlaps, what is surest.
    fn finish(mut self) -> Vec<Secret> {
        self.secrets.sort_by(|left, right| {
            let of = |kept: &(Secret, u64, Sure)| (kept.0.offset, std::cmp::Reverse(kept.2));
            of(left).cmp(&of(right)).then(right.1.cmp(&left.1))
        });
        let mut kept: Vec<(Secret, u64, Sure)> = Vec::new();
        for next in self.secrets {
            match kept.last() {
                Some((_, end, sure)) if *end > next.0.offset => {
                    if next.2 > *sure {
                        kept.pop();
                        kept.push(next);
                    }
                }
                _ => kept.push(next),
            }
        }
        kept.into_iter().map(|(secret, ..)| secret).collect()
    }
}

/// Hashes a value; of a key its letters alone, so that it is the same however its lines are broken.
fn hash(salt: &SecretSalt, info: &RuleInfo, value: &[u8]) -> SecretHash {
    if info.kind == SecretKind::PrivateKey && value.starts_with(b"-----") {
        salt.hash(pieces(value))
    } else {
        salt.hash(std::iter::once(value))
    }
}
