//! Holds every reply of the native API against its description: a documented status, the headers, and a body that fits its
//! schema; and every accepted request as well, so that the description is not narrower than the API. Does not know what
//! was wanted of either.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::StatusCode;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::Reply;

/// What was asked.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(http_api::document);
/// What was compiled, by where it stands in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Says what differs from the description. Other surfaces have other manuals.
pub(super) fn check(asked: &Asked<'_>, reply: &Reply) -> Result<(), String> {
    let (path, query) = asked.path.split_once('?').unwrap_or((asked.path, ""));
    let Some(template) = template(path) else { return check_undescribed(path, reply) };
    let item = format!("/paths/{}", escaped(template));
    let at = format!("{item}/{}", asked.method.to_lowercase());
    let Some(operation) = DOCUMENT.pointer(&at) else { return check_method(asked.method, reply) };
    check_reply(&at, operation, reply)?;
    if reply.status.is_success() { check_request(&at, operation, asked, query) } else { Ok(()) }
}

/// The described path that a path fits; one without a placeholder goes first.
fn template(path: &str) -> Option<&'static str> {
    let paths = DOCUMENT.get("paths").and_then(Value::as_object).expect("a description has paths");
    let fits = |template: &&String| {
        let (mut template, mut path) = (template.split('/'), path.split('/'));
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(is)) if part == is => {}
                (Some(part), Some(is)) if part.starts_with('{') && !is.is_empty() => {}
                (Some(_), Some(_)) | (None, Some(_)) | (Some(_), None) => return false,
            }
        }
    };
    let fitting = paths.keys().filter(fits);
    fitting.min_by_key(|template| template.matches('{').count()).map(String::as_str)
}

fn check_undescribed(path: &str, reply: &Reply) -> Result<(), String> {
    match path.starts_with("/v1/") && reply.status != StatusCode::NOT_FOUND {
        true => Err("the path is not described, and something is there".to_owned()),
        false => Ok(()),
    }
}

/// A described path has no other methods. HEAD comes with GET and has no body to look at.
fn check_method(method: &str, reply: &Reply) -> Result<(), String> {
    let is_refused = reply.status == StatusCode::METHOD_NOT_ALLOWED && !reply.header("allow").is_empty();
    if is_refused || method == "HEAD" { Ok(()) } else { Err("the method is not described".to_owned()) }
}

// ── Replies ────────────────────────────────────────────────────────────────────────────────────────────────────

fn check_reply(at: &str, operation: &Value, reply: &Reply) -> Result<(), String> {
    let status = reply.status.as_str();
    let response = operation.get("responses").and_then(|it| it.get(status));
    let response = response.ok_or_else(|| format!("the status {status} is not described"))?;
    let headers = response.get("headers").and_then(Value::as_object);
    for (name, header) in headers.into_iter().flatten() {
        if header.get("required") == Some(&json!(true)) && reply.header(name).is_empty() {
            return Err(format!("the header {name} is absent"));
        }
    }
    let media = reply.header("content-type").split(';').next().unwrap_or_default();
    let at = format!("{at}/responses/{status}/content/{}/schema", escaped(media));
    let schema =
        DOCUMENT.pointer(&at).ok_or_else(|| format!("a {status} of type {media:?} is not described"))?;
    if media == "application/json" || media.ends_with("+json") {
        return fits(&at, &json(&reply.body)?);
    }
    check_lines(&at, schema, &reply.body)
}

/// Each line fits what the schema says of lines, if it says anything.
fn check_lines(at: &str, schema: &Value, body: &[u8]) -> Result<(), String> {
    if schema.get("x-line-schema").is_none() {
        let name = schema.get("$ref").and_then(Value::as_str).unwrap_or_default();
        let pointer = name.trim_start_matches('#');
        if DOCUMENT.pointer(pointer).is_none_or(|it| it.get("x-line-schema").is_none()) {
            return Ok(());
        }
        return lines_fit(&format!("{pointer}/x-line-schema"), body);
    }
    lines_fit(&format!("{at}/x-line-schema"), body)
}

fn lines_fit(at: &str, body: &[u8]) -> Result<(), String> {
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.try_for_each(|line| fits(at, &json(line)?))
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────────

fn check_request(at: &str, operation: &Value, asked: &Asked<'_>, query: &str) -> Result<(), String> {
    let parameters =
        operation.get("parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty()) {
        if !parameters.iter().any(|it| it["in"] == "query" && it["name"] == name) {
            return Err(format!("the query parameter {name} is accepted and not described"));
        }
    }
    let ours =
        |name: &str| name.starts_with("reprise-") || name == "idempotency-key" || name == "last-event-id";
    for (name, _) in asked.headers.iter().filter(|(name, _)| ours(name)) {
        if !parameters.iter().any(|it| it["in"] == "header" && it["name"] == **name) {
            return Err(format!("the header {name} is accepted and not described"));
        }
    }
    let is_json = asked.headers.contains(&("content-type", "application/json"));
    if asked.body.is_empty() || !is_json {
        return Ok(());
    }
    let at = format!("{at}/requestBody/content/application~1json/schema");
    if DOCUMENT.pointer(&at).is_none() {
        return Err("a body is accepted and not described".to_owned());
    }
    fits(&at, &json(asked.body)?).map_err(|error| format!("a body is accepted that should not be: {error}"))
}

// ── Schemas ────────────────────────────────────────────────────────────────────────────────────────────────────

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("the body is no JSON: {error}"))
}

/// Whether a value fits the schema at a place of the document.
fn fits(at: &str, value: &Value) -> Result<(), String> {
    let errors: Vec<String> = validator(at)
        .iter_errors(value)
        .map(|error| format!("{error} at {} (schema: {})", error.instance_path(), error.schema_path()))
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

fn validator(at: &str) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().expect("nothing panics while it is locked");
    let validator = validators.entry(at.to_owned()).or_insert_with(|| {
        let schema = DOCUMENT.pointer(at).expect("the caller found it there");
        // References start at the root, so what they refer to lies there.
        let rooted = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": DOCUMENT.get("components"),
            "allOf": [schema],
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&rooted);
        Arc::new(validator.unwrap_or_else(|error| panic!("{at} is no schema: {error}")))
    });
    Arc::clone(validator)
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
