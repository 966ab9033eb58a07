//! A remedy for people.

use std::io::{self, Write};

use sluicegate_model::verdict::Decision;

use crate::answer::{CommandsAnswer, PlaceAnswer, RemedyAnswer, StepAnswer, WhoseAnswer};
use crate::shown::{printable, shown};

/// Ids that are shown of what a step mends.
const IDS: usize = 4;
/// Steps that are shown where few lines are to say it.
const BRIEFLY: usize = 5;

/// Writes all of it.
pub fn write(answer: &RemedyAnswer, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}@{}", answer.repository, answer.digest)?;
    writeln!(out, "{}", outcome(answer))?;
    for (whose, head) in [
        (WhoseAnswer::Base, "The base image's: take a newer one, or"),
        (
            WhoseAnswer::Unknown,
            "The base image's or yours, which the image does not tell:",
        ),
        (WhoseAnswer::Yours, "Yours:"),
    ] {
        let steps = answer.steps.iter().filter(|step| step.whose == whose);
        let steps: Vec<&StepAnswer> = steps.collect();
        if steps.is_empty() {
            continue;
        }
        writeln!(out, "\n{head}")?;
        for step in steps {
            write_step(step, out)?;
        }
        for commands in answer.commands.iter().filter(|it| it.whose == whose) {
            write_commands(commands, out)?;
        }
    }
    write_left(answer, usize::MAX, out)?;
    write_tag(answer, out)
}

/// Writes the little that stands beside a verdict.
pub fn write_briefly(answer: &RemedyAnswer, out: &mut dyn Write) -> io::Result<()> {
    if answer.decision != Decision::Refuse {
        return Ok(());
    }
    writeln!(out, "\nRemedy    {}", outcome(answer))?;
    for step in answer.steps.iter().take(BRIEFLY) {
        write_step(step, out)?;
    }
    let more = answer.steps.len().saturating_sub(BRIEFLY);
    if more > 0 {
        writeln!(out, "  ... and {more} more")?;
    }
    for commands in &answer.commands {
        write_commands(commands, out)?;
    }
    write_left(answer, BRIEFLY, out)?;
    write_tag(answer, out)
}

/// Says what the steps lead to.
fn outcome(answer: &RemedyAnswer) -> String {
    let steps = match answer.steps.len() {
        1 => "1 upgrade".to_owned(),
        count => format!("{count} upgrades"),
    };
    match (answer.decision, answer.decision_after, answer.steps.len()) {
        (Decision::Allow | Decision::Annotate, ..) => "allowed as it is".to_owned(),
        (_, Decision::Refuse, 0) => "refused: no upgrade changes that".to_owned(),
        (_, Decision::Refuse, _) => {
            format!("refused, and still after {steps}: see what no upgrade mends")
        }
        (_, Decision::Annotate, _) => format!("refused; allowed with a note after {steps}"),
        (_, Decision::Allow, _) => format!("refused; allowed after {steps}"),
    }
}

fn write_step(step: &StepAnswer, out: &mut dyn Write) -> io::Result<()> {
    let (package, from, to) = (shown(&step.package), shown(&step.from), shown(&step.to));
    let mut ids: Vec<String> = step.mends.iter().take(IDS).map(|id| shown(id)).collect();
    let more = step.mends.len().saturating_sub(IDS);
    ids.extend((more > 0).then(|| format!("{more} more")));
    writeln!(
        out,
        "  {package} {from} -> {to} or later, for {}",
        ids.join(", ")
    )?;
    match &step.no_command {
        Some(why) => writeln!(out, "    no command: {}", shown(why)),
        None => Ok(()),
    }
}

fn write_commands(commands: &CommandsAnswer, out: &mut dyn Write) -> io::Result<()> {
    let place = match commands.place {
        PlaceAnswer::Image => "in the image",
        PlaceAnswer::Sources => "where the sources are",
    };
    writeln!(out, "  {place} ({}):", commands.tool)?;
    for line in &commands.lines {
        writeln!(out, "    {}", printable(line))?;
    }
    Ok(())
}

fn write_left(answer: &RemedyAnswer, most: usize, out: &mut dyn Write) -> io::Result<()> {
    if answer.unmendable.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNo upgrade mends:")?;
    for left in answer.unmendable.iter().take(most) {
        let version = left.version.as_deref().unwrap_or_default();
        let what = format!("{} {version}", left.what);
        writeln!(out, "  {}: {}", shown(what.trim_end()), shown(&left.why))?;
    }
    let more = answer.unmendable.len().saturating_sub(most);
    if more > 0 {
        writeln!(out, "  ... and {more} more")?;
    }
    Ok(())
}

fn write_tag(answer: &RemedyAnswer, out: &mut dyn Write) -> io::Result<()> {
    let Some(other) = &answer.compliant_tag else {
        return Ok(());
    };
    writeln!(
        out,
        "\nAllowed already: {}:{} ({})",
        answer.repository, other.tag, other.digest
    )
}
