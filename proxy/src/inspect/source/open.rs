//! From what the user wrote to the source that holds the image.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use sluicegate_config::Settings;

use super::called::Called;
use super::docker_archive::DockerArchive;
use super::error::SourceError;
use super::files::{Directory, Files};
use super::name::SourceName;
use super::oci_layout::{MARK, OciLayout};
use super::registry::Registry;
use super::rootfs::Rootfs;
use super::tar_index::TarIndex;
use super::{Source, Surroundings, containerd, docker, podman, spool};

/// What an image from the standard input is called after.
const STDIN_NAME: &str = "stdin";

/// What the standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// A pipe: somebody may be sending an archive.
    Pipe,
    /// A regular file.
    File,
    /// A terminal, nothing, or something else.
    Other,
}

impl Stdin {
    /// Looks at this process's own.
    pub fn of_process() -> Self {
        let Ok(stdin) = own_stdin().and_then(|file| file.metadata()) else {
            return Self::Other;
        };
        let kind = stdin.file_type();
        if kind.is_fifo() {
            Self::Pipe
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Other
        }
    }
}

/// Opens the source of an argument. Blocks, outside the runtime.
///
/// Without an argument the standard input is read; so it is where it is a pipe and the argument is
/// an image's name, unless the pipe is empty. The image is judged `as_name` where that is given,
/// else under the name in the argument, never under one that an archive says.
pub fn open(
    argument: Option<&str>,
    as_name: Option<&str>,
    stdin: Stdin,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let naming = Naming::new(as_name, &surroundings.settings)?;
    let unnamed = || from_stdin(None, naming.after(Path::new(STDIN_NAME)), surroundings);
    let Some(argument) = argument else {
        if stdin == Stdin::Other {
            let reason = "name an image, or send an archive to the standard input";
            return Err(SourceError::Name(reason.to_owned()));
        }
        return unnamed()?.ok_or_else(empty_stdin);
    };
    match SourceName::parse(argument) {
        SourceName::Stdin => unnamed()?.ok_or_else(empty_stdin),
        SourceName::OciDirectory(path, name) => {
            let files = Box::new(Directory::open(&path)?);
            let called = naming.within(&path, name.as_deref());
            layout(files, name.as_deref(), called, surroundings)
        }
        SourceName::OciArchive(path, name) => {
            let files = Box::new(archive_at(&path, surroundings)?);
            let called = naming.within(&path, name.as_deref());
            layout(files, name.as_deref(), called, surroundings)
        }
        SourceName::DockerArchive(path, name) => {
            let files = archive_at(&path, surroundings)?;
            let called = naming.within(&path, name.as_deref());
            either(files, name.as_deref(), called, surroundings)
        }
        SourceName::Rootfs(path) => {
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            let rootfs = Rootfs::open(&path, naming.after(&whole), surroundings)?;
            Ok(Box::new(rootfs))
        }
        SourceName::Docker(name) => of_engine(DOCKER, &name, &naming, surroundings),
        SourceName::Podman(name) => of_engine(PODMAN, &name, &naming, surroundings),
        SourceName::Containerd(name) => of_engine(CONTAINERD, &name, &naming, surroundings),
        SourceName::Image(name) => {
            if stdin == Stdin::Pipe {
                (surroundings.on_note)("reading an archive from the standard input");
                let called = naming.given(&name)?;
                if let Some(source) = from_stdin(Some(&name), called, surroundings)? {
                    return Ok(source);
                }
            }
            anywhere(&name, &naming, surroundings)
        }
    }
}

/// Who names the image: `--as` where it is given, else the argument.
struct Naming<'a> {
    as_name: Option<Called>,
    settings: &'a Settings,
}

impl<'a> Naming<'a> {
    fn new(as_name: Option<&str>, settings: &'a Settings) -> Result<Self, SourceError> {
        let as_name = as_name.map(|name| Called::name(name, settings));
        Ok(Self {
            as_name: as_name.transpose()?,
            settings,
        })
    }

    /// Names what was asked for by a name.
    fn given(&self, name: &str) -> Result<Called, SourceError> {
        match &self.as_name {
            Some(called) => Ok(called.clone()),
            None => Called::given(name, self.settings),
        }
    }

    /// Names what was asked for by its place.
    fn after(&self, place: &Path) -> Called {
        let local = || Called::local(&place.display().to_string());
        self.as_name.clone().unwrap_or_else(local)
    }

    /// Names an image of a file, chosen there by `name`.
    fn within(&self, file: &Path, name: Option<&str>) -> Called {
        match &self.as_name {
            Some(called) => called.clone(),
            None => self.after(file).with_tag(name),
        }
    }
}

