//! `reprise serve`: the HTTP surfaces over a data folder, until told to stop.

mod connections;
mod manager;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::LogArchive;
use http_api::Closing;
use serde::{Deserialize, Serialize};
use store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeOptions;
use crate::assemble;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use connections::Entrance;
use manager::ServiceManager;
use tls::{Tls, TlsFiles};

/// How long a server waits for a data folder that somebody has: of one that was killed, a program that it was just starting
/// may have it for a moment still.
const FOLDER_WAIT_MAX: Duration = Duration::from_secs(1);
/// How often it looks meanwhile.
const FOLDER_LOOK_DELAY: Duration = Duration::from_millis(50);

/// Runs until SIGINT or SIGTERM: then accepts nothing more, finishes what is in flight within the limit, and ends.
pub(crate) async fn serve(config: &Config, options: ServeOptions) -> Result<Exit, CliError> {
    let config = &Config { is_standby: options.standby, ..config.clone() };
    let listen = options.listen.unwrap_or(config.listen);
    let files = TlsFiles::new(
        options.tls_cert.or_else(|| config.tls_cert.clone()),
        options.tls_key.or_else(|| config.tls_key.clone()),
    )?;
    check_insecure(listen, files.is_some(), options.insecure_http)?;
    let handshake_max = Duration::from_millis(config.limits.tls_handshake_ms_max);
    let tls = files.map(|files| Tls::read(&files, handshake_max)).transpose()?;
    let webhooks = assemble::webhooks(config)?;
    let store = open_store(config).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        CliError::Environment(format!(
            "{listen} cannot be listened on: {error}; choose another with --listen"
        ))
    })?;
    let engine = assemble::start(config, store.clone(), BTreeMap::new()).await?;
    if let Err(error) = check_keys(listen, &engine) {
        engine.shutdown().await;
        return Err(error);
    }
    engine.start_workers(usize::from(options.workers.unwrap_or(config.workers))).await;
    engine.start_exporters(webhooks, usize::from(config.tasks.exports_at_once)).await;
    // Before anybody is told that it listens: who knows that may want it to stop.
    let stop_signal = stop_signal()?;
    let door = Door::open(config, engine.clone(), store, listener, tls)?;
    if options.standby {
        tracing::info!("standing by: nothing is done here but what is reissued");
    }
    tracing::info!(url = %door.url, data_dir = %config.data_dir.display(), "listening");
    let manager = ServiceManager::ready(&door.url);
    stop_signal.await;
    manager.stopping();
    tracing::info!("stopping: finishing what is in flight");
    door.close(config).await;
    let report = engine.shutdown().await;
    if report.in_time {
        tracing::info!("stopped");
    } else {
        tracing::warn!("stopped; what was still in flight will be done again at the next start");
    }
    Ok(Exit::Done)
}

/// A listening server over an engine. While it is open, a file in the data folder says where it is.
pub(crate) struct Door {
    pub(crate) url: String,
    stop: tokio::sync::oneshot::Sender<()>,
    closing: Closing,
    task: tokio::task::JoinHandle<()>,
    file: PathBuf,
}

impl Door {
    pub(crate) fn open(
        config: &Config,
        engine: runtime::Engine,
        archive: Arc<dyn LogArchive>,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> Result<Self, CliError> {
        let address = listener.local_addr().map_err(|error| CliError::Environment(error.to_string()))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let certificate = tls.as_ref().map(|tls| STANDARD.encode(tls.certificate()));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let closing = Closing::default();
        let surfaces = assemble::surfaces(config, engine, archive, false, closing.clone());
        let headers_bytes_max = config.limits.headers_bytes_max;
        let entrance = Entrance { listener, tls, headers_bytes_max, surfaces };
        let task = tokio::spawn(entrance.take(async move {
            // A sender that is gone has said it as well.
            let _said = stopped.await;
        }));
        let file = ServerFile { url: url.clone(), pid: std::process::id(), certificate };
        let file = file.write(&config.data_dir)?;
        Ok(Self { url, stop, closing, task, file })
    }

    /// Accepts nothing more, and waits for the requests in flight within the limit.
    pub(crate) async fn close(self, config: &Config) {
        // The file only helps others to find the server; one that stays behind is found to be dead.
        let _gone = std::fs::remove_file(&self.file);
        let _gone = self.stop.send(());
        // Whoever follows the events would do so for ever.
        self.closing.close();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(config.runtime().shutdown_max, self.task).await.is_err() {
            abort.abort();
        }
    }
}

/// Says where the server of a data folder is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// Its base URL.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Its certificate when it speaks TLS, as DER in base64. Whoever may read this file need trust nobody else: a
    /// certificate is hardly ever for the address that is found here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
}

impl ServerFile {
    const NAME: &'static str = "server.json";

    /// Where it lies in a data folder.
    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(Self::NAME)
    }

    /// The file of a data folder, when there is a readable one.
    pub(crate) fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(Self::path(data_dir)).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn write(&self, data_dir: &Path) -> Result<PathBuf, CliError> {
        let path = Self::path(data_dir);
        let text = serde_json::to_string(self).map_err(|error| CliError::Environment(error.to_string()))?;
        std::fs::write(&path, text).map_err(|error| {
            CliError::Environment(format!("{} cannot be written: {error}", path.display()))
        })?;
        Ok(path)
    }
}

async fn open_store(config: &Config) -> Result<Arc<SqliteStore>, CliError> {
    let begun = Instant::now();
    loop {
        if let Some(store) = assemble::open_store(config)? {
            return Ok(store);
        }
        if begun.elapsed() >= FOLDER_WAIT_MAX {
            return Err(CliError::Environment(format!(
                "the data folder {} is in use by another reprise; stop that one or choose another with --data-dir",
                config.data_dir.display()
            )));
        }
        tokio::time::sleep(FOLDER_LOOK_DELAY).await;
    }
}

/// Keys that go over a network as they are can be read there.
fn check_insecure(listen: SocketAddr, tls: bool, insecure_http: bool) -> Result<(), CliError> {
    if listen.ip().is_loopback() || tls || insecure_http {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{listen} can be reached from other machines, and keys would go over the network unencrypted; name \
         a certificate with --tls-cert and its key with --tls-key, or listen on 127.0.0.1 or [::1] behind a proxy that adds \
         TLS, or say --insecure-http if the network itself is safe"
    )))
}

/// Without keys everybody who reaches the server may do everything, so only this machine may reach it.
fn check_keys(listen: SocketAddr, engine: &runtime::Engine) -> Result<(), CliError> {
    const MAKE_ONE: &str = "reprise keys create NAME --role admin";
    if engine.has_keys() {
        return Ok(());
    }
    if listen.ip().is_loopback() {
        tracing::warn!(
            "there is no API key yet, so everybody on this machine may do everything; make the first one with '{MAKE_ONE}'"
        );
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{listen} can be reached from other machines, and there is no API key yet; make the first one with '{MAKE_ONE}', \
         or listen on 127.0.0.1 or [::1]"
    )))
}

/// Waits for SIGINT or SIGTERM.
pub(crate) async fn terminated() -> Result<(), CliError> {
    stop_signal()?.await;
    Ok(())
}

/// Catches SIGINT and SIGTERM from now on; what it gives waits for one.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let environment =
        |error: std::io::Error| CliError::Environment(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(environment)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(environment)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
