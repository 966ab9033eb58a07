//! One id for everything that a request leads to: taken from whoever asks, else made here; told in
//! every log line and passed on upstream, whoever of several asked first.
//!
//! Source: W3C Trace Context, level 1. The vendors' own `tracestate` is not passed on: it may tell of
//! other systems of the asker's.

use std::fmt::Write as _;

use tracing::{Instrument as _, Span};

/// The only version that is written.
const VERSION: &str = "00";
/// Digits of its parts: version, trace, parent, flags.
const DIGITS: [usize; 4] = [2, 32, 16, 2];

tokio::task_local! {
    static CURRENT: Trace;
}

/// What a request is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: String,
    flags: String,
}

impl Trace {
    /// Takes up what a request says that it is part of, in the words of its `traceparent`; begins
    /// anew where it says nothing of sense.
    pub fn of(told: Option<&str>) -> Self {
        told.and_then(Self::parse).unwrap_or_else(Self::new)
    }

    fn new() -> Self {
        Self {
            id: hex_of(2),
            flags: "00".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let (known, more) = parts.split_at_checked(DIGITS.len())?;
        let are_hex = known.iter().zip(DIGITS).all(|(part, digits)| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            part.len() == digits && part.bytes().all(is_hex)
        });
        let [version, id, parent, flags] = known else {
            return None;
        };
        // Later versions may say more; the first one says nothing else.
        let is_version = *version != "ff" && (*version != VERSION || more.is_empty());
        let is_nothing = |part: &str| part.bytes().all(|byte| byte == b'0');
        if !are_hex || !is_version || is_nothing(id) || is_nothing(parent) {
            return None;
        }
        Some(Self {
            id: (*id).to_owned(),
            flags: (*flags).to_owned(),
        })
    }

    /// Does what the request leads to, so that its log lines and requests say so.
    pub async fn follow<F: Future>(self, work: F) -> F::Output {
        let span = tracing::info_span!("request", trace = %self.id);
        CURRENT.scope(self, work.instrument(span)).await
    }

    /// Writes it for a request of our own: each is a step by itself.
    fn step(&self) -> String {
        let Self { id, flags } = self;
        format!("{VERSION}-{id}-{}-{flags}", hex_of(1))
    }
}

/// Takes what a request is part of along into a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let trace = CURRENT.try_with(Clone::clone).ok();
    let work = work.instrument(Span::current());
    async move {
        match trace {
            Some(trace) => CURRENT.scope(trace, work).await,
            None => work.await,
        }
    }
}

/// Gives the `traceparent` of a request of our own; none where nobody's request led to it.
pub fn step() -> Option<String> {
    CURRENT.try_with(Trace::step).ok()
}

/// Makes so many times 16 hexadecimal digits, none of them all zeros.
fn hex_of(count: usize) -> String {
    let mut text = String::new();
    for _ in 0..count {
        let _never_fails = write!(text, "{:016x}", rand::random_range(1..=u64::MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn what_makes_sense_is_taken_up_and_all_else_begins_anew() {
        for (told, is_taken) in [
            (format!("00-{ID}-00f067aa0ba902b7-01"), true),
            (format!("cc-{ID}-00f067aa0ba902b7-01-what-else"), true),
            (format!("00-{ID}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{ID}-00f067aa0ba902b7-01"), false),
            (
                format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
                false,
            ),
            (format!("00-{ID}-0000000000000000-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{ID}-00f067aa0ba902b7"), false),
            ("x".to_owned(), false),
            (String::new(), false),
        ] {
            let trace = Trace::of(Some(&told));
            assert_eq!(trace.id == ID, is_taken, "{told:?}");
            assert_eq!(trace.id.len(), 32);
        }
        assert_ne!(Trace::of(None), Trace::of(None));
    }

    #[tokio::test]
    async fn tasks_of_a_request_pass_it_on_each_time_as_another_step() {
        assert_eq!(step(), None);
        let told = format!("00-{ID}-00f067aa0ba902b7-01");
        let work = async {
            let task = tokio::spawn(carried(async { (step(), step()) }));
            assert_eq!(tokio::spawn(async { step() }).await.unwrap(), None);
            task.await.unwrap()
        };
        let (one, other) = Trace::of(Some(&told)).follow(work).await;
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one, other);
        for text in [one, other] {
            assert!(
                text.starts_with(&format!("00-{ID}-")) && text.ends_with("-01"),
                "{text}"
            );
            assert!(Trace::parse(&text).is_some(), "{text}");
        }
    }
}
