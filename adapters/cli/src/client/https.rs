//! The way to a server: over plain HTTP, or over TLS with somebody who vouches for it. Does not know what is asked.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modules::tls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use url::Url;

use crate::exit::CliError;
use crate::serve::ServerFile;

pub(super) type Http = HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A server, and how it is reached.
pub(super) struct Server {
    pub(super) base: String,
    pub(super) http: Http,
}

impl Server {
    /// The server at an address that somebody has named.
    pub(super) fn named(url: &str, ca_cert: Option<&Path>) -> Result<Self, CliError> {
        let url = parse(url)?;
        let authorities = match ca_cert {
            _ if url.scheme() == "http" => RootCertStore::empty(),
            Some(path) => tls::authorities_of_file(path).map_err(|problem| {
                CliError::Environment(format!(
                    "the authorities in {} cannot be used: {problem}; --ca-cert must name a PEM file with their certificates",
                    path.display()
                ))
            })?,
            None => tls::authorities_of_machine().ok_or_else(|| {
                CliError::Environment(
                    "this machine trusts no authority that could vouch for a server with https; install its \
                     ca-certificates, or name a file with --ca-cert"
                        .to_owned(),
                )
            })?,
        };
        Ok(Self::of(&url, tls::client_config().with_root_certificates(authorities).with_no_client_auth()))
    }

    /// The server that has a data folder. The folder says which certificate it has.
    pub(super) fn found(file: &ServerFile) -> Result<Self, CliError> {
        let url = parse(&file.url)?;
        let Some(certificate) = &file.certificate else { return Self::named(&file.url, None) };
        let certificate = STANDARD.decode(certificate).map_err(|error| {
            CliError::Environment(format!(
                "the data folder names no certificate of its server: {error}; stop that server"
            ))
        })?;
        let config = tls::client_config();
        let provider = config.crypto_provider().clone();
        let verifier = OnlyThis { certificate: certificate.into(), provider };
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        Ok(Self::of(&url, config.with_no_client_auth()))
    }

    fn of(url: &Url, config: ClientConfig) -> Self {
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            http: HyperClient::builder(TokioExecutor::new()).build(connector),
        }
    }
}

fn parse(server: &str) -> Result<Url, CliError> {
    let url = Url::parse(server).map_err(|error| {
        CliError::Usage(format!("'{server}' is no server URL: {error}; http://127.0.0.1:7171 is"))
    })?;
    if matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    Err(CliError::Usage(format!("'{server}' must begin with http:// or https://")))
}

/// Takes one certificate and no other, whatever it is for and whoever vouches for it.
#[derive(Debug)]
struct OnlyThis {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *certificate == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a server gave no answer, and what to do.
pub(super) fn unanswered(base: &str, error: &(dyn Error + 'static)) -> CliError {
    let text = match tls::handshake_error(error).map(advice) {
        Some((problem, advice)) => format!("the server {base} cannot be trusted: {problem}; {advice}"),
        None => format!("the server {base} does not answer: {}; is it running?", with_causes(error)),
    };
    CliError::Unavailable(text)
}

/// What is wrong with a handshake, and what to do.
#[expect(clippy::wildcard_enum_match_arm, reason = "the list of reasons is the library's, and it grows")]
fn advice(error: &rustls::Error) -> (String, &'static str) {
    let refused = match error {
        rustls::Error::InvalidMessage(_) => {
            return ("it does not speak TLS".to_owned(), "ask for http:// in place of https://");
        }
        rustls::Error::InvalidCertificate(refused) => refused,
        other => return (other.to_string(), "look at what is between here and it"),
    };
    match refused {
        CertificateError::UnknownIssuer => (
            "nobody who is trusted here vouches for its certificate".to_owned(),
            "name a PEM file with the certificate of the authority that signed it with --ca-cert, or have this machine \
             trust that authority",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "its certificate is for another name".to_owned(),
            "ask under the name that the certificate is for",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("its certificate has expired".to_owned(), "have it renewed, and start the server again")
        }
        CertificateError::ApplicationVerificationFailure => (
            "its certificate is not the one that the data folder names".to_owned(),
            "name the server with --server, or find out who answers there",
        ),
        other => (
            format!("its certificate is not accepted ({other})"),
            "have it replaced; one that is an authority's own (CA:TRUE) is no server's",
        ),
    }
}

/// An error with those beneath it, each of which may be the one that says something.
fn with_causes(top: &(dyn Error + 'static)) -> String {
    let mut text = top.to_string();
    let mut cause = top.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
