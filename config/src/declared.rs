//! How one row of the table in `settings.rs` becomes a flag, a variable, a key of the file, a field
//! of `Settings`, and a word on what SIGHUP finds changed.

/// Declares settings, each once.
///
/// A row is what people write, `=>`, what the program relies on:
///
/// ```text
/// /// What --help says
/// #[arg(value_name = "WHAT")]
/// some_key: Option<String> =>
///     /// What the field holds, with its unit.
///     field: Type = said.value(default, "what is wanted", parse);
/// ```
///
/// `some_key` makes the flag `--some-key`, the variable `SLUICEGATE_SOME_KEY` and the file's
/// `some_key`. Its type says how many values it takes: `Option<String>` one, `Vec<String>` a list,
/// `bool` a switch. Texts are given as they were written, so that all mistakes are told together.
/// A row may have several keys, or none where only a file or the machine's environment says it.
///
/// The expression reads the value from what all sources said; it may use the fields above it. People
/// know the setting by the literal behind `=>` where one stands there, else by its first key, else by
/// its field.
macro_rules! settings {
    ($said:ident: $(
        $( $(#[$flag_note:meta])* $flag:ident: $given:ty ),*
        => $($name:literal)? $(#[$note:meta])* $field:ident: $type:ty = $read:expr;
    )*) => {
        /// The flags of `serve`, unparsed, so that their mistakes are told together with all others.
        #[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
        pub struct Flags {
            /// Configuration file (YAML)
            #[arg(long, value_name = "FILE")]
            pub config: Option<PathBuf>,
            $($( $(#[$flag_note])* #[arg(long)] pub $flag: $given, )*)*
        }

        impl Flags {
            pub(crate) fn into_layer(self) -> Layer {
                layer::of_flags([$($((stringify!($flag), self.$flag.texts()),)*)*])
            }
        }

        /// Every setting that is more than a file's.
        pub(crate) const SETTINGS: &Keys =
            &[$($((stringify!($flag), <$given as Given>::ARITY),)*)*];

        /// Everything `serve` can be told.
        #[derive(Clone)]
        pub struct Settings {
            $( $(#[$note])* pub $field: $type, )*
        }

        impl Settings {
            pub(crate) fn read($said: &mut Said<'_>) -> Self {
                $(
                    $said.key = settings!(@name [$($name)?] [$($flag)*] $field);
                    let $field: $type = $read;
                )*
                Self { $($field),* }
            }

            /// Lists the settings that are other ones in `new`, by the keys that people know.
            pub fn changed(&self, new: &Self) -> Vec<&'static str> {
                let mut changed = Vec::new();
                $(
                    if self.$field != new.$field {
                        changed.push(settings!(@name [$($name)?] [$($flag)*] $field));
                    }
                )*
                changed
            }
        }
    };
    (@name [$name:literal] $flags:tt $field:ident) => { $name };
    (@name [] [$first:ident $($more:ident)*] $field:ident) => { stringify!($first) };
    (@name [] [] $field:ident) => { stringify!($field) };
}

pub(crate) use settings;
