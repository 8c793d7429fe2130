//! A place where engines run: a log, a folder and limits that outlive them, so that one can be stopped and another
//! started where it was. Engines are asked directly, without any surface. Does not know any rule.

mod commands;
mod log;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::names::{Key, ModuleName, Scope, StorageUnitName};
use domain::ports::{Clock, EventStore};
use domain::retry::RetryPolicy;
use domain::storage_unit::{Content, Limits, Location, ModuleEntry, ModuleInput, ModuleTable, Settings};
use domain::stream::{KeyScopeId, StreamId, Subject};
use modules::{ConfiguredModules, Definition};
use runtime::{Engine, Parts, RuntimeSettings};
use tempfile::TempDir;

pub use commands::{
    ask, claim, claim_one, complete, create, envelope, fail, finish, queue, see, send, set, state, work,
    worker,
};
pub use log::{is, log, never_soon, until, until_after, until_count, word, words, work_event};

use crate::faults::{Gate, SlowListings, SlowViews};
use crate::harness::{FreshIds, SystemClock, TestClock, modules_of};

/// How long anything may take before the test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long something that must not happen is waited for, where nothing else says that it would have happened by now.
pub const SOON: Duration = Duration::from_millis(150);

/// A place where engines run.
pub struct Place {
    /// The log. Usually an empty one in memory.
    pub store: Arc<dyn EventStore>,
    /// The time. Usually the system's.
    pub clock: Arc<dyn Clock>,
    /// The programs. Usually `cat`, `sha256sum` and `false`, each one attempt.
    pub modules: BTreeMap<ModuleName, Definition>,
    /// The limits. Usually the default.
    pub settings: RuntimeSettings,
    /// What the views have to pass to follow the log.
    pub views: Gate,
    /// What the listing of a folder has to pass to begin.
    pub listings: Gate,
    folder: TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            store: Arc::new(store_memory::MemoryStore::new()),
            clock: Arc::new(SystemClock),
            modules: modules_of(&["cat", "sha256sum", "false"]),
            settings: RuntimeSettings::default(),
            views: Gate::default(),
            listings: Gate::default(),
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }
}

impl Place {
    /// A usual place over this log.
    #[must_use]
    pub fn over(store: Arc<dyn EventStore>) -> Self {
        Self { store, ..Self::default() }
    }

    /// A usual place where it is what this clock says.
    #[must_use]
    pub fn at(clock: &TestClock) -> Self {
        Self { clock: Arc::new(clock.clone()), ..Self::default() }
    }

    /// Starts an engine here. Whoever was here before must have been shut down.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(&self) -> Engine {
        let folder = self.folder.path();
        let rows = read_model::SqliteReadModel::open(folder).expect("the read model opens");
        let base = format!("file://{}", folder.join("content").display());
        let content = content::Content::new(&base).expect("the content opens");
        let modules = ConfiguredModules::new(self.modules.clone()).expect("the modules can be run");
        let parts = Parts {
            store: self.store.clone(),
            read_model: SlowViews::behind(self.views.clone(), Arc::new(rows)),
            snapshots: Arc::new(read_model::SqliteSnapshots::new(folder)),
            content: SlowListings::behind(self.listings.clone(), Arc::new(content)),
            modules: Arc::new(modules),
            clock: self.clock.clone(),
            ids: Arc::new(FreshIds),
            settings: self.settings.clone(),
        };
        Engine::start(parts).await.expect("the engine starts")
    }

    /// Starts an engine with so many workers.
    pub async fn start_working(&self, workers: usize) -> Engine {
        let engine = self.start().await;
        engine.start_workers(workers).await;
        engine
    }

    /// Where the rows and the engine's own content are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A module that runs a line of the shell, with one attempt.
    pub fn shell(&mut self, name: &str, line: &str) {
        let definition =
            Definition { shell: Some(line.to_owned()), retry: RetryPolicy::never(), ..Definition::default() };
        self.modules.insert(ModuleName::new(name).expect("a module name"), definition);
    }

    /// The folder of documents, which is made when it is not there.
    #[must_use]
    pub fn documents(&self) -> PathBuf {
        let folder = self.folder.path().join("documents");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        folder
    }

    /// Puts a document into the folder of documents.
    pub fn document(&self, name: &str, text: &str) {
        std::fs::write(self.documents().join(name), text).expect("a document can be written");
    }

    /// Puts so many documents into the folder of documents; their names are their numbers, in the order of the names.
    pub fn many_documents(&self, count: usize) {
        let folder = self.documents();
        for number in 0..count {
            let path = folder.join(format!("{number:05}"));
            std::fs::write(path, number.to_string()).expect("a document can be written");
        }
    }

    /// The folder of documents as content: every file is a key, in the scope `raw`.
    #[must_use]
    pub fn registered(&self) -> Content {
        let url = format!("file://{}", self.documents().display());
        let layout = serde_json::from_value("{key}".into()).expect("a layout");
        Content::Registered(Location { url, layout, scope: scope("raw"), include: None })
    }
}

// ── Names ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The unit that every engine test is about.
#[must_use]
pub fn unit() -> StorageUnitName {
    StorageUnitName::new("docs").expect("a storage unit name")
}

/// A scope.
#[must_use]
pub fn scope(name: &str) -> Scope {
    Scope::new(name).expect("a scope")
}

/// The key-scope of a key in the scope `raw` of [`unit()`].
#[must_use]
pub fn id(key: &str) -> KeyScopeId {
    KeyScopeId { unit: unit(), scope: scope("raw"), key: Key::new(key).expect("a key") }
}

/// The stream of [`id`].
#[must_use]
pub fn stream(key: &str) -> StreamId {
    Subject::KeyScope(id(key)).stream()
}

/// A module table with these modules for the scope `raw`.
#[must_use]
pub fn table(modules: &[&str]) -> ModuleTable {
    let entry = |name: &&str| ModuleEntry {
        module: ModuleName::new(name).expect("a module name"),
        settings: serde_json::Map::new(),
        retry: None,
        output_scope: None,
        input: ModuleInput::Document,
    };
    ModuleTable {
        modules: [(scope("raw"), modules.iter().map(entry).collect())].into(),
        settings: serde_json::Map::new(),
    }
}

/// Settings of a unit with an enabled queue that runs `cat`.
#[must_use]
pub fn settings(content: Content) -> Settings {
    Settings { content, modules: table(&["cat"]), queue_enabled: true, limits: Limits::default() }
}
