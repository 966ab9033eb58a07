//! `.trivyignore.yaml` as exceptions, so that what a team has reviewed is not reviewed twice.
//!
//! Source: trivy.dev, "Filtering", section ".trivyignore.yaml". Its other sections concern findings
//! that are not made here; they are accepted and have no effect.

use sluicegate_model::strict_yaml::{Fields, Node, Value};

use crate::exception::Exception;
use crate::glob::Glob;
use crate::read::{Reader, canonical};

/// Tells whether a file of this name is one.
pub(crate) fn is_named(file: &str) -> bool {
    file.ends_with(".trivyignore.yaml") || file.ends_with(".trivyignore.yml")
}

impl Reader {
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
            name: format!("{}#{id}", file.rsplit('/').next().unwrap_or(file)),
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
