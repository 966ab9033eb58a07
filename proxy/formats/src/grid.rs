//! Tables for people and for `grep`: rows of words that are never broken.
//!
//! On a terminal a table is as wide as that: columns that have no room go to a second line of each
//! row, and only prose is broken, between words. In a pipe or file every row is one line and whole.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::appearance::{Appearance, Colour};
use super::text::printable;

/// Spaces between columns.
const GAP: usize = 2;
/// Spaces before what has no room on a row's first line.
const INDENT: usize = 4;
/// Hexadecimal digits that tell digests apart.
const SHORT_DIGEST: usize = 12;

/// A table that is being filled.
#[derive(Debug)]
pub struct Grid {
    header: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    whole: String,
    /// What stands for it on a terminal.
    short: Option<String>,
    colour: Option<Colour>,
}

impl Cell {
    /// A text, made printable.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self {
            whole: printable(text.as_ref()),
            short: None,
            colour: None,
        }
    }

    /// A text that a terminal is shown another one for.
    pub fn long(whole: impl AsRef<str>, short: impl AsRef<str>) -> Self {
        Self {
            short: Some(printable(short.as_ref())),
            ..Self::text(whole)
        }
    }

    /// A digest: whole in a pipe, enough of it to tell it apart on a terminal.
    pub fn digest(digest: impl AsRef<str>) -> Self {
        let digest = digest.as_ref();
        Self::long(digest, short_digest(digest))
    }

    /// An instant, to the second. Source: RFC 3339.
    pub fn time(time: impl AsRef<str>) -> Self {
        Self::text(to_the_second(time.as_ref()))
    }

    /// The same in a colour, where colours are shown.
    #[must_use]
    pub fn coloured(self, colour: Option<Colour>) -> Self {
        Self { colour, ..self }
    }

    fn shown(&self, appearance: Appearance) -> &str {
        let short = self.short.as_deref().filter(|_| appearance.width.is_some());
        short.unwrap_or(&self.whole)
    }
}

/// Gives as much of a digest as tells it apart: `sha256:` and twelve digits.
pub fn short_digest(digest: &str) -> &str {
    let end = digest.find(':').map_or(0, |colon| colon + 1) + SHORT_DIGEST;
    digest.get(..end).unwrap_or(digest)
}

/// Leaves the fraction of a second out.
pub fn to_the_second(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) if seconds.contains('T') => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{seconds}{zone}")
        }
        _ => time.to_owned(),
    }
}

impl Grid {
    /// Begins a table.
    pub fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            header: header.into_iter().map(Cell::text).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, with as many cells as the header has.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes the table with its header.
    pub fn write(&self, appearance: Appearance, out: &mut dyn Write) -> io::Result<()> {
        self.write_rows(Some(&self.header), appearance, out)
    }

    /// Writes the rows alone.
    pub fn write_without_header(
        &self,
        appearance: Appearance,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.write_rows(None, appearance, out)
    }

    fn write_rows(
        &self,
        header: Option<&Vec<Cell>>,
        appearance: Appearance,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let lines = self.lines(header, appearance);
        for row in header.into_iter().chain(&self.rows) {
            for line in &lines {
                line.write(row, appearance, out)?;
            }
        }
        Ok(())
    }

    /// Lays the columns out: on one line where there is room, else on as many as it takes.
    fn lines(&self, header: Option<&Vec<Cell>>, appearance: Appearance) -> Vec<Line> {
        let width = |column: usize| {
            let cells = header.into_iter().chain(&self.rows);
            let cells = cells.filter_map(|row| row.get(column));
            cells.map(|cell| cell.shown(appearance).width()).max()
        };
        let mut lines = vec![Line::default()];
        for column in 0..self.header.len() {
            let width = width(column).unwrap_or(0);
            let has_room = |line: &Line| {
                let end = line.end() + width;
                line.columns.is_empty() || appearance.width.is_none_or(|most| end <= most.into())
            };
            if !lines.last().is_some_and(has_room) {
                lines.push(Line {
                    indent: INDENT,
                    columns: Vec::new(),
                });
            }
            if let Some(line) = lines.last_mut() {
                line.columns.push((column, width));
            }
        }
        lines
    }
}

/// Some columns side by side, each with its width.
#[derive(Debug, Default)]
struct Line {
    indent: usize,
    columns: Vec<(usize, usize)>,
}

impl Line {
    /// Tells where another column would begin.
    fn end(&self) -> usize {
        let widths = self.columns.iter().map(|(_, width)| width + GAP);
        self.indent + widths.sum::<usize>()
    }

