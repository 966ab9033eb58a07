//! From what the user wrote to the source that holds the image.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::docker_archive::DockerArchive;
use super::error::SourceError;
use super::files::{Directory, Files};
use super::name::SourceName;
use super::oci_layout::{MARK, OciLayout};
use super::registry::Registry;
use super::rootfs::Rootfs;
use super::tar_index::TarIndex;
use super::{Source, Surroundings, containerd, docker, podman, spool};

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
/// an image's name, unless the pipe is empty.
pub fn open(
    argument: Option<&str>,
    stdin: Stdin,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let Some(argument) = argument else {
        if stdin == Stdin::Other {
            let reason = "name an image, or send an archive to the standard input";
            return Err(SourceError::Name(reason.to_owned()));
        }
        return from_stdin(None, surroundings)?.ok_or_else(empty_stdin);
    };
    match SourceName::parse(argument) {
        SourceName::Stdin => from_stdin(None, surroundings)?.ok_or_else(empty_stdin),
        SourceName::OciDirectory(path, name) => {
            let files = Box::new(Directory::open(&path)?);
            layout(files, name.as_deref(), surroundings)
        }
        SourceName::OciArchive(path, name) => {
            let files = Box::new(archive_at(&path, surroundings)?);
            layout(files, name.as_deref(), surroundings)
        }
        SourceName::DockerArchive(path, name) => {
            let files = archive_at(&path, surroundings)?;
            either(files, name.as_deref(), surroundings)
        }
        SourceName::Rootfs(path) => Ok(Box::new(Rootfs::open(&path, surroundings)?)),
        SourceName::Docker(name) => of_engine(docker::export, "docker", &name, surroundings),
        SourceName::Podman(name) => of_engine(podman::export, "podman", &name, surroundings),
        SourceName::Containerd(name) => {
            of_engine(containerd::export, "containerd", &name, surroundings)
        }
        SourceName::Image(name) => {
            if stdin == Stdin::Pipe {
                (surroundings.on_note)("reading an archive from the standard input");
                if let Some(source) = from_stdin(Some(&name), surroundings)? {
                    return Ok(source);
                }
            }
            anywhere(&name, surroundings)
        }
    }
}

type Export = fn(&str, &Surroundings) -> Result<Option<File>, SourceError>;

/// Looks for an image of that name in the local engines, then in its registry.
fn anywhere(name: &str, surroundings: &Surroundings) -> Result<Box<dyn Source>, SourceError> {
    let (registry, reference) = Registry::of(name, surroundings)?;
    let engines: [(&str, Export); 3] = [
        ("docker", docker::export),
        ("podman", podman::export),
        ("containerd", containerd::export),
    ];
    let mut tried = Vec::new();
    for (engine, export) in engines {
        match export(name, surroundings) {
            Ok(Some(file)) => return saved(file, engine, name, surroundings),
            Ok(None) => {}
            Err(error) if error.is_absence() => tried.push(error.to_string()),
            Err(error) => {
                (surroundings.on_note)(&error.to_string());
                tried.push(error.to_string());
            }
        }
    }
    match registry.image(&reference) {
        Ok(image) => Ok(Box::new(image)),
        Err(error) if tried.is_empty() => Err(error),
        Err(error) => {
            tried.push(error.to_string());
            Err(SourceError::Nowhere {
                image: name.to_owned(),
                tried,
            })
        }
    }
}

fn of_engine(
    export: Export,
    engine: &str,
    name: &str,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let exported = export(name, surroundings)?;
    let file = exported.ok_or_else(|| SourceError::Engine {
        engine: engine.to_owned(),
        reason: "neither its socket nor its program is here".to_owned(),
    })?;
    saved(file, engine, name, surroundings)
}

/// Reads what an engine saved: one image, whatever names the archive gives it.
fn saved(
    file: File,
    engine: &str,
    name: &str,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    let place = format!("{engine}:{name}");
    let open = |wanted| {
        let shared = file
            .try_clone()
            .map_err(SourceError::file("read", &place))?;
        either(TarIndex::open(shared, &place)?, wanted, surroundings)
    };
    match open(Some(name)) {
        // Asked for by its id or digest, it is called by its tags.
        Err(SourceError::NotFound { .. }) => open(None),
        opened => opened,
    }
}

/// Reads the standard input; none where nothing comes.
fn from_stdin(
    wanted: Option<&str>,
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
    either(TarIndex::open(file, PLACE)?, wanted, surroundings).map(Some)
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
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    if files.len(MARK).is_some() {
        return layout(Box::new(files), wanted, surroundings);
    }
    let archive = DockerArchive::open(Box::new(files), wanted, surroundings)?;
    Ok(Box::new(archive))
}

fn layout(
    files: Box<dyn Files>,
    wanted: Option<&str>,
    surroundings: &Surroundings,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(Box::new(OciLayout::open(files, wanted, surroundings)?))
}
