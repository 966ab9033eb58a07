//! `sluicegate inspect-image`: one image from any source, scanned and judged here, without a
//! service.
//!
//! The report goes to the standard output or a file whatever the verdict; everything else goes to
//! the standard error.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use sluicegate_config::{Environment, Flags, Settings};
use sluicegate_feeds::LoadError;
use sluicegate_feeds::mirror::told;
use sluicegate_feeds::once::{OnLoad, OneLoad};
use sluicegate_formats::Format;
use sluicegate_formats::text::counted;
use sluicegate_model::clock::Clock;
use sluicegate_model::image::Reference;
use sluicegate_model::manifest::Platform;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Audience, Scope};

use super::finding_flags::FindingFlags;
use super::inspect_progress::Shown;
use super::inspect_report::Reporting;
use super::inspect_written::{self as written, Inspected};
use super::query::ServiceFlags;
use super::{CommandError, Done, inspect_plugins};
use crate::app::proxy_variables;
use crate::in_force;
use crate::inspect::source::{self, Registry, Source, SourceError, Stdin, Surroundings};
use crate::inspect::{FactsCache, Scanner};
use crate::looks_for::LooksFor;
use crate::policies::Policies;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_engine::pull::remedy::remedy;
use sluicegate_engine::pull::verdict::{Image, verdict_knowing};
use sluicegate_engine::scan::Scanned;
use sluicegate_remedy::answer::RemedyAnswer;
use sluicegate_scanner::{KnownPackages, NameTables, with_archives_named};

/// Which image, and how it is judged.
#[derive(Args, Debug)]
#[command(after_help = "IMAGE is one of:\n  \
    NAME[:TAG][@DIGEST]     an image of docker, podman or containerd here, else of its registry\n  \
    docker:NAME             an image of the Docker engine\n  \
    podman:NAME             an image of podman\n  \
    containerd:NAME         an image of containerd\n  \
    oci:DIR[:TAG]           a directory in the OCI image layout\n  \
    oci-archive:FILE[:TAG]  an OCI layout in a tar archive\n  \
    docker-archive:FILE[:NAME]  what docker save wrote\n  \
    dir:ROOTFS              a root file system\n  \
    FILE or DIR             any of these without its kind, read as what it is: app.tar, ./layout\n  \
    - (or nothing)          an archive of either kind on the standard input\n\n\
    Policy goes by the name given here: NAME, or --as NAME for files and directories, which are\n\
    \"local/\" and the file's name without it. What an archive calls its image is only shown.\n\n\
    With --service URL, or SLUICEGATE_SERVICE and SLUICEGATE_REPO_NAME, the image is looked at here and\n\
    judged there, under SLUICEGATE_REPO_NAME (else its own name), by the key of SLUICEGATE_ACCESS_KEY\n\
    and SLUICEGATE_SECRET_KEY; its inventory is kept there and judged anew, its bytes stay here.\n\n\
    Exit code: 0 allowed (annotated too), 1 refused by policy, 2 bad usage, 3 could not be done.\n\n\
    Examples:\n  \
    sluicegate inspect-image nginx:1.25\n  \
    docker save app:1 | sluicegate inspect-image app:1\n  \
    sluicegate inspect-image --as registry.example/team/app:1 app.tar\n  \
    sluicegate inspect-image --policy ./policies --format sarif --output app.sarif oci-archive:app.tar\n  \
    sluicegate inspect-image --all-tags quay.io/team/app\n  \
    docker save app:1 | sluicegate inspect-image --service https://gate.example:5080 app:1")]
pub struct InspectArgs {
    /// The image; without it, an archive is read from the standard input
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
    /// The name to judge the image under; what an archive calls it selects no policy
    #[arg(long = "as", value_name = "NAME", conflicts_with = "all_tags")]
    as_name: Option<String>,
    /// Configuration file (YAML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where feeds and known layers are kept [default: $XDG_DATA_HOME/sluicegate, /var/lib/sluicegate as root]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Policy file or directory (repeatable) [default: the built-in policy]
    #[arg(long, value_name = "PATH", conflicts_with = "service")]
    policy: Vec<String>,
    /// Feed directory or URL, or none (repeatable) [default: the public OSV bucket]
    #[arg(long, value_name = "SOURCE", conflicts_with = "service")]
    feed: Vec<String>,
    /// Directory with plugins in WebAssembly, beside those that were added (repeatable)
    #[arg(long, value_name = "DIR")]
    plugin: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    findings: FindingFlags,
    /// The service that judges what is found: its policies, its advisories, its lists
    #[command(flatten)]
    service: ServiceFlags,
    /// Where the report goes [default: the standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The platform to choose where there are several [default: this machine's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,
    /// Writes no time of this run: image, advisories and policy alone decide on every byte
    #[arg(long)]
    reproducible: bool,
    /// Inspects every tag of the repository IMAGE of a registry; table or json
    #[arg(long)]
    all_tags: bool,
}

