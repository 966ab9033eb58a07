//! The right word for a wrong one: what other scanners call things, and what they are called here.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of other scanners, and what does it here. Sources: the references of the command lines of
/// Trivy and Grype.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["--exit-code", "--fail-on", "-f", "--exit-on-eol"],
        "the exit code is the policy's decision, 1 where it refuses: what refuses is written in a \
         policy (\"sluicegate policy show-default\" prints one to start from) and given by --policy; \
         how the report looks is --format",
    ),
    (
        &["--severity", "-s", "--min-severity"],
        "\"inspect-image\" and \"verdicts show\" take --severity for what is shown; what is refused \
         is a rule of a policy, such as when: {severityAtLeast: high}",
    ),
    (
        &[
            "--ignore-unfixed",
            "--only-fixed",
            "--ignore-states",
            "--only-notfixed",
        ],
        "\"inspect-image\" and \"verdicts show\" take --fixable for what is shown; what is refused \
         is a rule of a policy, such as when: {severityAtLeast: critical, fixable: true}",
    ),
    (
        &["-o", "--out", "--file"],
        "--output FILE is where the report goes, --format table|json|sarif|cyclonedx|spdx how it looks",
    ),
    (
        &[
            "--template",
            "-t",
            "--report",
            "--list-all-pkgs",
            "--dependency-tree",
        ],
        "--format table|json|sarif|cyclonedx|spdx; the last two list all packages",
    ),
    (
        &[
            "--ignorefile",
            "--ignore-policy",
            "--vex",
            "--show-suppressed",
            "--config-policy",
        ],
        "--policy PATH names files with Exceptions; a .trivyignore.yaml in a policy directory is read \
         as some",
    ),
    (
        &["--input", "--sbom", "-i"],
        "\"inspect-image FILE\" reads an archive of docker save or an OCI layout as what it is",
    ),
    (
        &[
            "--skip-db-update",
            "--skip-update",
            "--offline-scan",
            "--download-db-only",
            "--db-repository",
            "--reset",
            "--no-progress-db",
        ],
        "advisories come from --feed (a directory, a URL, or none); \"sluicegate feeds update\" and \
         \"feeds import\" bring them ahead of time",
    ),
    (
        &[
            "--cache-dir",
            "--cache-backend",
            "--clear-cache",
            "--cache-ttl",
        ],
        "--data DIR is where feeds and known layers are kept",
    ),
    (
        &[
            "--scanners",
            "--security-checks",
            "--vuln-type",
            "--pkg-types",
            "--pkg-relationships",
            "--scope",
            "--detection-priority",
        ],
        "everything is looked at, every time; what counts is written in a policy",
    ),
    (
        &[
            "--server",
            "--remote",
            "--endpoint",
            "--address",
            "--host",
            "--url",
        ],
        "--service URL, or SLUICEGATE_SERVICE",
    ),
    (
        &[
            "--username",
            "--password",
            "--registry-token",
            "--auth",
            "--creds",
        ],
        "credentials are those of \"docker login\", or upstreams.NAME.username and password_file of \
         the configuration; never flags",
    ),
    (
        &[
            "--insecure",
            "--tls-verify",
            "--skip-tls-verify",
            "--insecure-skip-tls-verify",
        ],
        "a private authority is upstreams.NAME.ca_file; an http:// URL is a registry without TLS",
    ),
    (
        &["--debug", "-d", "--verbose", "-v", "-vv", "--log-level"],
        "SLUICEGATE_LOG=debug makes serve say more",
    ),
    (
        &["--port", "-p", "--addr", "--bind"],
        "--listen ADDRESS:PORT for the registry, --api-listen for the API",
    ),
    (
        &["--by-cve", "--add-cpes-if-none", "--distro"],
        "findings are named by their CVE, and packages matched as their own ecosystem says",
    ),
    (&["--json"], "--format json"),
    (&["--csv"], "--format csv"),
    (&["--all"], "--limit N, or \"export\" for everything"),
];

