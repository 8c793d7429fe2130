//! A whole instance in one process: a real engine with real adapters around it, and every HTTP route in front.
//!
//! `Harness::start().await` gives one; [`Setup`] gives one that differs. Requests go straight into the router, or
//! through a socket after [`Harness::listen`]. It knows nothing that a caller of the HTTP API would not know, except
//! how to wait until the work of a storage unit has come to its end.
#![expect(clippy::panic, reason = "a panic is how a test says what went wrong")]

mod description;
mod parts;
mod reply;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use bytes::Bytes;
use domain::names::{ModuleName, StorageUnitName};
use domain::ports::{Clock, EventStore, LogArchive, NoTargets, Subscription, Targets};
use http_api::{ApiState, Closing, HttpSettings};
use modules::Definition;
use projections::overview::overview;
use projections::read_model::{self, Query};
use projections::view::{Value as Column, View};
use projections::views::{CampaignState, Campaigns, KeyScopes, StorageUnits};
use runtime::{Engine, Parts, RuntimeSettings};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use description::Asked;
pub use parts::{FreshIds, SystemClock, TestClock, modules_of};
pub use reply::Reply;

/// How long anything in a test may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an instance is made of, where it differs from the usual.
pub struct Setup {
    /// The engine's limits. Usually the default.
    pub runtime: RuntimeSettings,
    /// How many built-in workers there are. Usually two.
    pub workers: usize,
    /// The surfaces' limits. Usually the default, with [`Harness::documents`] as the one registered base.
    pub http: HttpSettings,
    /// The time. Usually the system's.
    pub clock: Arc<dyn Clock>,
    /// The programs. Usually `cat`, `sha256sum` and `false`, each one attempt.
    pub modules: BTreeMap<ModuleName, Definition>,
    /// The log. Usually an empty one in memory.
    pub store: Arc<dyn EventStore>,
    /// The same log as a whole. Usually that of the usual store; whoever brings another store and exports brings its own.
    pub archive: Arc<dyn LogArchive>,
    /// The instances that recorded commands may be sent to. Usually none.
    pub targets: Arc<dyn Targets>,
}

impl Default for Setup {
    fn default() -> Self {
        let store = store_memory::MemoryStore::new();
        Self {
            runtime: RuntimeSettings::default(),
            workers: 2,
            http: HttpSettings::default(),
            clock: Arc::new(SystemClock),
            modules: modules_of(&["cat", "sha256sum", "false"]),
            store: Arc::new(store.clone()),
            archive: Arc::new(store),
            targets: Arc::new(NoTargets),
        }
    }
}

impl Setup {
    /// The usual instance without built-in workers: what is queued stays queued.
    #[must_use]
    pub fn without_workers() -> Self {
        Self { workers: 0, ..Self::default() }
    }

    /// Starts the instance in a folder of its own.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(self) -> Harness {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let documents = folder.path().join("documents");
        std::fs::create_dir(&documents).expect("a folder can be made in the temporary folder");
        let parts = Parts {
            store: self.store,
            read_model: parts::read_model(folder.path()),
            snapshots: parts::snapshots(folder.path()),
            content: parts::content(folder.path()),
            modules: parts::modules(self.modules),
            clock: self.clock,
            ids: Arc::new(FreshIds),
            settings: self.runtime,
        };
        let engine = Engine::start(parts).await.expect("the engine starts");
        engine.start_workers(self.workers).await;
        let mut http = self.http;
        http.registered_bases.push(parts::file_url(&documents));
        let closing = Closing::default();
        let forms = Arc::new(event_codec::JsonForms);
        let (settings, archive, targets) = (Arc::new(http), self.archive, self.targets);
        let state = ApiState { engine: engine.clone(), settings, forms, archive, targets, closing };
        Harness { engine, documents, router: http_api::router(state), _folder: folder }
    }
}

/// A running instance. Its folder is removed when it is dropped.
pub struct Harness {
    /// The engine.
    pub engine: Engine,
    documents: PathBuf,
    router: Router,
    _folder: TempDir,
}

// ── Requests ───────────────────────────────────────────────────────────────────────────────────────────────────

