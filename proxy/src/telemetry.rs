//! Log setup: one line a step, to stderr, as text or JSON, and no secret in any. What others say in a
//! line, be it a tag or an error, can neither steer a terminal nor begin a line of its own.

use std::fmt;
use std::io::{self, IsTerminal as _, Stderr, Write};

use sluicegate_config::LogFormat;
use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use sluicegate_engine::trace;
use sluicegate_formats::{json, text};
use sluicegate_upstream::secrets;

/// Starts logging. A second call changes nothing.
pub fn start(format: LogFormat, filter: Option<&str>) {
    let filter = EnvFilter::try_new(filter.unwrap_or("info,sled=warn,hyper=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let _already_started = match format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(io::stderr().is_terminal())
                    .fmt_fields(PrintableFields)
                    // A log on a full disk loses lines; complaining there would end the program.
                    .log_internal_errors(false)
                    .with_writer(ScrubbedStderr::new),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .log_internal_errors(false)
                    .with_writer(|| PrintableJson(ScrubbedStderr::new())),
            )
            .try_init(),
    };
}

/// Writes lines without the secrets in hand: the last place before they leave, whoever said them.
struct ScrubbedStderr(Stderr);

impl ScrubbedStderr {
    fn new() -> Self {
        Self(io::stderr())
    }
}

impl Write for ScrubbedStderr {
    /// Takes a line whole: that is how the formatter writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(secrets::scrub(text).as_bytes())?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes `message name=value ...`, every value printable, and last what it is part of.
struct PrintableFields;

impl<'w> FormatFields<'w> for PrintableFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            is_first: true,
            written: Ok(()),
        };
        fields.record(&mut line);
        line.written?;
        trace::current().map_or(Ok(()), |trace| write!(line.writer, " trace={trace}"))
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    is_first: bool,
    written: fmt::Result,
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // What the `log` crate says of its records' origin is in the line's target already.
        if self.written.is_err() || field.name().starts_with("log.") {
            return;
        }
        let space = if std::mem::take(&mut self.is_first) {
            ""
        } else {
            " "
        };
        let value = text::printable(&format!("{value:?}"));
        self.written = match field.name() {
            "message" => write!(self.writer, "{space}{value}"),
            name => write!(self.writer, "{space}{name}={value}"),
        };
    }
}

/// Writes a line of JSON, with what it is part of, so that it steers no terminal; one call has a whole
/// line.
struct PrintableJson<W>(W);

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let printable = json::printable(&text);
        match (trace::current(), printable.strip_suffix("}\n")) {
            (Some(trace), Some(open)) => writeln!(self.0, "{open},\"trace\":\"{trace}\"}}")?,
            _ => self.0.write_all(printable.as_bytes())?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use sluicegate_formats::text::is_treacherous;
    use tracing_subscriber::layer::SubscriberExt as _;

    use sluicegate_engine::trace::Trace;

    use super::{PrintableFields, PrintableJson};

    const EVIL: &str = "1\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\nINFO forged\r\u{7f}";

    /// What was logged, for whoever reads it.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(piece);
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_something_evil() {
        let error = io::Error::other(EVIL);
        tracing::error!(tag = EVIL, shown = %EVIL, debug = ?EVIL, %error, number = 7, "pull {EVIL}");
    }

    #[test]
    fn a_text_line_is_one_line_and_steers_no_terminal() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .fmt_fields(PrintableFields)
            .with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log_something_evil);
        let text = kept.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(is_treacherous), "{line:?}");
        for part in [
            ": pull 1\\u{1b}[2J\\u{9b}31m\\u{202e}",
            " shown=1\\u{1b}",
            " number=7",
            " error=1\\u{1b}",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_json_line_keeps_its_meaning_and_steers_no_terminal() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || PrintableJson(writer.clone()));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, log_something_evil);
        let text = kept.text();
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(is_treacherous), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["fields"]["shown"], EVIL);
        assert_eq!(read["fields"]["message"], format!("pull {EVIL}"));
    }

    #[tokio::test]
    async fn a_line_says_what_it_is_part_of_and_remains_one_line() {
        let told = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let kept = Kept::default();
        let (plain, packed) = (kept.clone(), kept.clone());
        let text = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .fmt_fields(PrintableFields)
            .with_writer(move || plain.clone());
        let json = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || PrintableJson(packed.clone()));
        let subscriber = tracing_subscriber::registry().with(text).with(json);
        let _here = tracing::subscriber::set_default(subscriber);
        Trace::of(Some(told))
            .follow(async { tracing::info!(number = 7, "said") })
            .await;
        tracing::info!("said by nobody");
        let kept = kept.text();
        let lines: Vec<&str> = kept.lines().collect();
        let [text, json, text_of_nobody, json_of_nobody] = lines[..] else {
            panic!("{lines:?}");
        };
        let id = told.get(3..35).unwrap();
        assert!(text.ends_with(&format!(" number=7 trace={id}")), "{text}");
        let read = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        assert_eq!(read(json)["trace"], id);
        assert_eq!(read(json)["fields"]["message"], "said");
        assert!(!text_of_nobody.contains("trace"), "{text_of_nobody}");
        assert!(read(json_of_nobody).get("trace").is_none());
    }
}
