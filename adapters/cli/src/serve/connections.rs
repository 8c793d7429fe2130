//! Connections: taking them, giving each its handshake if there is TLS, and having the surfaces answer until told to stop.
//! Does not know what is asked, nor what is in a certificate.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _};

use super::tls::Tls;

/// How long nothing is taken after the system had no room for one more connection.
const NO_ROOM_DELAY: Duration = Duration::from_secs(1);
/// What HTTP/2 counts as headers beyond names and values, in bytes: 32 for each field, and the request line. What is above
/// this and the limit of headers is refused before the surfaces see it, with the same 431.
const FIELDS_OVERHEAD_BYTES: u32 = 16 << 10;

/// A place where requests come in.
pub(super) struct Entrance {
    pub(super) listener: TcpListener,
    /// Without it, everything goes over the network as it is.
    pub(super) tls: Option<Tls>,
    /// The most bytes of a request's headers together.
    pub(super) headers_bytes_max: usize,
    pub(super) surfaces: Router,
}

impl Entrance {
    /// Takes connections until `stopped`, then none, and ends when the requests in flight have been answered. Handshakes
    /// go on beside each other and beside everything else; one that is under way at the stop is given up.
    pub(super) async fn take(self, stopped: impl Future<Output = ()>) {
        let Self { listener, tls, headers_bytes_max, surfaces } = self;
        let answering = Answering { http: http(headers_bytes_max), surfaces };
        let open = GracefulShutdown::new();
        let mut handshakes = JoinSet::new();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                (stream, address) = accept(&listener) => match &tls {
                    Some(tls) => drop(handshakes.spawn(tls.clone().handshake(stream, address))),
                    None => answering.begin(stream, address, open.watcher()),
                },
                // Every end is taken here, since an arm whose pattern does not fit waits no longer.
                Some(ended) = handshakes.join_next() => {
                    // One that failed has been spoken of.
                    if let Ok(Some((stream, address))) = ended {
                        answering.begin(stream, address, open.watcher());
                    }
                }
                () = &mut stopped => break,
            }
        }
        drop((listener, handshakes));
        open.shutdown().await;
    }
}

/// HTTP/1.1 and HTTP/2: over TLS as the two have agreed upon there, without it as the client begins.
fn http(headers_bytes_max: usize) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    let headers_bytes_max = u32::try_from(headers_bytes_max).unwrap_or(u32::MAX);
    http.http2().max_header_list_size(headers_bytes_max.saturating_add(FIELDS_OVERHEAD_BYTES));
    http
}

/// Takes the next connection, however long the system has no room for one.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        let error = match listener.accept().await {
            Ok((stream, address)) => {
                // A reply is written at once, so there is nothing to wait for before it is sent.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::trace!(%address, %error, "a connection sends small replies late");
                }
                return (stream, address);
            }
            Err(error) => error,
        };
        // Whoever came is gone again already.
        let gone = [ErrorKind::ConnectionRefused, ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset];
        if !gone.contains(&error.kind()) {
            tracing::error!(%error, "no connection can be taken; raise the limit of open files if that is the reason");
            tokio::time::sleep(NO_ROOM_DELAY).await;
        }
    }
}

/// What every connection is answered with.
struct Answering {
    http: Builder<TokioExecutor>,
    surfaces: Router,
}

impl Answering {
    /// Answers what comes over a connection, beside everything else, until it ends or the server stops.
    fn begin<S>(&self, stream: S, address: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let http = self.http.clone();
        let surfaces = Extension(ConnectInfo(address)).layer(self.surfaces.clone());
        let surfaces = surfaces.map_request(|request: Request<Incoming>| request.map(Body::new));
        tokio::spawn(async move {
            let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(surfaces));
            if let Err(error) = watcher.watch(connection).await {
                tracing::trace!(%address, %error, "a connection broke off");
            }
        });
    }
}
