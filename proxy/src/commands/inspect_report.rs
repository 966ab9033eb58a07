//! `inspect-image --service`: what was found here, judged there.

use sluicegate_config::Environment;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::pull::verdict::Image;
use sluicegate_engine::reports::Report;
use sluicegate_engine::scan::Scanned;
use sluicegate_model::Tag;
use sluicegate_model::image::WrittenName;
use sluicegate_model::verdict::Verdict;
use sluicegate_remedy::answer::RemedyAnswer;

use super::CommandError;
use super::query::{Service, ServiceFlags, verdict_of};

/// The variable that says under which name the service is told of the image.
const NAME: &str = "SLUICEGATE_REPO_NAME";

/// A service that judges what is found here.
pub(super) struct Reporting {
    service: Service,
    name: Option<ReportedName>,
}

/// The name under which an image is reported.
#[derive(Debug, PartialEq, Eq)]
struct ReportedName {
    repository: String,
    tag: Option<Tag>,
}

impl Reporting {
    /// Reaches for the service that is named, where images are to be reported: by a flag, or by the
    /// environment together with the name that they are to have there.
    pub(super) async fn of(
        flags: &ServiceFlags,
        environment: &Environment,
    ) -> Result<Option<Self>, CommandError> {
        let name = environment.get(NAME).map(ReportedName::read).transpose()?;
        let is_meant = flags.service.is_some() || name.is_some() && flags.is_named(environment);
        if !is_meant {
            return Ok(None);
        }
        let service = flags.running().await?;
        Ok(Some(Self { service, name }))
    }

    /// Has an image judged.
    pub(super) async fn judge(
        &self,
        image: Image,
        scanned: Scanned,
        plugins: &ActivePlugins,
    ) -> Result<(Verdict, Option<RemedyAnswer>), CommandError> {
        let (repository, tags) = match &self.name {
            None => (image.scope.repository.to_string(), image.tags),
            Some(name) => {
                let own = name.tag.clone().map(|tag| vec![tag]);
                (name.repository.clone(), own.unwrap_or(image.tags))
            }
        };
        let report = Report::of(repository, image.digest, tags, (scanned, plugins.scanner()));
        let text = tokio::task::spawn_blocking(move || serde_json::to_vec(&report)).await;
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::Failed(format!("the report cannot be written: {error}"))
        };
        let text = text
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let answer = self.service.post_text("reports", text).await?;
        // A service before this program says nothing of it.
        let remedy = answer.get("remedy").cloned().unwrap_or_default();
        let remedy = serde_json::from_value(remedy).unwrap_or_default();
        Ok((verdict_of(answer)?, remedy))
    }
}

impl ReportedName {
    fn read(text: &str) -> Result<Self, CommandError> {
        let WrittenName { name, tag, digest } = WrittenName::of(text);
        if digest.is_some() {
            let why =
                format!("{NAME}: wanted REPOSITORY[:TAG]; the digest is that of what is inspected");
            return Err(CommandError::Usage(why));
        }
        let tag = tag.map(str::parse).transpose();
        let tag = tag.map_err(|error| CommandError::Usage(format!("{NAME}: {error}")))?;
        Ok(Self {
            repository: name.to_owned(),
            tag,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_a_tag_and_its_registry_a_port() {
        for (text, repository, tag) in [
            ("team/app", "team/app", None),
            ("team/app:1.2", "team/app", Some("1.2")),
            (
                "registry.test:5000/team/app",
                "registry.test:5000/team/app",
                None,
            ),
            (
                "registry.test:5000/app:1",
                "registry.test:5000/app",
                Some("1"),
            ),
        ] {
            let wanted = ReportedName {
                repository: repository.to_owned(),
                tag: tag.map(|tag| tag.parse().unwrap()),
            };
            assert_eq!(ReportedName::read(text).unwrap(), wanted);
        }
        assert!(ReportedName::read("app:").is_err());
    }
}
