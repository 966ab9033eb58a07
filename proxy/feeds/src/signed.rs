//! Plugins that lie behind a feed's URL: a signed list of them, fetched with the advisories.
//!
//! Here they are only fetched, each by the hash that the list has; nobody is believed. Whoever uses them
//! looks who signed the list, and holds every file against it. Called by `mirror`, and by whoever signs
//! and uses them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_machine::private;

use super::broken::Broken;
use super::bundle::SigningKey;
use super::carried::{Carried, PLUGINS};
use super::fetch::{FetchError, Fetched, Fetcher, file_error};
use super::item::{Item, Visit, file_url, replace};
use super::synced::{Synced, told};
use super::whole::Kind;

/// The format that is written and read.
const FORMAT: &str = "sluicegate-plugins/1";
/// What is signed begins with this, so that a signature for another purpose is none for a list.
const PURPOSE: &[u8] = b"sluicegate plugins 1\n";
/// The list's name in the folder of plugins.
const LIST: &str = "manifest.json";
/// The name of its signatures.
const SIGNATURES: &str = "manifest.sig";
/// Where they lie in a mirror's copy; no ecosystem has this name.
const FOLDER: &str = ".plugins";
/// The list with its signatures, as they lie there.
const CURRENT: &str = "current.json";
/// Largest list, in bytes; 64 plugins take about 10 KiB.
const MAX_LIST_BYTES: u64 = 64 * 1024;
/// Most signatures that are looked at.
const MAX_SIGNATURES: usize = 32;
/// Most files that are kept of earlier lists beside those of the newest.
const MOST_KEPT: usize = 128;

/// What a list names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    format: String,
    /// Never decreases from one list of a source to the next.
    version: u64,
    files: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// `NAME.wasm`.
    name: String,
    /// In hex.
    sha256: String,
    /// In bytes.
    length: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signatures {
    /// Each in base64.
    signatures: Vec<String>,
}

/// A list as it lies here.
#[derive(Serialize, Deserialize)]
struct Current {
    list: String,
    signatures: Vec<String>,
}

/// What a URL offers, signed by whom has yet to be looked at.
#[derive(Debug)]
pub struct Offered {
    /// What was signed.
    pub text: Vec<u8>,
    /// The signatures.
    pub signatures: Vec<Vec<u8>>,
    /// Never decreases.
    pub version: u64,
    /// Each file: its name, where it lies, and its SHA-256 in hex.
    pub files: Vec<(String, PathBuf, String)>,
}

/// Says why a list cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It is no list.
    #[error("the list of plugins is not well-formed: {0}")]
    Malformed(String),
}

/// Words what is signed.
fn signed_text(list: &[u8]) -> Vec<u8> {
    [PURPOSE, list].concat()
}

impl List {
    fn read(text: &[u8]) -> Result<Self, ListError> {
        let list: Self = serde_json::from_slice(text)
            .map_err(|error| ListError::Malformed(error.to_string()))?;
        list.check().map(|()| list)
    }

    fn check(&self) -> Result<(), ListError> {
        let wrong = |why: String| Err(ListError::Malformed(why));
        if self.format != FORMAT {
            return wrong(format!("format is not {FORMAT:?}"));
        }
        if self.files.len() > Carried::Plugin.most() {
            let most = Carried::Plugin.most();
            return wrong(format!("more than {most} files"));
        }
        for Listed {
            name,
            sha256,
            length,
        } in &self.files
        {
            let shown = name.escape_debug();
            if Carried::at(&format!("{PLUGINS}/{name}")) != Some(Carried::Plugin) {
                return wrong(format!("\"{shown}\" is no plugin's file"));
            }
            let is_hash = |it: &str| it.len() == 64 && it.bytes().all(|b| b.is_ascii_hexdigit());
            if !is_hash(sha256) || *length > Carried::Plugin.most_bytes() {
                return wrong(format!("{shown}: no such file is a plugin"));
            }
        }
        Ok(())
    }
}

/// Writes the list of a directory of plugins, and its signatures, beside them; gives how many there are.
pub fn sign(directory: &Path, version: u64, keys: &[SigningKey]) -> Result<usize, ListError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ListError::File { path, source }
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
        let name = entry.map_err(failed(directory))?.file_name();
        names.extend(name.into_string().ok());
    }
    names.retain(|name| Carried::at(&format!("{PLUGINS}/{name}")) == Some(Carried::Plugin));
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let path = directory.join(&name);
        let content = std::fs::read(&path).map_err(failed(&path))?;
        files.push(Listed {
            name,
            sha256: hex::encode(sha2::Sha256::digest(&content)),
            length: u64::try_from(content.len()).unwrap_or(u64::MAX),
        });
    }
    let list = List {
        format: FORMAT.to_owned(),
        version,
        files,
    };
    list.check()?;
    let text =
        serde_json::to_vec(&list).map_err(|error| ListError::Malformed(error.to_string()))?;
    let signatures = keys.iter().map(|key| key.sign_text(&signed_text(&text)));
    let signatures = Signatures {
        signatures: signatures.map(|it| STANDARD.encode(it)).collect(),
    };
    let written = serde_json::to_vec(&signatures).unwrap_or_default();
    for (name, content) in [(LIST, text), (SIGNATURES, written)] {
        let path = directory.join(name);
        std::fs::write(&path, content).map_err(failed(&path))?;
    }
    Ok(list.files.len())
}

