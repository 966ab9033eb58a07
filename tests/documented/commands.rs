//! Every documented command of the program is one: of the pages, run or not, and of the help.

use std::process::{Command, Stdio};

use clap::{CommandFactory as _, Parser as _};
use sluicegate::commands::Cli;

use crate::pages::{self, PAGES};

/// Where every other program stands for itself: it takes what it is sent, and says a word.
const STAND_IN: &str = r#"
command_not_found_handle() { echo word; }
sluicegate() { printf '%s\0' sluicegate "$@" >> "$ARGUMENTS"; printf '\n\0' >> "$ARGUMENTS"; echo word; }
export PATH=/nonexistent
"#;

/// Gives the arguments of every call of the program in a piece of shell, as a shell reads it.
fn calls(script: &str) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().expect("make a directory");
    let arguments = directory.path().join("arguments");
    std::fs::write(&arguments, "").expect("make a file");
    std::fs::create_dir(directory.path().join("policies")).expect("make a directory");
    let status = Command::new("bash")
        .args(["-c", &format!("{STAND_IN}\n{}", unredirected(script))])
        .env("ARGUMENTS", &arguments)
        .env("HOME", directory.path())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.expect("run a shell");
    let written = std::fs::read_to_string(&arguments).expect("read the calls");
    let mut calls = vec![Vec::new()];
    for word in written.split('\0') {
        if word == "\n" {
            calls.push(Vec::new());
        } else if let Some(call) = calls.last_mut() {
            call.push(word.to_owned());
        }
    }
    // Behind the last mark there is nothing.
    calls.pop();
    calls
}

/// Leaves out where output goes: nothing of this machine is written to.
fn unredirected(script: &str) -> String {
    let mut kept = String::new();
    let (mut quote, mut rest) = (None, script.chars().peekable());
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '#') if kept.ends_with([' ', '\n']) || kept.is_empty() => {
                while rest.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            (None, '>') => {
                while rest.next_if(|c| matches!(c, '>' | '&' | ' ')).is_some() {}
                while rest.next_if(|c| !c.is_whitespace() && *c != '|').is_some() {}
                continue;
            }
            _ => {}
        }
        kept.push(c);
    }
    kept
}

/// Says what is wrong with a call, where it is none that the program understands.
fn mistake(call: &[String]) -> Option<String> {
    let error = Cli::try_parse_from(call).err()?;
    // Help and the version are answers.
    error
        .use_stderr()
        .then(|| format!("{}\n{error}", call.join(" ")))
}

#[test]
fn a_shell_tells_what_the_program_is_called_with() {
    let script = "docker save app:1 | sluicegate inspect-image --policy ./p 'app:1'  # a comment\n\
                  d=$(skopeo inspect x)\nsluicegate verdicts show $d \\\n  --format json > out\n";
    let calls: Vec<String> = calls(script).iter().map(|call| call.join(" ")).collect();
    assert_eq!(
        calls,
        [
            "sluicegate inspect-image --policy ./p app:1",
            "sluicegate verdicts show word --format json",
        ]
    );
}

#[test]
fn every_command_of_the_pages_is_understood() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in PAGES {
        let text = pages::read(page);
        let blocks = pages::blocks(page, &text).into_iter();
        let blocks = blocks.map(|block| (block.place, block.text));
        let mentioned = pages::mentioned(&text).into_iter();
        for (place, script) in blocks.chain(mentioned.map(|text| (page.to_owned(), text))) {
            for call in calls(&script) {
                count += 1;
                wrong.extend(mistake(&call).map(|why| format!("{place}: {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn every_command_has_an_example_that_is_understood() {
    let mut wrong = Vec::new();
    let mut waiting = vec![(Cli::command(), "sluicegate".to_owned())];
    while let Some((command, name)) = waiting.pop() {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        if !help.contains("Example") {
            wrong.push(format!("{name}: no example"));
        }
        let lines = help.replace("Example: ", "\n");
        let examples = lines.lines().map(str::trim);
        let examples: Vec<&str> = examples.filter(|line| is_command(line)).collect();
        if examples.is_empty() {
            wrong.push(format!("{name}: no example is a command"));
        }
        for call in calls(&examples.join("\n")) {
            wrong.extend(mistake(&call).map(|why| format!("{name}: {why}")));
        }
        for child in command.get_subcommands() {
            waiting.push((child.clone(), format!("{name} {}", child.get_name())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tells whether a line of the help is one for a shell: it names the program as a word of its own.
fn is_command(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    let starts = ["sluicegate", "docker", "kubectl"].contains(&first);
    starts && line.contains("sluicegate ")
}

#[test]
fn every_flag_is_explained() {
    let mut wrong = Vec::new();
    let mut waiting = vec![Cli::command()];
    while let Some(command) = waiting.pop() {
        for argument in command.get_arguments() {
            if argument.get_help().is_none() {
                wrong.push(format!("{} {}", command.get_name(), argument.get_id()));
            }
        }
        waiting.extend(command.get_subcommands().cloned());
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
