//! The server's side of TLS: the certificate and key that it shows, and the handshake with whoever comes. Does not know
//! HTTP, except to tell a client that left TLS out.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::exit::CliError;

/// What is offered, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// How much is read of a request that came without TLS, in bytes: the answer does not depend on it.
const PLAIN_BYTES_MAX: usize = 4096;

/// The two files, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl TlsFiles {
    /// Both, or none of them.
    pub(super) fn new(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<Self>, CliError> {
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some(Self { certificate, key })),
            (None, None) => Ok(None),
            (Some(certificate), None) => Err(CliError::Usage(format!(
                "TLS needs the key of the certificate {} as well; name its file with --tls-key or tls_key",
                certificate.display()
            ))),
            (None, Some(key)) => Err(CliError::Usage(format!(
                "TLS needs the certificate of the key {} as well; name its file with --tls-cert or tls_cert",
                key.display()
            ))),
        }
    }
}

/// A server's identity, ready to be shown.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    handshake_max: Duration,
    certificate: CertificateDer<'static>,
}

impl Tls {
    /// Reads the files. A handshake that takes longer than `handshake_max` is given up.
    pub(super) fn read(files: &TlsFiles, handshake_max: Duration) -> Result<Self, CliError> {
        let chain = chain(&files.certificate)?;
        let certificate = chain.first().cloned().ok_or_else(|| no_certificate(&files.certificate))?;
        let key = key(&files.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider speaks the versions of TLS that are the default")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| unusable(files, &error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), handshake_max, certificate })
    }

    /// The server's own certificate, without those that vouch for it.
    pub(super) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Agrees with whoever has connected, within the limit. Nothing when that fails: it happens whenever somebody looks
    /// what is here, so it is no news.
    pub(super) async fn handshake(
        self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
        match timeout(self.handshake_max, self.agree(stream)).await {
            Ok(Ok(stream)) => Some((stream, address)),
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "a TLS handshake failed");
                None
            }
            Err(_elapsed) => {
                tracing::debug!(%address, "a TLS handshake took too long and was given up");
                None
            }
        }
    }

    async fn agree(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // A handshake is several small writes; without this each would wait until the one before has arrived.
        stream.set_nodelay(true)?;
        let mut first = [0];
        let count = stream.peek(&mut first).await?;
        let [first] = first;
        // No record of TLS begins with a letter, every request of HTTP does.
        if count == 1 && first.is_ascii_alphabetic() {
            refuse_plain(stream).await?;
            return Err(io::Error::other("it was a request without TLS"));
        }
        self.acceptor.accept(stream).await
    }
}

/// Tells a client that speaks plain HTTP how to ask.
async fn refuse_plain(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; PLAIN_BYTES_MAX];
    let _count = stream.read(&mut request).await?;
    let problem = serde_json::json!({
        "type": "/problems/tls_needed",
        "title": "Tls needed",
        "status": 400,
        "detail": "This server speaks TLS only; ask for https:// in place of http://.",
        "code": "tls_needed",
    });
    let body = problem.to_string();
    let reply = format!(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: \
         {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let text = read(path, "certificate", "--tls-cert")?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| {
        CliError::Environment(format!(
            "the TLS certificate {} cannot be used: {error}; it must be PEM, the server's own certificate first",
            path.display()
        ))
    })?;
    if chain.is_empty() { Err(no_certificate(path)) } else { Ok(chain) }
}

fn no_certificate(path: &Path) -> CliError {
    CliError::Environment(format!(
        "the file {} holds no certificate; --tls-cert must name a PEM file with the server's own certificate first, then \
         those of the authorities between it and the one that clients trust",
        path.display()
    ))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CliError> {
    let text = read(path, "key", "--tls-key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let none = matches!(error, pem::Error::NoItemsFound);
        let problem = if none { "it holds no private key".to_owned() } else { error.to_string() };
        CliError::Environment(format!(
            "the TLS key {} cannot be used: {problem}; it must be PEM without a password ('openssl pkey -in FILE' makes \
             one)",
            path.display()
        ))
    })
}

fn read(path: &Path, what: &str, option: &str) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| {
        CliError::Environment(format!(
            "the TLS {what} {} cannot be read: {error}; correct {option}, or let this user read the file",
            path.display()
        ))
    })
}

/// Why certificate and key cannot be used together.
fn unusable(files: &TlsFiles, error: &rustls::Error) -> CliError {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    if matches!(error, rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
        return CliError::Environment(format!(
            "the TLS key {key} is not that of the first certificate in {certificate}; name the key with which that \
             certificate was asked for, and let the server's own certificate be the first in the file"
        ));
    }
    CliError::Environment(format!(
        "the TLS certificate {certificate} and key {key} cannot be used: {error}; have them made anew, with a key of RSA (2048 \
         bits or more), ECDSA (P-256 or P-384) or Ed25519"
    ))
}