/// Names where the plugins of a mirror's copy lie.
pub fn folder(mirror: &Path) -> PathBuf {
    mirror.join(FOLDER)
}

/// Reads what lies in a mirror's copy; none where its URL has no list.
pub fn offered(mirror: &Path) -> Result<Option<Offered>, ListError> {
    let folder = mirror.join(FOLDER);
    let path = folder.join(CURRENT);
    let mut text = Vec::new();
    // The text of JSON in JSON, and the signatures.
    let most = MAX_LIST_BYTES.saturating_mul(4);
    match File::open(&path).and_then(|file| file.take(most).read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ListError::File { path, source }),
    }
    let current: Current = serde_json::from_slice(&text)
        .map_err(|error| ListError::Malformed(format!("{}: {error}", path.display())))?;
    let list = List::read(current.list.as_bytes())?;
    let files = list.files.into_iter();
    let files = files.map(|it| (it.name, folder.join(&it.sha256), it.sha256));
    let signatures = current.signatures.iter().take(MAX_SIGNATURES);
    Ok(Some(Offered {
        text: signed_text(current.list.as_bytes()),
        signatures: signatures
            .filter_map(|it| STANDARD.decode(it).ok())
            .collect(),
        version: list.version,
        files: files.collect(),
    }))
}

/// Brings the plugins of a URL up to date; what cannot be had keeps its last copy, and is a problem.
pub(super) async fn sync(
    visit: &Visit<'_>,
    fetcher: &Fetcher,
    incoming: &Path,
    synced: &mut Synced,
) {
    let folder = visit.directory.join(FOLDER);
    let is_known = folder.join(CURRENT).is_file();
    match bring(visit, fetcher, (incoming, &folder)).await {
        Ok(true) => synced.changed.push(format!("{PLUGINS}/{LIST}")),
        Ok(false) => {}
        // It never had any.
        Err(error) if error.is_absent() && !is_known => {}
        Err(error) => synced.problems.push(told(&error)),
    }
}

async fn bring(
    visit: &Visit<'_>,
    fetcher: &Fetcher,
    (incoming, folder): (&Path, &Path),
) -> Result<bool, FetchError> {
    let (list_text, list) = small(visit, fetcher, incoming, LIST).await?;
    let (signatures_text, signatures) = small(visit, fetcher, incoming, SIGNATURES).await?;
    let broken = |item: &Item<'_>, why| FetchError::NotWhole {
        what: visit.what(item),
        why,
    };
    let read = List::read(list_text.as_bytes());
    let read = read.map_err(|error| broken(&list, Broken::List(error.to_string())))?;
    let signed: Signatures = serde_json::from_str(&signatures_text)
        .map_err(|error| broken(&signatures, Broken::Json(error)))?;
    let current = Current {
        list: list_text,
        signatures: signed.signatures,
    };
    let written =
        serde_json::to_vec(&current).map_err(|error| broken(&list, Broken::Json(error)))?;
    let place = folder.join(CURRENT);
    let known = std::fs::read(&place).unwrap_or_default();
    if known == written
        && read
            .files
            .iter()
            .all(|it| folder.join(&it.sha256).is_file())
    {
        return Ok(false);
    }
    private::create_dir_all(folder).map_err(file_error("create", folder))?;
    for file in &read.files {
        module(visit, fetcher, file, (incoming, folder)).await?;
    }
    private::replace(&place, &written).map_err(file_error("replace", &place))?;
    sweep(folder, &read);
    Ok(true)
}

async fn small<'a>(
    visit: &Visit<'a>,
    fetcher: &'a Fetcher,
    incoming: &Path,
    name: &str,
) -> Result<(String, Item<'a>), FetchError> {
    let path = format!("{PLUGINS}/{name}");
    let item = Item {
        url: file_url(visit.base, &path),
        path,
        fetcher,
        kind: Kind::Part,
        limit: MAX_LIST_BYTES,
    };
    let into = incoming.join(format!("{PLUGINS}-{name}"));
    visit.fetch_quietly(&item, &into, visit.room).await?;
    let text = std::fs::read_to_string(&into).map_err(file_error("read", &into))?;
    Ok((text, item))
}

async fn module(
    visit: &Visit<'_>,
    fetcher: &Fetcher,
    file: &Listed,
    (incoming, folder): (&Path, &Path),
) -> Result<(), FetchError> {
    let place = folder.join(&file.sha256);
    if place.is_file() {
        return Ok(());
    }
    let path = format!("{PLUGINS}/{}", file.name);
    let item = Item {
        url: file_url(visit.base, &path),
        path,
        fetcher,
        kind: Kind::Part,
        limit: Carried::Plugin.most_bytes(),
    };
    let into = incoming.join(&file.sha256);
    let fetched = visit.fetch(&item, &into, None).await?;
    let is_it = matches!(&fetched, Fetched::New(arrived) if arrived.sha256 == file.sha256);
    if !is_it {
        return Err(FetchError::NotWhole {
            what: visit.what(&item),
            why: Broken::Unsigned,
        });
    }
    replace(&into, &place)
}

/// Removes files of earlier lists once there are many: the set in force may still be of one.
fn sweep(folder: &Path, list: &List) {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.len() == 64 && list.files.iter().all(|it| it.sha256 != *name))
        .collect();
    if names.len() > MOST_KEPT {
        for name in names {
            // It is tried again with the next list.
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
}
