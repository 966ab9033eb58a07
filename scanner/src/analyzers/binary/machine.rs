//! What a program runs on, by the headers that a system reads to run it.
//!
//! Named as Go names systems and architectures, since Go's advisories do.
//!
//! Source: System V ABI, "Object Files"; Microsoft, "PE Format"; Apple, `mach/machine.h`; Go, package
//! `internal/platform`.

use super::content::{Content, Order};

/// Where an ELF file says how wide its words are, in which order its bytes are, whose conventions it
/// follows and for which machine it is.
const WIDTH_AT: usize = 4;
const ORDER_AT: usize = 5;
const CONVENTIONS_AT: usize = 7;
const MACHINE_AT: usize = 18;

/// Conventions of System V, which linkers write for Linux, and Linux's own.
const LINUX: [u8; 2] = [0, 3];

/// Where a PE file has its header, and where in that the machine is.
const PE_OFFSET_AT: usize = 0x3c;
const PE_MACHINE_AT: usize = 4;

/// Gives `system/architecture`, each part empty where the headers do not say.
pub(super) fn platform(content: &Content<'_>) -> String {
    let head = content.read_up_to(0, 64).unwrap_or_default();
    let (system, architecture) = match head.as_ref() {
        [0x7f, b'E', b'L', b'F', ..] => (elf_system(&head), elf_architecture(&head)),
        [b'M', b'Z', ..] => ("windows", pe_architecture(content, &head)),
        // Of the many forms of Mach-O, Go writes one; what a fat file holds is for several machines.
        [0xcf, 0xfa, 0xed, 0xfe, ..] => ("darwin", mach_architecture(&head)),
        _ => return String::new(),
    };
    let architecture = architecture.unwrap_or_default();
    if system.is_empty() && architecture.is_empty() {
        return String::new();
    }
    format!("{system}/{architecture}")
}

/// Linux runs programs whatever conventions they state, so other ones name no other system.
fn elf_system(head: &[u8]) -> &'static str {
    let conventions = head.get(CONVENTIONS_AT);
    let is_linux = conventions.is_some_and(|stated| LINUX.contains(stated));
    if is_linux { "linux" } else { "" }
}

fn elf_architecture(head: &[u8]) -> Option<&'static str> {
    let is_wide = *head.get(WIDTH_AT)? == 2;
    let (order, is_little) = match head.get(ORDER_AT)? {
        1 => (Order::Little, true),
        2 => (Order::Big, false),
        _ => return None,
    };
    let architecture = match (order.field(head, MACHINE_AT, 2)?, is_wide, is_little) {
        (3, false, true) => "386",
        (8, false, false) => "mips",
        (8, false, true) => "mipsle",
        (8, true, false) => "mips64",
        (8, true, true) => "mips64le",
        (21, true, false) => "ppc64",
        (21, true, true) => "ppc64le",
        (22, true, false) => "s390x",
        (40, false, true) => "arm",
        (62, true, true) => "amd64",
        (183, true, true) => "arm64",
        (243, true, true) => "riscv64",
        (258, true, true) => "loong64",
        _ => return None,
    };
    Some(architecture)
}

fn pe_architecture(content: &Content<'_>, head: &[u8]) -> Option<&'static str> {
    let order = Order::Little;
    let header = content.read_up_to(order.field(head, PE_OFFSET_AT, 4)?, 8)?;
    if !header.starts_with(b"PE\0\0") {
        return None;
    }
    let architecture = match order.field(&header, PE_MACHINE_AT, 2)? {
        0x14c => "386",
        0x1c4 => "arm",
        0x8664 => "amd64",
        0xaa64 => "arm64",
        _ => return None,
    };
    Some(architecture)
}

fn mach_architecture(head: &[u8]) -> Option<&'static str> {
    match Order::Little.field(head, 4, 4)? {
        0x0100_0007 => Some("amd64"),
        0x0100_000c => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(width: u8, order: u8, conventions: u8, machine: u16) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', width, order, 1, conventions];
        head.resize(MACHINE_AT, 0);
        let machine = if order == 2 {
            machine.to_be_bytes()
        } else {
            machine.to_le_bytes()
        };
        head.extend(machine);
        head
    }

    #[test]
    fn headers_say_what_a_program_runs_on() {
        let mut pe = b"MZ".to_vec();
        pe.resize(PE_OFFSET_AT, 0);
        pe.extend(64_u32.to_le_bytes());
        pe.extend(b"PE\0\0\x64\xaa\0\0");
        for (program, wanted) in [
            (elf(2, 1, 0, 62), "linux/amd64"),
            (elf(2, 1, 3, 183), "linux/arm64"),
            (elf(1, 1, 0, 3), "linux/386"),
            (elf(2, 2, 0, 22), "linux/s390x"),
            (elf(2, 2, 0, 21), "linux/ppc64"),
            (elf(1, 1, 9, 40), "/arm"),
            (elf(1, 1, 0, 62), "linux/"),
            (elf(2, 1, 9, 999), ""),
            (pe, "windows/arm64"),
            (b"MZ no header".to_vec(), "windows/"),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01".to_vec(), "darwin/amd64"),
            (b"\xca\xfe\xba\xbe\0\0\0\x02".to_vec(), ""),
            (b"\x7fELF".to_vec(), ""),
        ] {
            let got = platform(&Content::in_memory(&program));
            assert_eq!(got, wanted, "{program:?}");
        }
    }
}