/// Runs the command.
pub async fn run(args: InspectArgs, out: &mut (impl Write + Send)) -> Result<Done, CommandError> {
    if args.all_tags && !matches!(args.format, Format::Table | Format::Json) {
        let reason = "--all-tags prints table or json".to_owned();
        return Err(CommandError::Usage(reason));
    }
    let inspection = Inspection::prepare(&args).await?;
    let outcome = if args.all_tags {
        inspection.all_tags(&args, out).await
    } else {
        inspection.one(&args, out).await
    };
    inspection.shown.clear();
    outcome
}

/// What every image of a run is inspected with.
struct Inspection {
    surroundings: Surroundings,
    scanner: Arc<Scanner>,
    judging: Judging,
    shown: Shown,
}

/// Who judges what was found.
enum Judging {
    /// This program.
    Here(Box<JudgingHere>),
    /// A service, which keeps it too.
    There(Reporting),
}

struct JudgingHere {
    feeds: OneLoad,
    policies: Arc<Policies>,
    clock: Clock,
}

impl Inspection {
    async fn prepare(args: &InspectArgs) -> Result<Self, CommandError> {
        let environment = Environment::of_process();
        let settings = settings(args, &environment)?;
        let (clock, shown) = (sluicegate_machine::clock::system(), Shown::new());
        let judging = match Reporting::of(&args.service, &environment).await? {
            Some(service) => Judging::There(service),
            None => Judging::Here(Box::new(JudgingHere::prepare(&settings, &clock, &shown)?)),
        };
        let names = judging.names().await?;
        let scanner = Scanner {
            cache: FactsCache::new(settings.data.join("inspect/facts"), clock.clone()),
            plugins: inspect_plugins::take_up(&settings, (judging.looks_for(), names))?,
            clock: clock.clone(),
            platform: args.platform.clone(),
            on_layer: shown.on_layer(),
            on_note: shown.on_note(),
        };
        let surroundings = Surroundings {
            settings: Arc::new(settings),
            environment: Arc::new(environment),
            platform: args.platform.clone(),
            runtime: tokio::runtime::Handle::current(),
            on_copy: shown.on_copy(),
            on_note: shown.on_note(),
        };
        Ok(Self {
            surroundings,
            scanner: Arc::new(scanner),
            judging,
            shown,
        })
    }

    /// Brings the advisories up to date that images are judged by here.
    async fn refresh(&self) -> Result<(), CommandError> {
        match &self.judging {
            Judging::Here(here) => loaded(here.feeds.refresh().await),
            Judging::There(_) => Ok(()),
        }
    }

    async fn one(
        &self,
        args: &InspectArgs,
        out: &mut (impl Write + Send),
    ) -> Result<Done, CommandError> {
        let (argument, as_name) = (args.image.clone(), args.as_name.clone());
        let surroundings = self.surroundings.clone();
        let open = move || {
            let (argument, as_name) = (argument.as_deref(), as_name.as_deref());
            source::open(argument, as_name, Stdin::of_process(), &surroundings)
        };
        let (scanned, fresh) = tokio::join!(self.scan(open), self.refresh());
        let (image, claimed_name, scanned) = scanned?;
        fresh?;
        let mut inspected = self.judge(image, scanned).await?;
        inspected.verdict.claimed_name = claimed_name;
        if args.reproducible {
            forget_this_run(&mut inspected.verdict);
        }
        self.shown.clear();
        let view = args.findings.view();
        written::report(args.output.as_deref(), out, |writer, appearance| {
            inspected.write(args.format, appearance, &view, writer)
        })?;
        let verdict = inspected.verdict;
        let hidden = view.hides(&verdict);
        if hidden > 0 && args.format != Format::Table {
            let (hidden, flags) = (counted(hidden, "finding"), view.flags().join(" "));
            let note = format!("{hidden} not written ({flags}); they count in the decision");
            self.shown.on_note()(&note);
        }
        Ok(done(&verdict))
    }

