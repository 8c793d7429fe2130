//! Services with `https://`: a real server with a certificate of its own authority.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::post;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

/// An authority: its certificate as PEM, and what signs in its name.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

struct Listener(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.0.accept().await.unwrap();
            // Whoever does not trust the certificate hangs up in the middle of the handshake.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Serves one answer until the test ends, as `localhost`, with a certificate that the authority signed for these names.
async fn service(authority: &Authority, names: &[&str]) -> Definition {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind(("localhost", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = json!({ "replies": [{ "result": { "id": "1", "output": "made in secret" } }] }).to_string();
    let router = Router::new().route("/run", post(move || std::future::ready(answer.clone())));
    tokio::spawn(async move {
        axum::serve(Listener(listener, TlsAcceptor::from(Arc::new(config))), router).await
    });
    let url = Some(format!("https://localhost:{port}/run"));
    Definition { kind: Kind::Http, url, ..Definition::default() }
}

/// A definition that trusts what this PEM says.
fn trusting(definition: Definition, pem: &str) -> (tempfile::NamedTempFile, Definition) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), pem).unwrap();
    let ca_file = Some(file.path().to_owned());
    (file, Definition { ca_file, ..definition })
}

async fn run(definition: Definition) -> Result<String, ModuleFailure> {
    let modules = modules(definition);
    let ran = timeout(PATIENCE, modules.run(&name(), job("text"))).await.expect("it ends by itself");
    ran.map(|result| String::from_utf8(result.output).unwrap())
}

#[tokio::test]
async fn a_service_is_reached_over_https_when_its_authority_is_trusted() {
    let ours = authority("ours");
    let definition = service(&ours, &["localhost"]).await;
    // Several authorities may stand in one file.
    let pem = format!("{}{}", authority("other").pem, ours.pem);
    let (_file, definition) = trusting(definition, &pem);
    assert_eq!(run(definition).await.as_deref(), Ok("made in secret"));
}

#[tokio::test]
async fn a_service_that_nobody_trusted_vouches_for_is_refused_with_what_to_do() {
    let definition = service(&authority("theirs"), &["localhost"]).await;
    let (_file, definition) = trusting(definition, &authority("ours").pem);
    let failure = run(definition).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.may_pass_later), ("certificate_refused", true));
    assert!(failure.text.contains("set ca_file to a PEM file"), "{}", failure.text);
    assert!(failure.text.contains("https://localhost:"), "{}", failure.text);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_what_to_do() {
    let ours = authority("ours");
    let (_file, definition) = trusting(service(&ours, &["elsewhere.example"]).await, &ours.pem);
    let failure = run(definition).await.unwrap_err();
    assert_eq!(failure.code, "certificate_refused");
    assert!(failure.text.contains("write the name that it is for into url"), "{}", failure.text);
}

fn problem(definition: Definition) -> String {
    ConfiguredModules::new(BTreeMap::from([(name(), definition)])).unwrap_err().to_string()
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_an_error_at_start() {
    let https = |ca_file: &Path| Definition {
        kind: Kind::Http,
        url: Some("https://localhost/run".to_owned()),
        ca_file: Some(ca_file.to_owned()),
        ..Definition::default()
    };
    let missing = problem(https(Path::new("/nowhere/ca.pem")));
    assert!(missing.contains("/nowhere/ca.pem") && missing.contains("No such file"), "{missing}");
    for (pem, expected) in [
        ("", "it holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "set ca_file to a PEM file"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let said = problem(https(file.path()));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_file_of_authorities_means_nothing_without_https() {
    let url = Some("http://localhost/run".to_owned());
    let ca_file = Some(PathBuf::from("/nowhere/ca.pem"));
    let plain = Definition { kind: Kind::Http, url, ca_file: ca_file.clone(), ..Definition::default() };
    assert!(problem(plain).contains("ca_file means nothing here"));
    let program = Definition { ca_file, ..command(&["cat"]) };
    assert!(problem(program).contains("ca_file means nothing here"));
}