/// Commands of other programs, and older or likelier words for ours.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &[
            "image",
            "i",
            "scan",
            "inspect",
            "analyze",
            "check",
            "fs",
            "filesystem",
            "rootfs",
            "sbom",
        ],
        "sluicegate inspect-image IMAGE (a name, an archive, or dir:ROOTFS)",
    ),
    (
        &["server", "start", "run", "daemon", "proxy", "up"],
        "sluicegate serve",
    ),
    (&["db", "update", "feed"], "sluicegate feeds update"),
    (&["version"], "sluicegate --version"),
    (
        &["verdict", "images", "results", "ls", "list"],
        "sluicegate verdicts list",
    ),
    (
        &["decision", "log", "logs", "audit", "pulls"],
        "sluicegate decisions list",
    ),
    (&["event", "watch", "follow"], "sluicegate events follow"),
    (
        &["package", "search", "find", "whereis"],
        "sluicegate packages NAME",
    ),
    (
        &["vulnerability", "vulns", "vuln", "cve", "cves", "findings"],
        "sluicegate vulnerabilities CVE-...",
    ),
    (
        &["exception", "ignore", "waivers"],
        "sluicegate exceptions list",
    ),
    (
        &["lint", "validate", "policies"],
        "sluicegate policy lint PATH",
    ),
    (&["plugin"], "sluicegate plugins list"),
    (&["completion"], "sluicegate completions SHELL"),
    (&["healthcheck", "ping", "ready"], "sluicegate health"),
    (
        &["prefetch", "preload", "import", "pull"],
        "sluicegate warm REPOSITORY[:TAG-GLOB]",
    ),
    (&["configuration", "settings"], "sluicegate config check"),
];

/// Gives the hint for a command line that was not understood, where there is one.
pub fn hint(error: &clap::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let flag = context(error, ContextKind::InvalidArg)?;
            let name = flag.split('=').next().unwrap_or(flag);
            look_up(FLAGS, name).map(str::to_owned)
        }
        ErrorKind::InvalidSubcommand => {
            let word = context(error, ContextKind::InvalidSubcommand)?;
            let known = look_up(COMMANDS, word).map(str::to_owned);
            known.or_else(|| of_image(word))
        }
        _ => None,
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

fn look_up(table: &[(&'static [&'static str], &'static str)], word: &str) -> Option<&'static str> {
    let found = table.iter().find(|(words, _)| words.contains(&word));
    found.map(|(_, hint)| *hint)
}

/// Takes what looks like an image for one.
fn of_image(word: &str) -> Option<String> {
    let looks_so = word.contains([':', '/', '@', '.']);
    looks_so.then(|| format!("sluicegate inspect-image {word}"))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::commands::Cli;

    fn hint_of(line: &str) -> Option<String> {
        let words = line.split(' ');
        Cli::try_parse_from(words).err().as_ref().and_then(hint)
    }

    #[test]
    fn words_of_other_scanners_lead_to_ours() {
        for (line, wanted) in [
            ("sluicegate inspect-image --exit-code 1 nginx", "--policy"),
            ("sluicegate inspect-image nginx --fail-on high", "--policy"),
            ("sluicegate inspect-image -o json nginx", "--format"),
            (
                "sluicegate inspect-image --ignorefile x nginx",
                "Exceptions",
            ),
            ("sluicegate inspect-image --skip-db-update nginx", "--feed"),
            (
                "sluicegate inspect-image --cache-dir=/tmp/x nginx",
                "--data",
            ),
            ("sluicegate verdicts list --server x", "--service"),
            ("sluicegate verdicts list --json", "--format json"),
            ("sluicegate serve --port 5000", "--listen"),
            ("sluicegate image nginx", "inspect-image"),
            (
                "sluicegate nginx:1.25",
                "sluicegate inspect-image nginx:1.25",
            ),
            ("sluicegate app.tar", "sluicegate inspect-image app.tar"),
            ("sluicegate version", "--version"),
            ("sluicegate log", "decisions list"),
        ] {
            let hint = hint_of(line).unwrap_or_else(|| panic!("{line}: no hint"));
            assert!(hint.contains(wanted), "{line}: {hint}");
        }
        assert_eq!(hint_of("sluicegate nonsense"), None);
        assert_eq!(hint_of("sluicegate serve --nonsense"), None);
    }

    #[test]
    fn every_command_that_a_hint_names_is_there() {
        let command = Cli::command();
        for (_, hint) in COMMANDS {
            let word = hint.split(' ').nth(1).unwrap_or_default();
            let is_there = word.starts_with("--") || command.find_subcommand(word).is_some();
            assert!(is_there, "{hint}");
        }
        for (words, _) in COMMANDS {
            for word in *words {
                assert!(command.find_subcommand(word).is_none(), "{word} is ours");
            }
        }
    }
}
