//! `sluicegate completions SHELL` and `sluicegate man`: the command line, told to shells and to man.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, CommandError};

/// The program's name, as people type it.
const NAME: &str = "sluicegate";

/// Which shell.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate completions bash > /etc/bash_completion.d/sluicegate\n  \
    sluicegate completions zsh > \"${fpath[1]}/_sluicegate\"\n  \
    sluicegate completions fish > ~/.config/fish/completions/sluicegate.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Which page, and where to.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    sluicegate man | man -l -\n  \
    sluicegate man verdicts list | man -l -\n  \
    sluicegate man --output /usr/local/share/man/man1")]
pub struct ManArgs {
    /// The command; without one, the page of the program
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Writes the pages of all commands into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output: Option<PathBuf>,
}

/// Prints what completes the program's commands in a shell.
pub fn completions(args: &CompletionsArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    Ok(out.write_all(&script)?)
}

/// Prints a manual page, or writes all of them.
pub fn man(args: &ManArgs, out: &mut impl Write) -> Result<(), CommandError> {
    if let Some(directory) = &args.output {
        let written = std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
        return written.map_err(|error| {
            CommandError::Failed(format!("cannot write {}: {error}", directory.display()))
        });
    }
    let page = page(&args.command)?;
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(out.write_all(&text)?)
}

/// Finds a command by its words.
fn page(words: &[String]) -> Result<Command, CommandError> {
    let mut found = Cli::command().disable_help_subcommand(true);
    // Fills in what subcommands inherit.
    found.build();
    for word in words {
        let next = found.find_subcommand(word).cloned();
        found = next.ok_or_else(|| {
            let known: Vec<&str> = found.get_subcommands().map(Command::get_name).collect();
            CommandError::Usage(format!(
                "there is no command {:?}, only {}",
                words.join(" "),
                known.join(", ")
            ))
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_and_every_command_is_served() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            completions(&CompletionsArgs { shell: *shell }, &mut out).unwrap();
            let script = String::from_utf8(out).unwrap();
            assert!(script.contains("inspect-image"), "{shell}");
        }
        let printed = |words: &[&str]| {
            let command = words.iter().map(ToString::to_string).collect();
            let mut out = Vec::new();
            let told = man(
                &ManArgs {
                    command,
                    output: None,
                },
                &mut out,
            );
            told.map(|()| String::from_utf8(out).unwrap())
        };
        assert!(printed(&[]).unwrap().contains("inspect\\-image"));
        let list = printed(&["verdicts", "list"]).unwrap();
        assert!(
            list.contains("would\\-refuse") && list.contains("sluicegate-verdicts-list"),
            "{list}"
        );
        let unknown = printed(&["verdicts", "lost"]).unwrap_err();
        assert!(
            unknown.to_string().contains("only list, show, export"),
            "{unknown}"
        );
    }

    #[test]
    fn pages_of_all_commands_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let output = Some(directory.path().join("man1"));
        let args = ManArgs {
            command: Vec::new(),
            output,
        };
        man(&args, &mut Vec::new()).unwrap();
        for page in [
            "sluicegate.1",
            "sluicegate-verdicts-list.1",
            "sluicegate-warm.1",
        ] {
            assert!(directory.path().join("man1").join(page).exists(), "{page}");
        }
    }
}
