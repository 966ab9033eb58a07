//! Answers in JSON that are fit for a terminal: whoever asks with curl sees them there.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use sluicegate_formats::json::compact;

/// The problem of an answer that cannot be written.
const UNWRITABLE: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the answer could not be written as JSON"}"#;

/// A document as the body of an answer. Characters that would act on a terminal are written by
/// their number, which is the same JSON.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        match compact(&self.0) {
            Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer of the API could not be written as JSON");
                let kind = HeaderValue::from_static("application/problem+json");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                (status, [(header::CONTENT_TYPE, kind)], UNWRITABLE).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::Json;

    #[tokio::test]
    async fn an_answer_is_the_same_json_and_steers_no_terminal() {
        let document = json!({"a\u{9b}1m": "\u{1b}[2J \u{7f} \u{202e} \u{2028} ß", "b": [1, {}]});
        let answer = Json(document.clone()).into_response();
        assert_eq!(answer.headers()["content-type"], "application/json");
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert_eq!(
            text,
            r#"{"a\u009b1m":"\u001b[2J \u007f \u202e \u2028 ß","b":[1,{}]}"#
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
