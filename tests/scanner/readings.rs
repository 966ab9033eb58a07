//! Our reading of archives against those of Go, GNU tar, libarchive and Python.
//!
//! Whatever one of them finds, the scanner has, or it says that the layer is not read; where they all
//! agree it agrees, without a gap.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;
use sluicegate_model::Digest;
use sluicegate_model::coverage::GapKind;
use sluicegate_scanner::facts::{Event, PathHash};
use sluicegate_scanner::{LayerFacts, Limits, scan_layer};
use sluicegate_tests::seeds;

use crate::headers;

/// Archives of an ordinary run and of a long one.
const ARCHIVES: [u64; 2] = [5_000, 100_000];

/// Seeds of archives that were once read wrongly.
const FAILED: &[u64] = &[
    2_280_948_915,
    2_280_951_696,
    2_280_952_260,
    2_280_954_439,
    2_280_955_116,
    2_280_955_283,
    2_280_958_407,
    2_280_959_519,
    3_032_682_927,
    3_032_693_711,
    3_032_694_785,
    3_032_700_477,
    3_032_707_169,
    3_032_711_891,
    3_032_714_961,
    3_032_725_238,
];

const GO: &str = include_str!("readers/list.go");
const PYTHON: &str = include_str!("readers/list.py");

/// What a program has of an archive.
#[derive(Clone, Debug, Deserialize)]
struct Listing {
    /// Whether it came to the archive's end.
    whole: bool,
    /// Kind, name, target and content, all but the first in hexadecimal digits.
    entries: Vec<[String; 4]>,
}

/// One thing that is left behind: kind, path, and where a link points or what a file holds.
type Left = (String, String, String);

#[test]
fn what_any_reader_finds_is_found() {
    let seeds = seeds::seeds(ARCHIVES[0], ARCHIVES[1], FAILED);
    let last = seeds[seeds.len() - 1];
    eprintln!("archives: {} up to seed {last}", seeds.len());
    let archives: Vec<_> = seeds
        .iter()
        .map(|seed| headers::archive(&mut seeds::rng(*seed)))
        .collect();
    let mut input = Vec::new();
    for archive in &archives {
        input.extend((archive.len() as u64).to_le_bytes());
        input.extend(archive);
    }
    let python = |of: &str| {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", PYTHON, of]).env("LC_ALL", "C.UTF-8");
        command
    };
    let lists = std::thread::scope(|scope| {
        let commands = [Command::new(go()), python("libarchive"), python("python")];
        let running = commands.map(|command| scope.spawn(|| all(command, &input)));
        let gnu: Vec<_> = archives.iter().map(|archive| by_gnu_tar(archive)).collect();
        let [go, libarchive, python] = running.map(|lists| lists.join().expect("lists"));
        [go, gnu, libarchive, python]
    });
    let mut counts = [0; 3];
    let mut wrong = Vec::new();
    for (at, archive) in archives.iter().enumerate() {
        let lists = lists.each_ref().map(|lists| &lists[at]);
        match compare(archive, lists) {
            Ok(outcome) => counts[outcome as usize] += 1,
            Err(why) => wrong.push(format!("seed {}: {why}", seeds[at])),
        }
    }
    let [alike, united, refused] = counts;
    eprintln!("{alike} read alike, {united} with every reading, {refused} refused");
    let shown: Vec<_> = wrong.iter().take(8).collect();
    assert!(
        shown.is_empty(),
        "{} differ, such as {shown:#?}",
        wrong.len()
    );
    assert!(seeds.len() == 1 || (alike * 4 > seeds.len() && united * 20 > seeds.len()));
}

#[derive(Clone, Copy)]
enum Outcome {
    Alike,
    United,
    Refused,
}

fn compare(archive: &[u8], lists: [&Listing; 4]) -> Result<Outcome, String> {
    let facts = scan_layer(archive, &Limits::default());
    let left = lists.map(left_by);
    let [go, _, libarchive, python] = &left;
    let named = left.each_ref().map(without_content);
    let all_agree = lists.iter().all(|list| list.whole)
        && named.iter().all(|its| *its == named[0])
        && go == libarchive
        && go == python;
    let gaps = &facts.gaps;
    let differ = |why: String| {
        Err(format!(
            "{why}, gaps {gaps:?}, events {:?}, Go, GNU tar, libarchive, Python have {lists:?}",
            facts.events
        ))
    };
    if all_agree {
        if !gaps.is_empty() {
            return differ("all agree and the scanner does not".to_owned());
        }
        let more = facts.events.iter().find(|event| !is_left(event, &left[0]));
        if let Some(more) = more {
            return differ(format!("nobody has {more:?}"));
        }
    }
    if gaps.iter().any(|gap| gap.fatal) {
        return Ok(Outcome::Refused);
    }
    for (list, left) in lists.iter().zip(&left) {
        // Of what it stopped at, a reader has not all.
        let left = if list.whole {
            left
        } else {
            &without_content(left)
        };
        if let Some(lacking) = left.iter().find(|left| !has(&facts, left)) {
            return differ(format!("the scanner lacks {lacking:?}"));
        }
    }
    if all_agree {
        return Ok(Outcome::Alike);
    }
    let whole = lists.iter().zip(&named).filter(|(list, _)| list.whole);
    let whole: BTreeSet<_> = whole.map(|(_, named)| named).collect();
    if whole.len() > 1 && !gaps.iter().any(|gap| gap.kind == GapKind::AmbiguousLayer) {
        return differ("nothing says that readers differ".to_owned());
    }
    Ok(Outcome::United)
}

