//! A server with a certificate of an authority that was made for the test, and a client that looks closely.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tests::binary::{Ran, run};
use tests::crash::server::Server;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, as a file and as what signs in its name.
pub(super) struct Authority {
    pub(super) file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { file, issuer: Issuer::new(params, key) }
    }

    /// Signs a certificate for a name; gives the files of certificate and key.
    pub(super) fn sign(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

/// A data folder and the files that TLS needs, for the name `localhost`.
pub(super) struct Site {
    folder: TempDir,
    pub(super) authority: Authority,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Site {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new(folder.path(), "ours");
        let (certificate, key) = authority.sign(folder.path(), "localhost");
        Self { folder, authority, certificate, key }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server with TLS and waits until it listens.
    pub(super) fn serve(&self) -> (Server, SocketAddr) {
        let files: [(&str, &OsStr); 2] =
            [("REPRISE_TLS_CERT", self.certificate.as_ref()), ("REPRISE_TLS_KEY", self.key.as_ref())];
        let mut server = Server::start_with(self.path(), 0, &files);
        let url = server.listens();
        let address = url.strip_prefix("https://").expect("it says that it speaks TLS");
        (server, address.parse().unwrap())
    }

    /// Asks the server as somebody elsewhere would, who trusts this file.
    pub(super) fn ask(&self, address: SocketAddr, trusted: &Path, arguments: &[&str]) -> Ran {
        let elsewhere = TempDir::new().unwrap();
        let url = format!("https://localhost:{}", address.port());
        let trusted = trusted.to_str().unwrap();
        run(elsewhere.path(), &[&["--server", &url, "--ca-cert", trusted], arguments].concat())
    }

    /// Connects, shakes hands and offers these protocols.
    pub(super) async fn connect(&self, address: SocketAddr, offers: &[&str]) -> TlsStream<TcpStream> {
        self.shake_hands(TcpStream::connect(address).await.unwrap(), offers).await
    }

    /// Shakes hands over a connection and offers these protocols.
    pub(super) async fn shake_hands(&self, stream: TcpStream, offers: &[&str]) -> TlsStream<TcpStream> {
        let pem = fs::read(&self.authority.file).unwrap();
        let mut trusted = RootCertStore::empty();
        trusted.add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = offers.iter().map(|offer| offer.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

/// The protocol that was agreed upon.
pub(super) fn agreed(stream: &TlsStream<TcpStream>) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

/// A connection over HTTP/2 that may send many requests.
pub(super) async fn http2(
    stream: TlsStream<TcpStream>,
) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A request without a body.
pub(super) fn get(path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let request = Request::get(format!("https://localhost{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::default()).unwrap()
}

/// The JSON of a reply.
pub(super) async fn json(reply: Response<Incoming>) -> serde_json::Value {
    serde_json::from_slice(&reply.into_body().collect().await.unwrap().to_bytes()).unwrap()
}
