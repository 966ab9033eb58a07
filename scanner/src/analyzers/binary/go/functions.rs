//! Which packages are linked into a Go program, by its table of functions.
//!
//! The table serves stack traces, so it stays where symbols are stripped, and it names inlined functions
//! as well. Whoever has other names in it than the compiler gave has a program of which nothing is said:
//! the runtime's functions and the program's own have to be there.
//!
//! Source: Go since 1.16, `runtime/symtab.go`, `pcHeader`; `debug/gosym`, `Sym.PackageName`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};

use crate::analyzers::binary::content::{ByteOrder, ProgramContent};
use crate::analyzers::binary::layout::Layout;
use crate::analyzers::binary::scan;

/// How tables start, behind their first byte: zeros follow the rest of the magic number.
const LITTLE: &[u8] = b"\xff\xff\xff\0\0";
const BIG: &[u8] = b"\xff\xff\xff";

/// The last byte of the magic number, by the release that brought the form: 1.20, 1.18, 1.16.
const FORMS: [(u8, usize); 3] = [(0xf1, 3), (0xf0, 3), (0xfa, 2)];

/// Sections with the table; of programs for Windows it has none of its own.
const SECTIONS: [&[u8]; 3] = [b".gopclntab", b".data.rel.ro.gopclntab", b"__gopclntab"];

/// Magic, two zeros, the quantum of instructions, and the size of a pointer.
const START_BYTES: usize = 8;
const QUANTUM_AT: usize = 6;
const WIDTH_AT: usize = 7;

/// Longest names read, in bytes; those of the largest programs, Kubernetes' among them, have 12 MiB.
const MAX_NAMES_BYTES: u64 = 32 * 1024 * 1024;

/// Most packages of a program, and most that their names take, in bytes.
const MAX_PACKAGES: usize = 16_384;
const MAX_PACKAGE_BYTES: usize = 1024 * 1024;

/// Most places tried where no section is called so.
const MAX_PLACES: usize = 64;

/// What every program has: the runtime, and the package in which it begins.
const RUNTIME: &str = "runtime";
pub(super) const MAIN: &str = "main";

/// Lists the packages that have functions in a program, by their import paths; none where that cannot
/// be told.
pub(super) fn packages(content: &ProgramContent<'_>, layout: &Layout) -> Option<BTreeSet<String>> {
    let sections = layout.sections.iter();
    let named = sections.filter(|section| SECTIONS.contains(&section.name.as_slice()));
    let places: Vec<u64> = named.map(|section| section.range.start).collect();
    let places = if places.is_empty() {
        anywhere(content)
    } else {
        places
    };
    let mut names = places.into_iter().filter_map(|at| names(content, at));
    names.find_map(|names| of_names(&names))
}

/// Finds the places where a table may start.
fn anywhere(content: &ProgramContent<'_>) -> Vec<u64> {
    let finder = Finder::new(LITTLE);
    let mut places = Vec::new();
    scan::pieces(content, START_BYTES, |start, piece| {
        for at in finder.find_iter(piece) {
            let before = at.checked_sub(1);
            let first = before.and_then(|before| Some((before, *piece.get(before)?)));
            if let Some((before, first)) = first
                && FORMS.iter().any(|(form, _)| *form == first)
                && places.len() < MAX_PLACES
            {
                places.push(start + scan::offset(before));
            }
        }
    });
    places.dedup();
    places
}

/// Reads the names of functions of the table at a place.
fn names<'a>(content: &ProgramContent<'a>, at: u64) -> Option<Cow<'a, [u8]>> {
    let start = content.read(at, START_BYTES)?;
    let (order, form) = match start.as_ref() {
        [form, rest @ ..] if rest.starts_with(LITTLE) => (ByteOrder::Little, *form),
        [rest @ .., _, _, _, _, _] if rest == BIG => (ByteOrder::Big, *start.get(BIG.len())?),
        _ => return None,
    };
    let (_, fields_before) = FORMS.iter().find(|(known, _)| *known == form)?;
    let width = usize::from(*start.get(WIDTH_AT)?);
    if !matches!(width, 4 | 8) || !matches!(start.get(QUANTUM_AT)?, 1 | 2 | 4) {
        return None;
    }
    let fields = content.read(at.checked_add(scan::offset(START_BYTES))?, width * 5)?;
    let field = |index: usize| at.checked_add(order.field(&fields, index * width, width)?);
    let range: Range<u64> = field(*fields_before)?..field(fields_before + 1)?;
    if range.end.checked_sub(range.start)? > MAX_NAMES_BYTES {
        return None;
    }
    content.read_range(&range)
}

