//! Programs built in code, for the tests of this folder.

/// Where the only segment is loaded to.
const BASE: usize = 0x40_0000;

/// Writes an ELF file of 64 bits whose sections are these, in a segment loaded to 0x400000.
pub(crate) fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    elf_of(sections, true, false)
}

/// The same of any word size and order of bytes.
pub(crate) fn elf_of(sections: &[(&str, &[u8])], wide: bool, big: bool) -> Vec<u8> {
    let form = Form { wide, big };
    let (head, segment, _) = form.header_bytes();
    let start = head + segment;
    let mut body = Vec::new();
    let mut names = vec![0];
    let mut places = vec![(0, 0, 0)];
    for (name, content) in sections {
        body.resize(body.len().next_multiple_of(16), 0);
        places.push((names.len(), start + body.len(), content.len()));
        names.extend(name.bytes().chain([0]));
        body.extend_from_slice(content);
    }
    places.push((0, start + body.len(), names.len()));
    body.extend(names);
    let table = start + body.len();
    let mut file = form.head(table, places.len());
    file.extend(body);
    for place in places {
        file.extend(form.section(place));
    }
    file
}

/// Writes a Go program's table with these names of functions, in the form whose magic number ends so.
pub(crate) fn go_functions(magic: u8, wide: bool, big: bool, names: &[&str]) -> Vec<u8> {
    let form = Form { wide, big };
    let width = if wide { 8 } else { 4 };
    let ended = names.iter().map(|name| [name.as_bytes(), b"\0"].concat());
    let names: Vec<u8> = ended.flatten().collect();
    let start = 8 + 8 * width;
    let mut fields = vec![7; if magic == 0xfa { 2 } else { 3 }];
    fields.extend([start, start + names.len()]);
    fields.resize(8, 9);
    let mut table = form.number(0xffff_ff00 | usize::from(magic), 4);
    table.extend([0, 0, 1, u8::try_from(width).unwrap()]);
    table.extend(fields.into_iter().flat_map(|field| form.word(field)));
    table.extend(names);
    table
}

struct Form {
    wide: bool,
    big: bool,
}

impl Form {
    /// Sizes of the file's, the segment's and a section's header.
    fn header_bytes(&self) -> (usize, usize, usize) {
        if self.wide {
            (64, 56, 64)
        } else {
            (52, 32, 40)
        }
    }

    fn number(&self, value: usize, width: usize) -> Vec<u8> {
        let bytes = u64::try_from(value).unwrap().to_be_bytes();
        let mut bytes = bytes[8 - width..].to_vec();
        if !self.big {
            bytes.reverse();
        }
        bytes
    }

    fn word(&self, value: usize) -> Vec<u8> {
        self.number(value, if self.wide { 8 } else { 4 })
    }

    fn half(&self, value: usize) -> Vec<u8> {
        self.number(value, 2)
    }

    /// The file's header and the segment's, which maps all up to the table of sections.
    fn head(&self, table: usize, sections: usize) -> Vec<u8> {
        let (head, segment, section) = self.header_bytes();
        let (class, data) = (1 + u8::from(self.wide), 1 + u8::from(self.big));
        let mut file = vec![0x7f, b'E', b'L', b'F', class, data, 1];
        file.resize(16, 0);
        file.extend([self.half(2), self.half(62), self.number(1, 4)].concat());
        file.extend([self.word(BASE), self.word(head), self.word(table)].concat());
        file.extend([self.number(0, 4), self.half(head), self.half(segment)].concat());
        let counts = [1, section, sections, sections - 1];
        file.extend(counts.map(|count| self.half(count)).concat());
        let spans = [0, BASE, 0, table, table]
            .map(|span| self.word(span))
            .concat();
        let (kind, flags) = (self.number(1, 4), self.number(5, 4));
        file.extend(if self.wide {
            [kind, flags, spans, self.word(16)].concat()
        } else {
            [kind, spans, flags, self.word(16)].concat()
        });
        file
    }

    fn section(&self, (name, at, length): (usize, usize, usize)) -> Vec<u8> {
        let kind = usize::from(length > 0);
        let parts = [
            self.number(name, 4),
            self.number(kind, 4),
            self.word(2),
            self.word(0),
            self.word(at),
            self.word(length),
            self.number(0, 8),
            self.word(1),
            self.word(0),
        ];
        parts.concat()
    }
}
