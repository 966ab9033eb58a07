//! Prometheus' own text format, made of the one that the library writes.
//!
//! The two differ in the names of what only grows: `OpenMetrics` describes `x` and counts in `x_total`,
//! where Prometheus describes `x_total`. Programs that read the older format take what is not
//! described for something without a type. Source: "Exposition formats" of Prometheus' documentation.

/// The media type of the format.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes metrics in `OpenMetrics`' text format in Prometheus'.
pub(super) fn of_openmetrics(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line == "# EOF" {
            continue;
        }
        let help = line
            .strip_prefix("# HELP ")
            .and_then(|rest| rest.split_once(' '));
        if let Some((name, help)) = help
            && !name.ends_with("_total")
            && lines.next_if(|next| is_counter(next, name)).is_some()
        {
            written.extend(["# HELP ", name, "_total ", help, "\n"]);
            written.extend(["# TYPE ", name, "_total counter\n"]);
        } else {
            written += line;
            written.push('\n');
        }
    }
    written
}

fn is_counter(line: &str, name: &str) -> bool {
    let described = line
        .strip_prefix("# TYPE ")
        .and_then(|rest| rest.split_once(' '));
    described == Some((name, "counter"))
}

#[cfg(test)]
mod tests {
    use super::of_openmetrics;

    #[test]
    fn counters_are_described_under_the_name_that_they_count_in() {
        let open = "# HELP a_b Counts b.\n# TYPE a_b counter\na_b_total{c=\"d\"} 1\n\
                    # HELP e Is e.\n# TYPE e gauge\ne 2\n# EOF\n";
        let wanted = "# HELP a_b_total Counts b.\n# TYPE a_b_total counter\na_b_total{c=\"d\"} 1\n\
                      # HELP e Is e.\n# TYPE e gauge\ne 2\n";
        assert_eq!(of_openmetrics(open), wanted);
        assert_eq!(of_openmetrics(wanted), wanted, "it is so already");
    }
}