/// A local engine: its name, and how it exports an image.
type Engine = (
    &'static str,
    fn(&str, &Surroundings) -> Result<Option<File>, SourceError>,
);

const DOCKER: Engine = ("docker", docker::export);
const PODMAN: Engine = ("podman", podman::export);
const CONTAINERD: Engine = ("containerd", containerd::export);

/// Looks for an image of that name in the local engines, then in its registry.
fn anywhere(
    name: &str,
    naming: &Naming<'_>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let (registry, reference) = Registry::of(name, surroundings)?;
    let mut tried = Vec::new();
    for (engine, export) in [DOCKER, PODMAN, CONTAINERD] {
        match export(name, surroundings) {
            Ok(Some(file)) => {
                return saved(file, engine, name, &naming.given(name)?, surroundings);
            }
            Ok(None) => {}
            Err(error) if error.is_absence() => tried.push(error.to_string()),
            Err(error) => {
                (surroundings.on_note)(&error.to_string());
                tried.push(error.to_string());
            }
        }
    }
    match (registry.image(&reference), &naming.as_name) {
        (Ok(image), Some(called)) => Ok(Box::new(image.judged_as(called.clone()))),
        (Ok(image), None) => Ok(Box::new(image)),
        (Err(error), _) if tried.is_empty() => Err(error),
        (Err(error), _) => {
            tried.push(error.to_string());
            Err(SourceError::Nowhere {
                image: name.to_owned(),
                tried,
            })
        }
    }
}

fn of_engine(
    (engine, export): Engine,
    name: &str,
    naming: &Naming<'_>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let called = naming.given(name)?;
    let exported = export(name, surroundings)?;
    let file = exported.ok_or_else(|| SourceError::Engine {
        engine: engine.to_owned(),
        reason: "neither its socket nor its program is here".to_owned(),
    })?;
    saved(file, engine, name, &called, surroundings)
}

/// Reads what an engine saved: one image, whatever names the archive gives it.
fn saved(
    file: File,
    engine: &str,
    name: &str,
    called: &Called,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let place = format!("{engine}:{name}");
    let open = |wanted| {
        let shared = file
            .try_clone()
            .map_err(SourceError::file("read", &place))?;
        let files = TarIndex::open(shared, &place)?;
        either(files, wanted, called.clone(), surroundings)
    };
    match open(Some(name)) {
        // Asked for by its id, or by a name that the engine completes, it is called otherwise there.
        Err(SourceError::NotFound { .. }) => open(None),
        opened => opened,
    }
}

/// Reads the standard input; none where nothing comes.
fn from_stdin(
    wanted: Option<&str>,
    called: Called,
    surroundings: &Surroundings,
) -> Result<Option<Box<dyn Source>>, SourceError> {
    const PLACE: &str = "the standard input";
    let stdin = own_stdin().map_err(SourceError::file("open", PLACE))?;
    let metadata = stdin.metadata();
    let is_file = metadata.is_ok_and(|metadata| metadata.is_file());
    let file = if is_file {
        stdin
    } else {
        spool::copy(PLACE, stdin, &*surroundings.on_copy)?
    };
    let length = file.metadata().map_err(SourceError::file("read", PLACE))?;
    if length.len() == 0 {
        return Ok(None);
    }
    let file = spool::uncompressed(PLACE, file, &*surroundings.on_copy)?;
    either(TarIndex::open(file, PLACE)?, wanted, called, surroundings).map(Some)
}

fn own_stdin() -> std::io::Result<File> {
    let stdin = std::io::stdin();
    stdin.as_fd().try_clone_to_owned().map(File::from)
}

fn empty_stdin() -> SourceError {
    SourceError::malformed("the standard input", "it is empty")
}

fn archive_at(path: &Path, surroundings: &Surroundings) -> Result<TarIndex, SourceError> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(SourceError::file("open", path))?;
    let metadata = file.metadata().map_err(SourceError::file("open", path))?;
    let file = if metadata.is_file() {
        file
    } else {
        spool::copy(&place, file, &*surroundings.on_copy)?
    };
    let file = spool::uncompressed(&place, file, &*surroundings.on_copy)?;
    TarIndex::open(file, &place)
}

/// Reads an archive of either kind. `docker save` of today writes both in one: the layout has the
/// image's own manifest.
fn either(
    files: TarIndex,
    wanted: Option<&str>,
    called: Called,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    if files.len(MARK).is_some() {
        return layout(Box::new(files), wanted, called, surroundings);
    }
    let archive = DockerArchive::open(Box::new(files), wanted, called, surroundings)?;
    Ok(Box::new(archive))
}

fn layout(
    files: Box<dyn Files>,
    wanted: Option<&str>,
    called: Called,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let opened = OciLayout::open(files, wanted, called, surroundings)?;
    Ok(Box::new(opened))
}