/// Gives the packages of functions; none where the names are not those that a compiler gives.
fn of_names(names: &[u8]) -> Option<BTreeSet<String>> {
    let mut packages = BTreeSet::new();
    let mut last: &[u8] = &[];
    let (mut from, mut bytes) = (0, 0);
    for end in memchr_iter(0, names) {
        let name = names.get(from..end).unwrap_or_default();
        from = end + 1;
        let Some(package) = package(name).filter(|package| *package != last) else {
            continue;
        };
        last = package;
        let path = unescaped(package)?;
        bytes += path.len();
        packages.insert(path);
        if packages.len() > MAX_PACKAGES || bytes > MAX_PACKAGE_BYTES {
            return None;
        }
    }
    let is_whole = packages.contains(RUNTIME) && packages.contains(MAIN);
    is_whole.then_some(packages)
}

/// Gives the part of a function's name that is its package, as written; none of what the compiler adds.
fn package(name: &[u8]) -> Option<&[u8]> {
    let is_made = [&b"go:"[..], b"type:", b"go.", b"type."];
    if is_made.iter().any(|start| name.starts_with(start)) {
        return None;
    }
    // What stands in brackets are types of others.
    let own = name.get(..memchr(b'[', name).unwrap_or(name.len()))?;
    let element = memrchr(b'/', own).map_or(0, |slash| slash + 1);
    let dot = memchr(b'.', own.get(element..)?)?;
    own.get(..element + dot)
}

/// Puts the characters back that the linker escapes: `yaml%2ev3`.
fn unescaped(package: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(package.len());
    let mut rest = package;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let mut byte = [*first];
        rest = after;
        if digits.is_some_and(|digits| hex::decode_to_slice(digits, &mut byte).is_ok()) {
            rest = after.get(2..)?;
        }
        plain.extend(byte);
    }
    String::from_utf8(plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::binary::kinds;
    use crate::analyzers::binary::testing::{elf, elf_of, go_functions as table};

    const NAMES: [&str; 9] = [
        "go:buildid",
        "type:.eq.x/y.T",
        "runtime.main",
        "main.main",
        "memeqbody",
        "gopkg.in/yaml%2ev3.Unmarshal",
        "golang.org/x/net/http2.(*Framer).ReadFrame",
        "golang.org/x/net/http2/hpack.init",
        "slices.Sort[go.shape.[]a.b/c.T,go.shape.int]",
    ];

    const WANTED: [&str; 6] = [
        "golang.org/x/net/http2",
        "golang.org/x/net/http2/hpack",
        "gopkg.in/yaml.v3",
        "main",
        "runtime",
        "slices",
    ];

    fn read(program: &[u8]) -> Option<Vec<String>> {
        let content = ProgramContent::in_memory(program);
        let packages = packages(&content, &kinds::layout(&content))?;
        Some(packages.into_iter().collect())
    }

    #[test]
    fn packages_are_read_in_every_form_and_place() {
        for (form, _) in FORMS {
            for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
                let table = table(form, wide, big, &NAMES);
                let program = elf_of(&[(".gopclntab", &table)], wide, big);
                assert_eq!(read(&program).unwrap(), WANTED, "{form:x} {wide} {big}");
            }
            let table = table(form, true, false, &NAMES);
            let far = [vec![0; (1 << 20) - 3], table].concat();
            assert_eq!(read(&elf(&[(".rodata", &far)])).unwrap(), WANTED);
        }
    }

    #[test]
    fn names_that_no_compiler_gives_say_nothing() {
        for names in [
            &["main.main", "golang.org/x/net/http2.F"][..],
            &["runtime.main", "golang.org/x/net/http2.F"],
            &["runtime.main", "main%ff.main", "main.main", "\u{1F600}"],
            &[],
        ] {
            let found = read(&elf(&[(".gopclntab", &table(0xf1, true, false, names))]));
            assert_eq!(found, None, "{names:?}");
        }
    }

    #[test]
    fn damage_is_never_a_panic() {
        let program = elf(&[(".gopclntab", &table(0xf1, true, false, &NAMES))]);
        for at in 0..program.len() {
            read(&program[..at]);
            for value in [0, 0x7f, 0xff] {
                let mut damaged = program.clone();
                damaged[at] = value;
                read(&damaged);
            }
        }
    }
}
