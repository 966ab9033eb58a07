//! How lists are printed: as a table for a person, as lines for programs.
//!
//! A list has columns, each a title and the place of its value in an item. What a row shows of a
//! value depends on who reads: a table shows instants to the second, and on a terminal as much of a
//! digest as tells it apart; CSV has all of it.

use std::io::Write;

use serde_json::Value;
use sluicegate_formats::appearance::Appearance;
use sluicegate_formats::grid::{Cell, Grid};
use sluicegate_formats::json::compact;
use sluicegate_formats::text::printable;

use super::super::CommandError;
use super::{ListFormat, cell};

/// Most names of a column with several; a terminal is told how many more there are.
const MAX_NAMED: usize = 5;

/// A list: what an item is called, and its columns.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// What the items are called, in the plural.
    pub noun: &'static str,
    /// The columns, from the left.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The title; CSV has it in lower case with `_`.
    pub title: &'static str,
    /// Where an item has the value, as a JSON pointer.
    pub pointer: &'static str,
    /// What the value is.
    pub shape: Shape,
}

/// What the value of a column is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text, a number, or nothing.
    Text,
    /// An instant.
    Time,
    /// A digest.
    Digest,
    /// A list of texts.
    Texts,
    /// A list of which the length is shown.
    Length,
    /// Something of which this is made a text.
    Made(fn(&Value) -> String),
}

/// Prints rows as they come.
pub struct Rows<'a, W: Write> {
    listing: &'a Listing,
    to: To<&'a mut W>,
}

enum To<W: Write> {
    /// A table is as wide as its widest cells, so it is printed at the end.
    Table {
        out: W,
        grid: Grid,
        count: usize,
        no_header: bool,
    },
    Lines(W),
    Csv(Box<csv::Writer<W>>),
}

impl<'a, W: Write> Rows<'a, W> {
    /// Begins with the titles; JSON is printed as lines.
    pub fn new(
        out: &'a mut W,
        listing: &'a Listing,
        format: ListFormat,
        no_header: bool,
    ) -> Result<Self, CommandError> {
        let titles = listing.columns.iter().map(|column| column.title);
        let to = match format {
            ListFormat::Table => To::Table {
                out,
                grid: Grid::new(titles),
                count: 0,
                no_header,
            },
            ListFormat::Json | ListFormat::Jsonl => To::Lines(out),
            ListFormat::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                if !no_header {
                    let names = titles.map(|title| title.to_ascii_lowercase().replace(' ', "_"));
                    csv.write_record(names).map_err(unwritten)?;
                }
                To::Csv(Box::new(csv))
            }
        };
        Ok(Self { listing, to })
    }

    /// Prints items.
    pub fn write(&mut self, items: &[Value]) -> Result<(), CommandError> {
        let columns = self.listing.columns;
        match &mut self.to {
            To::Table { grid, count, .. } => {
                for item in items {
                    grid.row(columns.iter().map(|column| column.shown(item)));
                    *count = count.saturating_add(1);
                }
            }
            To::Lines(out) => {
                for item in items {
                    write_line(out, item)?;
                }
            }
            To::Csv(csv) => {
                for item in items {
                    let record = columns.iter().map(|column| column.whole(item));
                    csv.write_record(record).map_err(unwritten)?;
                }
            }
        }
        Ok(())
    }

    /// Prints what is still held back. A table without a row would be nothing but its titles.
    pub fn finish(self) -> Result<(), CommandError> {
        match self.to {
            To::Table { count: 0, .. } => Ok(()),
            To::Table {
                out,
                grid,
                no_header,
                ..
            } => write_grid(out, &grid, no_header),
            To::Lines(out) => Ok(out.flush()?),
            To::Csv(mut csv) => Ok(csv.flush()?),
        }
    }
}

impl Column {
    /// Makes a column of text.
    pub const fn text(title: &'static str, pointer: &'static str) -> Self {
        Self::of(title, pointer, Shape::Text)
    }

    /// Makes a column.
    pub const fn of(title: &'static str, pointer: &'static str, shape: Shape) -> Self {
        Self {
            title,
            pointer,
            shape,
        }
    }

    /// Gives the value for a person.
    fn shown(&self, item: &Value) -> Cell {
        let text = cell(item, self.pointer);
        match self.shape {
            Shape::Text => Cell::text(text),
            Shape::Time => Cell::time(text),
            Shape::Digest => Cell::digest(text),
            Shape::Texts => Cell::long(self.named(item, usize::MAX), self.named(item, MAX_NAMED)),
            Shape::Length => Cell::text(self.members(item).len().to_string()),
            Shape::Made(text) => Cell::text(self.made(item, text)),
        }
    }

    /// Gives the whole value for a program.
    fn whole(&self, item: &Value) -> String {
        let text = match (self.shape, item.pointer(self.pointer)) {
            (Shape::Texts, _) => self.named(item, usize::MAX),
            (Shape::Length, _) => self.members(item).len().to_string(),
            (Shape::Made(text), _) => printable(&self.made(item, text)),
            (_, None | Some(Value::Null)) => String::new(),
            (_, Some(_)) => cell(item, self.pointer),
        };
        harmless(text)
    }

