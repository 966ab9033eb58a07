//! Which directories and programs an installed Python distribution brought: `RECORD`,
//! `installed-files.txt`, `top_level.txt`.
//!
//! They are claims, like a system database's: with them a directory of code is known to belong to
//! a distribution of another name. Other files are not kept.
//!
//! Source: PyPA, "Recording installed projects"; setuptools, "Egg formats".

use std::collections::BTreeSet;

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::code;
use crate::facts::Observations;
use crate::limits::MIB;

use super::ledger::Ledger;

pub(super) struct PythonFiles;

impl Analyzer for PythonFiles {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/python-files",
            revision: 2,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("RECORD"),
            Wants::Named("installed-files.txt"),
            Wants::Named("top_level.txt"),
        ]
    }

    /// The longest records list 20,000 files in 2 MiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let Some((record, name)) = file.path.rsplit_once('/') else {
            return Ok(());
        };
        let (site, directory) = record.rsplit_once('/').unwrap_or(("", record));
        let package = directory
            .strip_suffix(".dist-info")
            .or_else(|| directory.strip_suffix(".egg-info"));
        let Some(package) = package else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(file.content);
        // Of itself it claims the list: one that is alone is seen all the same.
        let mut paths = BTreeSet::from([file.path.to_owned()]);
        for line in text.lines().filter(|line| !line.is_empty()) {
            match name {
                "RECORD" => keep(site, record_path(line), &mut paths),
                "installed-files.txt" => keep(record, line, &mut paths),
                _ => keep(site, &format!("{line}/__init__.py"), &mut paths),
            }
        }
        let mut ledger = Ledger::new(file, found);
        for path in paths {
            ledger.claim(package, &path, None);
        }
        Ok(())
    }
}

/// Gives the path of a line of `RECORD`, which is comma-separated and may be quoted.
fn record_path(line: &str) -> &str {
    let quoted = line.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    quoted.map_or_else(
        || line.split(',').next().unwrap_or_default(),
        |(path, _)| path,
    )
}

/// Keeps the name below the site by which a file is imported, and the file itself where it may be a
/// program.
fn keep(from: &str, path: &str, paths: &mut BTreeSet<String>) {
    let Some(path) = resolve(from, path.trim()) else {
        return;
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.contains(".so") || !name.contains('.') {
        paths.insert(path.clone());
    }
    let site_end = ["site-packages/", "dist-packages/"]
        .iter()
        .find_map(|site| Some(path.rfind(site)? + site.len()));
    let Some((site, inside)) = site_end.and_then(|end| path.split_at_checked(end)) else {
        return;
    };
    let directory = inside.split_once('/').map(|(directory, _)| directory);
    if let Some(imported) = directory.or_else(|| code::module(inside)) {
        paths.insert(format!("{site}{imported}"));
    }
}

/// Joins a path to the directory it is relative to; none where it leaves the root.
fn resolve(from: &str, path: &str) -> Option<String> {
    let mut components: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop()?;
            }
            name => components.push(name),
        }
    }
    Some(components.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;
    use crate::facts::PathHash;

    #[test]
    fn lists_claim_directories_and_programs() {
        let record = "yaml/__init__.py,sha256=x,1\nyaml/_yaml.cpython-311.so,,\n\
            \"odd,name/x.py\",,\nsix.py,,\n../../../bin/tool,,\n../../../../../../out,,\n";
        let site = "usr/lib/python3/site-packages";
        let wanted = [
            "usr/bin/tool",
            "usr/lib/python3/site-packages/odd,name",
            "usr/lib/python3/site-packages/six",
            "usr/lib/python3/site-packages/yaml",
            "usr/lib/python3/site-packages/yaml/_yaml.cpython-311.so",
        ];
        let cases = [
            ("PyYAML-6.0.dist-info/RECORD", record, &wanted[..]),
            (
                "PyYAML-6.0.dist-info/top_level.txt",
                "_yaml\nyaml\n",
                &[
                    "usr/lib/python3/site-packages/_yaml",
                    "usr/lib/python3/site-packages/yaml",
                ],
            ),
            (
                "PyYAML-6.0.egg-info/installed-files.txt",
                "../yaml/__init__.py\nPKG-INFO.\n",
                &[
                    "usr/lib/python3/site-packages/PyYAML-6.0.egg-info",
                    "usr/lib/python3/site-packages/yaml",
                ],
            ),
            ("other/RECORD", "yaml/__init__.py,,\n", &[]),
        ];
        for (path, text, wanted) in cases {
            let found = analyze(&PythonFiles, &format!("{site}/{path}"), text.as_bytes());
            let mut got: Vec<_> = found.owned.iter().map(|owned| owned.path).collect();
            let own = PathHash::of(&format!("{site}/{path}"));
            assert_eq!(got.contains(&own), !wanted.is_empty(), "{path}");
            got.retain(|hash| *hash != own);
            let wanted: Vec<_> = wanted.iter().map(|path| PathHash::of(path)).collect();
            assert_eq!(got, wanted, "{path}");
        }
    }
}