    /// Inspects one tag after the other: each one's layers side by side fill the line.
    async fn all_tags(
        &self,
        args: &InspectArgs,
        out: &mut (impl Write + Send),
    ) -> Result<Done, CommandError> {
        let name = args.image.as_deref().unwrap_or_default();
        let (registry, _) = Registry::of(name, &self.surroundings).map_err(source_error)?;
        let listing = registry.clone();
        let tags = blocking(move || listing.tags().map_err(source_error));
        let (tags, fresh) = tokio::join!(tags, self.refresh());
        let tags = tags?;
        fresh?;
        if tags.is_empty() {
            let reason = format!("{} has no tags", registry.repository());
            return Err(CommandError::NotFound(reason));
        }
        let (mut inspected, mut failed) = (Vec::new(), Vec::new());
        for (at, tag) in tags.iter().enumerate() {
            self.shown.image(&tag.to_string(), at + 1, tags.len());
            let (registry, reference) = (registry.clone(), Reference::Tag(tag.clone()));
            let open = move || -> Result<Box<dyn Source>, SourceError> {
                Ok(Box::new(registry.image(&reference)?))
            };
            match self.scan(open).await {
                Ok((image, _, scanned)) => {
                    let mut one = self.judge(image, scanned).await?;
                    if args.reproducible {
                        forget_this_run(&mut one.verdict);
                    }
                    inspected.push(one);
                }
                Err(error) => failed.push(format!("{tag}: {error}")),
            }
        }
        self.shown.clear();
        written::report(args.output.as_deref(), out, |writer, appearance| {
            if args.format == Format::Json {
                written::write_json(&inspected, writer)
            } else {
                written::write_lines(&inspected, appearance, writer)
            }
        })?;
        if !failed.is_empty() {
            return Err(CommandError::Failed(failed.join("\n")));
        }
        let worst = inspected.iter().map(|one| one.verdict.decision).max();
        Ok(Done::of(worst.unwrap_or(Decision::Allow)))
    }

    async fn scan(
        &self,
        open: impl FnOnce() -> Result<Box<dyn Source>, SourceError> + Send + 'static,
    ) -> Result<(Image, Option<String>, Scanned), CommandError> {
        let scanner = Arc::clone(&self.scanner);
        let work = move || {
            let source = open()?;
            let scanned = scanner.scan(source.as_ref())?;
            let image = source.image();
            let claimed_name = image.claimed_name.clone();
            let image = Image {
                scope: Scope::for_all(image.repository.clone()),
                digest: image.digest.clone(),
                tags: image.tags.clone(),
                first_seen: None,
                graces: Vec::new(),
                signatures: None,
            };
            Ok((image, claimed_name, scanned))
        };
        blocking(move || work().map_err(source_error)).await
    }

    /// Judges an image; gives with the verdict what it holds, by all that is known here.
    async fn judge(&self, image: Image, scanned: Scanned) -> Result<Inspected, CommandError> {
        let by = &self.scanner.plugins;
        match &self.judging {
            Judging::Here(here) => here.judge(image, scanned, by).await,
            Judging::There(service) => {
                let (verdict, remedy) = service.judge(image, scanned.clone(), by).await?;
                Ok(Inspected {
                    verdict,
                    inventory: scanned.inventory,
                    remedy,
                })
            }
        }
    }
}

impl Judging {
    /// Gives the tables of names that images are read by; what a mirror may bring of them is fetched first.
    async fn names(&self) -> Result<NameTables, CommandError> {
        let Self::Here(here) = self else {
            return Ok(NameTables::default());
        };
        if here.feeds.may_bring_names() {
            loaded(here.feeds.refresh().await)?;
        }
        Ok(here.feeds.names())
    }

    /// Tells what whoever judges may ask for: a service does not say.
    fn looks_for(&self) -> LooksFor {
        match self {
            Self::Here(here) => LooksFor {
                malware: here.feeds.may_have_hash_lists(),
                ..LooksFor::asked_by(&here.policies.current())
            },
            Self::There(_) => LooksFor::ALL,
        }
    }
}

