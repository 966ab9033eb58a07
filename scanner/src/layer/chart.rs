//! Tells whether an archive is a Helm chart: one directory with a `Chart.yaml` right in it.
//!
//! Source: Helm, "Charts", "The Chart File Structure".

const CHART_FILE: &str = "Chart.yaml";

/// What an archive's paths have been so far.
#[derive(Default)]
pub(super) struct ChartSigns {
    directory: Option<String>,
    has_file: bool,
    strays: bool,
}

impl ChartSigns {
    /// Looks at an entry's path; `is_file` tells plain files.
    pub(super) fn see(&mut self, path: &str, is_file: bool) {
        if self.strays {
            return;
        }
        let (directory, rest) = path.split_once('/').unwrap_or((path, ""));
        let known = self.directory.get_or_insert_with(|| directory.to_owned());
        self.strays = known != directory || (is_file && rest.is_empty());
        self.has_file |= is_file && rest == CHART_FILE;
    }

    /// Tells whether these were the paths of a chart.
    pub(super) fn are_a_chart(&self) -> bool {
        self.has_file && !self.strays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_one_directory_with_its_file() {
        for (paths, wanted) in [
            (&["web/Chart.yaml", "web/templates/a.yaml"][..], true),
            (
                &[
                    "web/values.yaml",
                    "web/Chart.yaml",
                    "web/charts/db/Chart.yaml",
                ],
                true,
            ),
            (&["web/values.yaml"], false),
            (&["web/charts/db/Chart.yaml"], false),
            (&["Chart.yaml"], false),
            (&["web/Chart.yaml", "etc/passwd"], false),
            (&["web/Chart.yaml", "passwd"], false),
            (&[], false),
        ] {
            let mut signs = ChartSigns::default();
            for path in paths {
                signs.see(path, true);
            }
            assert_eq!(signs.are_a_chart(), wanted, "{paths:?}");
        }
    }
}