impl Harness {
    /// The usual instance.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, &[], Bytes::new()).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", path, &[], Bytes::new()).await
    }

    /// `POST path` with a JSON body; `null` is no body.
    pub async fn post(&self, path: &str, json: Value) -> Reply {
        self.send_json("POST", path, &json).await
    }

    /// `PUT path` with a JSON body; `null` is no body.
    pub async fn put(&self, path: &str, json: Value) -> Reply {
        self.send_json("PUT", path, &json).await
    }

    async fn send_json(&self, method: &str, path: &str, json: &Value) -> Reply {
        if json.is_null() {
            return self.request(method, path, &[], Bytes::new()).await;
        }
        self.request(method, path, &[("content-type", "application/json")], json.to_string()).await
    }

    /// Any request. Whatever is asked of the native API, the reply has to be as the description says.
    ///
    /// # Panics
    /// When the request cannot be made, its reply does not end in time, or it is not as described.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let sent: Bytes = body.into();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(sent.clone())).expect("a request can be made of this");
        let reply = async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("the reply's body ends");
            Reply { status: parts.status, headers: parts.headers, body }
        };
        let hangs = || format!("{method} {path} does not end within {PATIENCE:?}");
        let reply = tokio::time::timeout(PATIENCE, reply).await.unwrap_or_else(|_| panic!("{}", hangs()));
        let asked = Asked { method, path, headers, body: &sent };
        if let Err(difference) = description::check(&asked, &reply) {
            panic!("{method} {path} is not as /openapi.json says: {difference}\n{}", reply.text());
        }
        reply
    }

    /// Every route, to be asked by other means.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves the routes on a free port of the loopback address until the test ends.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("the loopback address has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

// ── Documents and work ─────────────────────────────────────────────────────────────────────────────────────────

impl Harness {
    /// A folder whose subfolders may be registered as content.
    #[must_use]
    pub fn documents(&self) -> PathBuf {
        self.documents.clone()
    }

    /// Puts a document below [`Harness::documents`].
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn document(&self, path: &str, content: &str) {
        let path = self.documents.join(path);
        let folder = path.parent().expect("a path below the documents has a parent");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(path, content).expect("a document can be written");
    }

    /// The JSON of a content location over a subfolder of [`Harness::documents`]: every file is a key, in the scope
    /// `raw`.
    #[must_use]
    pub fn registered(&self, subfolder: &str) -> Value {
        let folder = self.documents.join(subfolder);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let url = parts::file_url(&folder);
        serde_json::json!({ "kind": "registered", "url": url, "layout": "{key}", "scope": "raw" })
    }

    /// Waits until nothing of a unit is open: no key-scope queued, leased or retrying, and no campaign active.
    /// Watches the log; looks again at each event.
    ///
    /// # Panics
    /// When that does not come to be in time, with what is open then.
    pub async fn settled(&self, unit: &str) {
        let unit = StorageUnitName::new(unit).expect("the name of a storage unit");
        let seen = self.engine.views_position();
        let mut events = self.engine.store().subscribe(seen).await.expect("the log can be followed");
        let watching = async {
            while !self.is_settled(&unit).await {
                self.next_event(&mut *events).await;
            }
        };
        if tokio::time::timeout(PATIENCE, watching).await.is_err() {
            let open = self.get(&format!("/v1/key-scopes?unit={unit}")).await;
            panic!("{unit} is not settled within {PATIENCE:?}: {}", open.text());
        }
    }

    async fn next_event(&self, events: &mut dyn Subscription) {
        const EVENTS_MAX: usize = 1_000;
        events.next(EVENTS_MAX).await.expect("the log can be followed");
    }

    async fn is_settled(&self, unit: &StorageUnitName) -> bool {
        let head = self.engine.store().head().await.expect("the log can be read");
        assert!(self.engine.wait_for_views(head).await, "the views do not follow the log");
        let model = self.engine.read_model();
        let counts = model.counts(KeyScopes::NAME, &KeyScopes::unit_prefix(unit)).await;
        let counts = counts.expect("the read model can be read");
        let row = read_model::row::<StorageUnits>(model, unit.as_str()).await;
        let rows: Vec<_> = row.expect("the read model can be read").into_iter().collect();
        let open: u64 = overview(&rows, &counts, head).totals.open();
        open == 0 && !self.has_active_campaign(unit).await
    }

    async fn has_active_campaign(&self, unit: &StorageUnitName) -> bool {
        let state = Column::Text(CampaignState::Active.name().to_owned());
        let query = Query {
            filters: vec![("unit", Column::Text(unit.to_string()).into()), ("state", state.into())],
            ..Query::page(1)
        };
        let page = read_model::list::<Campaigns>(self.engine.read_model(), query).await;
        !page.expect("the read model can be read").rows.is_empty()
    }
}