impl JudgingHere {
    fn prepare(settings: &Settings, clock: &Clock, shown: &Shown) -> Result<Self, CommandError> {
        let policies = Policies::load(&settings.policy, clock.clone())
            .map_err(|error| CommandError::Usage(format!("policy cannot be loaded: {error}")))?;
        let on_load = OnLoad {
            fetching: shown.on_fetch(),
            building: shown.on_build(),
            note: shown.on_note(),
        };
        let proxy = proxy_variables(settings);
        let (feeds, data) = (&settings.feeds, &settings.data);
        let feeds = OneLoad::new(feeds, data, &proxy, clock.clone(), on_load);
        Ok(Self {
            feeds: feeds.map_err(|error| CommandError::Usage(told(&error)))?,
            policies,
            clock: clock.clone(),
        })
    }

    /// Judges an image, with advisories for its ecosystems where they can be had.
    async fn judge(
        &self,
        image: Image,
        scanned: Scanned,
        by: &Arc<ActivePlugins>,
    ) -> Result<Inspected, CommandError> {
        let feeds = loaded(self.feeds.load_for(&scanned.inventory).await)?;
        let feeds = in_force::advisories(&feeds);
        let policies = self.policies.current();
        let now = self.clock.now();
        // Under several tags nobody knows which one is meant.
        let tag = match &*image.tags {
            [tag] => Some(tag),
            _ => None,
        };
        let audience = policies.by_tag(Audience::EVERYBODY, &image.scope.repository, tag);
        let scope = Scope {
            audience,
            ..image.scope.clone()
        };
        let image = Image { scope, ..image };
        let by = Arc::clone(by);
        let inspected = move || {
            let known = KnownPackages::default();
            let by = (&*policies, &feeds, by.scanner());
            let (verdict, _) = verdict_knowing(image.clone(), &scanned, by, &known, now);
            let remedy = (verdict.decision == Decision::Refuse).then(|| {
                let found = remedy(&image, &scanned, (by.0, by.1), &known, now);
                RemedyAnswer::of(image.scope.repository, image.digest, &found)
            });
            let named = with_archives_named(&scanned.inventory, &feeds.index);
            Ok(Inspected {
                verdict,
                inventory: named.into_owned(),
                remedy,
            })
        };
        blocking(inspected).await
    }
}

fn loaded<T>(feeds: Result<T, LoadError>) -> Result<T, CommandError> {
    let hint = "--feed names another source, --feed none inspects without advisories";
    feeds.map_err(|error| CommandError::Failed(format!("{}; {hint}", told(&error))))
}

fn settings(args: &InspectArgs, environment: &Environment) -> Result<Settings, CommandError> {
    let flags = Flags {
        plugin: args.plugin.clone(),
        config: args.config.clone(),
        data: args.data.clone(),
        policy: args.policy.clone(),
        feed: args.feed.clone(),
        ..Flags::default()
    };
    sluicegate_config::load_with_file(flags, environment)
        .map(|loaded| loaded.settings)
        .map_err(|errors| CommandError::Usage(format!("configuration has mistakes:\n{errors}")))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(CommandError::Failed(format!("inspecting failed: {panic}"))))
}

fn source_error(error: SourceError) -> CommandError {
    match error {
        SourceError::Name(_) | SourceError::Ambiguous { .. } => {
            CommandError::Usage(error.to_string())
        }
        SourceError::NotFound { .. } | SourceError::Nowhere { .. } => {
            CommandError::NotFound(error.to_string())
        }
        other => CommandError::Failed(other.to_string()),
    }
}

/// Puts the time of the advisories in place of this run's; where there is none, the beginning of
/// Unix time. Source: reproducible-builds.org, "Timestamps".
fn forget_this_run(verdict: &mut Verdict) {
    let provenance = &mut verdict.provenance;
    let known = provenance.feed_time.unwrap_or(Timestamp::UNIX_EPOCH);
    provenance.scanned_at = known;
    provenance.decided_at = known;
    provenance.scan_ms = 0;
}

fn done(verdict: &Verdict) -> Done {
    Done::of(verdict.decision)
}
