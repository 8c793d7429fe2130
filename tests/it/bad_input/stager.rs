//! The table of the StageR surface.

use http_api::HttpSettings;
use serde_json::{Value, json};
use tests::harness::{Reply, Setup};

use super::{Case, bare, check, with_body};

const BODY_BYTES_MAX: usize = 64 << 10;
const KEYS_MAX: usize = 100;

#[tokio::test]
async fn whatever_is_wrong_with_a_stager_request_gets_a_4xx_with_a_code_and_a_sentence() {
    let http = HttpSettings { body_bytes_max: BODY_BYTES_MAX, keys_max: KEYS_MAX, ..HttpSettings::default() };
    let harness = Setup { http, ..Setup::without_workers() }.start().await;
    let _created = harness.post("/admin/create/docs", Value::Null).await.expect(200);
    let add = json!({ "key": "k", "content": 1 });
    let _added = harness.put("/transaction/add/docs/s", add).await.expect(200);
    let head = harness.engine.store().head().await.unwrap();
    let tables = [
        malformed_bodies(),
        oversized_bodies(),
        wrong_types(),
        absent_fields(),
        impossible_values(),
        bad_paths(),
        bad_queries(),
        unknown_names(),
    ];
    for table in tables {
        check(&harness, table, is_message).await;
    }
    // Nothing of it was done, and the instance is as well as before.
    assert_eq!(harness.engine.store().head().await.unwrap(), head);
    let _ready = harness.get("/readyz").await.expect(200);
}

/// Whether a reply is a documented code and nothing else, or a code of ours with a sentence.
fn is_message(reply: &Reply) -> bool {
    const DOCUMENTED: [&str; 3] = ["STORAGE_UNIT_DOESNT_EXIST", "STORAGE_UNIT_EXISTS", "KEY_NOT_FOUND"];
    const SENTENCE_CHARACTERS_MIN: usize = 20;
    let body = reply.json();
    let message = body["message"].as_str().unwrap_or_default();
    let detail = body["detail"].as_str().unwrap_or_default();
    let is_code =
        !message.is_empty() && message.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    let is_sentence = detail.len() >= SENTENCE_CHARACTERS_MIN
        && detail.starts_with(|first: char| first.is_uppercase() || !first.is_alphabetic())
        && detail.ends_with('.');
    let fits =
        if DOCUMENTED.contains(&message) { body == json!({ "message": message }) } else { is_sentence };
    reply.header("content-type") == "application/json" && is_code && fits
}

/// Every call with a JSON body, so that each kind of wrong body is tried on each.
const WITH_JSON: [(&str, &str); 10] = [
    ("POST", "/admin/setContentProcessingModules/docs"),
    ("PUT", "/transaction/add/docs/s"),
    ("POST", "/transaction/add/docs/s"),
    ("DELETE", "/transaction/delete/docs"),
    ("POST", "/transaction/delete/docs/s"),
    ("POST", "/access/fetchMultiple/docs"),
    ("POST", "/access/fetchMultiple/docs/s"),
    ("POST", "/access/fetchPage/docs"),
    ("POST", "/access/fetchPage/docs/s"),
    ("POST", "/reprocess/keys/docs/s"),
];

fn malformed_bodies() -> Vec<Case> {
    let deep = "[".repeat(10_000).into_bytes();
    let bodies: [&[u8]; 7] = [b"{", b"nonsense", b"{\"key\":}", b"{\"a\":1,}", b"\xff\xfe", b"\0", &deep];
    let mut cases = Vec::new();
    for (method, path) in WITH_JSON {
        cases.extend(bodies.iter().map(|body| with_body(method, path, *body, 400)));
        cases.push(with_body(
            method,
            path,
            b"{\"key\":\"\xc3\x28\",\"keys\":[\"\xc3\x28\"],\"zone\":\"\xc3\x28\"}".to_vec(),
            400,
        ));
    }
    for body in ["", "\n\n", " \r\n"] {
        cases.push(with_body("POST", "/transaction/batch/docs", body, 400));
    }
    cases
}

fn oversized_bodies() -> Vec<Case> {
    let body = || vec![b' '; BODY_BYTES_MAX + 1];
    let mut cases: Vec<Case> =
        WITH_JSON.iter().map(|(method, path)| with_body(method, *path, body(), 413)).collect();
    cases.push(with_body("PUT", "/transaction/batch/docs", body(), 413));
    let keys: Vec<String> = (0..=KEYS_MAX).map(|number| format!("k{number}")).collect();
    let lines = "{}\n".repeat(KEYS_MAX + 1);
    cases.extend([
        bare("GET", format!("/reprocess/keys/docs/s?keys={}", keys.join(",")), 400),
        bare("GET", format!("/access/fetchMultiple/docs?keys={}", keys.join(",")), 400),
        with_body("POST", "/reprocess/keys/docs/s", json!({ "keys": keys }).to_string(), 400),
        with_body("POST", "/access/fetchMultiple/docs", json!({ "keys": keys }).to_string(), 400),
        with_body("POST", "/transaction/batch/docs", lines, 400),
    ]);
    cases
}

