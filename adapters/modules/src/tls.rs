//! Whom a service or webhook with `https://` must be vouched for by, and what to do when it is not: for modules, and for
//! whoever else in this program asks over TLS. Does not know what is sent.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::definition::{Definition, Problem};

/// Connects to a service, with or without transport security, as its address says.
pub(crate) fn connector(definition: &Definition) -> Result<HttpsConnector<HttpConnector>, Problem> {
    Ok(trusting(authorities(definition)?))
}

/// Connects to webhooks, which are vouched for by those in `ca_file`, or else by those that this machine trusts. When that
/// is nobody, webhooks without transport security can still be reached.
pub(crate) fn webhook_connector(ca_file: Option<&Path>) -> Result<HttpsConnector<HttpConnector>, Problem> {
    let authorities = match ca_file {
        Some(path) => {
            authorities_of_file(path).map_err(|problem| Problem::CaFile { path: path.to_owned(), problem })?
        }
        None => authorities_of_machine().unwrap_or_else(RootCertStore::empty),
    };
    Ok(trusting(authorities))
}

fn trusting(authorities: RootCertStore) -> HttpsConnector<HttpConnector> {
    let config = client_config().with_root_certificates(authorities).with_no_client_auth();
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build()
}

/// How every client of this program begins: it remains to be said whom it trusts.
#[must_use]
pub fn client_config() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks the versions of TLS that are the default")
}

/// Who may vouch for the service: those in `ca_file` and nobody else, or else those that this machine trusts.
fn authorities(definition: &Definition) -> Result<RootCertStore, Problem> {
    match &definition.ca_file {
        _ if !definition.is_https()? => Ok(RootCertStore::empty()),
        Some(path) => {
            authorities_of_file(path).map_err(|problem| Problem::CaFile { path: path.clone(), problem })
        }
        None => authorities_of_machine().ok_or(Problem::NoAuthorities),
    }
}

/// The authorities whose certificates are in a PEM file.
///
/// # Errors
/// What is wrong with the file, as a clause.
pub fn authorities_of_file(path: &Path) -> Result<RootCertStore, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        authorities.add(certificate).map_err(|error| error.to_string())?;
    }
    if authorities.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(authorities)
}

/// The authorities that this machine trusts, if there is one.
#[must_use]
pub fn authorities_of_machine() -> Option<RootCertStore> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut authorities = RootCertStore::empty();
    // One that cannot be read vouches for nobody; the others still do.
    let _counts = authorities.add_parsable_certificates(loaded.certs);
    (!authorities.is_empty()).then_some(authorities)
}

/// What to do when the service's certificate was refused; nothing when the error is another.
#[expect(clippy::wildcard_enum_match_arm, reason = "the list of reasons is the library's, and it grows")]
pub(crate) fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(refused) = handshake_error(error)? else { return None };
    Some(match refused {
        CertificateError::UnknownIssuer => {
            "nobody who is trusted here vouches for its certificate; set ca_file to a PEM file with the certificate of the \
             authority that signed it, or have this machine trust that authority"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name; write the name that it is for into url"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; have it renewed"
        }
        _ => "its certificate is not accepted; have it replaced",
    })
}

/// The error of the handshake, however deep it is wrapped.
#[must_use]
pub fn handshake_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    // What an I/O error wraps is not its source.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => handshake_error(wrapped),
        None => error.source().and_then(handshake_error),
    }
}
