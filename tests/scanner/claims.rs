//! Where analyzers look: their claims, as `plugins()` words them, turned into places in an image.
//!
//! The fuzz targets use it as well.

use sluicegate_scanner::PluginInfo;

/// A place that an analyzer claims, and the bytes that the file there begins with.
pub struct Claim {
    pub path: String,
    pub starts: Vec<u8>,
}

/// Gives the places of one analyzer.
pub fn of(plugin: &PluginInfo) -> Vec<Claim> {
    plugin.claims.iter().map(|claim| place(claim)).collect()
}

fn place(claim: &str) -> Claim {
    if let Some(quoted) = claim.strip_prefix("content ") {
        return Claim {
            path: "srv/data".to_owned(),
            starts: unescape(quoted),
        };
    }
    // Directories of any name, then names of any beginning.
    let path = claim.replace("**/*", "srv/file").replace("**/", "srv/");
    Claim {
        path: path.replace('*', "file"),
        starts: Vec::new(),
    }
}

/// Reads a text that was escaped twice: as bytes, then as a string.
fn unescape(quoted: &str) -> Vec<u8> {
    let text = quoted
        .trim_matches('"')
        .replace("\\\\", "\\")
        .replace("\\\"", "\"");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, length) = match (first, after) {
            (b'\\', [b'x', high, low, ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("escapes are ASCII");
                (u8::from_str_radix(digits, 16).expect("two digits"), 4)
            }
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [other, ..]) => (*other, 2),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes
}