    fn write(&self, row: &[Cell], appearance: Appearance, out: &mut dyn Write) -> io::Result<()> {
        let cells: Vec<(&Cell, usize)> = self
            .columns
            .iter()
            .filter_map(|(column, width)| Some((row.get(*column)?, *width)))
            .collect();
        let is_silent = |cell: &Cell| matches!(cell.shown(appearance), "" | "-");
        if self.indent > 0 && cells.iter().all(|(cell, _)| is_silent(cell)) {
            return Ok(());
        }
        if let [(cell, _)] = cells[..]
            && let Some(most) = appearance.width
        {
            return write_prose(cell.shown(appearance), self.indent, most.into(), out);
        }
        let last = cells
            .iter()
            .rposition(|(cell, _)| !cell.shown(appearance).is_empty());
        write!(out, "{:1$}", "", self.indent)?;
        for (at, (cell, width)) in cells
            .iter()
            .take(last.map_or(0, |last| last + 1))
            .enumerate()
        {
            let text = cell.shown(appearance);
            let painted = match cell.colour {
                Some(colour) => appearance.paint(text, colour),
                None => text.to_owned(),
            };
            let padding = if Some(at) == last {
                0
            } else {
                width.saturating_sub(text.width()) + GAP
            };
            write!(out, "{painted}{:padding$}", "")?;
        }
        writeln!(out)
    }
}

/// Writes a text of several words, broken between them where it is wider than the place; what
/// follows stands under its beginning.
pub fn write_prose(text: &str, indent: usize, most: usize, out: &mut dyn Write) -> io::Result<()> {
    for line in broken(text, most.saturating_sub(indent)) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// Breaks a text between words into lines of at most so many columns; a longer word stays whole.
pub fn broken(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:4f06b3a1c2d300000000000000000000000000000000000000000000000000ff";

    fn grid() -> Grid {
        let mut grid = Grid::new(["ID", "PACKAGE", "NOTE", "DIGEST", "TIME"]);
        let note = "a note of several words that is long";
        for id in ["CVE-2026-9076", "CVE-2026-19077"] {
            grid.row([
                Cell::text(id),
                Cell::text("org.apache.logging.log4j:log4j-core"),
                Cell::text(note),
                Cell::digest(DIGEST),
                Cell::time("2026-11-23T21:28:36.72037951Z"),
            ]);
        }
        grid
    }

    fn written(grid: &Grid, width: Option<u16>) -> String {
        let appearance = Appearance {
            width,
            colours: false,
        };
        let mut out = Vec::new();
        grid.write(appearance, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn in_a_pipe_every_row_is_one_line_and_whole() {
        let text = written(&grid(), None);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 3, "{text}");
        for whole in [DIGEST, "2026-11-23T21:28:36Z", "words that is long"] {
            assert!(rows[1].contains(whole), "{text}");
        }
    }

    #[test]
    fn a_terminal_of_any_width_is_fitted_and_no_word_is_broken() {
        for width in 24..200 {
            let text = written(&grid(), Some(width));
            let longest = "org.apache.logging.log4j:log4j-core".len() + INDENT;
            let most = usize::from(width).max(longest);
            for line in text.lines() {
                assert!(line.width() <= most, "{width}: {line}");
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            for word in [
                "CVE-2026-9076",
                "org.apache.logging.log4j:log4j-core",
                "several",
            ] {
                assert!(words.contains(&word), "{width}: {word} in\n{text}");
            }
            assert!(
                !text.contains(DIGEST) && text.contains("sha256:4f06b3a1c2d3"),
                "{text}"
            );
        }
    }

    #[test]
    fn columns_are_as_wide_as_what_is_seen_of_them() {
        let mut grid = Grid::new(["A", "B"]);
        grid.row([Cell::text("漢字"), Cell::text("x")]);
        grid.row([Cell::text("\u{1b}[2J"), Cell::text("y")]);
        assert_eq!(
            written(&grid, None),
            "A          B\n漢字       x\n\\u{1b}[2J  y\n"
        );
    }

    #[test]
    fn a_time_has_seconds_and_its_zone() {
        for (time, shown) in [
            ("2026-11-23T21:28:36.72037951Z", "2026-11-23T21:28:36Z"),
            ("2026-11-23T21:28:36.5+02:00", "2026-11-23T21:28:36+02:00"),
            ("2026-11-23T21:28:36Z", "2026-11-23T21:28:36Z"),
            ("-", "-"),
            ("1.5", "1.5"),
        ] {
            assert_eq!(to_the_second(time), shown);
        }
    }
}
