//! How query commands reach what they show: a running service, or a stopped one's directory.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::CommandError;
use crate::formats::json::write_document;
use crate::formats::text::printable;
use crate::upstream::why;

/// The API of a service with default settings.
const LOCAL_SERVICE: &str = "http://127.0.0.1:5080";
/// Most bytes of an answer read: a page of a thousand verdicts with many findings each.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where to ask, and how to print.
#[derive(Args, Clone, Debug)]
pub struct Source {
    /// URL of the service's API [default: http://127.0.0.1:5080]
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    pub service: Option<String>,
    /// Data directory of a stopped service
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Table,
    /// For a machine.
    Json,
}

impl Source {
    /// Asks the service for a path under `/api/v1/`.
    pub async fn get(&self, path_and_query: &str) -> Result<Value, CommandError> {
        self.ask(Method::GET, path_and_query, Bytes::new()).await
    }

    /// Sends the service a JSON document for a path under `/api/v1/`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CommandError> {
        let body = Bytes::from(body.to_string());
        self.ask(Method::POST, path, body).await
    }

    async fn ask(
        &self,
        method: Method,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<Value, CommandError> {
        let base = self
            .service
            .as_deref()
            .unwrap_or(LOCAL_SERVICE)
            .trim_end_matches('/');
        let url = format!("{base}/api/v1/{path_and_query}");
        let failed = |reason: String| CommandError::Unreachable {
            url: url.clone(),
            reason,
        };
        let request = Request::builder().method(method).uri(&url);
        let request = if body.is_empty() {
            request
        } else {
            request.header(hyper::header::CONTENT_TYPE, "application/json")
        };
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| CommandError::Usage(error.to_string()))?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = tokio::time::timeout(PATIENCE, client.request(request))
            .await
            .map_err(|_elapsed| {
                failed(format!(
                    "timed out: no answer within {} s",
                    PATIENCE.as_secs()
                ))
            })?
            .map_err(|error| failed(why(&error).to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| failed(error.to_string()))?
            .to_bytes();
        let value: Value =
            serde_json::from_slice(&body).map_err(|error| failed(error.to_string()))?;
        if status.is_success() {
            return Ok(value);
        }
        let detail = value
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or("no reason given");
        match status.as_u16() {
            400 => Err(CommandError::Usage(detail.to_owned())),
            404 => Err(CommandError::NotFound(detail.to_owned())),
            _ => Err(failed(format!("{status}: {detail}"))),
        }
    }
}

/// Builds a query string from the parameters that are there.
pub fn query_string(pairs: &[(&str, Option<String>)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

/// Prints a value for a machine.
pub fn print_json(out: &mut impl Write, value: &Value) -> Result<(), CommandError> {
    Ok(write_document(value, out)?)
}

/// Gives a member of a JSON object as text for a table cell, printable.
pub fn cell(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => printable(text),
        Some(other) => printable(&other.to_string()),
    }
}

/// Parses an optional argument.
pub fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, CommandError>
where
    T::Err: std::fmt::Display,
{
    text.map(str::parse)
        .transpose()
        .map_err(|error: T::Err| CommandError::Usage(error.to_string()))
}

/// Gives the members of a list inside a JSON value; nothing where there is no list.
pub fn members<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Gives the items of a page.
pub fn items(page: &Value) -> &[Value] {
    members(page, "/items")
}

/// Gives the cursor of the next page.
pub fn next(page: &Value) -> Option<&str> {
    page.pointer("/next").and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{cell, print_json};
    use crate::formats::text::is_treacherous;

    #[test]
    fn what_a_service_says_steers_no_terminal() {
        let evil = "1\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2028}\nforged";
        let answer = json!({"tag": evil, "list": [evil], "none": null});
        for pointer in ["/tag", "/list", "/none", "/absent"] {
            let shown = cell(&answer, pointer);
            assert!(!shown.contains(is_treacherous), "{shown:?}");
        }
        let mut out = Vec::new();
        print_json(&mut out, &answer).unwrap();
        let text = String::from_utf8(out).unwrap();
        let acts = |c: char| c != '\n' && is_treacherous(c);
        assert!(!text.contains(acts), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), answer);
    }
}
