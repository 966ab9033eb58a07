//! The description of the API as an OpenAPI document, made of the types that its routes take and
//! give: nothing of it is written beside them.
//!
//! Source: OpenAPI 3.1, whose schemas are JSON Schemas of draft 2020-12.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::asked::{Body, Path, Query};
use super::problem::{Problem, ProblemBody};
use super::upload::{self, JsonUpload, LongBody, Upload};

/// Where the description keeps the schemas that it refers to.
const SCHEMAS: &str = "/components/schemas";
/// The media type of errors.
const PROBLEM: &str = "application/problem+json";
/// The media type of all else that is JSON.
const JSON: &str = "application/json";
/// What is said of an answer that is what was asked for.
const FOUND: &str = "What was asked for.";

/// Collects the descriptions of routes.
pub(super) struct Description {
    schemas: SchemaGenerator,
    /// The same of what is taken: what may be left out there is always given.
    taken: SchemaGenerator,
    paths: Map<String, Value>,
}

/// One route while it is described.
pub(super) struct Operation<'a> {
    schemas: &'a mut SchemaGenerator,
    taken: &'a mut SchemaGenerator,
    path: &'a str,
    parameters: Vec<Value>,
    body: Option<Value>,
    responses: BTreeMap<StatusText, Response>,
}

/// A status, as the description writes it.
type StatusText = String;

/// The answers of one status.
#[derive(Default)]
struct Response {
    description: String,
    headers: Map<String, Value>,
    content: Map<String, Value>,
}

impl Response {
    fn to_value(&self) -> Value {
        let mut value = json!({"description": self.description, "content": self.content});
        if let (false, Some(members)) = (self.headers.is_empty(), value.as_object_mut()) {
            members.insert("headers".to_owned(), json!(self.headers));
        }
        value
    }
}

/// A type that a route takes.
pub(super) trait Asks {
    /// Adds what it takes, and what it answers where that does not fit.
    fn describe(operation: &mut Operation<'_>);
}

/// A type that a route gives.
pub(super) trait Answers {
    /// Adds its answers.
    fn describe(operation: &mut Operation<'_>);
}

/// A function that answers requests, by what it takes and gives.
pub(super) trait Described<Arguments> {
    /// Adds all of it.
    fn describe(operation: &mut Operation<'_>);
}

/// Describes functions of so many arguments.
macro_rules! described {
    ($($argument:ident),*) => {
        impl<F, Answering, Answer, $($argument),*> Described<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Answering,
            Answering: Future<Output = Answer>,
            Answer: Answers,
            $($argument: Asks,)*
        {
            fn describe(operation: &mut Operation<'_>) {
                $($argument::describe(operation);)*
                Answer::describe(operation);
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);

impl<T> Asks for State<Arc<T>> {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T> Asks for Extension<T> {
    fn describe(_: &mut Operation<'_>) {}
}

impl<T: JsonSchema> Asks for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        let schema =
            inline(SchemaSettings::draft2020_12().for_deserialize()).into_root_schema_for::<T>();
        let required = list(schema.get("required"));
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let mut property = without_null(property.clone());
            let members = property.as_object_mut();
            let description = members.and_then(|members| members.remove("description"));
            operation.parameters.push(json!({
                "name": name,
                "in": "query",
                "required": required.contains(&json!(name)),
                "description": description,
                "schema": property,
            }));
        }
    }
}

impl<T: JsonSchema> Asks for Path<T> {
    fn describe(operation: &mut Operation<'_>) {
        let name = operation.path.split(['{', '}']).nth(1).unwrap_or_default();
        let mut schema = inline(SchemaSettings::draft2020_12()).into_root_schema_for::<T>();
        schema.remove("title");
        let description = schema.remove("description");
        operation.parameters.push(json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": description.unwrap_or_else(|| json!(format!("The {name}."))),
            "schema": schema,
        }));
    }
}

impl<T: JsonSchema> Asks for Body<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_json::<T>();
    }
}

impl Asks for JsonUpload {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_json::<Map<String, Value>>();
    }
}

impl<T: JsonSchema> Asks for LongBody<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_json::<T>();
        operation.problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.");
    }
}

impl Asks for Upload {
    fn describe(operation: &mut Operation<'_>) {
        let schema = json!({"type": "string", "format": "binary"});
        let content = json!({upload::MEDIA_TYPE: {"schema": schema}});
        operation.body = Some(json!({"required": true, "content": content}));
        operation.problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.");
        let unsaid = "The body does not say what it is.";
        operation.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, unsaid);
    }
}

impl<T: Answers> Answers for Result<T, Problem> {
    fn describe(operation: &mut Operation<'_>) {
        T::describe(operation);
        let failed = "Something of the service's own failed.";
        operation.problem(StatusCode::INTERNAL_SERVER_ERROR, failed);
    }
}

