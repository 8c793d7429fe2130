//! The document by itself: valid OpenAPI 3.1 in its structure, valid JSON Schema in every schema, and true to its examples.

use std::collections::BTreeSet;

use domain::ports::EventForms as _;
use serde_json::{Value, json};

/// Everything in a JSON value, with the place where it stands.
fn everything<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    found.push((at.to_owned(), value));
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                everything(&format!("{at}/{name}"), value, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                everything(&format!("{at}/{index}"), value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every operation, with the place where it stands.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("an object");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in ["get", "put", "post", "delete"] {
            if let Some(operation) = item.get(method) {
                operations.push((format!("{path} {method}"), operation));
            }
        }
    }
    operations
}

#[test]
fn every_reference_leads_somewhere_and_nothing_is_described_for_nobody() {
    let document = http_api::document();
    let mut found = Vec::new();
    everything("", &document, &mut found);
    let references = found.iter().filter_map(|(_, value)| value.get("$ref")?.as_str());
    let references: BTreeSet<&str> = references.collect();
    for reference in &references {
        let place = reference.strip_prefix('#').expect("references stay inside the document");
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    let schemas = document["components"]["schemas"].as_object().expect("an object");
    for name in schemas.keys() {
        let reference = format!("#/components/schemas/{name}");
        assert!(references.contains(reference.as_str()), "nothing refers to {name}");
    }
}

#[test]
fn every_operation_says_what_it_is_called_what_it_takes_and_what_it_answers() {
    let document = http_api::document();
    let tags = document["tags"].as_array().expect("a list");
    let mut ids = BTreeSet::new();
    let operations = operations(&document);
    assert!(!operations.is_empty());
    for (at, operation) in operations {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id), "{at}: its operationId {id:?} is absent or not its own");
        assert!(operation["summary"].as_str().is_some_and(|it| !it.is_empty()), "{at} has no summary");
        let tag = &operation["tags"][0];
        assert!(tags.iter().any(|it| it["name"] == *tag), "{at}: the tag {tag} is not described");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &parameters {
            let is_whole = parameter["name"].is_string() && parameter["schema"].is_object();
            assert!(is_whole, "{at}: {parameter}");
            // A proof is of a stream, and whatever else is not in a path may be left out.
            let is_needed =
                parameter["in"] == "path" || (at.contains("/v1/proof") && parameter["name"] == "stream");
            assert_eq!(parameter["required"] == true, is_needed, "{at}: {parameter}");
        }
        for part in at.split(['/', ' ']).filter(|part| part.starts_with('{')) {
            let name = part.trim_matches(['{', '}']);
            assert!(parameters.iter().any(|it| it["in"] == "path" && it["name"] == name), "{at}: {name}");
        }
        for (status, response) in operation["responses"].as_object().expect("an object") {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{at} {status} has no description");
            assert!(response["content"].is_object(), "{at} {status} does not say what comes");
            assert!(response["headers"]["Reprise-Position"].is_object(), "{at} {status}");
        }
    }
}

#[test]
fn every_schema_is_a_schema_and_its_examples_fit_it() {
    let document = http_api::document();
    let mut found = Vec::new();
    everything("", &document, &mut found);
    let is_schema = |at: &str| {
        at.ends_with("/schema") || at.starts_with("/components/schemas/") && at.matches('/').count() == 3
    };
    let mut examples = 0;
    for (at, schema) in found.iter().filter(|(at, _)| is_schema(at)) {
        let rooted = json!({ "components": document["components"], "allOf": [schema] });
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{at} is no schema: {error}");
        }
        let validator = jsonschema::draft202012::new(&rooted).expect("a schema can be compiled");
        let many = schema["examples"].as_array().cloned().unwrap_or_default();
        for example in schema.get("example").into_iter().chain(&many) {
            assert!(validator.is_valid(example), "{at}: {example}");
            examples += 1;
        }
    }
    assert!(examples > 20, "there are examples to look at");
}

#[test]
fn every_code_that_can_be_answered_is_in_the_manual() {
    let document = http_api::document();
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/http-api.md"));
    let manual = manual.expect("the manual can be read");
    let mut found = Vec::new();
    everything("", &document, &mut found);
    let codes = found.iter().filter_map(|(_, value)| value.get("x-problem-codes")?.as_array()).flatten();
    let absent: BTreeSet<&str> =
        codes.filter_map(Value::as_str).filter(|code| !manual.contains(&format!("`{code}`"))).collect();
    assert!(absent.is_empty(), "docs/http-api.md does not name {absent:?}");
}

#[test]
fn every_kind_of_event_that_is_stored_can_be_asked_for() {
    let document = http_api::document();
    let parameters = document["paths"]["/v1/events"]["get"]["parameters"].as_array().expect("a list");
    let kind = parameters.iter().find(|it| it["name"] == "kind").expect("events can be asked for by kind");
    let listed = kind["schema"]["enum"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let listed: BTreeSet<&str> = listed.collect();
    let types = event_codec::JsonForms.type_names();
    let aggregates = types.iter().filter_map(|name| name.split('.').next());
    let stored: BTreeSet<&str> = types.iter().copied().chain(aggregates).collect();
    assert_eq!(listed, stored, "change EVENT_KINDS in adapters/http-api/src/description/names.rs");
}
