//! Delegations, and the bounds of what lies in their directories.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::strict_yaml::{self, Fields, Mistake, Node};

use super::{BUILT_IN_NAME, Document, DocumentReader};
use crate::attached;
use crate::binding::SourceFile;
use crate::delegation::{Delegation, below};
use crate::duration;
use crate::pattern::ImagePattern;

/// Reads the delegations of files, without a word of what is wrong: that is said when all is read.
pub(crate) fn delegations_of(files: &[SourceFile]) -> Vec<Arc<Delegation>> {
    let mut found = Vec::new();
    for file in files.iter().filter(|it| it.text.contains("Delegation")) {
        let mut reader = DocumentReader::default();
        for node in strict_yaml::parse(&file.text).unwrap_or_default() {
            if let Some((_, Document::Delegation(delegation, _))) = reader.document(&node) {
                let directory = below(&file.name, &delegation.directory);
                found.push(Arc::new(Delegation {
                    directory,
                    ..delegation
                }));
            }
        }
    }
    found
}

impl DocumentReader<'_> {
    pub(super) fn delegation(
        &mut self,
        kind: &Node,
        name: String,
        text: String,
        node: &Node,
    ) -> Option<Document> {
        if let Some(bounds) = &self.bounds {
            let message = format!(
                "delegation {:?} hands this directory out, and nothing in it is handed on",
                bounds.delegation.name
            );
            self.mistakes.push(kind.mistake(message));
            return None;
        }
        let mut fields = self.kept(Fields::of(node))?;
        let (directory, repositories) =
            (fields.require("directory"), fields.require("repositories"));
        let life = fields.require("maxExceptionLife");
        let required = fields.take("imagesRequired");
        fields.finish(&mut self.mistakes);
        let required = required.map_or(Some(true), |node| self.kept(node.bool()));
        let life = self.kept(life).and_then(|node| {
            let text = self.kept(node.text())?;
            let life = duration::parse(text).map_err(|why| node.mistake(why.to_string()));
            Some((self.kept(life)?, text.trim().to_owned()))
        });
        let repositories = self.kept(repositories);
        let repositories = repositories.and_then(|node| self.repositories(node));
        let place = self.kept(directory)?;
        let directory = attached::downward(self.kept(place.text())?);
        let directory = directory.map_err(|why| place.mistake(why.to_string()));
        let directory = self.kept(directory)?;
        let (max_exception_life, life) = life?;
        let delegation = Delegation {
            name,
            text,
            directory,
            repositories: repositories?,
            max_exception_life,
            life,
            images_required: required?,
        };
        Some(Document::Delegation(delegation, place.clone()))
    }

    /// Names the delegation in whose directory the file lies.
    pub(super) fn delegated_by(&self) -> Option<String> {
        let bounds = self.bounds.as_ref();
        bounds.map(|bounds| bounds.delegation.name.clone())
    }

    /// Reads which images an exception is on. Where a delegation leaves them out they are those that
    /// it reaches.
    pub(super) fn excepted_images(
        &mut self,
        spec: &Node,
        images: Option<&Node>,
    ) -> Option<Vec<ImagePattern>> {
        if let Some(node) = images {
            let images = self.images(node)?;
            self.check_delegated_images(node, &images);
            return Some(images);
        }
        let Some(bounds) = &self.bounds else {
            return Some(Vec::new());
        };
        let delegation = &bounds.delegation;
        if delegation.images_required {
            let message = format!(
                "\"images\" is missing, which delegation {:?} wants of an exception",
                delegation.name
            );
            self.mistakes.push(spec.mistake(message));
            return None;
        }
        Some(delegation.images())
    }

    /// Refuses images that the delegation does not reach.
    pub(super) fn check_delegated_images(&mut self, list: &Node, images: &[ImagePattern]) {
        let Some(bounds) = &self.bounds else {
            return;
        };
        let delegation = &bounds.delegation;
        let items = list.list().unwrap_or_default().iter();
        let beyond = items.zip(images);
        let beyond = beyond.filter(|(_, image)| !image.is_within(&delegation.repositories));
        self.mistakes.extend(beyond.map(|(item, image)| {
            item.mistake(format!(
                "delegation {:?} reaches {} and not all of {:?}",
                delegation.name,
                delegation.reach(),
                image.to_string()
            ))
        }));
    }

    /// Refuses an exception that ends too late.
    pub(super) fn check_delegated_end(&mut self, node: &Node, end: Timestamp) -> Option<Timestamp> {
        let latest = self.bounds.as_ref().map(|bounds| bounds.latest);
        if latest.is_none_or(|latest| end <= latest) {
            return Some(end);
        }
        let delegation = self.bounds.as_ref().map(|bounds| &bounds.delegation);
        let message = delegation.map(|it| {
            format!(
                "delegation {:?} lets an exception live for {} from today",
                it.name, it.life
            )
        });
        self.mistakes
            .push(node.mistake(message.unwrap_or_default()));
        None
    }

    /// Refuses askers: whom the service asks who they are is not for a team to say.
    pub(super) fn check_delegated_clients(&mut self, clients: Option<&Node>) {
        if let (Some(node), Some(bounds)) = (clients, &self.bounds) {
            let message = format!(
                "clients: delegation {:?} reaches repositories, and no askers",
                bounds.delegation.name
            );
            self.mistakes.push(node.mistake(message));
        }
    }

    /// Refuses a list of what to ignore: nothing in it says on which images.
    pub(crate) fn check_delegated_ignored(&mut self, is_any: bool) {
        if let Some(bounds) = self.bounds.as_ref().filter(|_| is_any) {
            let message = format!(
                "a .trivyignore is on every image, which is beyond delegation {:?}: write an Exception",
                bounds.delegation.name
            );
            self.mistakes.push(Mistake {
                line: 1,
                column: 1,
                message,
            });
        }
    }

    /// Refuses a policy that would stand for the built-in one.
    pub(super) fn check_delegated_name(&mut self, place: &Node, name: &str) {
        if let Some(bounds) = self.bounds.as_ref().filter(|_| name == BUILT_IN_NAME) {
            let message = format!(
                "delegation {:?} does not reach the built-in policy, which is called so",
                bounds.delegation.name
            );
            self.mistakes.push(place.mistake(message));
        }
    }
}
