//! `sluicegate schema`: JSON Schemas of the files that people write, for editors.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::CommandError;
use super::query::print_json;

/// Which file.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: sluicegate schema policy > policy.schema.json\n\n\
    The first line of a file tells an editor with yaml-language-server which schema it follows:\n\n  \
    # yaml-language-server: $schema=policy.schema.json"
)]
pub struct SchemaArgs {
    /// The kind of file
    #[arg(value_enum)]
    file: SchemaOf,
}

/// The kinds of files that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    /// The configuration file of serve
    Config,
    /// Documents of a policy directory, of every kind
    Policy,
}

/// Prints the schema, of draft 2020-12.
pub fn run(args: &SchemaArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let schema = match args.file {
        SchemaOf::Config => sluicegate_config::schema(),
        SchemaOf::Policy => sluicegate_policy::schema(),
    };
    print_json(out, &schema)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn both_schemas_are_printed_whole() {
        for (file, key) in [(SchemaOf::Config, "listen"), (SchemaOf::Policy, "kind")] {
            let mut out = Vec::new();
            run(&SchemaArgs { file }, &mut out).unwrap();
            let schema: Value = serde_json::from_slice(&out).unwrap();
            assert!(schema["properties"][key].is_object(), "{file:?}");
            let draft = "https://json-schema.org/draft/2020-12/schema";
            assert_eq!(schema["$schema"], draft);
        }
    }
}
