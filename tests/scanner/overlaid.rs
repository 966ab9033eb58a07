//! What podman leaves behind with its overlay driver: each layer unpacked apart from the others, joined by
//! the kernel.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A storage of podman's own, with the overlay driver.
pub struct Storage {
    directory: TempDir,
}

impl Storage {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("make a directory"),
        }
    }

    /// Pulls the image `it` of a layout and shows where it is mounted to `look`; nothing where podman
    /// refuses to unpack it.
    pub fn mounted<T>(&self, layout: &Path, look: impl FnOnce(&Path) -> T) -> Option<T> {
        let image = self.podman(&["pull", "--quiet", &format!("oci:{}:it", layout.display())])?;
        let mounted = self.podman(&["image", "mount", &image]);
        let found = mounted.map(|path| look(&PathBuf::from(path)));
        self.podman(&["image", "unmount", &image]);
        self.podman(&["rmi", "--force", &image]);
        found
    }

    /// Runs podman; gives the last line that it prints.
    fn podman(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("podman")
            .arg("--root")
            .arg(self.directory.path().join("root"))
            .arg("--runroot")
            .arg(self.directory.path().join("run"))
            .args(["--storage-driver", "overlay"])
            .args(arguments)
            .output()
            .expect("run podman");
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        let text = String::from_utf8(output.stdout).expect("podman writes text");
        text.lines().last().map(str::to_owned)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // The driver's own mount would keep the directory from being removed.
        let overlay = self.directory.path().join("root/overlay");
        let _ = Command::new("umount").arg(overlay).output();
    }
}
