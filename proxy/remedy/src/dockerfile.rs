//! A remedy as a piece of a Dockerfile: what is run in the image, and as comments what is to be done
//! elsewhere.

use std::fmt::Write as _;

use crate::shown::shown;
use crate::step::{Batch, Place, Remedy, Step, Whose};

/// What is written of the system's lists of packages when they have been used.
const APT_LISTS: &str = "rm -rf /var/lib/apt/lists/*";

/// Writes the piece; none where there is nothing to do.
pub(crate) fn written(remedy: &Remedy) -> Option<String> {
    if remedy.steps.is_empty() {
        return None;
    }
    let mut text = String::new();
    let runs = |it: &&Batch| it.place == Place::Image;
    let user = remedy
        .user
        .as_ref()
        .filter(|_| remedy.batches.iter().any(|it| runs(&it)));
    if user.is_some() {
        line(&mut text, "USER root");
    }
    for (whose, head) in [
        (
            Whose::Base,
            "The base image's: take a newer one in FROM, or raise them here",
        ),
        (
            Whose::Unknown,
            "The base image's or yours: the image does not tell",
        ),
        (Whose::Yours, "Yours"),
    ] {
        let steps = remedy.steps.iter().filter(|step| step.whose == whose);
        let steps: Vec<&Step> = steps.collect();
        if steps.is_empty() {
            continue;
        }
        line(&mut text, &format!("# {head}:"));
        for step in &steps {
            line(&mut text, &format!("#   {}", told(step)));
        }
        for commands in remedy.batches.iter().filter(|it| it.whose == whose) {
            write_commands(&mut text, commands);
        }
    }
    if let Some(user) = user {
        line(&mut text, &format!("USER {user}"));
    }
    Some(text)
}

fn write_commands(text: &mut String, commands: &Batch) {
    match commands.place {
        Place::Image => {
            let lists = (commands.tool == "apt-get").then(|| APT_LISTS.to_owned());
            let lines: Vec<String> = commands.lines.iter().cloned().chain(lists).collect();
            line(text, &format!("RUN {}", lines.join(" \\\n && ")));
        }
        Place::Sources => {
            line(
                text,
                &format!("# Where the sources are ({}):", commands.tool),
            );
            for one in &commands.lines {
                line(text, &format!("#   {one}"));
            }
        }
    }
}

fn told(step: &Step) -> String {
    let (package, from, to) = (shown(&step.package), shown(&step.from), shown(&step.to));
    let why = step.how.as_ref().err();
    let why = why.map_or_else(String::new, |why| format!("; no command: {}", shown(why)));
    format!("{package} {from} to {to} or later{why}")
}

fn line(text: &mut String, line: &str) {
    let _never_fails = writeln!(text, "{line}");
}
