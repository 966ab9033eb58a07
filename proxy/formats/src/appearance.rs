//! What the place that a table is written to can show: its width, and colours or none.

use std::io::IsTerminal as _;

use comfy_table::Table;

/// Columns of a terminal that does not tell how many it has.
const USUAL_WIDTH: u16 = 80;

/// The width of a place, and whether it shows colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appearance {
    /// Columns of a terminal; none in a file or a pipe, where nothing is cut.
    pub width: Option<u16>,
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
            width: None,
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
        let width = Table::new().width().unwrap_or(USUAL_WIDTH);
        Self {
            width: Some(width),
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
