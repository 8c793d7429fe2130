//! Wiring: an engine over a data folder. The only place that knows which adapter is behind which port.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use content::Content;
use domain::names::ModuleName;
use domain::ports::{EventStore as _, LogArchive};
use http_api::{ApiState, Closing, HttpSettings};
use modules::{ConfiguredModules, Definition, WebhookClient};
use projections::read_model::{ReadModel as _, ReadModelError};
use read_model::{SqliteReadModel, SqliteSnapshots};
use runtime::{Engine, Parts, StartError};
use store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use url::Url;

use crate::config::Config;
use crate::exit::CliError;
use crate::replay::ConfiguredTargets;
use crate::world::{RandomIds, SystemClock};

/// Opens the event log of the data folder, which locks the folder; nothing when another process has it.
pub(crate) fn open_store(config: &Config) -> Result<Option<Arc<SqliteStore>>, CliError> {
    let folder = &config.data_dir;
    std::fs::create_dir_all(folder).map_err(|error| {
        CliError::Environment(format!(
            "the data folder {} cannot be created: {error}; choose another with --data-dir",
            folder.display()
        ))
    })?;
    let options = SqliteOptions { log_bytes_max: config.limits.log_bytes_max, ..SqliteOptions::default() };
    match SqliteStore::open(folder, options) {
        Ok(store) => {
            if let Some(signer) = config.signer()? {
                store.sign_heads(signer);
            }
            Ok(Some(Arc::new(store)))
        }
        Err(OpenError::InUse { .. }) => Ok(None),
        Err(error) => Err(CliError::Environment(error.to_string())),
    }
}

/// Whether the data folder has an event log.
pub(crate) fn has_log(config: &Config) -> bool {
    config.data_dir.join(store_sqlite::LOG_FILE).exists()
}

/// Starts an engine over an opened log, with the modules of the configuration and `more`. Damaged views are built again
/// from the log, which is the truth.
pub(crate) async fn start(
    config: &Config,
    store: Arc<SqliteStore>,
    more: BTreeMap<ModuleName, Definition>,
) -> Result<Engine, CliError> {
    let folder = std::path::absolute(&config.data_dir).map_err(|error| environment(&error))?;
    let parts = parts(config, &folder, store.clone(), more.clone()).await?;
    match Engine::start(parts).await {
        Ok(engine) => Ok(engine),
        Err(StartError::ReadModel(ReadModelError::Damaged(problem))) => {
            SqliteReadModel::set_aside(&folder, &problem).map_err(|error| environment(&error))?;
            let parts = self::parts(config, &folder, store, more).await?;
            Engine::start(parts).await.map_err(|error| environment(&error))
        }
        Err(error @ (StartError::Store(_) | StartError::ReadModel(_) | StartError::Recovery(_))) => {
            Err(environment(&error))
        }
    }
}

/// What an engine over an opened log is made of.
pub(crate) async fn parts(
    config: &Config,
    folder: &Path,
    store: Arc<SqliteStore>,
    more: BTreeMap<ModuleName, Definition>,
) -> Result<Parts, CliError> {
    let read_model = open_read_model(folder, &store).await?;
    let base_url = match &config.content.base_url {
        Some(url) => url.clone(),
        None => folder_url(&folder.join("content"))?.to_string(),
    };
    let content = Content::new(&base_url).and_then(|content| content.excluding([folder.to_owned()]));
    let content = content.map_err(|error| environment(&error))?;
    let mut definitions = config.modules.clone();
    definitions.extend(more);
    let modules = ConfiguredModules::new(definitions).map_err(|error| environment(&error))?;
    Ok(Parts {
        store,
        read_model: Arc::new(read_model),
        snapshots: Arc::new(SqliteSnapshots::new(folder)),
        content: Arc::new(content),
        modules: Arc::new(modules),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        settings: config.runtime(),
    })
}

/// Whoever delivers to webhooks.
pub(crate) fn webhooks(config: &Config) -> Result<Arc<WebhookClient>, CliError> {
    let client = WebhookClient::new(config.webhooks.clone(), config.secrets.clone());
    client.map(Arc::new).map_err(|problem| CliError::Environment(format!("webhooks: {problem}")))
}

/// Opens the views. Views of a longer log than this one, such as one that was replaced from a backup, begin anew.
async fn open_read_model(folder: &Path, store: &SqliteStore) -> Result<SqliteReadModel, CliError> {
    let open = || SqliteReadModel::open(folder).map_err(|error| environment(&error));
    let read_model = open()?;
    let seen = read_model.checkpoint().await.map_err(|error| environment(&error))?;
    let head = store.head().await.map_err(|error| environment(&error))?;
    if seen <= head {
        return Ok(read_model);
    }
    drop(read_model);
    let why = format!("it reflects position {seen}, and the log ends at {head}");
    SqliteReadModel::set_aside(folder, &why).map_err(|error| environment(&error))?;
    open()
}

/// The HTTP surfaces over an engine.
pub(crate) fn surfaces(
    config: &Config,
    engine: Engine,
    archive: Arc<dyn LogArchive>,
    trusted: bool,
    closing: Closing,
) -> axum::Router {
    let settings = HttpSettings {
        body_bytes_max: config.limits.body_bytes_max,
        headers_bytes_max: config.limits.headers_bytes_max,
        requests_at_once_max: config.limits.requests_at_once_max,
        requests_per_second_max: config.limits.requests_per_second_max,
        page_rows_max: config.limits.page_rows_max,
        keys_max: config.limits.keys_max,
        zone: config.stager.zone.clone(),
        registered_bases: config.content.registered_bases.clone(),
        trusted,
        take_up_trace: crate::telemetry::TAKE_UP_TRACE,
    };
    let forms = Arc::new(event_codec::JsonForms);
    let targets = Arc::new(ConfiguredTargets::new(config));
    http_api::router(ApiState { engine, settings: Arc::new(settings), forms, archive, targets, closing })
}

/// The URL of a folder.
pub(crate) fn folder_url(folder: &Path) -> Result<Url, CliError> {
    Url::from_directory_path(folder)
        .map_err(|()| CliError::Environment(format!("{} cannot be written as a URL", folder.display())))
}

fn environment(error: &impl std::fmt::Display) -> CliError {
    CliError::Environment(error.to_string())
}
