//! Steps, and images told apart by looking at the names of each.

use async_trait::async_trait;
use sluicegate_model::Sighting;

use super::MemoryLedger;
use crate::ledger::term::Term;
use crate::ledger::{LedgerError, Parted, Step, Steps};

#[async_trait]
impl Steps for MemoryLedger {
    async fn steps(&self) -> Result<Vec<Step>, LedgerError> {
        Ok(self.state().await.steps.clone())
    }

    async fn keep_steps(&self, steps: &[Step]) -> Result<(), LedgerError> {
        self.state().await.steps = steps.to_vec();
        Ok(())
    }

    async fn part_images(&self, terms: &[Term]) -> Result<Parted, LedgerError> {
        let state = self.state().await;
        let mut parted = Parted::default();
        for number in state.listed.values() {
            let names = state.lists.get(*number).into_iter().flatten();
            let number = u32::try_from(*number).unwrap_or(u32::MAX);
            if names.into_iter().any(|name| terms.contains(name)) {
                parted.with.push(number);
            } else {
                parted.without.insert(number);
            }
        }
        parted.with.sort_unstable();
        Ok(parted)
    }

    async fn listed_as(&self, images: &[Sighting]) -> Result<Vec<Option<u32>>, LedgerError> {
        let state = self.state().await;
        let number = |image| {
            let number = state.listed.get(image)?;
            u32::try_from(*number).ok()
        };
        Ok(images.iter().map(number).collect())
    }

    async fn images_listed(&self, numbers: &[u32]) -> Result<Vec<Option<Sighting>>, LedgerError> {
        let state = self.state().await;
        let image = |wanted: &u32| {
            let mut listed = state.listed.iter();
            let is_wanted = |number: usize| u32::try_from(number) == Ok(*wanted);
            let (image, _) = listed.find(|(_, number)| is_wanted(**number))?;
            Some(image.clone())
        };
        Ok(numbers.iter().map(image).collect())
    }
}
