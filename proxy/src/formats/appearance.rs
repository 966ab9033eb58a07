//! What the place that a table is written to can show: its width, and colours or none.

use std::io::IsTerminal as _;

use comfy_table::Table;

/// Columns of a place that has no width of its own.
const PLAIN_WIDTH: u16 = 160;
/// Narrower than this, a table is cut by the terminal instead of squeezed into letters.
const NARROWEST: u16 = 60;

/// The width of a place, and whether it shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Columns.
    pub width: u16,
    /// Whether text may be coloured.
    pub colours: bool,
}

/// What a colour says: bad, good, mind this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Bad.
    Red,
    /// Good.
    Green,
    /// Mind this.
    Yellow,
}

impl Appearance {
    /// Gives the appearance of a file or a pipe.
    pub const fn plain() -> Self {
        Self {
            width: PLAIN_WIDTH,
            colours: false,
        }
    }

    /// Gives the appearance of standard output: of a terminal, or of a file or pipe.
    ///
    /// Source: no-color.org: any value but the empty one switches colours off.
    pub fn of_standard_output() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::plain();
        }
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = Table::new().width().unwrap_or(PLAIN_WIDTH);
        Self {
            width: width.max(NARROWEST),
            colours: !refused,
        }
    }

    /// Colours a text where colours are shown. Source: ECMA-48, "Select Graphic Rendition".
    pub fn paint(self, text: &str, colour: Colour) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
        };
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
