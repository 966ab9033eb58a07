//! `sluicegate remedy`: the upgrades after which policy would allow an image.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;
use sluicegate_model::Digest;
use sluicegate_model::image::WrittenName;
use sluicegate_remedy::answer::RemedyAnswer;
use sluicegate_remedy::text;

use super::query::{Pages, Service, ServiceFlags, cell, print_json, query_string};
use super::{CommandError, Done};

/// Verdicts of a repository among which a tag is looked for.
const LOOKED_AT: u64 = 1_000;

/// Which image, and how it is written.
#[derive(Args, Debug)]
#[command(
    after_help = "IMAGE is a name that was judged by the service, with a tag or a digest, or a digest alone.\n\
    Of an image that no service knows, inspect-image says the same.\n\n\
    The commands raise packages no further than policy asks. What has no fix is listed apart.\n\n\
    Exit code: 0 allowed as it is (annotated too), 1 refused as it is, 2 bad usage, 3 could not be done.\n\n\
    Examples:\n  \
    sluicegate remedy nginx:1.25\n  \
    sluicegate remedy sha256:4f06b3... --repository library/nginx\n  \
    sluicegate remedy registry.example/team/app:1 --format dockerfile >> Dockerfile"
)]
pub struct RemedyArgs {
    /// The image
    #[arg(value_name = "IMAGE|DIGEST")]
    image: String,
    /// The repository, where the image was pulled from several [default: that of its newest verdict]
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    #[command(flatten)]
    service: ServiceFlags,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR", conflicts_with = "service")]
    data: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How a remedy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person, with the commands.
    Text,
    /// A piece of a Dockerfile.
    Dockerfile,
    /// For a machine: what the API answers.
    Json,
}

/// Runs the command.
pub async fn run(args: RemedyArgs, out: &mut impl Write) -> Result<Done, CommandError> {
    let service = Service::of(&args.service, args.data.as_deref()).await?;
    let (digest, repository) = match args.image.parse::<Digest>() {
        Ok(digest) => (digest, args.repository),
        Err(_no_digest) => named(&service, &args.image, args.repository).await?,
    };
    let query = query_string(&[("repository", repository)]);
    let told = service
        .get(&format!("verdicts/{digest}/remedy?{query}"))
        .await?;
    let answer: RemedyAnswer = serde_json::from_value(told.clone()).map_err(|error| {
        CommandError::Failed(format!(
            "the service's answer is not understood ({error}); --format json shows it as it is"
        ))
    })?;
    match args.format {
        Format::Json => print_json(out, &told)?,
        Format::Text => text::write(&answer, out)?,
        Format::Dockerfile => {
            write!(out, "{}", answer.dockerfile.as_deref().unwrap_or_default())?;
        }
    }
    Ok(Done::of(answer.decision))
}

/// Finds the image of a name among the verdicts on its repository.
async fn named(
    service: &Service,
    image: &str,
    repository: Option<String>,
) -> Result<(Digest, Option<String>), CommandError> {
    let WrittenName { name, tag, digest } = WrittenName::of(image);
    let repository = repository.unwrap_or_else(|| name.to_owned());
    if let Some(digest) = digest {
        let digest = digest.parse();
        let digest = digest.map_err(|error| CommandError::Usage(format!("{image}: {error}")))?;
        return Ok((digest, Some(repository)));
    }
    let tag = tag.unwrap_or("latest");
    let query = query_string(&[("repository", Some(repository.clone()))]);
    let mut pages = Pages::of(service, "verdicts", query, None);
    let known = pages.gather(LOOKED_AT).await?;
    let has_tag = |verdict: &&Value| {
        let tags = verdict.get("tags").and_then(Value::as_array);
        tags.is_some_and(|tags| tags.iter().any(|it| it == tag))
    };
    let found = super::query::items(&known).iter().find(has_tag);
    let absent = || {
        CommandError::NotFound(format!(
            "{repository} has no verdict under the tag {tag}: pull it, or see \"verdicts list --repository {repository}\""
        ))
    };
    let digest = cell(found.ok_or_else(absent)?, "/digest");
    let digest = digest
        .parse()
        .map_err(|error| CommandError::Failed(format!("the service names no digest: {error}")))?;
    Ok((digest, Some(repository)))
}
