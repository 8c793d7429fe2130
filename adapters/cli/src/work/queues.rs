//! Which queues this process serves: those whose modules are all defined here, among those that were asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::names::{Scope, StorageUnitName};
use domain::ports::Modules;
use domain::storage_unit::{ModuleEntry, ModuleTable};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::Client;
use crate::exit::CliError;

/// For how long an answer of the server about its units is good.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// The most queues that one claim names.
const QUEUES_MAX: usize = 1_000;
/// Units read at once.
const UNITS_PER_PAGE: usize = 100;

/// A queue, as a claim names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Queue {
    unit: StorageUnitName,
    scope: Scope,
}

/// The queues that are served.
pub(super) struct Queues {
    /// What was asked for; none means all.
    wanted: Vec<(StorageUnitName, Option<Scope>)>,
    known: Mutex<Option<(Instant, Vec<Queue>)>>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Unit>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Unit {
    name: StorageUnitName,
    modules: ModuleTable,
}

impl Queues {
    /// Takes what was asked for, as `UNIT` or `UNIT/SCOPE`.
    pub(super) fn new(texts: &[String]) -> Result<Self, CliError> {
        let wanted = texts.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { wanted, known: Mutex::default() })
    }

    /// What can be claimed by whoever has these modules.
    pub(super) async fn served(
        &self,
        client: &Client,
        modules: &dyn Modules,
    ) -> Result<Vec<Queue>, CliError> {
        // Jobs that ask at the same time wait for one answer.
        let mut known = self.known.lock().await;
        if let Some((at, queues)) = known.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
            tracing::trace!(?at, "the queues are known");
            return Ok(queues.clone());
        }
        let mut queues = Vec::new();
        let mut path = format!("/v1/storage-units?limit={UNITS_PER_PAGE}");
        loop {
            let page: Page = serde_json::from_value(client.get(&path).await?).map_err(|error| {
                CliError::Unavailable(format!("the server's units cannot be read: {error}"))
            })?;
            queues.extend(page.items.into_iter().flat_map(|unit| self.of_unit(unit, modules)));
            match page.next {
                Some(next) => path = format!("/v1/storage-units?limit={UNITS_PER_PAGE}&after={next}"),
                None => break,
            }
        }
        if queues.is_empty() {
            tracing::info!("no scope of the server has only modules that are defined here; waiting");
        }
        queues.truncate(QUEUES_MAX);
        *known = Some((Instant::now(), queues.clone()));
        Ok(queues)
    }

    fn of_unit(&self, Unit { name, modules: table }: Unit, modules: &dyn Modules) -> Vec<Queue> {
        let scopes: BTreeMap<Scope, Vec<ModuleEntry>> = table.modules;
        let defined = |entry: &ModuleEntry| modules.profile(&entry.module).is_some();
        let served = scopes.into_iter().filter(|(scope, entries)| {
            !entries.is_empty() && entries.iter().all(defined) && self.wants(&name, scope)
        });
        served.map(|(scope, _)| Queue { unit: name.clone(), scope }).collect()
    }

    fn wants(&self, unit: &StorageUnitName, scope: &Scope) -> bool {
        let is = |(name, only): &(StorageUnitName, Option<Scope>)| {
            name == unit && only.as_ref().is_none_or(|only| only == scope)
        };
        self.wanted.is_empty() || self.wanted.iter().any(is)
    }
}

fn parse(text: &str) -> Result<(StorageUnitName, Option<Scope>), CliError> {
    let wrong = |error| CliError::Usage(format!("--queue {text}: {error}; write UNIT or UNIT/SCOPE"));
    let (unit, scope) = match text.split_once('/') {
        Some((unit, scope)) => (unit, Some(scope)),
        None => (text, None),
    };
    let scope = scope.map(Scope::new).transpose().map_err(wrong)?;
    Ok((StorageUnitName::new(unit).map_err(wrong)?, scope))
}
