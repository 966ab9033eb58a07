//! Databases of each backend, built byte by byte around headers.

/// Adds a tag of an rpm header: number, type, count, bytes of the value.
pub(crate) struct HeaderBuilder {
    entries: Vec<u8>,
    store: Vec<u8>,
    count: u32,
}

impl HeaderBuilder {
    pub(crate) fn new(name: &str, version: &str, release: &str) -> Self {
        Self {
            entries: Vec::new(),
            store: Vec::new(),
            count: 0,
        }
        .text(1000, name)
        .text(1001, version)
        .text(1002, release)
    }

    pub(crate) fn text(self, tag: u32, text: &str) -> Self {
        self.tag(tag, 6, 1, &[text.as_bytes(), b"\0"].concat())
    }

    pub(crate) fn texts(self, tag: u32, texts: &[&str]) -> Self {
        let count = texts.len().try_into().unwrap();
        self.tag(tag, 8, count, (texts.join("\0") + "\0").as_bytes())
    }

    pub(crate) fn numbers(self, tag: u32, numbers: &[u32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.tag(tag, 4, numbers.len().try_into().unwrap(), &bytes)
    }

    pub(crate) fn shorts(self, tag: u32, numbers: &[u16]) -> Self {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.tag(tag, 3, numbers.len().try_into().unwrap(), &bytes)
    }

    fn tag(mut self, tag: u32, kind: u32, count: u32, value: &[u8]) -> Self {
        let offset = self.store.len().try_into().unwrap();
        for field in [tag, kind, offset, count] {
            self.entries.extend(field.to_be_bytes());
        }
        self.store.extend(value);
        self.count += 1;
        self
    }

    pub(crate) fn blob(self) -> Vec<u8> {
        let store_bytes: u32 = self.store.len().try_into().unwrap();
        let mut blob = self.count.to_be_bytes().to_vec();
        blob.extend(store_bytes.to_be_bytes());
        blob.extend(self.entries);
        blob.extend(self.store);
        blob
    }
}

/// Bytes of a page in every database built here.
pub(crate) const PAGE: usize = 1024;

fn varint(number: usize) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f).try_into().unwrap()];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.insert(0, u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

fn long(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_be_bytes()
}

/// A table's leaf with the cells, from the page's end.
fn leaf(start: usize, cells: &[Vec<u8>]) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[start] = 13;
    put(&mut page, start + 3, &short(cells.len()));
    let mut end = PAGE;
    for (at, cell) in cells.iter().enumerate() {
        end -= cell.len();
        put(&mut page, end, cell);
        put(&mut page, start + 8 + 2 * at, &short(end));
    }
    put(&mut page, start + 5, &short(end));
    page
}

/// An SQLite database: the schema, an interior page, a leaf for each header, overflow pages.
pub(crate) fn sqlite(headers: &[Vec<u8>]) -> Vec<u8> {
    let sql = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";
    let mut record = vec![6, 23, 29, 29, 1];
    record.extend(varint(13 + 2 * sql.len()));
    record[0] = record.len().try_into().unwrap();
    record.extend(b"tablePackagesPackages\x02");
    record.extend(sql.as_bytes());
    let mut pages = vec![leaf(
        100,
        &[[varint(record.len()), varint(1), record].concat()],
    )];
    put(&mut pages[0], 0, b"SQLite format 3\0");
    put(&mut pages[0], 16, &short(PAGE));
    pages.push(vec![0; PAGE]);
    let mut children = Vec::new();
    for (at, header) in headers.iter().enumerate() {
        children.push(pages.len() + 1);
        let mut record = [vec![0, 0], varint(12 + 2 * header.len())].concat();
        record[0] = record.len().try_into().unwrap();
        record.extend(header);
        let cell = [varint(record.len()), varint(at + 1)].concat();
        pages.extend(row_pages(pages.len() + 2, cell, &record));
    }
    let interior = &mut pages[1];
    interior[0] = 5;
    put(interior, 3, &short(children.len() - 1));
    put(interior, 8, &long(*children.last().unwrap()));
    for (at, child) in children.iter().rev().skip(1).enumerate() {
        put(interior, 12 + 2 * at, &short(PAGE - 8 * (at + 1)));
        put(interior, PAGE - 8 * (at + 1), &long(*child));
    }
    pages.concat()
}

