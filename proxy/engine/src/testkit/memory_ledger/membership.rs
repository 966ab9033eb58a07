//! Whose content is whose.

use async_trait::async_trait;
use sluicegate_model::{Digest, Repository, Tag};

use super::{MemoryLedger, name};
use crate::ledger::{
    LedgerError, MAX_INDEXES, MAX_PLATFORMS, Member, Membership, Release, TagRecord, Tagged,
    is_platform,
};

#[async_trait]
impl Membership for MemoryLedger {
    async fn add_membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
        media_type: &str,
        blobs: &[Digest],
        children: &[Digest],
    ) -> Result<(), LedgerError> {
        let member = Member {
            media_type: media_type.to_owned(),
            blobs: blobs.to_vec(),
            children: children.to_vec(),
            released: false,
        };
        let name = name(repository, manifest);
        self.state().await.members.insert(name, member);
        Ok(())
    }

    async fn membership(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Option<Member>, LedgerError> {
        let (state, name) = (self.state().await, name(repository, manifest));
        let member = state.members.get(&name).cloned();
        Ok(member.map(|member| Member {
            released: state.released.contains(&name),
            ..member
        }))
    }

    async fn is_member(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        let name = name(repository, manifest);
        Ok(self.state().await.members.contains_key(&name))
    }

    async fn manifests_listing(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<Vec<Digest>, LedgerError> {
        let state = self.state().await;
        let members = state.members.iter();
        let listing = members.filter(|((of, _), member)| {
            *of == repository.to_string() && member.blobs.contains(blob)
        });
        Ok(listing.filter_map(|((_, it), _)| it.parse().ok()).collect())
    }

    async fn indexes_listing(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<Vec<Digest>, LedgerError> {
        let state = self.state().await;
        let mut found: Vec<Digest> = Vec::new();
        let mut looked_at = 0;
        let mut next = Some(manifest.clone());
        while let Some(child) = next {
            for ((of, parent), member) in &state.members {
                let lists = *of == repository.to_string() && member.children.contains(&child);
                let Some(parent) = parent.parse().ok().filter(|_| lists) else {
                    continue;
                };
                if !found.contains(&parent) && found.len() < MAX_INDEXES {
                    found.push(parent);
                }
            }
            next = found.get(looked_at).cloned();
            looked_at += 1;
        }
        Ok(found)
    }

    async fn knows_children(
        &self,
        repository: &Repository,
        index: &Digest,
        children: &[Digest],
    ) -> Result<bool, LedgerError> {
        let (state, name) = (self.state().await, name(repository, index));
        let known = state.members.get(&name);
        let knows = |child: &Digest| known.is_some_and(|index| index.children.contains(child));
        Ok(children.first().is_none_or(knows))
    }

    async fn mark_blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<(), LedgerError> {
        self.state_for("blob present")
            .await
            .present
            .insert(name(repository, blob));
        Ok(())
    }

    async fn blob_present(
        &self,
        repository: &Repository,
        blob: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self.state().await.present.contains(&name(repository, blob)))
    }

    async fn mark_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
        release: Release,
    ) -> Result<(), LedgerError> {
        let mut state = self.state().await;
        state.released.insert(name(repository, manifest));
        if release == Release::Given {
            state.given.insert(name(repository, manifest));
        }
        Ok(())
    }

    async fn is_given(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self
            .state()
            .await
            .given
            .contains(&name(repository, manifest)))
    }

    async fn is_released(
        &self,
        repository: &Repository,
        manifest: &Digest,
    ) -> Result<bool, LedgerError> {
        Ok(self
            .state()
            .await
            .released
            .contains(&name(repository, manifest)))
    }

    async fn put_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
        record: &TagRecord,
    ) -> Result<(), LedgerError> {
        let (mut state, name) = (self.state().await, name(repository, tag));
        let (before, history) = state.tags.remove(&name).unzip();
        let mut history = history.unwrap_or_default();
        history.note(before.as_ref(), record);
        state.tags.insert(name, (record.clone(), history));
        Ok(())
    }

    async fn tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Option<TagRecord>, LedgerError> {
        let state = self.state().await;
        let known = state.tags.get(&name(repository, tag));
        Ok(known.map(|(record, _)| record.clone()))
    }

    async fn tag_history(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<Vec<Tagged>, LedgerError> {
        let state = self.state().await;
        let known = state.tags.get(&name(repository, tag)).cloned();
        Ok(known.map_or_else(Vec::new, |(record, history)| history.with(Some(&record))))
    }

    async fn add_platform(
        &self,
        repository: &Repository,
        platform: &str,
    ) -> Result<(), LedgerError> {
        let mut state = self.state().await;
        let known = state.platforms.entry(repository.to_string()).or_default();
        if is_platform(platform) && known.len() < MAX_PLATFORMS {
            known.insert(platform.to_owned());
        }
        Ok(())
    }

    async fn platforms(&self, repository: &Repository) -> Result<Vec<String>, LedgerError> {
        let state = self.state().await;
        let known = state.platforms.get(&repository.to_string());
        Ok(known.into_iter().flatten().cloned().collect())
    }
}
