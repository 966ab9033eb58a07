//! Both forms of build information, in programs of every word size and order of bytes.

use super::*;
use crate::analyzers::binary::testing::{elf, elf_of};
use crate::analyzers::binary::{Binary, ProductTable};
use crate::analyzers::tests::analyze;
use crate::facts::FoundPackage;

const MODULES: &str = "path\ta/b\nmod\ta/b\tv1.0.0\t\ndep\tc/d\tv2.0.0+incompatible\th1:x=\n";

fn marked(modules: &str) -> Vec<u8> {
    [&[7; 16], modules.as_bytes(), &[9; 16]].concat()
}

/// The form since Go 1.18.
fn inline_form(toolchain: &str, modules: &str) -> Vec<u8> {
    let mut form = [MAGIC, &[8, 2], &[0; 16]].concat();
    for text in [toolchain.as_bytes(), &marked(modules)] {
        let mut length = text.len();
        while length >= 0x80 {
            form.push(0x80 | u8::try_from(length & 0x7f).unwrap());
            length >>= 7;
        }
        form.push(u8::try_from(length).unwrap());
        form.extend(text);
    }
    form
}

/// The form before Go 1.18, at the start of the only section of a program.
fn pointer_form(wide: bool, big: bool) -> Vec<u8> {
    let width = if wide { 8 } else { 4 };
    let start = if wide { 120 } else { 84 };
    let number = |value: usize| {
        let bytes = u64::try_from(value).unwrap().to_be_bytes();
        let mut bytes = bytes[8 - width..].to_vec();
        if !big {
            bytes.reverse();
        }
        bytes
    };
    let (toolchain, modules) = (b"go1.17.3", marked(MODULES));
    let base = 0x40_0000 + start;
    let headers = 64;
    let texts = headers + 4 * width;
    let mut form = [MAGIC, &[u8::try_from(width).unwrap(), u8::from(big)]].concat();
    form.extend([number(base + headers), number(base + headers + 2 * width)].concat());
    form.resize(headers, 0);
    form.extend([number(base + texts), number(toolchain.len())].concat());
    form.extend(
        [
            number(base + texts + toolchain.len()),
            number(modules.len()),
        ]
        .concat(),
    );
    form.extend(toolchain);
    form.extend(modules);
    form
}

fn packages(program: &[u8]) -> Vec<String> {
    let content = ProgramContent::in_memory(program);
    let mut found = Observations::default();
    read(
        &content,
        &crate::analyzers::binary::kinds::layout(&content),
        "x",
        &mut found,
    );
    let each = |found: &FoundPackage| format!("{} {}", found.package.name, found.package.version);
    found.packages.iter().map(each).collect()
}

#[test]
fn the_inline_form_is_read_wherever_it_lies() {
    let wanted = ["stdlib 1.22.1", "a/b v1.0.0", "c/d v2.0.0+incompatible"];
    let form = inline_form("go1.22.1", MODULES);
    let shifted = [&[0; 7][..], &form].concat();
    let far = [vec![0; (1 << 20) - 5], form.clone()].concat();
    assert_eq!(packages(&elf(&[(".go.buildinfo", &form)])), wanted);
    assert_eq!(packages(&elf(&[(".data", &shifted)])), wanted);
    assert_eq!(packages(&elf(&[(".data", &far)])), wanted);
    assert_eq!(packages(&form), wanted, "headers are not needed");
}

#[test]
fn modules_are_of_the_platform_that_their_program_is_for() {
    let mut program = elf(&[(".go.buildinfo", &inline_form("go1.22.1", MODULES))]);
    program[18] = 183;
    let found = analyze(
        &Binary::knowing(ProductTable::compiled()),
        "usr/bin/x",
        &program,
    );
    let platforms: Vec<&str> = found.packages.iter().map(|it| &*it.platform).collect();
    assert_eq!(platforms, ["linux/arm64"; 3]);
}

#[test]
fn the_pointer_form_is_read_in_every_program() {
    for (wide, big) in [(true, false), (true, true), (false, false), (false, true)] {
        let section = pointer_form(wide, big);
        let program = elf_of(&[(".go.buildinfo", &section)], wide, big);
        let wanted = ["stdlib 1.17.3", "a/b v1.0.0", "c/d v2.0.0+incompatible"];
        assert_eq!(packages(&program), wanted, "wide {wide} big {big}");
    }
}

#[test]
fn a_program_that_mentions_the_magic_is_none() {
    let text = [
        MAGIC,
        b"\0 is what the header starts with, and then come text and more",
    ]
    .concat();
    assert!(packages(&elf(&[(".rodata", &text)])).is_empty());
    let real = inline_form("go1.22.1", MODULES);
    assert_eq!(
        packages(&elf(&[(".rodata", &text), (".data", &real)])).len(),
        3
    );
}

#[test]
fn damage_is_never_a_panic() {
    let programs = [
        elf(&[(".go.buildinfo", &inline_form("go1.22.1", MODULES))]),
        elf_of(
            &[(".go.buildinfo", &pointer_form(false, true))],
            false,
            true,
        ),
    ];
    for program in programs {
        for at in 0..program.len() {
            packages(&program[..at]);
            for value in [0, 0x7f, 0xff] {
                let mut damaged = program.clone();
                damaged[at] = value;
                packages(&damaged);
            }
        }
    }
}