fn wrong_types() -> Vec<Case> {
    let mut cases = Vec::new();
    for (method, path) in WITH_JSON {
        cases.extend(["7", "\"text\"", "true", "[1]"].map(|body| with_body(method, path, body, 400)));
    }
    let modules = "/admin/setContentProcessingModules/docs";
    for body in [
        json!({ "modules": [] }),
        json!({ "modules": { "s": {} } }),
        json!({ "modules": { "s": ["cat"] } }),
        json!({ "modules": { "s": [{ "module": 7 }] } }),
        json!({ "modules": { "s": [{ "module": "cat", "settings": [] }] } }),
        json!({ "settings": 7 }),
        json!({ "surprise": 7 }),
        json!({ "modules": { "s": [{ "module": "cat", "command": ["rm"] }] } }),
    ] {
        cases.push(with_body("POST", modules, body.to_string(), 400));
    }
    for body in [
        json!({ "key": 7, "content": 1 }),
        json!({ "key": ["k"], "content": 1 }),
        json!({ "key": "k", "content": 1, "version": "1" }),
        json!({ "key": "k", "content": 1, "version": true }),
        json!({ "key": "k", "content": 1, "policy": 7 }),
    ] {
        cases.push(with_body("PUT", "/transaction/add/docs/s", body.to_string(), 400));
        cases.push(with_body("DELETE", "/transaction/delete/docs", body.to_string(), 400));
    }
    for body in [json!({ "keys": "a,b" }), json!({ "keys": [1] }), json!({ "keys": { "a": 1 } })] {
        cases.push(with_body("POST", "/reprocess/keys/docs/s", body.to_string(), 400));
        cases.push(with_body("POST", "/access/fetchMultiple/docs", body.to_string(), 400));
    }
    for body in [json!({ "size": "10" }), json!({ "startId": 7 }), json!({ "zone": [] })] {
        cases.push(with_body("POST", "/access/fetchPage/docs", body.to_string(), 400));
    }
    cases
}

fn absent_fields() -> Vec<Case> {
    let mut cases = vec![
        bare("PUT", "/transaction/add/docs/s", 400),
        bare("DELETE", "/transaction/delete/docs", 400),
        bare("POST", "/reprocess/keys/docs/s", 400),
        bare("POST", "/access/fetchMultiple/docs", 400),
        bare("POST", "/admin/setContentProcessingModules/docs", 400),
    ];
    for body in ["{}", "{\"key\":\"k\"}", "{\"content\":1}", "{\"key\":null,\"content\":1}"] {
        cases.push(with_body("PUT", "/transaction/add/docs/s", body, 400));
    }
    for body in ["{}", "{\"key\":null}"] {
        cases.push(with_body("DELETE", "/transaction/delete/docs", body, 400));
    }
    for body in ["{}", "{\"keys\":[]}", "{\"keys\":null}"] {
        cases.push(with_body("POST", "/reprocess/keys/docs/s", body, 400));
        cases.push(with_body("POST", "/access/fetchMultiple/docs", body, 400));
    }
    for query in ["", "?keys", "?keys=", "?keys=,,"] {
        cases.push(bare("GET", format!("/reprocess/keys/docs/s{query}"), 400));
        cases.push(bare("GET", format!("/access/fetchMultiple/docs{query}"), 400));
    }
    cases
}

