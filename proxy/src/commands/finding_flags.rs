//! The flags that say which findings are shown, the same for every command that shows some.

use clap::Args;
use sluicegate_model::severity::Severity;

use sluicegate_formats::view::View;

/// Which findings are shown. None of it changes what is decided.
#[derive(Args, Clone, Debug, Default)]
pub struct FindingFlags {
    /// Shows only findings of these severities: critical, high, medium, low, negligible, unknown;
    /// the decision stays
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = severity)]
    severity: Vec<Severity>,
    /// Shows only findings with a fix; the decision stays
    #[arg(long, alias = "ignore-unfixed")]
    fixable: bool,
    /// Shows only findings known to be exploited; the decision stays
    #[arg(long)]
    kev: bool,
    /// Shows every row on a terminal, however many there are
    #[arg(long)]
    all: bool,
}

impl FindingFlags {
    /// Gives what is to be seen.
    pub fn view(&self) -> View {
        View {
            severities: self.severity.clone(),
            fixable: self.fixable,
            kev: self.kev,
            all: self.all,
        }
    }
}

/// Says that there is no such severity.
#[derive(Debug, thiserror::Error)]
#[error("none of {}", Severity::WORST_FIRST.map(Severity::as_str).join(", "))]
struct UnknownSeverity;

fn severity(name: &str) -> Result<Severity, UnknownSeverity> {
    let wanted = name.trim();
    let found = Severity::WORST_FIRST
        .into_iter()
        .find(|severity| severity.as_str().eq_ignore_ascii_case(wanted));
    found.ok_or(UnknownSeverity)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        flags: FindingFlags,
    }

    #[test]
    fn severities_are_a_list_in_any_letter_case() {
        let parse = |args: &[&str]| Command::try_parse_from(["x"].iter().chain(args));
        let view = parse(&["--severity", "HIGH,critical", "--ignore-unfixed"]);
        let view = view.unwrap().flags.view();
        assert_eq!(view.severities, [Severity::High, Severity::Critical]);
        assert!(view.fixable && !view.kev && !view.all);
        let error = parse(&["--severity", "urgent"]).err().unwrap().to_string();
        assert!(error.contains("critical, high, medium"), "{error}");
    }
}