    fn made(&self, item: &Value, text: fn(&Value) -> String) -> String {
        item.pointer(self.pointer).map(text).unwrap_or_default()
    }

    fn members<'a>(&self, item: &'a Value) -> &'a [Value] {
        super::members(item, self.pointer)
    }

    fn named(&self, item: &Value, most: usize) -> String {
        let texts = self.members(item).iter().filter_map(Value::as_str);
        let mut named: Vec<String> = texts.map(printable).collect();
        let more = named.len().saturating_sub(most);
        named.truncate(most);
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        named.join(" ")
    }
}

/// Prints a table of texts.
pub fn write_rows<const N: usize>(
    out: &mut impl Write,
    titles: &[&'static str; N],
    no_header: bool,
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<(), CommandError> {
    let mut grid = Grid::new(titles.iter().copied());
    for row in rows {
        grid.row(row.map(Cell::text));
    }
    write_grid(out, &grid, no_header)
}

fn write_grid(out: &mut impl Write, grid: &Grid, no_header: bool) -> Result<(), CommandError> {
    let appearance = Appearance::of_standard_output();
    if no_header {
        Ok(grid.write_without_header(appearance, out)?)
    } else {
        Ok(grid.write(appearance, out)?)
    }
}

/// Writes an item as one line of JSON that acts on no terminal.
fn write_line(out: &mut impl Write, item: &Value) -> Result<(), CommandError> {
    let mut line = compact(item).map_err(std::io::Error::from)?;
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}

/// Keeps a spreadsheet from taking a text for a formula. Source: OWASP, "CSV Injection".
fn harmless(text: String) -> String {
    let is_number = || text.parse::<f64>().is_ok();
    if text.starts_with(['=', '+', '-', '@']) && !is_number() {
        format!("'{text}")
    } else {
        text
    }
}

fn unwritten(error: csv::Error) -> CommandError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => CommandError::Output(error),
        other => CommandError::Failed(format!("cannot write CSV: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicegate_formats::text::is_treacherous;

    use super::*;

    const LISTING: Listing = Listing {
        noun: "things",
        columns: &[
            Column::text("NAME", "/name"),
            Column::of("DECIDED AT", "/at", Shape::Time),
            Column::of("DIGEST", "/digest", Shape::Digest),
            Column::of("TAGS", "/tags", Shape::Texts),
            Column::of("FINDINGS", "/findings", Shape::Length),
        ],
    };

    fn printed(format: ListFormat, no_header: bool, items: &[Value]) -> String {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, &LISTING, format, no_header).unwrap();
        for item in items {
            rows.write(std::slice::from_ref(item)).unwrap();
        }
        rows.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn item(name: &str) -> Value {
        json!({"name": name, "at": "2026-11-28T10:00:00.999999999Z", "digest": "sha256:0123456789abcdef",
            "tags": ["1", "2", "3", "4", "5", "6"], "findings": [{}, {}]})
    }

    #[test]
    fn a_table_is_for_people_and_csv_for_programs() {
        let items = [item("a,\"b\""), json!({"name": "none"})];
        let table = printed(ListFormat::Table, false, &items);
        assert!(table.contains("2026-11-28T10:00:00Z"), "{table}");
        assert!(!table.contains(".999"), "{table}");
        assert!(table.contains("sha256:0123456789ab"), "{table}");
        assert!(
            table.lines().all(|line| line == line.trim_end()),
            "{table:?}"
        );
        let csv = printed(ListFormat::Csv, false, &items);
        assert_eq!(
            csv,
            "name,decided_at,digest,tags,findings\n\
             \"a,\"\"b\"\"\",2026-11-28T10:00:00.999999999Z,sha256:0123456789abcdef,1 2 3 4 5 6,2\n\
             none,,,,0\n"
        );
        let without = |format| printed(format, true, &items);
        assert!(!without(ListFormat::Table).contains("NAME"));
        assert!(without(ListFormat::Csv).starts_with("\"a,"));
        assert_eq!(printed(ListFormat::Table, false, &[]), "");
    }

    #[test]
    fn foreign_text_acts_on_no_terminal_and_in_no_spreadsheet() {
        let evil = "=cmd|' /C calc'!A0\u{1b}[2J\u{202e}\nx";
        let acts = |c: char| c != '\n' && is_treacherous(c);
        for format in [ListFormat::Table, ListFormat::Jsonl, ListFormat::Csv] {
            let text = printed(format, true, &[json!({"name": evil})]);
            assert!(!text.contains(acts), "{text:?}");
            assert_eq!(text.lines().count(), 1, "{text:?}");
            let is_formula = text.starts_with('=') || text.starts_with("\"=");
            assert!(format == ListFormat::Table || !is_formula, "{text:?}");
        }
        let line = printed(ListFormat::Jsonl, true, &[json!({"name": evil})]);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["name"], evil);
        assert_eq!(harmless("-1.5".into()), "-1.5");
        assert_eq!(harmless("@x".into()), "'@x");
    }
}