impl Operation<'_> {
    /// Adds a body that is a JSON document of this type, and what is answered to others.
    pub(super) fn takes_json<T: JsonSchema>(&mut self) {
        let schema = self.taken.subschema_for::<T>();
        self.body = Some(json!({"required": true, "content": {JSON: {"schema": schema}}}));
        self.problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.");
        let unsaid = "The body does not say that it is JSON.";
        self.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, unsaid);
    }

    /// Adds an answer that is a JSON document of this type.
    pub(super) fn json<T: JsonSchema>(&mut self, status: StatusCode) {
        let schema = self.schemas.subschema_for::<T>();
        self.answer(status, FOUND, JSON, &json!(schema));
    }

    /// Adds an answer of another media type; the same status may have several.
    pub(super) fn media(&mut self, media_type: &str, schema: &Value) {
        self.answer(StatusCode::OK, FOUND, media_type, schema);
    }

    /// Adds a header to an answer that was added before.
    pub(super) fn header(&mut self, status: StatusCode, name: &str, description: &str) {
        if let Some(response) = self.responses.get_mut(status.as_str()) {
            let header = json!({"description": description, "schema": text()});
            response.headers.insert(name.to_owned(), header);
        }
    }

    /// Adds an error. Where the status has a description already, that becomes the new one.
    pub(super) fn problem(&mut self, status: StatusCode, description: &str) {
        let schema = self.schemas.subschema_for::<ProblemBody>();
        self.answer(status, description, PROBLEM, &json!(schema));
    }

    fn answer(&mut self, status: StatusCode, description: &str, media_type: &str, schema: &Value) {
        let response = self.responses.entry(status.as_str().to_owned());
        let response = response.or_default();
        description.clone_into(&mut response.description);
        let content = json!({"schema": schema});
        response.content.insert(media_type.to_owned(), content);
    }
}

impl Description {
    pub(super) fn new() -> Self {
        let referring = |mut settings: SchemaSettings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
            settings.into_generator()
        };
        let settings = SchemaSettings::draft2020_12;
        Self {
            schemas: referring(settings().for_serialize()),
            taken: referring(settings().for_deserialize()),
            paths: Map::new(),
        }
    }

    /// Adds a route.
    pub(super) fn add(
        &mut self,
        (method, path): (&str, &str),
        (id, summary): (&str, &str),
        describe: impl FnOnce(&mut Operation<'_>),
    ) {
        let mut operation = Operation {
            schemas: &mut self.schemas,
            taken: &mut self.taken,
            path,
            parameters: Vec::new(),
            body: None,
            responses: BTreeMap::new(),
        };
        describe(&mut operation);
        let responses = operation.responses.iter();
        let responses: Map<String, Value> = responses
            .map(|(status, response)| (status.clone(), response.to_value()))
            .collect();
        let mut described = Map::new();
        described.insert("operationId".to_owned(), json!(id));
        described.insert("summary".to_owned(), json!(summary));
        described.insert("parameters".to_owned(), json!(operation.parameters));
        described.insert("responses".to_owned(), json!(responses));
        let body = operation.body.map(|body| ("requestBody".to_owned(), body));
        described.extend(body);
        let methods = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(method.to_owned(), Value::Object(described));
        }
    }

    /// Writes all of it.
    pub(super) fn document(mut self, about: Value) -> Value {
        let mut schemas = self.taken.take_definitions(true);
        // What is both given and taken has one name, and is described as it is given.
        schemas.extend(self.schemas.take_definitions(true));
        json!({
            "openapi": "3.1.0",
            "info": about,
            "paths": self.paths,
            "components": {"schemas": schemas},
        })
    }
}

fn inline(settings: SchemaSettings) -> SchemaGenerator {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator()
}

/// Leaves out that a value may be null: a parameter that may be absent never is.
fn without_null(schema: Value) -> Value {
    let Value::Object(mut members) = schema else {
        return schema;
    };
    if let Some(kinds) = members.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| *kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            members.insert("type".to_owned(), kind);
        }
    }
    if let Some(words) = members.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
    let is_null = |one: &Value| one.get("type").is_some_and(|kind| *kind == "null");
    if let Some(Value::Array(mut alternatives)) = members.remove("anyOf") {
        alternatives.retain(|one| !is_null(one));
        match (alternatives.len(), alternatives.pop()) {
            (1, Some(Value::Object(only))) => {
                for (name, value) in only {
                    members.entry(name).or_insert(value);
                }
            }
            (_, last) => {
                alternatives.extend(last);
                members.insert("anyOf".to_owned(), Value::Array(alternatives));
            }
        }
    }
    Value::Object(members)
}

fn list(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Gives the schema of a text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// Gives the schema of a document that others describe.
pub(super) fn object() -> Value {
    json!({"type": "object"})
}
