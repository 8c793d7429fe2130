//! The parts of an instance: adapters in a folder, modules, clocks and ids. Does not know what is asked of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::names::ModuleName;
use domain::ports::{Clock, ContentStore, Ids, Modules};
use domain::retry::RetryPolicy;
use domain::time::{Millis, Timestamp};
use modules::{ConfiguredModules, Definition};
use projections::read_model::ReadModel;
use projections::snapshots::Snapshots;
use uuid::Uuid;

/// The system's time.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A time that stands still until it is moved. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// A clock that stands at an instant such as `2026-01-31T12:00:00Z`.
    ///
    /// # Panics
    /// When the text is no instant.
    #[must_use]
    pub fn at(instant: &str) -> Self {
        let instant: Timestamp = instant.parse().expect("an instant");
        Self(Arc::new(AtomicI64::new(instant.as_micros())))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn pass(&self, span: Millis) {
        let now = self.now().plus(span);
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that nobody else gets.
#[derive(Debug, Clone, Copy)]
pub struct FreshIds;

impl Ids for FreshIds {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Modules named after the program that they run, each with one attempt.
///
/// # Panics
/// When a program's name is no module name.
#[must_use]
pub fn modules_of(programs: &[&str]) -> BTreeMap<ModuleName, Definition> {
    let definition = |program: &str| Definition {
        command: vec![program.to_owned()],
        retry: RetryPolicy::never(),
        ..Definition::default()
    };
    programs.iter().map(|name| (ModuleName::new(name).expect("a module name"), definition(name))).collect()
}

pub(super) fn modules(definitions: BTreeMap<ModuleName, Definition>) -> Arc<dyn Modules> {
    Arc::new(ConfiguredModules::new(definitions).expect("the modules can be run"))
}

pub(super) fn read_model(folder: &Path) -> Arc<dyn ReadModel> {
    let model = read_model::SqliteReadModel::open(folder);
    Arc::new(model.expect("a read model opens in an empty folder"))
}

pub(super) fn snapshots(folder: &Path) -> Arc<dyn Snapshots> {
    Arc::new(read_model::SqliteSnapshots::new(folder))
}

pub(super) fn content(folder: &Path) -> Arc<dyn ContentStore> {
    let content = content::Content::new(&file_url(&folder.join("content")));
    Arc::new(content.expect("content opens in an empty folder"))
}

/// The URL of a folder whose path has no character that would have to be encoded.
pub(super) fn file_url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}
