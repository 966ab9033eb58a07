//! Files as each analyzer finds them, good, odd and broken: the golden corpus and whoever else
//! wants some of every kind.

mod archives;
mod languages;
mod programs;
mod systems;

pub(crate) use programs::go_program;

/// A path and what lies there.
pub(crate) type Sample = (&'static str, Vec<u8>);

/// Gives files for an analyzer, by its name; none for one that nobody has written any for.
pub(crate) fn of(analyzer: &str) -> Vec<Sample> {
    let found = systems::of(analyzer)
        .or_else(|| languages::of(analyzer))
        .or_else(|| programs::of(analyzer))
        .or_else(|| archives::of(analyzer));
    found.unwrap_or_default()
}

/// Gives files that an analyzer reads together, with the path of the first.
pub(crate) fn pairs(analyzer: &str) -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    match analyzer {
        "os/rpm" => systems::rpm_with_logs(),
        _ => Vec::new(),
    }
}

fn texts(samples: &[(&'static str, &str)]) -> Vec<Sample> {
    samples
        .iter()
        .map(|(path, text)| (*path, text.as_bytes().to_vec()))
        .collect()
}
