//! `.trivyignore` and `.trivyignore.yaml` as exceptions, so that what a team has reviewed is not
//! reviewed twice.
//!
//! Source: trivy.dev, "Filtering", sections ".trivyignore" and ".trivyignore.yaml". What they say of
//! findings that are not made here is accepted and has no effect.

use sluicegate_model::strict_yaml::{Fields, Mistake, Node, Value};

use crate::exception::{self, Exception};
use crate::read::{DocumentReader, canonical};
use sluicegate_model::glob::Glob;

/// Largest plain file, in bytes; a line takes about 15.
const MAX_PLAIN_BYTES: usize = 4 * 1024 * 1024;

/// Tells whether a file of this name is one.
pub fn is_named(file: &str) -> bool {
    is_plain(file) || file.ends_with(".trivyignore.yaml") || file.ends_with(".trivyignore.yml")
}

/// Tells whether a file of this name is one without YAML: an id on each line.
pub(crate) fn is_plain(file: &str) -> bool {
    file.ends_with(".trivyignore")
}

impl DocumentReader<'_> {
    /// Reads a plain file: an id on each line, perhaps with `exp:` and a date, `#` before comments.
    pub(crate) fn plain_trivyignore(&mut self, file: &str, text: &str) -> Vec<Exception> {
        if text.len() > MAX_PLAIN_BYTES {
            let message = format!("wanted at most {MAX_PLAIN_BYTES} bytes");
            self.mistakes.push(Mistake {
                line: 0,
                column: 0,
                message,
            });
            return Vec::new();
        }
        let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
        let read = lines.filter_map(|(line, number)| self.plain_line(file, line, number));
        read.collect()
    }

    fn plain_line(&mut self, file: &str, line: &str, number: u64) -> Option<Exception> {
        let said = line.split('#').next().unwrap_or_default().trim();
        let mut words = said.split_whitespace();
        let id = words.next()?;
        let mut expires_at = None;
        // Words without a meaning are as good as a comment there.
        if let Some(date) = words.find_map(|word| word.strip_prefix("exp:")) {
            match exception::parse_expiry(date) {
                Ok(end) => expires_at = Some(end),
                Err(error) => {
                    let before = line.find("exp:").unwrap_or_default();
                    let column = line.chars().count().min(before + 1);
                    self.mistakes.push(Mistake {
                        line: number,
                        column: u64::try_from(column).unwrap_or(u64::MAX),
                        message: error.to_string(),
                    });
                    return None;
                }
            }
        }
        Some(Exception {
            name: named(file, id),
            text: said.to_owned(),
            id: id.to_owned(),
            purls: Vec::new(),
            images: Vec::new(),
            paths: Vec::new(),
            expires_at,
        })
    }

    /// Reads the exceptions of one document; they are named after the file.
    pub(crate) fn trivyignore(&mut self, file: &str, node: &Node) -> Vec<Exception> {
        let Some(mut fields) = self.kept(Fields::of(node)) else {
            return Vec::new();
        };
        let vulnerabilities = fields.take("vulnerabilities");
        for other in ["misconfigurations", "secrets", "licenses"] {
            fields.take(other);
        }
        fields.finish(&mut self.mistakes);
        let items = vulnerabilities.and_then(|node| self.kept(node.list()));
        let items = items.unwrap_or_default().iter();
        items.filter_map(|item| self.ignored(file, item)).collect()
    }

    fn ignored(&mut self, file: &str, node: &Node) -> Option<Exception> {
        let mut fields = self.kept(Fields::of(node))?;
        let id = fields.require("id");
        let (purls, paths) = (fields.take("purls"), fields.take("paths"));
        let expires = fields.take("expired_at");
        fields.take("statement");
        fields.finish(&mut self.mistakes);
        let id = self.kept(id).and_then(|node| self.filled_text(node));
        let purls = purls.map_or_else(|| Some(Vec::new()), |node| self.purls(node));
        let paths = paths.map_or_else(|| Some(Vec::new()), |node| self.paths(node));
        let expires_at = match expires {
            Some(node) => Some(self.instant(node)?),
            None => None,
        };
        let id = id?;
        Some(Exception {
            name: named(file, &id),
            text: canonical(node).to_string(),
            id,
            purls: purls?,
            images: Vec::new(),
            paths: paths?,
            expires_at,
        })
    }

    fn paths(&mut self, node: &Node) -> Option<Vec<Glob>> {
        let items = self.kept(node.list())?;
        if items.is_empty() {
            self.mistakes.push(node.wanted("at least one path"));
        }
        items.iter().map(|item| self.path(item)).collect()
    }

    fn path(&mut self, node: &Node) -> Option<Glob> {
        let Value::Text(text) = &node.value else {
            self.mistakes.push(node.wanted("a path"));
            return None;
        };
        if text.is_empty() || text.contains(['[', '{', '\\']) {
            self.mistakes
                .push(node.wanted("a path with no other wildcards than *, ** and ?"));
            return None;
        }
        Some(Glob::new(text.trim_start_matches('/')))
    }
}

fn named(file: &str, id: &str) -> String {
    format!("{}#{id}", file.rsplit('/').next().unwrap_or(file))
}
