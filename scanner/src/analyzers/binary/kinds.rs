//! Which kind of program a file is, and so who reads its headers.

use super::content::ProgramContent;
use super::layout::Layout;
use super::{elf, macho, pe};

/// Reads the headers of whatever kind of program it is.
pub(super) fn layout(content: &ProgramContent<'_>) -> Layout {
    let head = content.read_up_to(0, 4).unwrap_or_default();
    let read = match head.as_ref() {
        [0x7f, b'E', b'L', b'F'] => elf::layout(content),
        [b'M', b'Z', ..] => pe::layout(content),
        _ => macho::layout(content),
    };
    read.unwrap_or_else(Layout::empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(width: u8, order: u8, conventions: u8, machine: u16) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', width, order, 1, conventions];
        head.resize(18, 0);
        let machine = if order == 2 {
            machine.to_be_bytes()
        } else {
            machine.to_le_bytes()
        };
        head.extend(machine);
        head
    }

    fn padded(head: &[u8], bytes: usize) -> Vec<u8> {
        let mut program = head.to_vec();
        program.resize(bytes, 0);
        program
    }

    #[test]
    fn headers_say_what_a_program_runs_on() {
        let mut dos = padded(b"MZ", 0x3c);
        dos.push(64);
        let pe = [padded(&dos, 64), padded(b"PE\0\0\x64\xaa", 56)].concat();
        for (program, wanted) in [
            (elf(2, 1, 0, 62), "linux/amd64"),
            (elf(2, 1, 3, 183), "linux/arm64"),
            (elf(1, 1, 0, 3), "linux/386"),
            (elf(2, 2, 0, 22), "linux/s390x"),
            (elf(2, 2, 0, 21), "linux/ppc64"),
            (elf(1, 1, 9, 40), "/arm"),
            (elf(1, 1, 0, 62), "linux/"),
            (elf(2, 1, 9, 999), "/"),
            (pe, "windows/arm64"),
            (b"MZ no header".to_vec(), ""),
            (padded(b"\xcf\xfa\xed\xfe\x07\0\0\x01", 32), "darwin/amd64"),
            (b"\x7fELF".to_vec(), ""),
        ] {
            let layout = layout(&ProgramContent::in_memory(&program));
            assert_eq!(layout.platform, wanted, "{program:?}");
        }
    }
}
