//! The exceptions in force, and those that have ended: who answers for what, and until when.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluicegate_engine::identity::Who;
use sluicegate_model::Repository;
use sluicegate_model::access::Reach;
use sluicegate_model::glob::Glob;
use sluicegate_model::schema::Instant;
use sluicegate_policy::ListedException;

use super::ApiState;
use super::answers::List;
use super::asked::Query;
use super::json::Json;
use super::parameters::{RepositoryName, repository};
use super::problem::Problem;
use crate::moment::Moment;

/// The filters of the list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Those in force that end before this instant, this day (UTC), or within this time, such as 30d.
    ending: Option<Moment>,
    /// Those that hold in this repository, as it is pulled or by its canonical name.
    repository: Option<RepositoryName>,
}

/// Lists the exceptions of the policies in force, the ones that end first at the beginning.
pub async fn list(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<ExceptionShown>>, Problem> {
    let now = state.clock.now();
    let ending = query.ending;
    let filter = ExceptionFilter {
        ending: ending.map(|ending| ExceptionFilter::ends_before(ending, now)),
        repository: repository(query.repository.as_ref(), &state)?,
        reach: who.rights.reach().clone(),
    };
    Ok(Json(listed(&state.policies.exceptions(), &filter, now)))
}

/// Which exceptions are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct ExceptionFilter {
    /// Those that are in force and end before this instant.
    pub ending: Option<Timestamp>,
    /// Those that hold in this repository.
    pub repository: Option<Repository>,
    /// Those that may hold in a repository that whoever asks knows of.
    pub reach: Reach,
}

impl ExceptionFilter {
    /// Understands what is written behind "ending": an instant, a day, or a time from now.
    pub fn ends_before(ending: Moment, now: Timestamp) -> Timestamp {
        match ending {
            Moment::At(instant) => instant,
            Moment::Ago(span) => now.checked_add(span).unwrap_or(Timestamp::MAX),
        }
    }

    fn accepts(&self, exception: &ListedException, now: Timestamp) -> bool {
        let ends = exception.expires_at;
        let is_ending = |before: Timestamp| ends.is_some_and(|end| now < end && end < before);
        let name = self.repository.as_ref().map(ToString::to_string);
        let holds_in = |name: String| {
            let mut images = exception.images.iter();
            exception.images.is_empty() || images.any(|image| Glob::new(image).matches(&name))
        };
        let mut images = exception.images.iter();
        let is_told = exception.images.is_empty() || images.any(|it| self.reach.may_have(it));
        is_told && self.ending.is_none_or(is_ending) && name.is_none_or(holds_in)
    }
}

/// An exception, as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExceptionShown {
    name: String,
    /// The weakness that it covers.
    id: String,
    purls: Vec<String>,
    images: Vec<String>,
    paths: Vec<String>,
    statement: Option<String>,
    owner: Option<String>,
    author: Option<String>,
    ticket: Option<String>,
    description: Option<String>,
    /// The file that it is in.
    file: String,
    #[schemars(with = "Option<Instant>")]
    expires_at: Option<Timestamp>,
    seconds_left: Option<i64>,
    state: ExceptionState,
}

/// Whether an exception holds.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ExceptionState {
    /// It does.
    InForce,
    /// It did.
    Ended,
}

/// Gives the exceptions that are wanted, as JSON.
pub fn shown(all: &[ListedException], filter: &ExceptionFilter, now: Timestamp) -> Value {
    json!(listed(all, filter, now))
}

fn listed(
    all: &[ListedException],
    filter: &ExceptionFilter,
    now: Timestamp,
) -> List<ExceptionShown> {
    let wanted = all.iter().filter(|it| filter.accepts(it, now));
    let shown = |it: &ListedException| {
        let mut shown = item(it, now);
        shown.images.retain(|image| filter.reach.may_have(image));
        shown
    };
    List {
        items: wanted.map(shown).collect(),
        next: None,
    }
}

fn item(exception: &ListedException, now: Timestamp) -> ExceptionShown {
    let left = exception.expires_at.map(|end| end.duration_since(now));
    let ended = left.is_some_and(|left| left <= SignedDuration::ZERO);
    let about = |name: &str| exception.about(name).map(ToOwned::to_owned);
    ExceptionShown {
        name: exception.name.clone(),
        id: exception.id.clone(),
        purls: exception.purls.clone(),
        images: exception.images.clone(),
        paths: exception.paths.clone(),
        statement: exception.statement.clone(),
        owner: about("owner"),
        author: about("author"),
        ticket: about("ticket"),
        description: about("description"),
        file: exception.file.clone(),
        expires_at: exception.expires_at,
        seconds_left: left.map(|left| left.as_secs().max(0)),
        state: if ended {
            ExceptionState::Ended
        } else {
            ExceptionState::InForce
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(name: &str, images: &[&str], ends: Option<&str>) -> ListedException {
        ListedException {
            name: name.to_owned(),
            id: "CVE-1".to_owned(),
            purls: Vec::new(),
            images: images.iter().map(ToString::to_string).collect(),
            paths: Vec::new(),
            statement: None,
            about: vec![("ticket".to_owned(), "SEC-1".to_owned())],
            file: "p.yaml".to_owned(),
            expires_at: ends.map(|end| end.parse().unwrap()),
        }
    }

    #[test]
    fn what_ends_soon_and_where_it_holds_are_told() {
        let now: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();
        let listed = [
            exception("ended", &[], Some("2026-11-28T00:00:00Z")),
            exception(
                "soon",
                &["docker.io/library/*"],
                Some("2026-12-01T00:00:00Z"),
            ),
            exception("later", &[], Some("2027-03-01T00:00:00Z")),
            exception("never", &["quay.io/**"], None),
        ];
        let names = |ending: Option<&str>, repository: Option<&str>| -> Vec<String> {
            let ending: Option<Moment> = ending.map(|text| text.parse().unwrap());
            let filter = ExceptionFilter {
                ending: ending.map(|ending| ExceptionFilter::ends_before(ending, now)),
                repository: repository.map(|name| name.parse().unwrap()),
                reach: Reach::EVERYTHING,
            };
            let page = shown(&listed, &filter, now);
            let items = page["items"].as_array().unwrap().iter();
            items
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(None, None), ["ended", "soon", "later", "never"]);
        assert_eq!(names(Some("30d"), None), ["soon"]);
        assert_eq!(names(Some("2027-06-01"), None), ["soon", "later"]);
        assert_eq!(
            names(None, Some("quay.io/a/b")),
            ["ended", "later", "never"]
        );
        let shown = shown(&listed, &ExceptionFilter::default(), now);
        assert_eq!(
            (&shown["items"][0]["state"], &shown["items"][1]["state"]),
            (&json!("ended"), &json!("in-force"))
        );
        assert_eq!(shown["items"][1]["seconds_left"], 3 * 86_400);
        assert_eq!(shown["items"][1]["ticket"], "SEC-1");
    }
}
