//! `pip`, by the interpreter whose packages a path is among.

use std::collections::BTreeSet;

use super::words;
use crate::step::{Command, Place, Step};

/// Gives a line for each environment that has the package.
pub(super) fn commands(step: &Step) -> Vec<Command> {
    let wanted = format!("'{}=={}'", step.package, step.to);
    let lines: BTreeSet<(Place, String)> = (step.paths.iter())
        .map(|path| match interpreter(path) {
            Some(python) => {
                let line = format!("{python} -m pip install --no-cache-dir {wanted}");
                (Place::Image, line)
            }
            None => (Place::Sources, format!("python3 -m pip install {wanted}")),
        })
        .collect();
    let commands = lines.into_iter().map(|(place, line)| Command {
        place,
        tool: "pip",
        line,
    });
    commands.collect()
}

/// Finds the interpreter whose packages a path is among; none where that cannot be told.
fn interpreter(path: &str) -> Option<String> {
    let at = path
        .find("/lib/python3")
        .or_else(|| path.find("/lib64/python3"))?;
    let prefix = path.get(..at).filter(|prefix| words::is_path(prefix))?;
    let below = path.get(at + 1..)?;
    let mut folders = below.split('/').skip(1);
    let (python, packages) = (folders.next()?, folders.next()?);
    match packages {
        "site-packages" if words::is_path(python) => Some(format!("/{prefix}/bin/{python}")),
        // What Debian's own interpreter installs by pip.
        "dist-packages" if words::is_path(python) => Some("python3".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_has_its_own_interpreter() {
        for (path, wanted) in [
            (
                "opt/venv/lib/python3.11/site-packages/x-1.0.dist-info/METADATA",
                Some("/opt/venv/bin/python3.11"),
            ),
            (
                "usr/local/lib/python3.11/dist-packages/x-1.0.dist-info/METADATA",
                Some("python3"),
            ),
            ("app/x-1.0.dist-info/METADATA", None),
            ("a b/lib/python3.11/site-packages/x/METADATA", None),
        ] {
            assert_eq!(interpreter(path).as_deref(), wanted, "{path}");
        }
    }
}
