//! Who may ask for what: keys, roles, organizations and limits, in front of every route.

mod command_line;
mod keys;
mod limits;
mod matrix;
mod organizations;
mod tls;
mod tokens;

use serde_json::{Value, json};
use tests::harness::{Harness, Reply, Setup};

/// An instance with a key of each kind.
struct Guarded {
    harness: Harness,
    /// The first key: an admin's of the organization that runs the instance.
    admin: String,
}

impl Guarded {
    async fn start() -> Self {
        Self::of(Setup::without_workers()).await
    }

    async fn of(setup: Setup) -> Self {
        let harness = setup.start().await;
        let first = harness.post("/v1/keys", json!({ "name": "first", "role": "admin" })).await.expect(201);
        let admin = first.json()["api_key"].as_str().expect("a text").to_owned();
        Self { harness, admin }
    }

    /// A further key.
    async fn key(&self, name: &str, role: &str, organization: &str) -> String {
        let body = json!({ "name": name, "role": role, "organization": organization });
        let created = self.send("POST", "/v1/keys", &self.admin, &body).await.expect(201);
        created.json()["api_key"].as_str().expect("a text").to_owned()
    }

    async fn get(&self, path: &str, key: &str) -> Reply {
        self.send("GET", path, key, &Value::Null).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send("POST", path, key, &body).await
    }

    async fn send(&self, method: &str, path: &str, key: &str, body: &Value) -> Reply {
        let bearer = format!("Bearer {key}");
        let mut headers = vec![("authorization", bearer.as_str())];
        if body.is_null() {
            return self.harness.request(method, path, &headers, "").await;
        }
        headers.push(("content-type", "application/json"));
        self.harness.request(method, path, &headers, body.to_string()).await
    }

    /// A unit with one document that waits to be worked on.
    async fn unit(&self, name: &str, key: &str) {
        let _created = self
            .post("/v1/storage-units", key, json!({ "name": name, "content": { "kind": "managed" } }))
            .await
            .expect(201);
        let add = format!("/transaction/add/{name}/raw");
        let _added =
            self.post(&add, key, json!({ "key": "a", "content": { "some": "content" } })).await.expect(200);
        let ask = format!("/v1/storage-units/{name}/reprocess");
        let asked = self.post(&ask, key, json!({ "scope": "raw", "keys": ["a"] })).await.expect(200);
        assert_eq!(asked.json()["results"][0]["outcome"], "queued", "{}", asked.text());
    }

    /// The events of a kind that a key sees.
    async fn events(&self, kind: &str, key: &str) -> Vec<Value> {
        let reply = self.get(&format!("/v1/events?kind={kind}"), key).await.expect(200);
        reply.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}
