//! The fenced blocks of commands in the pages.
//!
//! A block that begins with `sh` is run; `sh no-run` and why not is only understood. Everything else
//! is no command.

use std::path::{Path, PathBuf};

/// The pages that users read.
pub const PAGES: [&str; 11] = [
    "README.md",
    "SECURITY.md",
    "docs/for-auditors.md",
    "docs/for-pipelines.md",
    "docs/for-platform-teams.md",
    "docs/for-runtimes.md",
    "docs/limits.md",
    "docs/plugins.md",
    "docs/scanners.md",
    "docs/troubleshooting.md",
    "docs/what-is-read.md",
];

/// A block of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The page and the line of its first command, for messages.
    pub place: String,
    /// Whether it is run.
    pub runs: bool,
    /// The commands.
    pub text: String,
}

/// Gives the folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests lies in the workspace").into()
}

/// Reads a page.
pub fn read(page: &str) -> String {
    let path = root().join(page);
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Finds the blocks of commands of a page.
pub fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().map(|(line, _)| line);
        let inside = inside.take_while(|line| !line.trim_start().starts_with("```"));
        let inside: Vec<&str> = inside
            .map(|line| line.get(indent..).unwrap_or(""))
            .collect();
        let mut words = info.split_whitespace();
        if words.next() == Some("sh") {
            blocks.push(Block {
                place: format!("{page}:{}", number + 1),
                runs: words.next().map(|word| word.trim_end_matches(':')) != Some("no-run"),
                text: inside.join("\n") + "\n",
            });
        }
    }
    blocks
}

/// Finds the commands of the program that stand between backquotes in the text around the blocks.
pub fn mentioned(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            let quoted = line.split('`').skip(1).step_by(2);
            let commands = quoted.filter(|text| text.starts_with("sluicegate "));
            // A synopsis is no command.
            let whole = commands.filter(|text| !text.contains(['[', '|', '…', '<']));
            found.extend(whole.map(str::to_owned));
        }
    }
    found
}

#[test]
fn blocks_and_mentions_are_told_apart() {
    let page = "a `sluicegate serve --x` and `sluicegate a [B]`, `sluicegatex`\n\n   ```sh\n   one\n     two\n   ```\n\
                ```sh no-run: needs a cluster\nthree `sluicegate no`\n```\n```json\n{}\n```\n";
    let page = page.replace("no-run:", "no-run");
    let blocks = blocks("p", &page);
    let texts: Vec<(&str, bool)> = blocks
        .iter()
        .map(|it| (it.text.as_str(), it.runs))
        .collect();
    assert_eq!(
        texts,
        [("one\n  two\n", true), ("three `sluicegate no`\n", false)]
    );
    assert_eq!(blocks[0].place, "p:4");
    assert_eq!(mentioned(&page), ["sluicegate serve --x"]);
}
