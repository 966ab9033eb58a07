//! Conditions of rules on images: `image:`.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::glob::Glob;
use sluicegate_model::strict_yaml::{Fields, Node};

use super::{DocumentReader, MAX_TEXTS};
use crate::duration;
use crate::image::{Before, ImageConditions};
use crate::pattern::ImagePattern;

impl DocumentReader<'_> {
    /// Reads `image:`. An empty block would mean every image, as its absence does, so it is none.
    pub(super) fn image_conditions(&mut self, node: &Node) -> Option<ImageConditions> {
        let mut fields = self.kept(Fields::of(node))?;
        let before = self.mistakes.len();
        let mut conditions = ImageConditions::default();
        self.name_of(&mut fields, &mut conditions);
        self.build(&mut fields, &mut conditions);
        let seen = fields.take("firstSeenWithin");
        conditions.first_seen_within = seen.and_then(|node| self.age(node));
        let gaps = fields.take("gap");
        conditions.gap = gaps.and_then(|node| self.gaps(node));
        let signed = fields.take("signedBy");
        conditions.signed_by = signed.and_then(|node| self.signed_by(node));
        let attested = fields.take("attestedBy");
        conditions.attested_by = attested.and_then(|node| self.attested_by(node));
        if let Some(node) = fields.take("unless") {
            let inner = self.image_conditions(node);
            conditions.unless = inner.map(Box::new);
        }
        fields.finish(&mut self.mistakes);
        if self.mistakes.len() == before && conditions == ImageConditions::default() {
            self.mistakes.push(node.wanted("at least one condition"));
        }
        (self.mistakes.len() == before).then_some(conditions)
    }

    fn name_of(&mut self, fields: &mut Fields<'_>, conditions: &mut ImageConditions) {
        let repositories = fields.take("repositories");
        conditions.repositories = repositories.and_then(|node| self.repositories(node));
        if let Some(node) = fields.take("tags") {
            let tags = self.texts(node, "a tag, with * for what is not said, or a list");
            conditions.tags = tags.map(|tags| tags.iter().map(|tag| Glob::new(tag)).collect());
        }
        let digest_only = fields.take("digestOnly");
        conditions.digest_only = digest_only.and_then(|node| self.kept(node.bool()));
    }

    /// Reads patterns of repositories: `digestOnly` and `tags` say the rest of a name.
    pub(super) fn repositories(&mut self, node: &Node) -> Option<Vec<Glob>> {
        let patterns = self.images(node)?.into_iter();
        let globs: Option<Vec<Glob>> = patterns.map(ImagePattern::into_repository).collect();
        self.kept(
            globs.ok_or_else(|| {
                node.mistake("wanted repositories alone, without a tag or a digest")
            }),
        )
    }

    fn build(&mut self, fields: &mut Fields<'_>, conditions: &mut ImageConditions) {
        let created = fields.take("createdBefore");
        conditions.created_before = created.and_then(|node| self.before(node));
        let user = fields.take("user");
        conditions.is_root = user.and_then(|node| self.word(node, &USERS));
        let labels = fields.take("labels");
        conditions.labels = labels.and_then(|node| self.labels(node));
    }

    /// Reads a day, which stands for its beginning, an instant, or an age.
    fn before(&mut self, node: &Node) -> Option<Before> {
        let text = self.kept(node.text())?;
        let instant = Self::beginning(text);
        let age = || duration::parse(text).ok().map(Before::Age);
        let before = instant.map(Before::Instant).or_else(age);
        if before.is_none() {
            let wanted = "a date, such as 2026-01-31, or an age, such as 180d";
            self.mistakes.push(node.wanted(wanted));
        }
        before
    }

    fn labels(&mut self, node: &Node) -> Option<Vec<(String, Glob)>> {
        let entries = self.kept(node.entries())?;
        if entries.is_empty() || entries.len() > MAX_TEXTS {
            let wanted = format!("at least one label, at most {MAX_TEXTS}");
            self.mistakes.push(node.wanted(&wanted));
            return None;
        }
        let mut label = |(name, value): &(Node, Node)| {
            let (name, value) = (self.pattern(name), self.pattern(value));
            Some((name?.to_owned(), Glob::new(value?)))
        };
        entries.iter().map(&mut label).collect()
    }

    fn gaps(&mut self, node: &Node) -> Option<Vec<GapKind>> {
        let texts = self.texts(node, "a kind of gap, such as no-feed, or a list")?;
        let kind = |text: &String| {
            let kind = serde_json::from_value(text.as_str().into());
            if kind.is_err() {
                let message = format!("no gap is of the kind {text:?}");
                self.mistakes.push(node.mistake(message));
            }
            kind.ok()
        };
        texts.iter().map(kind).collect()
    }
}

/// The users that can be told from others.
pub(crate) const USERS: [(&str, bool); 1] = [("root", true)];
