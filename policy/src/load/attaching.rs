//! VEX documents to the policies that name them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Loading, ReadPolicy};
use crate::attached::{AttachedFile, AttachedText, NamedFile, found};
use crate::document::{KEY, PolicyDocument, VEX};
use crate::error::LoadError;
use crate::vex::{Vex, VexDocument};

impl Loading {
    /// Reads what policies name, each file once.
    pub(super) fn attach(&mut self, attached: &[AttachedFile]) {
        let mut policies = std::mem::take(&mut self.policies);
        for read in policies.values_mut().filter(|read| !read.named.is_empty()) {
            self.attach_to(read, attached);
        }
        self.policies = policies;
        // Several may name the same one.
        let mut noted: BTreeSet<(String, String, String)> = BTreeSet::new();
        self.documents.retain(|it| {
            let key = (it.kind.clone(), it.name.clone(), it.canonical.clone());
            ![VEX, KEY].contains(&it.kind.as_str()) || noted.insert(key)
        });
    }

    fn attach_to(&mut self, read: &mut ReadPolicy, attached: &[AttachedFile]) {
        let mut documents = Vec::new();
        for named in &read.named {
            let file = NamedFile {
                by: read.file.clone(),
                path: named.path.clone(),
            };
            let found = match self.attached.get(&file) {
                Some(known) => known.clone(),
                None => match found(&file, attached) {
                    Ok(texts) => {
                        let found = self.vex(texts);
                        self.attached.insert(file, found.clone());
                        found
                    }
                    Err(why) => {
                        self.mistake(&read.file, &named.place, why);
                        None
                    }
                },
            };
            documents.extend(found.unwrap_or_default());
        }
        match Vex::of(documents) {
            Ok(vex) => read.policy.vex = vex,
            Err(error) => self.mistake(&read.file, &read.place, error.to_string()),
        }
    }

    fn vex(&mut self, texts: &[AttachedText]) -> Option<Vec<Arc<VexDocument>>> {
        let mut documents = Vec::with_capacity(texts.len());
        let before = self.errors.len();
        for text in texts {
            match VexDocument::read(text) {
                Ok(document) => {
                    self.documents.push(PolicyDocument {
                        kind: VEX.to_owned(),
                        name: text.path.clone(),
                        file: text.file.name.clone(),
                        text: text.file.text.clone(),
                        canonical: document.digest.to_string(),
                    });
                    documents.push(Arc::new(document));
                }
                Err(mistakes) => {
                    let mistakes = mistakes.into_iter();
                    self.errors
                        .extend(mistakes.map(|it| LoadError::new(&text.file.name, it)));
                }
            }
        }
        (self.errors.len() == before).then_some(documents)
    }
}