/// Gives what a program leaves behind.
fn left_by(list: &Listing) -> BTreeSet<Left> {
    let text = |digits: &String| inside(&hex::decode(digits).expect("hexadecimal digits"));
    let entries = list.entries.iter().map(|[kind, name, target, content]| {
        let rest = match kind.as_str() {
            "symlink" => text(target),
            "hardlink" => clean(&text(target)),
            "file" => text(content),
            _ => String::new(),
        };
        (kind.clone(), clean(&text(name)), rest)
    });
    entries.filter(|(_, path, _)| !path.is_empty()).collect()
}

/// Gives a name as facts have it: a byte that is no text after a mark.
fn inside(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\u{10FFFF}{byte:02x}"));
        }
    }
    text
}

/// Leaves out what files hold, which GNU tar does not list.
fn without_content(left: &BTreeSet<Left>) -> BTreeSet<Left> {
    let named = left.iter().cloned().map(|(kind, path, rest)| {
        let rest = if kind == "file" { String::new() } else { rest };
        (kind, path, rest)
    });
    named.collect()
}

fn clean(name: &str) -> String {
    let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

/// Tells whether the scanner has what a program leaves behind.
fn has(facts: &LayerFacts, (kind, path, rest): &Left) -> bool {
    let is_plain = facts.plain_paths.contains(PathHash::of(path));
    facts.events.iter().any(|event| {
        event.path() == path
            && match event {
                Event::Directory(_) => kind == "directory",
                Event::Symlink { target, .. } => kind == "symlink" && target == rest,
                Event::Hardlink { target, .. } => kind == "hardlink" && target == rest,
                Event::File(file) => {
                    let name = file.found.packages.first().map(|found| &found.package.name);
                    let stated = rest.lines().find_map(|line| line.strip_prefix("Name: "));
                    let is_read = name.map(String::as_str) == stated;
                    // GNU tar only lists, so what it has in a file is not known here. A file that begins
                    // with a hole names nothing, and the scanner says that it could not read it.
                    kind == "file" && (rest.is_empty() || is_read || !file.found.gaps.is_empty())
                }
                Event::Witness(_) | Event::Whiteout { .. } => {
                    matches!(kind.as_str(), "special" | "file")
                }
                Event::Opaque(_) => false,
            }
    }) || (is_plain && matches!(kind.as_str(), "special" | "file"))
}

/// Tells whether somebody has what the scanner has.
fn is_left(event: &Event, left: &BTreeSet<Left>) -> bool {
    left.iter().any(|(kind, path, _)| {
        let is_kind = match event {
            Event::Directory(_) => kind == "directory",
            Event::Symlink { .. } => kind == "symlink",
            Event::Hardlink { .. } => kind == "hardlink",
            Event::File(_) => kind == "file",
            _ => kind == "file" || kind == "special",
        };
        is_kind && path == event.path()
    })
}

/// Gives the program that `tests/build-programs` builds of the file beside this one.
fn go() -> PathBuf {
    let written = Digest::of(GO.as_bytes());
    let version = &written.hex()[..16];
    let folder = sluicegate_tests::programs::cache().join(format!("tar-reader@{version}"));
    let program = folder.join("tar-reader");
    assert!(
        program.exists(),
        "{} is not built; tests/build-programs builds it",
        program.display()
    );
    program
}

/// Has a program list all archives.
fn all(mut command: Command, input: &[u8]) -> Vec<Listing> {
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start a reader");
    let mut stdin = running.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("the reader takes archives"));
        running.wait_with_output().expect("the reader ends")
    });
    let text = String::from_utf8(output.stdout).expect("the reader writes text");
    let line = |line: &str| serde_json::from_str(line).expect("the reader writes JSON");
    text.lines().map(line).collect()
}

/// Has GNU tar list one archive; it does not say what files hold.
fn by_gnu_tar(archive: &[u8]) -> Listing {
    let mut running = Command::new("tar")
        .args(["--list", "--verbose", "--full-time", "--numeric-owner"])
        .args(["--quoting-style=escape", "--file=-"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start tar");
    let mut stdin = running.stdin.take().expect("it is piped");
    // It may end before it has all.
    let _ = stdin.write_all(archive);
    drop(stdin);
    let output = running.wait_with_output().expect("tar ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let entries: Option<Vec<_>> = text.lines().map(listed).collect();
    Listing {
        whole: output.status.success() && entries.is_some(),
        entries: entries.unwrap_or_default(),
    }
}

/// Reads a line of GNU tar's list: mode, owner, size, date, time, name.
fn listed(line: &str) -> Option<[String; 4]> {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.split_once(' ')?.1.trim_start_matches(' ');
    }
    // A name that is empty has lost the space after it.
    let linked = |between: &str| {
        let named = rest.split_once(between);
        named.or_else(|| Some(("", rest.strip_prefix(between.trim_start())?)))
    };
    let (name, target) = match line.as_bytes()[0] {
        b'l' => linked(" -> ")?,
        b'h' => linked(" link to ")?,
        _ => (rest, ""),
    };
    let kind = match line.as_bytes()[0] {
        b'C' if name.ends_with('/') => "directory",
        b'-' | b'C' => "file",
        b'd' => "directory",
        b'l' => "symlink",
        b'h' => "hardlink",
        b'b' | b'c' | b'p' => "special",
        _ => return None,
    };
    let hexed = |text: &str| hex::encode(unescaped(text));
    Some([kind.to_owned(), hexed(name), hexed(target), String::new()])
}

/// Reads what GNU tar writes for bytes that are no text: `\ooo`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\');
        let octal = octal.and_then(|octal| std::str::from_utf8(octal).ok());
        match octal.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}
