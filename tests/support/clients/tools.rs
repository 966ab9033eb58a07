//! Today's tools that move content without running it: oras, crane, regctl, helm and cosign.
//!
//! Each has a home of its own, so no credential or setting of this machine reaches it. What moves
//! whole images writes an OCI layout, from which the digest that arrived is read.

use std::ffi::OsStr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::clients::PULL_LIMIT;
use crate::process::{Outcome, run_with};
use crate::programs;

/// The variables by which these tools find their settings, credentials and caches.
const HOMES: [&str; 5] = [
    "HOME",
    "DOCKER_CONFIG",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// A tool with a home of its own.
pub struct Tool {
    name: &'static str,
    program: PathBuf,
    home: TempDir,
}

impl Tool {
    /// Gives oras, which every run of the tests has.
    pub fn oras() -> Self {
        Self::of("oras", programs::required("oras"))
    }

    /// Gives crane where it is built.
    pub fn crane() -> Option<Self> {
        Self::if_built("crane")
    }

    /// Gives regctl where it is built.
    pub fn regctl() -> Option<Self> {
        Self::if_built("regctl")
    }

    /// Gives helm where it is built.
    pub fn helm() -> Option<Self> {
        Self::if_built("helm")
    }

    /// Gives cosign where it is built.
    pub fn cosign() -> Option<Self> {
        Self::if_built("cosign")
    }

    /// Gives every tool that moves whole images and is built.
    pub fn movers() -> Vec<Self> {
        let mut movers = vec![Self::oras()];
        movers.extend(Self::crane());
        movers.extend(Self::regctl());
        movers
    }

    fn if_built(name: &'static str) -> Option<Self> {
        programs::built(name).map(|program| Self::of(name, program))
    }

    fn of(name: &'static str, program: PathBuf) -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        Self {
            name,
            program,
            home,
        }
    }

    /// Gives the tool's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Gives the path of a file in the tool's home.
    pub fn file(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Writes a file into the tool's home and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("make a directory");
        std::fs::write(&path, content).expect("write a file");
        path.display().to_string()
    }

    /// Runs it.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(&self.file(""), arguments, &[]).await
    }

    /// Runs it in a folder, for what it reads and writes by relative names.
    pub async fn run_in(&self, folder: &str, arguments: &[&str]) -> Outcome {
        self.run_with(folder, arguments, &[]).await
    }

    /// Runs it in a folder with more environment variables.
    pub async fn run_with(
        &self,
        folder: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Outcome {
        let program = self.program.display();
        // The shell changes the folder; everything else is passed on as it is.
        let shell = [
            "-c",
            "cd \"$0\" && exec \"$@\"",
            folder,
            &program.to_string(),
        ];
        let arguments = [&shell, arguments].concat();
        let home = self.home.path().as_os_str();
        let mut all: Vec<(&str, &OsStr)> = HOMES.map(|name| (name, home)).into();
        all.extend(
            environment
                .iter()
                .map(|(name, value)| (*name, OsStr::new(*value))),
        );
        run_with("sh", &arguments, &all, PULL_LIMIT).await
    }

    /// Gives it credentials for the registry that `reference` names, in the file that all of these
    /// tools read.
    pub fn log_in(&self, reference: &str, user: &str, password: &str) {
        let host = reference.split('/').next().unwrap_or_default();
        let auth = STANDARD.encode(format!("{user}:{password}"));
        let config = serde_json::json!({"auths": {host: {"auth": auth}}});
        self.write("config.json", config.to_string());
        self.write(".docker/config.json", config.to_string());
    }

    /// Copies a whole image into the layout `name` of its home.
    pub async fn pull(&self, reference: &str, name: &str) -> Outcome {
        self.pull_with(&[], reference, name).await
    }

    /// Copies with extra options.
    pub async fn pull_with(&self, options: &[&str], reference: &str, name: &str) -> Outcome {
        let layout = self.file(name);
        let (plain, target) = match self.name {
            "oras" => ("--from-plain-http", format!("{layout}:1")),
            "regctl" => ("--verbosity=warn", format!("ocidir://{layout}:1")),
            _ => ("--insecure", layout),
        };
        let host = Self::regctls_host(reference);
        let command: &[&str] = match self.name {
            "oras" => &["cp", "--no-tty", "--to-oci-layout", "--concurrency=6"],
            "regctl" => &["image", "copy", "--host", &host],
            "crane" => &["pull", "--format=oci"],
            other => panic!("{other} moves no images"),
        };
        let arguments = [command, options, &[plain, reference, &target]].concat();
        self.run(&arguments).await
    }

    /// Gives the digest of the image in the layout `name`, empty where there is none.
    pub fn digest(&self, name: &str) -> String {
        let index = std::fs::read(self.home.path().join(name).join("index.json"));
        let index: serde_json::Value =
            serde_json::from_slice(&index.unwrap_or_default()).unwrap_or_default();
        let digest = index["manifests"][0]["digest"].as_str();
        digest.unwrap_or_default().to_owned()
    }

    /// Gives regctl's description of a registry without TLS, the one that `reference` names.
    pub fn regctls_host(reference: &str) -> String {
        let host = reference.split('/').next().unwrap_or_default();
        format!("reg={host},tls=disabled")
    }
}