fn impossible_values() -> Vec<Case> {
    let long = "k".repeat(2_000);
    let mut cases = Vec::new();
    for key in ["", ".", "..", ":", ":k", "EAST:", "a:b:c", "a\nb", "\u{0}", long.as_str()] {
        let body = json!({ "key": key, "content": 1 }).to_string();
        cases.push(with_body("PUT", "/transaction/add/docs/s", body.clone(), 400));
        cases.push(with_body("DELETE", "/transaction/delete/docs/s", body, 400));
    }
    for version in ["-1", "1.5", "18446744073709551616", "1e30", "1e400"] {
        let body = format!(r#"{{"key":"k","content":1,"version":{version}}}"#);
        cases.push(with_body("PUT", "/transaction/add/docs/s", body.clone(), 400));
        cases.push(with_body("DELETE", "/transaction/delete/docs/s", body, 400));
    }
    for policy in ["", "New", "mustexist"] {
        let body = json!({ "key": "k", "content": 1, "policy": policy }).to_string();
        cases.push(with_body("PUT", "/transaction/add/docs/s", body, 400));
    }
    for policy in ["", "merge", "MustExist"] {
        let body = json!({ "key": "k", "policy": policy }).to_string();
        cases.push(with_body("DELETE", "/transaction/delete/docs", body, 400));
    }
    for scope in ["", "$record", "a/b", "\u{7}", &"s".repeat(200)] {
        let body = json!({ "modules": { scope: [] } }).to_string();
        cases.push(with_body("POST", "/admin/setContentProcessingModules/docs", body, 400));
    }
    for size in ["0", "-1", "1.5", "1001", "18446744073709551616", "1e30"] {
        let body = format!(r#"{{"size":{size}}}"#);
        cases.push(with_body("POST", "/access/fetchPage/docs", body, 400));
    }
    let many: Vec<Value> = (0..65).map(|_| json!({ "module": "cat" })).collect();
    let body = json!({ "modules": { "s": many } }).to_string();
    cases.push(with_body("POST", "/admin/setContentProcessingModules/docs", body, 400));
    cases
}

fn bad_paths() -> Vec<Case> {
    let mut cases = Vec::new();
    for wrong in ["%ff", "%c3%28", "%00", "a%2Fb", "%7F", &"x".repeat(5_000)] {
        cases.extend([
            bare("GET", format!("/admin/create/{wrong}"), 400),
            bare("GET", format!("/admin/drop/{wrong}"), 400),
            bare("GET", format!("/admin/statistics/{wrong}"), 400),
            bare("PUT", format!("/admin/enableReprocessingQueue/docs/{wrong}"), 400),
            bare("GET", format!("/access/fetch/docs/{wrong}"), 400),
            bare("GET", format!("/access/fetch/docs/k/{wrong}"), 400),
            bare("GET", format!("/access/fetchPage/docs/{wrong}"), 400),
            bare("GET", format!("/reprocess/key/docs/{wrong}/s"), 400),
            bare("GET", format!("/reprocess/key/docs/k/{wrong}"), 400),
            bare("GET", format!("/reprocess/keys/docs/{wrong}?keys=k"), 400),
            bare("GET", format!("/reprocess/all/docs/{wrong}"), 400),
            bare("GET", format!("/reprocess/reset/{wrong}"), 400),
            with_body("PUT", format!("/transaction/add/docs/{wrong}"), r#"{"key":"k","content":1}"#, 400),
        ]);
    }
    cases.push(bare("GET", "/reprocess/key/docs/a:b:c/s", 400));
    cases.push(bare("GET", "/access/fetch/docs/%3A", 400));
    cases
}

fn bad_queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for query in [
        "size=0",
        "size=-1",
        "size=ten",
        "size=",
        "size=99999999999999999999",
        "startId=%20",
        "startId=zz",
        "zone=a:b",
    ] {
        cases.push(bare("GET", format!("/access/fetchPage/docs?{query}"), 400));
    }
    for query in ["keys=%ff", "%ff=1&keys=k", "keys=%c3%28"] {
        cases.push(bare("GET", format!("/reprocess/keys/docs/s?{query}"), 400));
        cases.push(bare("GET", format!("/access/fetchMultiple/docs?{query}"), 400));
    }
    cases.push(bare("GET", "/admin/list?withStats=%ff", 400));
    cases
}

fn unknown_names() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "/admin/drop/none",
        "/admin/statistics/none",
        "/access/fetch/none/k",
        "/access/fetch/docs/none",
        "/access/fetch/docs/k/none",
        "/access/fetchMultiple/none?keys=k",
        "/access/fetchPage/none",
        "/reprocess/key/none/k/s",
        "/reprocess/key/docs/none/s",
        "/reprocess/key/docs/k/none",
        "/reprocess/keys/none/s?keys=k",
        "/reprocess/all/none/s",
        "/reprocess/all/docs/$record",
        "/reprocess/reset/none",
    ]
    .map(|path| bare("GET", path, 400))
    .into();
    cases.push(bare("GET", "/admin/create/docs", 400));
    cases.push(bare("PUT", "/admin/enableReprocessingQueue/none/true", 400));
    cases.push(with_body("POST", "/admin/setContentProcessingModules/none", "{}", 400));
    cases.push(with_body("PUT", "/transaction/add/none/s", "{}", 400));
    cases.push(with_body("DELETE", "/transaction/delete/none", "{}", 400));
    cases.push(with_body("PUT", "/transaction/batch/none", "{}", 400));
    cases
}
