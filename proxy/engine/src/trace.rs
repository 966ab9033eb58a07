//! One id for everything that a request leads to: taken from whoever asks, else made here; told in
//! every log line and passed on upstream, whoever of several asked first.
//!
//! Source: W3C Trace Context, level 1. The vendors' own `tracestate` is not passed on: it may tell of
//! other systems of the asker's.

use std::fmt;

/// The only version that is written.
const VERSION: &str = "00";
/// Digits of its parts: version, trace, parent, flags.
const DIGITS: [usize; 4] = [2, 32, 16, 2];

tokio::task_local! {
    static CURRENT: Trace;
}

/// What a request is part of.
///
/// *Shape*: printed as the 32 hexadecimal digits that name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    id: u128,
    flags: u8,
}

impl Trace {
    /// Takes up what a request says that it is part of, in the words of its `traceparent`; begins
    /// anew where it says nothing of sense.
    pub fn of(told: Option<&str>) -> Self {
        told.and_then(Self::parse).unwrap_or_else(Self::new)
    }

    fn new() -> Self {
        Self {
            id: rand::random_range(1..=u128::MAX),
            flags: 0,
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
        let id = u128::from_str_radix(id, 16).ok()?;
        let is_nothing = id == 0 || parent.bytes().all(|byte| byte == b'0');
        if !are_hex || !is_version || is_nothing {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { id, flags })
    }

    /// Does what the request leads to, so that its log lines and requests say so.
    pub async fn follow<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Writes it for a request of our own: each is a step by itself.
    fn step(self) -> String {
        let parent = rand::random_range(1..=u64::MAX);
        format!("{VERSION}-{self}-{parent:016x}-{:02x}", self.flags)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.id)
    }
}

/// Tells what that is part of which is done now; nothing where nobody's request led to it.
pub fn current() -> Option<Trace> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// Takes what a request is part of along into a task of its own.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let trace = current();
    async move {
        match trace {
            Some(trace) => trace.follow(work).await,
            None => work.await,
        }
    }
}

/// Gives the `traceparent` of a request of our own; none where nobody's request led to it.
pub fn step() -> Option<String> {
    current().map(Trace::step)
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
            assert_eq!(trace.to_string() == ID, is_taken, "{told:?}");
            assert_eq!(trace.to_string().len(), 32);
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
