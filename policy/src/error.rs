//! Every mistake of a policy set, at once, each with file, line and column.

use std::fmt;

use sluicegate_model::strict_yaml::Mistake;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 where no line is to blame.
    pub line: u64,
    /// The column, from 1; 0 where no column is to blame.
    pub column: u64,
    /// What is wrong, and what is wanted.
    pub message: String,
}

impl LoadError {
    pub(crate) fn new(file: &str, mistake: Mistake) -> Self {
        Self {
            file: file.to_owned(),
            line: mistake.line,
            column: mistake.column,
            message: mistake.message,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.message);
        }
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )
    }
}

/// What is wrong with a policy set; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadErrors(pub Vec<LoadError>);

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