/// A leaf with one row, and its overflow pages, of which the first has the number `next`.
fn row_pages(mut next: usize, mut cell: Vec<u8>, record: &[u8]) -> Vec<Vec<u8>> {
    let (most, least) = (PAGE - 35, (PAGE - 12) * 32 / 255 - 23);
    let even = least + record.len().saturating_sub(least) % (PAGE - 4);
    let local = match record.len() {
        length if length <= most => length,
        _ if even <= most => even,
        _ => least,
    };
    cell.extend(&record[..local]);
    let parts: Vec<_> = record[local..].chunks(PAGE - 4).collect();
    if !parts.is_empty() {
        cell.extend(long(next));
    }
    let mut pages = vec![leaf(0, &[cell])];
    for (at, part) in parts.iter().enumerate() {
        next += 1;
        let mut page = vec![0; PAGE];
        if at + 1 < parts.len() {
            put(&mut page, 0, &long(next));
        }
        put(&mut page, 4, part);
        pages.push(page);
    }
    pages
}

/// A write-ahead log that commits these pages; the last `uncommitted` are left open.
pub(crate) fn log(pages: &[(usize, Vec<u8>)], uncommitted: usize) -> Vec<u8> {
    let sum = |from: (u32, u32), bytes: &[u8]| {
        bytes.chunks(8).fold(from, |(first, second), pair| {
            let word = |at: usize| u32::from_be_bytes(pair[at..at + 4].try_into().unwrap());
            let first = first.wrapping_add(word(0)).wrapping_add(second);
            (first, second.wrapping_add(word(4)).wrapping_add(first))
        })
    };
    let salts = [7; 8];
    let mut log = [0x377f_0683_u32, 3_007_000, PAGE.try_into().unwrap(), 0]
        .map(u32::to_be_bytes)
        .concat();
    log.extend(salts);
    let mut running = sum((0, 0), &log);
    log.extend([running.0, running.1].map(u32::to_be_bytes).concat());
    for (at, (number, page)) in pages.iter().enumerate() {
        let is_open = at + uncommitted >= pages.len() || at + 1 + uncommitted < pages.len();
        let start = log.len();
        log.extend(long(*number));
        log.extend(long(if is_open { 0 } else { 99 }));
        running = sum(running, &log[start..]);
        running = sum(running, page);
        log.extend(salts);
        log.extend([running.0, running.1].map(u32::to_be_bytes).concat());
        log.extend(page);
    }
    log
}

/// rpm's own format: one page of slots, then blobs.
pub(crate) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut slots = [b"RpmP".as_slice(), &number(0), &number(1), &number(1)].concat();
    slots.resize(32, 0);
    let mut blobs = Vec::new();
    for (at, header) in headers.iter().enumerate() {
        let mut blob = [b"BlbS".as_slice(), &number(at + 1), &number(1)].concat();
        blob.extend(number(header.len()));
        blob.extend(header);
        blob.resize((blob.len() + 12).next_multiple_of(16), 0);
        let offset = (4096 + blobs.len()) / 16;
        let slot = [number(at + 1), number(offset), number(blob.len() / 16)];
        slots.extend(b"Slot");
        slots.extend(slot.concat());
        blobs.extend(blob);
    }
    while slots.len() < 4096 {
        slots.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    [slots, blobs].concat()
}

/// A Berkeley DB hash table: the meta page, one page of pairs, overflow pages; little-endian.
pub(crate) fn berkeley(headers: &[Vec<u8>]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut meta = vec![0; PAGE];
    put(&mut meta, 12, &number(0x61561));
    put(&mut meta, 20, &number(PAGE));
    let mut pairs = vec![0; PAGE];
    let mut items: Vec<Vec<u8>> = vec![vec![1, 0, 0, 0, 0], vec![1, 9, 0, 0, 0]];
    let mut chains = Vec::new();
    for (at, header) in headers.iter().enumerate() {
        items.push([&[1_u8][..], &number(at + 1)].concat());
        if header.len() < 60 {
            items.push([&[1_u8][..], header].concat());
            continue;
        }
        let first = 2 + chains.len();
        items.push([&[3, 0, 0, 0][..], &number(first), &number(header.len())].concat());
        for part in header.chunks(PAGE - 26) {
            let mut page = vec![0; PAGE];
            put(&mut page, 16, &number(3 + chains.len()));
            put(
                &mut page,
                22,
                &u16::try_from(part.len()).unwrap().to_le_bytes(),
            );
            page[25] = 7;
            put(&mut page, 26, part);
            chains.push(page);
        }
    }
    put(
        &mut pairs,
        20,
        &u16::try_from(items.len()).unwrap().to_le_bytes(),
    );
    pairs[25] = 13;
    let mut end = PAGE;
    for (at, item) in items.iter().enumerate() {
        end -= item.len();
        put(&mut pairs, end, item);
        put(
            &mut pairs,
            26 + 2 * at,
            &u16::try_from(end).unwrap().to_le_bytes(),
        );
    }
    [meta, pairs, chains.concat()].concat()
}
